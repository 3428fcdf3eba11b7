"""Calibration of each predictions.parquet, by NumPy and scipy from the definitions; printed as JSON.

Used by TestCalibrationAgreesWithSciPy: python calibration_reference.py FILE...
"""

import json
import math
import sys

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


def rows(frame, split):
    part = frame[(frame["split"] == split) & frame["label"].notna()]
    return part[["p_down", "p_flat", "p_up"]].to_numpy(), part["label"].to_numpy(int)


def loss(p, y, temperature):
    return -log_softmax(np.log(np.maximum(p, 2.0**-52)) / temperature, axis=1)[np.arange(len(y)), y].mean()


def sets(valid, test, reach):
    """Coverage and mean size of sets by a limit on probabilities, adapted from snapshot to snapshot."""
    given = np.sort(valid)
    miss, missed, inside, size = 0.1, [], [], []
    for _, snapshot in test.groupby("open_time", sort=True):
        if len(missed) >= max(reach, 1):
            miss += 0.005 * (0.1 - missed[len(missed) - max(reach, 1)])
        k = math.floor(miss * (len(given) + 1))
        limit = 0 if k < 1 else math.inf if k > len(given) else given[k - 1]
        p = snapshot[["p_down", "p_flat", "p_up"]].to_numpy()
        held = p[np.arange(len(p)), snapshot["label"].to_numpy(int)] >= limit
        missed.append(1 - held.mean())
        inside.append(held)
        size.append((p >= limit).sum(axis=1))
    return {"level": 0.9, "coverage": np.concatenate(inside).mean(), "mean_size": np.concatenate(size).mean()}


def of_file(path):
    frame = pd.read_parquet(path)
    (pv, yv), (pt, yt) = rows(frame, "valid"), rows(frame, "test")
    order = np.argsort(pt.max(axis=1), kind="stable")
    confidence, hit = pt.max(axis=1)[order], (pt.argmax(axis=1) == yt)[order]
    n, bins, ece = len(yt), [], 0.0
    for k in range(10):
        part = slice(k * n // 10, (k + 1) * n // 10)
        count = part.stop - part.start
        bins.append({"count": count, "confidence": confidence[part].mean(), "accuracy": hit[part].mean()})
        ece += count / n * abs(bins[-1]["confidence"] - bins[-1]["accuracy"])
    best = minimize_scalar(lambda x: loss(pv, yv, math.exp(x)), bounds=(-math.log(20), math.log(20)), method="bounded", options={"xatol": 1e-10})
    temperature = math.exp(best.x)
    test = frame[(frame["split"] == "test") & frame["label"].notna()]
    return {
        "count": n,
        "ece": ece,
        "reliability": bins,
        "temperature": temperature,
        "log_loss_with_temperature": loss(pt, yt, temperature),
        "prediction_sets": sets(pv[np.arange(len(yv)), yv], test, 2),
    }


json.dump([of_file(path) for path in sys.argv[1:]], sys.stdout, allow_nan=False)
