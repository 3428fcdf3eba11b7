"""The metrics of each predictions.parquet, computed by scikit-learn or pandas
from their own definitions; a list with metrics.json's names, printed as JSON.

Used by TestMetricsAgreeWithScikitLearnAndPandas: python metrics_reference.py FILE...
"""

import json
import math
import sys

import numpy as np
import pandas as pd
import statsmodels.api as sm
from sklearn import metrics


def defined(value):
    return None if value is None or not math.isfinite(value) else float(value)


def cross_sectional(rows, method):
    """IC per snapshot, where it exists."""
    ics = []
    for _, snapshot in rows.groupby("open_time"):
        if len(snapshot) < 3 or snapshot["score"].nunique() < 2 or snapshot["return"].nunique() < 2:
            continue
        ics.append(snapshot["score"].corr(snapshot["return"], method=method))
    return pd.Series(ics, dtype=float)


def precision(rows):
    """The mean over snapshots, and over every way to break ties of scores where there are not too many."""
    found = {"top_1": [], "top_third": [], "bottom_third": []}
    for _, g in rows.groupby("open_time"):
        if len(g) < 3 or g["score"].nunique() < 2 or g["return"].nunique() < 2:
            continue
        above = np.sign(g["return"] - g["return"].median()).to_numpy() / 2 + 0.5
        for name, k, scores, good in [
            ("top_1", 1, -g["score"], above),
            ("top_third", len(g) // 3, -g["score"], above),
            ("bottom_third", len(g) // 3, g["score"], 1 - above),
        ]:
            first, last = scores.rank(method="min").to_numpy(), scores.rank(method="max").to_numpy()
            # The chance of a symbol to be among the first k, of those with its score.
            chance = np.clip((k - first + 1) / (last - first + 1), 0, 1)
            found[name].append((chance * good).sum() / k)
    return {name: {"value": defined(np.mean(values) if values else None)} for name, values in found.items()}


def newey_west(values, lags):
    if len(values) < 2:
        return None
    fit = sm.OLS(values.to_numpy(), np.ones(len(values))).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
    return defined(fit.tvalues[0]) if values.std() > 0 else None


def shares(classes):
    return {name: defined((classes == c).mean() if len(classes) else None) for c, name in enumerate(["down", "flat", "up"])}


def split_metrics(rows, commonest):
    labelled = rows[rows["label"].notna()]
    y = labelled["label"].to_numpy(int)
    p = labelled[["p_down", "p_flat", "p_up"]].to_numpy()
    predicted = p.argmax(axis=1)
    out = {
        "count": len(labelled),
        "class_shares": shares(y),
        "predicted_shares": shares(predicted),
        "majority_accuracy": None,
        "accuracy": None,
        "balanced_accuracy": None,
        "f1_macro": None,
        "log_loss": None,
        "brier": None,
        "mcc": None,
    }
    if len(labelled):
        out["accuracy"] = metrics.accuracy_score(y, predicted)
        # recall_score over the labels' classes: balanced_accuracy_score is
        # the same, with a warning where a class is only predicted.
        out["balanced_accuracy"] = metrics.recall_score(y, predicted, labels=np.unique(y), average="macro")
        out["f1_macro"] = metrics.f1_score(y, predicted, average="macro")
        out["log_loss"] = metrics.log_loss(y, p, labels=[0, 1, 2])
        out["brier"] = metrics.brier_score_loss(y, p, labels=[0, 1, 2], scale_by_half=False)
        if len(np.unique(y)) > 1 and len(np.unique(predicted)) > 1:
            out["mcc"] = metrics.matthews_corrcoef(y, predicted)
        if commonest is not None:
            out["majority_accuracy"] = metrics.accuracy_score(y, np.full(len(y), commonest))

    known = rows[rows["return"].notna()]
    rise = known["return"] > 0
    out["return_count"] = len(known)
    out["auc"] = metrics.roc_auc_score(rise, known["score"]) if rise.nunique() == 2 else None
    out["precision"] = precision(known)
    for name, method in [("ic", "pearson"), ("rank_ic", "spearman")]:
        ics = cross_sectional(known, method)
        out[name] = defined(ics.mean())
        out[name + "_ir"] = defined(ics.mean() / ics.std()) if len(ics) > 1 else None
        out["ic_snapshots"] = len(ics)
        out[name + "_t"] = newey_west(ics, max(math.floor(4 * (max(len(ics), 1) / 100) ** (2 / 9)), int(rows["horizon"].max()) - 1 if len(rows) else 0))
    return out


def of_file(path):
    rows = pd.read_parquet(path)
    train = rows[rows["split"] == "train"]["label"].dropna()
    commonest = train.value_counts().sort_index().idxmax() if len(train) else None
    return {split: split_metrics(rows[rows["split"] == split], commonest) for split in ["train", "valid", "test"]}


json.dump([of_file(path) for path in sys.argv[1:]], sys.stdout, allow_nan=False)
