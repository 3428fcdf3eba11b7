"""The backtest of the test rows of each predictions.parquet, in pandas from its definition; printed as JSON.

Used by TestTheBacktestAgreesWithPandas: python backtest_reference.py HORIZON FILE... Beside each FILE lies FILE.funding.csv:
what a long position pays at open_time for symbol. The files are each other's trials.
"""

import json
import math
import sys

import numpy as np
import pandas as pd
from scipy import stats

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
    rates = pd.DataFrame({t: g["funding"] for t, g in snapshots}).T.reindex(times).reindex(columns=table.columns).fillna(0.0)
    funding = -(table * rates).sum(axis=1)
    gross = (table * earned).sum(axis=1) + funding
    moved = table.diff().abs().sum(axis=1)
    moved.iloc[0] = table.iloc[0].abs().sum()
    moved.iloc[-1] += table.iloc[-1].abs().sum()
    per_year = (len(times) - 1) / ((times[-1] - times[0]) / (365.25 * 86_400_000)) if len(times) > 1 else math.nan
    out = {
        "periods": len(times),
        "mean_bps": gross.mean() * 1e4,
        "funding_bps": funding.mean() * 1e4 if (rates != 0).any(axis=None) else None,
        "turnover": moved.mean(),
        "break_even_bps": gross.mean() / moved.mean() * 1e4,
        "after_costs": [],
    }
    for cost in COSTS:
        net = (gross - moved * cost / 1e4).astype(float)
        capital = pd.concat([pd.Series([1.0]), (1 + net).cumprod()])
        out["after_costs"].append({
            "cost_bps": float(cost),
            "return": capital.iloc[-1] - 1,
            "sharpe": defined(net.mean() / net.std() * math.sqrt(per_year)),
            "skewness": stats.skew(net),
            "kurtosis": stats.kurtosis(net, fisher=False),
            "probabilistic_sharpe": probabilistic(net, 0),
            "max_drawdown": (1 - capital / capital.cummax()).max(),
            "net": net,
            "per_year": per_year,
        })
    return out


def probabilistic(net, above):
    sharpe, skewness, kurtosis = net.mean() / net.std(), stats.skew(net), stats.kurtosis(net, fisher=False)
    error = math.sqrt((1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2) / (len(net) - 1))
    return stats.norm.cdf((sharpe - above) / error)


def deflate(runs):
    """Each run against all, by portfolio and cost."""
    for rule in runs[0]:
        for k in range(len(COSTS)):
            trials = [run[rule]["after_costs"][k] for run in runs]
            n, deviation = len(trials), np.std([trial["sharpe"] for trial in trials], ddof=1)
            best = deviation * ((1 - np.euler_gamma) * stats.norm.ppf(1 - 1 / n) + np.euler_gamma * stats.norm.ppf(1 - 1 / (n * math.e)))
            for trial in trials:
                trial["expected_maximum_sharpe"] = best
                trial["deflated_sharpe"] = probabilistic(trial.pop("net"), best / math.sqrt(trial.pop("per_year")))
    return runs


def of_file(path):
    rows = pd.read_parquet(path)
    rows = rows.merge(pd.read_csv(path + ".funding.csv"), how="left").fillna({"funding": 0.0})
    rows = rows[(rows["split"] == "test") & rows["return"].notna()]
    return {rule: portfolio(rows, rule, int(sys.argv[1])) for rule in ["dollar_neutral", "long_only", "equal_weight"]}


json.dump(deflate([of_file(path) for path in sys.argv[2:]]), sys.stdout, allow_nan=False)
