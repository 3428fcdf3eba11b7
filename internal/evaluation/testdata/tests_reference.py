"""Test statistics of the lists in FILE (JSON: values, horizon, p), by statsmodels and scipy; printed as JSON.

Used by TestStatisticsAgreeWithStatsmodels: python tests_reference.py FILE
"""

import json
import math
import sys

import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

with open(sys.argv[1]) as f:
    given = json.load(f)


def newey_west(values, lags):
    fit = sm.OLS(values, np.ones(len(values))).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
    return float(fit.tvalues[0])


def diebold_mariano(d, horizon):
    """Harvey, Leybourne and Newbold's form, with a rectangular kernel."""
    n = len(d)
    fit = sm.OLS(d, np.ones(n)).fit(
        cov_type="HAC", cov_kwds={"maxlags": horizon - 1, "kernel": sm.stats.sandwich_covariance.weights_uniform, "use_correction": False}
    )
    t = float(fit.tvalues[0]) * math.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    return t, float(2 * stats.t.sf(abs(t), n - 1))


out = []
for case in given:
    values = np.array(case["values"])
    statistic, p = diebold_mariano(values, case["horizon"])
    out.append({
        "newey_west": newey_west(values, case["lags"]),
        "diebold_mariano": statistic,
        "p": p,
        "holm": multipletests(case["p"], method="holm")[1].tolist(),
    })
json.dump(out, sys.stdout, allow_nan=False)
