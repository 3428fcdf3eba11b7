"""A result is loaded whole and unchanged, or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PROGRAM, SIMULATED, Trained, need, train

import gnn_trainer
from gnn_trainer import ResultError
from gnn_trainer.store import Folder

NAMES = [
    "model.pt",
    "weights.pt",
    "metadata.json",
    "graph.pt",
    "dataset.pt",
    "predictions.parquet",
    "report.html",
    "metrics.json",
]


@pytest.fixture
def model(simulated: Trained, tmp_path: Path) -> Path:
    """A copy of the folder of a MODEL_NAME with one run, q1."""
    return shutil.copytree(simulated.folder, tmp_path / "market_gnn_v1")


def change(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    fields = json.loads(path.read_text())
    edit(fields)
    path.write_text(json.dumps(fields))


def test_a_model_name_and_its_run_are_the_same_result(model: Path) -> None:
    followed, direct = gnn_trainer.load(model), gnn_trainer.load(str(model / "q1"))
    assert followed.address == direct.address == str(model / "q1")
    assert followed.status == "finished"
    assert followed.metadata == direct.metadata
    assert followed.metadata.symbols[0] == followed.metadata.symbol == "BTCUSDT"
    assert followed.metadata.splits.train.count > followed.metadata.splits.test.count > 0
    assert followed.metadata.graph.top_k == 10
    assert followed.metadata.graph.threshold is None
    assert followed.metrics["splits"]["test"]["count"] > 0
    assert followed.manifest.config["MODEL_TYPE"] == "gcn"
    assert {f.name for f in followed.manifest.files} == set(NAMES)
    assert "q1" in repr(followed)


def test_the_model_says_of_graph_pt_what_predictions_parquet_says(model: Path) -> None:
    result = gnn_trainer.load(model)
    graph = result.graph()
    with torch.no_grad():
        said = result.model(graph["x"], graph["edge_index"], graph["edge_weight"]).softmax(1)[graph["node_mask"]]
    told = result.predictions()
    told = told[told.open_time == int(graph["open_time"])]
    assert torch.allclose(said.double(), torch.tensor(told[["p_down", "p_flat", "p_up"]].to_numpy()), atol=1e-5)


def test_the_network_without_edges_is_a_model_too(tmp_path: Path) -> None:
    for select, other in [("model", "no_edges"), ("best", None)]:
        result = gnn_trainer.load(
            train(tmp_path / select, BASELINE="no_edges", SELECT=select, DATA_SOURCE="simulated", **SIMULATED)
        )
        assert result.metrics["selection"]["select"] == select
        if other is None:
            other = "with_edges" if result.metrics["selection"]["selected"] == "no_edges" else "no_edges"
        twin, graph = result.baseline(other), result.graph()
        said = pd.read_parquet(result.path(f"baselines/{other}/predictions.parquet")).query(
            "split == 'live' and open_time == @graph['open_time'].item()"
        )
        p = twin(graph["x"], graph["edge_index"], graph["edge_weight"]).softmax(dim=-1)[graph["node_mask"]]
        assert len(said) == len(p)
        assert np.abs(said[["p_down", "p_flat", "p_up"]].to_numpy() - p.detach().numpy()).max() < 1e-5
        without = twin(graph["x"], graph["edge_index"][:, :0], graph["edge_weight"][:0]).softmax(dim=-1)[
            graph["node_mask"]
        ]
        assert torch.allclose(p, without) == (other == "no_edges")
        with pytest.raises(ResultError, match=f"holds no model of 'ridge': give one of {other}"):
            result.baseline("ridge")


def test_latest_json_is_followed_to_the_newest_run(tmp_path: Path) -> None:
    market = {"DATA_SOURCE": "simulated", "SYMBOL": "BTCUSDT", "SYMBOLS": "top:4", "LOOKBACK": "2d", "EPOCHS": "1"}
    model = train(tmp_path, **market)
    assert gnn_trainer.load(model).metadata.queue_id == "q1"
    train(tmp_path, **market, QUEUE_ID="q2")
    assert gnn_trainer.load(model).metadata.queue_id == "q2"
    assert gnn_trainer.load(model / "q1").metadata.queue_id == "q1"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: f.write_bytes(bytes([f.read_bytes()[0] ^ 1]) + f.read_bytes()[1:]), "SHA-256"),
        (lambda f: f.write_bytes(f.read_bytes()[:-1]), "bytes"),
        (lambda f: f.write_bytes(f.read_bytes() + b" "), "bytes"),
        (lambda f: f.unlink(), "missing"),
    ],
    ids=["a bit changed", "cut off", "longer", "missing"],
)
def test_a_damaged_file_is_refused(model: Path, name: str, damage: Callable[[Path], None], words: str) -> None:
    damage(model / "q1" / name)
    with pytest.raises(ResultError, match=words) as e:
        gnn_trainer.load(model)
    assert name in str(e.value)
    assert "run the training again" in str(e.value)


def test_what_is_damaged_after_loading_is_refused_when_it_is_read(model: Path) -> None:
    result = gnn_trainer.load(model)
    for name in NAMES:
        (model / "q1" / name).write_bytes(b"x" * (model / "q1" / name).stat().st_size)
    for read in (result.graph, result.predictions, lambda: result.path("dataset.pt")):
        with pytest.raises(ResultError, match="SHA-256"):
            read()


def test_lazy_leaves_what_prediction_does_not_need(model: Path) -> None:
    (model / "q1" / "dataset.pt").write_bytes(b"")
    result = gnn_trainer.load(model, lazy=True)
    with pytest.raises(ResultError, match=r"dataset\.pt has 0 bytes"):
        result.path("dataset.pt")
    (model / "q1" / "model.pt").write_bytes(b"")
    with pytest.raises(ResultError, match=r"model\.pt"):
        gnn_trainer.load(model, lazy=True)


def test_a_result_without_snapshots_says_why(tmp_path: Path) -> None:
    result = gnn_trainer.load(train(tmp_path, DATA_SOURCE="simulated", **SIMULATED, BASELINE="none", DATASET="none"))
    kept = result.metadata.dataset
    assert kept is not None
    assert (kept.which, kept.snapshots) == ("none", 0)
    assert kept.of > 100
    assert "dataset.pt" not in {f.name for f in result.manifest.files}
    with pytest.raises(ResultError, match=rf"kept none of its {kept.of} snapshots .*DATASET=newest:1000") as e:
        result.path("dataset.pt")
    assert "\n" not in str(e.value)
    assert result.graph()["x"].shape[0] == 12


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no folder": ("", lambda m: shutil.rmtree(m), "neither manifest.json nor latest.json"),
    "no latest.json": ("", lambda m: (m / "latest.json").unlink(), "neither manifest.json nor latest.json"),
    "half a result": ("", lambda m: (m / "q1" / "manifest.json").unlink(), "holds no manifest.json"),
    "half a result itself": ("q1", lambda m: (m / "q1" / "manifest.json").unlink(), "neither manifest.json nor"),
    "another format of latest.json": ("", lambda m: change(m / "latest.json", lambda f: f.update(format_version=2)), "format_version 2, and this package reads 1"),
    "another format of manifest.json": ("q1", lambda m: change(m / "q1" / "manifest.json", lambda f: f.update(format_version=7)), "format_version 7, and this package reads 1"),
    "latest.json that leads out": ("", lambda m: change(m / "latest.json", lambda f: f.update(queue_id="..", manifest="../manifest.json")), "none of a run beside it"),
    "latest.json without a manifest": ("", lambda m: change(m / "latest.json", lambda f: f.pop("manifest")), "has no manifest"),
    "manifest.json that leads out": ("q1", lambda m: change(m / "q1" / "manifest.json", lambda f: f["files"][0].update(name="../../x")), "no name of a file of its own"),
    "a baseline that leads out": ("q1", lambda m: change(m / "q1" / "manifest.json", lambda f: f["files"][0].update(name="baselines/../../x")), "no name of a file of its own"),
    "a folder that is no baseline's": ("q1", lambda m: change(m / "q1" / "manifest.json", lambda f: f["files"][0].update(name="x/model.pt")), "no name of a file of its own"),
    "a file listed twice": ("q1", lambda m: change(m / "q1" / "manifest.json", lambda f: f["files"].append(f["files"][0])), "no name of a file of its own"),
    "a checksum that is none": ("q1", lambda m: change(m / "q1" / "manifest.json", lambda f: f["files"][0].update(sha256="0")), "SHA-256 '0'"),
    "a size that is none": ("q1", lambda m: change(m / "q1" / "manifest.json", lambda f: f["files"][0].update(size="1")), "not a whole number"),
    "a status that is none": ("q1", lambda m: change(m / "q1" / "manifest.json", lambda f: f.update(status="going")), "status 'going'"),
    "no JSON": ("q1", lambda m: (m / "q1" / "manifest.json").write_bytes(b"\xff{"), "is no JSON"),
    "no object": ("q1", lambda m: (m / "q1" / "manifest.json").write_text("[]"), "no JSON object"),
    "a manifest of a gigabyte": ("q1", lambda m: os.truncate(m / "q1" / "manifest.json", 1 << 30), "larger than"),
    "a manifest without the model": ("q1", lambda m: change(m / "q1" / "manifest.json", lambda f: f.update(files=[])), "lists no metadata.json"),
    "a run again that was stopped": ("", lambda m: change(m / "q1" / "manifest.json", lambda f: f.update(status="interrupted")), "run again since and is interrupted"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_result_is_refused(model: Path, case: str) -> None:
    below, damage, words = REFUSED[case]
    damage(model)
    with pytest.raises(ResultError) as e:
        gnn_trainer.load(model / below)
    message = str(e.value)
    assert words in message
    assert str(model) in message
    assert "\n" not in message
    assert ": " in message


def test_an_interrupted_run_is_loaded_by_its_own_address_with_a_warning(model: Path) -> None:
    change(model / "q1" / "manifest.json", lambda f: f.update(status="interrupted"))
    with pytest.warns(UserWarning, match="q1 is of an interrupted run, .*: start the run again") as told:
        assert gnn_trainer.load(model / "q1").status == "interrupted"
    assert [w.filename for w in told] == [__file__]


@pytest.mark.parametrize("address", [None, 3, "", b"out", ["out"]])
def test_what_is_no_address_is_refused(address: Any) -> None:
    with pytest.raises(ResultError, match="is no address of a result: give the folder of a MODEL_NAME"):
        gnn_trainer.load(address)


def test_of_a_file_of_a_result_the_folder_is_asked_for(model: Path) -> None:
    with pytest.raises(ResultError) as e:
        gnn_trainer.load(model / "q1" / "model.pt")
    assert str(e.value) == f"{model / 'q1' / 'model.pt'} is a file, and a result is a folder: give {model / 'q1'}"


def test_a_bucket_without_its_server_is_refused() -> None:
    with pytest.raises(ResultError, match=r"^s3://b/m does not tell its server: give it as endpoint='host:port'"):
        gnn_trainer.load("s3://b/m")
    with pytest.raises(ResultError, match=r"^endpoint='http://minio:9000' is no server: give host:port"):
        gnn_trainer.load("s3://b/m", endpoint="http://minio:9000")


def test_metadata_of_another_format_is_refused(model: Path) -> None:
    vouch(model, "metadata.json", lambda f: f.update(format_version=2))
    with pytest.raises(ResultError, match=r"metadata\.json has format_version 2"):
        gnn_trainer.load(model)


def vouch(model: Path, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Changes a JSON file of q1 and the manifest with it, as another version of the program would have written them."""
    import hashlib

    path = model / "q1" / name
    change(path, edit)
    content = path.read_bytes()

    def sign(manifest: dict[str, Any]) -> None:
        for f in manifest["files"]:
            if f["name"] == name:
                f.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())

    change(model / "q1" / "manifest.json", sign)


