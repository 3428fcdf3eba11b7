"""The backtest of the test rows of each predictions.parquet, in pandas from its definition; printed as JSON.

Used by TestTheBacktestAgreesWithPandas: python backtest_reference.py HORIZON FILE...
"""

import json
import math
import sys

import numpy as np
import pandas as pd

COSTS = [0, 2, 5, 10]


def weights(scores, rule):
    """Positions by the order of scores, those of equal scores by name."""
    order = scores.sort_index().sort_values(kind="stable").index
    n, third = len(order), len(order) // 3
    w = pd.Series(0.0, order)
    if rule == "equal_weight":
        return w + 1 / n
    w[order[n - third:]] = 0.5 / third if rule == "dollar_neutral" else 1 / third
    if rule == "dollar_neutral":
        w[order[:third]] = -0.5 / third
    return w


def defined(value):
    return float(value) if math.isfinite(value) else None


def portfolio(rows, rule, horizon):
    snapshots = [(t, g.set_index("symbol")) for t, g in rows.groupby("open_time") if len(g) >= 3][::horizon]
    times = [t for t, _ in snapshots]
    table = pd.DataFrame({t: weights(g["score"], rule) for t, g in snapshots}).T.reindex(times).fillna(0.0)
    earned = pd.DataFrame({t: np.expm1(g["return"]) for t, g in snapshots}).T.reindex(times).reindex(columns=table.columns).fillna(0.0)
    gross = (table * earned).sum(axis=1)
    moved = table.diff().abs().sum(axis=1)
    moved.iloc[0] = table.iloc[0].abs().sum()
    moved.iloc[-1] += table.iloc[-1].abs().sum()
    per_year = (len(times) - 1) / ((times[-1] - times[0]) / (365.25 * 86_400_000)) if len(times) > 1 else math.nan
    out = {
        "periods": len(times),
        "mean_bps": gross.mean() * 1e4,
        "turnover": moved.mean(),
        "break_even_bps": gross.mean() / moved.mean() * 1e4,
        "after_costs": [],
    }
    for cost in COSTS:
        net = gross - moved * cost / 1e4
        capital = pd.concat([pd.Series([1.0]), (1 + net).cumprod()])
        out["after_costs"].append({
            "cost_bps": float(cost),
            "return": capital.iloc[-1] - 1,
            "sharpe": defined(net.mean() / net.std() * math.sqrt(per_year)),
            "max_drawdown": (1 - capital / capital.cummax()).max(),
        })
    return out


def of_file(path):
    rows = pd.read_parquet(path)
    rows = rows[(rows["split"] == "test") & rows["return"].notna()]
    return {rule: portfolio(rows, rule, int(sys.argv[1])) for rule in ["dollar_neutral", "long_only", "equal_weight"]}


json.dump([of_file(path) for path in sys.argv[2:]], sys.stdout, allow_nan=False)
