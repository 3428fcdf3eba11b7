"""Candles alone give the program's own snapshots and predictions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT, SIMULATED, Trained, train, write_candles
from torch import Tensor

import gnn_trainer
from gnn_trainer import edges

FEATURES, EDGES, PROBABILITIES = 1e-6, 1e-5, 1e-5
CLASSES = ["p_down", "p_flat", "p_up"]


def stored(trained: Trained) -> list[dict[str, Tensor]]:
    """The program's snapshots, from dataset.pt."""
    saved = torch.load(trained.result.path("dataset.pt"))
    data, slices = saved["data"], saved["slices"]
    along = {name: 1 if name == "edge_index" else 0 for name in data}
    return [
        {
            name: v.narrow(along[name], int(at[k]), int(at[k + 1] - at[k]))
            for name, v in data.items()
            if len(at := slices[name])
        }
        for k in range(len(slices["x"]) - 1)
    ]


def relative(a: Tensor, b: Tensor) -> float:
    """The largest difference, of values above 1 by their size."""
    return float(((a - b).abs() / b.abs().clamp(min=1)).max())


def test_every_snapshot_is_the_programs(any_trained: Trained, figure: Callable[[str], None]) -> None:
    ours, theirs = list(any_trained.result.snapshots(any_trained.candles)), stored(any_trained)
    assert [s.open_time for s in ours] == [int(s["open_time"]) for s in theirs]
    features = edges = 0.0
    other = bits = values = 0
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a.node_mask, b["node_mask"])
        features = max(features, relative(a.x, b["x"]))
        bits, values = bits + int((a.x != b["x"]).sum()), values + a.x.numel()
        assert a.x.dtype == torch.float32
        assert a.edge_index.dtype == torch.int64
        assert a.edge_index.shape == b["edge_index"].shape
        # Each target's edges run from the highest correlation down: where two correlations round to one number, only
        # the neighbour may differ.
        assert torch.equal(a.edge_index[1], b["edge_index"][1])
        if len(a.edge_attr):
            edges = max(edges, float((a.edge_attr - b["edge_attr"]).abs().max()))
            edges = max(edges, float((a.edge_weight - b["edge_weight"]).abs().max()))
        other += not torch.equal(a.edge_index, b["edge_index"])
    assert sum(a.edge_index.shape[1] for a in ours) > len(ours)
    figure(
        f"{len(ours)} snapshots: features differ by {features:.1e} at most ({bits} of {values} values in any bit), "
        f"correlations by {edges:.1e}, {other} lists of edges in a neighbour"
    )
    assert features <= FEATURES
    assert edges <= EDGES
    assert other <= len(ours) / 1000


def test_predictions_from_candles_are_those_of_the_run(any_trained: Trained, figure: Callable[[str], None]) -> None:
    told = any_trained.result.predictions()
    said = any_trained.result.predict_all(any_trained.candles)
    both = told.merge(said, on=["open_time", "symbol"], suffixes=("", "_said"), validate="one_to_one")
    assert len(both) == len(told)
    worst = max(float((both[c] - both[f"{c}_said"]).abs().max()) for c in [*CLASSES, "score"])
    figure(f"{len(told)} predictions differ by {worst:.1e} at most")
    assert worst <= PROBABILITIES


@pytest.mark.parametrize(("model_type", "heads"), [("gatv2", 4), ("sage", 0)])
def test_each_model_type_predicts_what_its_run_did(
    model_type: str, heads: int, simulated: Trained, tmp_path: Path
) -> None:
    folder = train(tmp_path, DATA_SOURCE="simulated", MODEL_TYPE=model_type, **SIMULATED)
    result = gnn_trainer.load(folder)
    assert (result.metadata.model_type, result.metadata.heads) == (model_type, heads)
    both = result.predictions().merge(
        result.predict_all(simulated.candles), on=["open_time", "symbol"], suffixes=("", "_now")
    )
    assert len(both) == len(result.predictions())
    assert max(float((both[c] - both[f"{c}_now"]).abs().max()) for c in CLASSES) <= PROBABILITIES