def test_fields_of_later_versions_are_passed_over(model: Path) -> None:
    vouch(model, "metadata.json", lambda f: f.update(new_field={"a": 1}))
    assert gnn_trainer.load(model).metadata.symbol == "BTCUSDT"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda f: f["feature_names"].__setitem__(2, "momentum_99"), "takes the feature momentum_99"),
        (lambda f: f["graph"].pop("top_k"), "prepared graph"),
        (lambda f: f["graph"].update(returns="ranked"), "edges by 'ranked' returns"),
        (lambda f: f.update(interval="7m"), "bars of '7m'"),
    ],
)
def test_what_this_version_cannot_compute_is_never_guessed(
    simulated: Trained, model: Path, edit: Callable[[dict[str, Any]], None], words: str
) -> None:
    vouch(model, "metadata.json", edit)
    result = gnn_trainer.load(model)  # its model may still be fed by hand
    for call in (result.predict, result.features, result.snapshot, lambda c: list(result.snapshots(c))):
        with pytest.raises(ResultError, match=words):
            call(simulated.candles)


def test_a_graph_without_time_is_loaded_and_not_predicted_from_candles(tmp_path: Path, simulated: Trained) -> None:
    need(PROGRAM, "`make build`")
    from torch_geometric.data import Data

    n = 200
    edges = torch.randint(0, n, (2, 900), generator=torch.Generator().manual_seed(0))
    torch.save(Data(x=torch.randn(n, 4), edge_index=edges, y=torch.arange(n) % 3), tmp_path / "data.pt")
    result = gnn_trainer.load(train(tmp_path, DATA_SOURCE="pyg", DATA_DIR=str(tmp_path / "data.pt"), SYMBOL="X"))
    graph = result.graph()
    assert list(result.model(graph["x"], graph["edge_index"]).shape) == [n, 3]
    with pytest.raises(ResultError, match="prepared graph"):
        result.predict(simulated.candles)


def test_a_result_stored_anew_while_it_is_loaded_is_loaded_anew(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the manifest and the files a run may replace both."""
    local = Folder.local
    again = False

    def replaced(self: Folder, path: str, *rest: Any) -> Path:
        nonlocal again
        if not again:
            again = True
            vouch(model, "metadata.json", lambda f: f.update(symbol="ETHUSDT"))
        return local(self, path, *rest)

    monkeypatch.setattr(Folder, "local", replaced)
    assert gnn_trainer.load(model).metadata.symbol == "ETHUSDT"
