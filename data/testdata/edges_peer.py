"""The edges of a market, as one would write them in Python: of each window the
correlations of all pairs, and of each node the nearest ones.

    edges_peer.py NAME RETURNS SYMBOLS WINDOW TOP_K PANDAS_SYMBOLS

prints the seconds it took and what it found at some bars, as JSON.
"""

import json
import os
import sys

name, path = sys.argv[1:3]
symbols, window, top_k, pandas_symbols = map(int, sys.argv[3:])
threads = 2
if "processes" in name:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
else:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)

import multiprocessing  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402

returns = np.fromfile(path).reshape(-1, symbols)
bars = len(returns)
checked = [window, window + 1, (window + bars) // 2, bars - 1]


def nearest(at, x):
    """[N, K] sources and correlations of the window that ends with bar at."""
    w = x[at - window + 1 : at + 1]
    z = w - w.mean(axis=0)
    z /= np.sqrt(np.einsum("ij,ij->j", z, z))
    c = z.T @ z
    np.fill_diagonal(c, -np.inf)
    near = np.argpartition(c, symbols - top_k, axis=1)[:, symbols - top_k :]
    values = np.take_along_axis(c, near, axis=1)
    order = np.argsort(-values, axis=1)
    return np.take_along_axis(near, order, axis=1).astype(np.int32), np.take_along_axis(values, order, axis=1).astype(np.float32)


def span(begin, end, x):
    sources = np.empty((end - begin, symbols, top_k), np.int32)
    attr = np.empty((end - begin, symbols, top_k), np.float32)
    for at in range(begin, end):
        sources[at - begin], attr[at - begin] = nearest(at, x)
    return sources, attr


def work(arguments):
    begin, end, kind = arguments
    x = returns.astype(kind)
    nearest(begin, x)  # warm
    began = time.perf_counter()
    sources, attr = span(begin, end, x)
    took = time.perf_counter() - began
    return took, [(at, sources[at - begin].tolist(), attr[at - begin].tolist()) for at in checked if begin <= at < end]


if name == "numpy_blas_threads":
    took, found = work((window, bars, np.float64))
elif name.startswith("numpy_processes"):
    kind = np.float32 if name.endswith("float32") else np.float64
    middle = (window + bars) // 2
    with multiprocessing.get_context("fork").Pool(threads) as pool:
        parts = pool.map(work, [(window, middle, kind), (middle, bars, kind)], chunksize=1)
    took, found = max(p[0] for p in parts), [f for p in parts for f in p[1]]
else:
    import pandas as pd

    frame = pd.DataFrame(returns[:, :pandas_symbols])
    began = time.perf_counter()
    corr = frame.rolling(window).corr()
    took = time.perf_counter() - began
    took *= symbols * (symbols - 1) / (pandas_symbols * (pandas_symbols - 1))
    found = []  # of a part of the symbols, so not of the same neighbours

print(json.dumps({"Seconds": took, "Checks": [{"Bar": b, "Sources": s, "Attr": a} for b, s, a in found]}))