def test_a_task_without_classes_predicts_the_scores_of_its_run(simulated: Trained, tmp_path: Path) -> None:
    folder = train(tmp_path, DATA_SOURCE="simulated", TASK="rank", HORIZON="1,6", FEATURES="market", **SIMULATED)
    result = gnn_trainer.load(folder)
    assert (result.metadata.task, result.metadata.outputs, result.metadata.classes) == ("rank", 1, ())
    assert result.metadata.reference_symbol == "BTCUSDT"
    assert (result.metadata.encoder, result.metadata.encoder_window) == ("tcn", 27)
    told = result.predictions()
    assert told[CLASSES].isna().all().all()
    assert told.score.std() > 0
    for horizon in (1, 6):
        rows = told[told.horizon == horizon]
        said = result.predict_all(simulated.candles, horizon=horizon)
        assert list(said.columns) == ["open_time", "symbol", "score"]
        # The oldest snapshots of the run look back on bars of which it has none.
        rows = rows[rows.open_time >= said.open_time.min()]
        assert rows.open_time.nunique() == told.open_time.nunique() - (result.metadata.encoder_window - 1)
        both = rows.merge(said, on=["open_time", "symbol"], suffixes=("", "_now"))
        assert len(both) == len(rows)
        assert float((both.score - both.score_now).abs().max()) <= PROBABILITIES
        assert float(said.groupby("open_time").score.sum().abs().max()) <= 1e-4  # beside the others of the bar
    snapshot = result.snapshot(simulated.candles)
    assert result.model(snapshot.x, snapshot.edge_index, snapshot.edge_weight).shape == (12, 2)
    with pytest.raises(gnn_trainer.ResultError, match="predicts no classes"):
        result.probabilities(snapshot)


def test_a_model_without_edges_is_predicted_from_candles(simulated: Trained, tmp_path: Path) -> None:
    folder = train(tmp_path, DATA_SOURCE="simulated", EDGES="none", **SIMULATED)
    result = gnn_trainer.load(folder)
    assert result.metadata.graph.edges == "none"
    both = result.predictions().merge(
        result.predict_all(simulated.candles), on=["open_time", "symbol"], suffixes=("", "_now")
    )
    assert len(both) == len(result.predictions())
    assert max(float((both[c] - both[f"{c}_now"]).abs().max()) for c in CLASSES) <= PROBABILITIES
    assert result.snapshot(simulated.candles).edge_index.shape == (2, 0)


