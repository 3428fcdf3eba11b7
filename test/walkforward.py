"""walkforward.py RESULT: reads the folds of a result as pandas, pyarrow and scikit-learn do, and prints the largest
difference from metrics.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.metrics import accuracy_score, roc_auc_score

folder = Path(sys.argv[1])
metrics = json.loads((folder / "metrics.json").read_text())
metadata = json.loads((folder / "metadata.json").read_text())
schema = pq.read_schema(folder / "predictions.parquet")
assert str(schema.field("fold").type) == "int64" and schema.names[3:5] == ["horizon", "fold"], schema
rows = pd.read_parquet(folder / "predictions.parquet")
folds = metrics["folds"]
last = folds[-1]["fold"]
horizons = metadata["horizons"]
CLASSES = ["p_down", "p_flat", "p_up"]

assert [f["fold"] for f in folds] == list(range(1, last + 1)) and metadata["fold"] == last
assert rows.open_time.is_monotonic_increasing
assert set(rows[rows.split != "test"].fold) == {last}, "train, valid and live rows are the last fold's"

# Each snapshot after the first window's begin tests once.
first = rows[rows.horizon == horizons[0]]
test = first[first.split == "test"]
assert set(test.fold) == set(range(1, last + 1))
assert not test.duplicated(["open_time", "symbol"]).any()
begin, live = test.open_time.min(), first[first.split == "live"].open_time.min()
every = first[(first.open_time >= begin) & (first.open_time < live)].open_time.unique()
assert set(test.open_time.unique()) == set(every)
windows = test.groupby("fold").open_time.agg(["min", "max", "nunique"])
assert (windows["min"].iloc[1:].to_numpy() > windows["max"].iloc[:-1].to_numpy()).all()
assert windows["nunique"].max() - windows["nunique"].min() <= 1, windows

worst = 0.0


def same(name: str, got: float | None, want: float) -> None:
    global worst
    gap = abs((float("nan") if got is None else got) - want)
    assert gap < 1e-9, f"{name}: {got}, and {want} in Python"
    worst = max(worst, gap)


def rank_ic(part: pd.DataFrame) -> float:
    def of(snapshot: pd.DataFrame) -> float:
        known = snapshot.dropna(subset="return")
        if len(known) < 3 or known.score.nunique() < 2 or known["return"].nunique() < 2:
            return np.nan
        return float(np.corrcoef(known.score.rank(), known["return"].rank())[0, 1])

    return float(np.nanmean([of(s) for _, s in part.groupby("open_time")]))


def check(name: str, stored: dict, part: pd.DataFrame) -> None:
    known = part.dropna(subset="return")
    assert stored["return_count"] == len(known)
    same(name + " auc", stored["auc"], roc_auc_score(known["return"] > 0, known.score))
    same(name + " rank_ic", stored["rank_ic"], rank_ic(part))
    labelled = part.dropna(subset="label")
    assert stored["count"] == len(labelled)
    p = labelled[CLASSES].to_numpy()
    same(name + " accuracy", stored["accuracy"], accuracy_score(labelled.label, p.argmax(1)))
    own = p[np.arange(len(p)), labelled.label.astype(int)]  # scikit-learn would divide by their sum, which float32 rounds
    same(name + " log_loss", stored["log_loss"], -np.log(own).mean())


def majority(part: pd.DataFrame, labels: pd.DataFrame) -> float:
    """Of each fold's rows, the share of the class commonest in that fold's training split."""
    hits = count = 0
    for fold, own in part.dropna(subset="label").groupby("fold"):
        span = folds[int(fold) - 1]["ranges"]["train"]
        train = labels[(labels.open_time >= span["first"]) & (labels.open_time <= span["last"])]
        hits += (own.label == train.label.mode().iloc[0]).sum()
        count += len(own)
    return hits / count


for h, horizon in enumerate(horizons):
    of = rows[rows.horizon == horizon]
    stored = metrics["splits"] if len(horizons) == 1 else metrics["horizons"][h]["splits"]
    labels = of.dropna(subset="label").drop_duplicates(["open_time", "symbol"])
    check(f"pooled, horizon {horizon}", stored["test"], of[of.split == "test"])
    same("majority", stored["test"]["majority_accuracy"], majority(of[of.split == "test"], labels))
    for split in ("train", "valid"):
        check(split, stored[split], of[of.split == split])
    for f in folds:
        own = of[(of.split == "test") & (of.fold == f["fold"])]
        alone = f["splits"] if len(horizons) == 1 else f["horizons"][h]["splits"]
        check(f"fold {f['fold']}", alone["test"], own)
        same("majority", alone["test"]["majority_accuracy"], majority(own, labels))
for f in folds:
    span, own = f["ranges"]["test"], windows.loc[f["fold"]]
    assert (span["first"], span["last"], span["count"]) == tuple(own[["min", "max", "nunique"]])
    assert len(f["history"]["train_loss"]) == f["epochs_run"]
assert len(metrics["timing"]["epoch_seconds"]) == sum(f["epochs_run"] for f in folds)
symbol = test[test.symbol == metrics["symbol"]["name"]]
same("symbol", metrics["symbol"]["splits"]["test"]["auc"], roc_auc_score(symbol["return"].dropna() > 0, symbol.dropna(subset="return").score))

# Baselines are of the same rows, fold by fold.
for name, baseline in metrics["baselines"].items():
    assert baseline["splits"]["test"]["return_count"] == metrics["splits"]["test"]["return_count"], name
    assert [f["fold"] for f in baseline["folds"]] == [f["fold"] for f in folds], name
    for mine, model in zip(baseline["folds"], folds):
        for split in ("valid", "test"):
            assert mine[split]["return_count"] == model["splits"][split]["return_count"], (name, split)
    weights = [f["test"]["ic_snapshots"] for f in baseline["folds"]]
    if sum(weights):
        pooled = sum(w * (f["test"]["rank_ic"] or 0) for w, f in zip(weights, baseline["folds"])) / sum(weights)
        same(name, baseline["splits"]["test"]["rank_ic"], pooled)

assert metrics["calibration"]["count"] == metrics["splits"]["test"]["count"]
assert metrics["backtest"]["equal_weight"]["periods"] == -(-test.dropna(subset="return").groupby("open_time").size().ge(3).sum() // horizons[0])
print(json.dumps({"folds": last, "worst": worst}))
