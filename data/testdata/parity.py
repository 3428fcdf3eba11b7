"""Computes features and correlations with pandas and NumPy, for parity_test.go.

    parity.py CANDLES REQUEST ANSWER

CANDLES is a folder of SYMBOL.csv. REQUEST is JSON: symbols (node order), start
(ms), interval (ms), bars, window, excess, max_gap, jumps (node and bar of each) and at (bars whose correlations are
wanted). ANSWER is written in JSON: features, name -> [N, T], and correlations,
one [N, N] for each bar of at; null where missing.
"""

import json
import sys

import numpy as np
import pandas as pd


def load(folder, symbol, grid):
    frame = pd.read_csv(f"{folder}/{symbol}.csv", float_precision="round_trip")
    return frame.drop_duplicates("open_time").set_index("open_time").reindex(grid)


def features(frame, interval, max_gap):
    close, volume = frame["close"], frame["volume"]
    last = close.ffill(limit=max_gap) if max_gap else close
    returns = np.log(close / close.shift(1))
    out = {f"log_return_{k}": np.log(close / last.shift(k)) for k in (1, 4, 12, 24)}
    out["volatility_24"] = out["log_return_1"].rolling(24, min_periods=12).std()

    # The window sums of changes are exact sums here: what pandas' running sums
    # leave behind after a large value would count as movement where none is.
    change = close - last.shift(1)
    gain = change.clip(lower=0).rolling(14, min_periods=7).apply(np.nansum, raw=True)
    loss = (-change.clip(upper=0)).rolling(14, min_periods=7).apply(np.nansum, raw=True)
    out["rsi_14"] = (100 * gain / (gain + loss)).where(gain + loss != 0, 50).where(gain.notna())

    mean = volume.rolling(24, min_periods=12).apply(np.nanmean, raw=True)
    out["volume_ratio"] = (volume / mean).where(mean != 0, 1).where(mean.notna() & volume.notna())
    out["high_low_range"] = np.log(frame["high"] / frame["low"])
    if "best_ask" in frame:
        out["spread"] = frame["best_ask"] - frame["best_bid"]
    if "bid_size" in frame:
        total = frame["bid_size"] + frame["ask_size"]
        out["order_book_imbalance"] = ((frame["bid_size"] - frame["ask_size"]) / total).where(total != 0, 0)
    if "funding_rate" in frame:
        out["funding_rate"] = frame["funding_rate"]
    if "taker_buy_volume" in frame:
        out["taker_imbalance"] = ((2 * frame["taker_buy_volume"] - volume) / volume).where(volume != 0, 0)

    closing = pd.to_datetime(frame.index + interval, unit="ms", utc=True)
    angle = 2 * np.pi * np.asarray((closing - closing.normalize()) / pd.Timedelta(days=1))
    out["time_of_day_sin"] = pd.Series(np.sin(angle), frame.index)
    out["time_of_day_cos"] = pd.Series(np.cos(angle), frame.index)
    return out, returns


def correlations(window):
    n = window.shape[1]
    out = np.full((n, n), np.nan)
    for i in range(n):
        for j in range(n):
            pair = window[:, [i, j]][~np.isnan(window[:, [i, j]]).any(axis=1)]
            # NumPy knows no rounding level: a flat series is told by its deviation.
            if 2 * len(pair) >= len(window) and (pair.std(axis=0) > 1e-5 * np.sqrt((pair**2).mean(axis=0))).all():
                out[i, j] = np.corrcoef(pair.T)[0, 1]
    return out


def plain(values):
    return [None if np.isnan(v) else v for v in np.asarray(values, dtype=float).tolist()]


def main(folder, request, answer):
    with open(request) as f:
        want = json.load(f)
    grid = want["start"] + want["interval"] * np.arange(want["bars"])
    tables, returns = {}, []
    for node, symbol in enumerate(want["symbols"]):
        table, r = features(load(folder, symbol, grid), want["interval"], want["max_gap"])
        for bar in (bar for i, bar in want["jumps"] if i == node):
            r.iloc[bar] = np.nan
            for values in table.values():
                values.iloc[bar : bar + 24] = np.nan
        for name, values in table.items():
            tables.setdefault(name, []).append(plain(values))
        returns.append(r)
    returns = np.stack(returns, axis=1)
    if want["excess"]:
        present = ~np.isnan(returns)
        mean = np.where(present, returns, 0).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
        returns = returns - mean[:, None]
    at = [[plain(row) for row in correlations(returns[t - want["window"] + 1 : t + 1])] for t in want["at"]]
    with open(answer, "w") as f:
        json.dump({"features": tables, "correlations": at}, f, allow_nan=False)


main(*sys.argv[1:])