def test_any_bar_is_predicted_from_the_bars_before_it_alone(any_trained: Trained) -> None:
    result, candles = any_trained.result, any_trained.candles
    told = result.predictions()
    before = max(result.metadata.graph.window, 72, result._recipe.memory + 600)
    opens = np.unique(candles.open_time)
    times = np.unique(told.open_time)
    for at in [*times[:: len(times) // 12].tolist(), int(times[-1])]:
        want = told[told.open_time == at].set_index("symbol")
        known = candles[
            (candles.open_time <= at) & (candles.open_time >= opens[max(0, np.searchsorted(opens, at) - before)])
        ]
        for got in (
            result.predict(candles, at),
            result.predict(candles, pd.Timestamp(at, unit="ms", tz="UTC")),
            result.predict(known, allow_missing=True),  # a symbol may have no bar there
        ):
            assert list(got.index) == list(want.index)
            assert (got.open_time == at).all()
            assert (got[CLASSES] - want[CLASSES]).abs().to_numpy().max() <= PROBABILITIES


def test_the_newest_bar_is_the_default_and_graph_pt(any_trained: Trained) -> None:
    newest, graph = any_trained.result.snapshot(any_trained.candles), any_trained.result.graph()
    data = newest.to_pyg()
    assert data.validate()
    for name, value in newest.to_dict().items():
        assert torch.allclose(value, graph[name], rtol=FEATURES, atol=EDGES), name
        assert torch.equal(data[name], value)


def test_a_table_of_features_has_the_rows_of_the_candles(any_trained: Trained) -> None:
    result, candles = any_trained.result, any_trained.candles
    table = result.features(candles)
    names = list(result.metadata.feature_names)
    assert list(table.columns) == ["open_time", "symbol", *names]
    assert len(table) == len(candles)
    rows = table.set_index(["open_time", "symbol"])[names]
    for snapshot in list(result.snapshots(candles))[::200]:
        for i, symbol in enumerate(snapshot.symbols):
            key = (snapshot.open_time, symbol)
            defined = key in rows.index and bool(rows.loc[key].notna().all())
            assert defined == bool(snapshot.node_mask[i])
            if defined:
                assert rows.loc[key].tolist() == snapshot.x[i].tolist()


@pytest.mark.parametrize("name", ["neighbours", "threshold", "real"])
def test_each_feature_and_correlation_is_pandas_own(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """Where each is undefined, too: a snapshot tells only where one of them is. parity.py is what the program's own
    features are compared with."""
    trained: Trained = request.getfixturevalue(name)
    meta = trained.result.metadata
    market = trained.result._recipe.market(trained.candles, allow_missing=False)
    at = list(range(meta.graph.window, market.bars, 23))
    wanted = {
        "symbols": meta.symbols,
        "start": market.open_time(0),
        "interval": market.step,
        "bars": market.bars,
        "window": meta.graph.window,
        "max_gap": meta.max_gap,
        "jumps": market.jump.nonzero().tolist(),
        "excess": meta.graph.returns == "excess",
        "at": at,
    }
    (tmp_path / "request").write_text(json.dumps(wanted))
    files = [write_candles(trained, tmp_path / "candles"), tmp_path / "request", tmp_path / "answer"]
    subprocess.run([sys.executable, ROOT / "data" / "testdata" / "parity.py", *files], check=True, timeout=300)
    answer = json.loads((tmp_path / "answer").read_text())

    x = trained.result._recipe.features(market)
    worst = 0.0
    for j, feature in enumerate(meta.feature_names):
        theirs = torch.tensor(np.array(answer["features"][feature], dtype=float)).float()
        theirs[market.values["close"].isnan()] = torch.nan  # those of the clock are defined without a candle
        assert torch.equal(x[:, :, j].isnan(), theirs.isnan()), feature
        worst = max(worst, relative(x[:, :, j].nan_to_num(0.0), theirs.nan_to_num(0.0)))
    assert worst <= FEATURES

    returns = edges.returns(market, meta.graph)
    windows = torch.stack([returns[t - meta.graph.window + 1 : t + 1].T for t in at])
    ours = edges.correlations(windows, torch.ones(windows.shape[:2], dtype=torch.bool))
    theirs = torch.tensor(np.array(answer["correlations"], dtype=float))
    theirs.diagonal(dim1=1, dim2=2).fill_(torch.nan)
    assert torch.equal(ours.isnan(), theirs.isnan())
    assert int((~ours.isnan()).sum()) > len(at)
    gap = float((ours - theirs).nan_to_num(0.0).abs().max())
    figure(
        f"features differ from pandas by {worst:.1e} at most, correlations by {gap:.1e}, undefined in the same places"
    )
    assert gap <= EDGES


def test_a_series_that_stands_still_where_the_other_is_there_has_no_correlation_with_it() -> None:
    window = 1e-4 + 1e-17 * torch.randn(1, 3, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    window[0, 1:] *= torch.linspace(1, 2, 40)
    window[0, 0, 20], window[0, 1, 20] = 0.7, torch.nan  # it jumps at a bar that one of the others lacks
    r = edges.correlations(window, torch.ones(1, 3, dtype=torch.bool))[0]
    assert r[0].isnan().tolist() == [True, True, False]
    assert r[1].isnan().tolist() == [True, True, False]
    assert r[1, 2] == pytest.approx(1)


def test_weights_take_x_as_the_package_scales_it(any_trained: Trained) -> None:
    from torch_geometric.nn.models import GCN

    result, meta = any_trained.result, any_trained.result.metadata
    graph, outputs = result.graph(), len(meta.classes)
    network = GCN(len(meta.feature_names), meta.hidden, meta.layers, outputs, jk="last").eval()
    network.load_state_dict(torch.load(result.path("weights.pt")), strict=True)
    edges = {"edge_index": graph["edge_index"], "edge_weight": graph["edge_weight"]}
    far = graph["x"] * 1000  # beyond the limits that x is clipped to
    for x in (graph["x"], far):
        with torch.no_grad():
            assert torch.allclose(network(result.scale(x), **edges), result.model(x, **edges), atol=1e-5)
