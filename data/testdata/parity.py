"""Computes features and correlations with pandas and NumPy, for parity_test.go.

    parity.py CANDLES REQUEST ANSWER

CANDLES is a folder of SYMBOL.csv. REQUEST is JSON: symbols (node order), start
(ms), interval (ms), bars, window, excess, market (optional: FEATURES=market), max_gap, jumps (node and bar of each) and at (bars
whose correlations are wanted). ANSWER is written in JSON: features, name -> [N, T], and correlations,
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


def clipped(values):
    return values.clip(-6, 6)


def trailing(values, made, block):
    """What is made of the values up to each bar since the block of 1152 bars before its own."""
    parts = []
    for b in np.unique(block):
        part = made(values[(block == b) | (block == b - 1)])
        parts.append(part[-int((block == b).sum()) :])
    return pd.concat(parts)


def mean(span):
    return lambda values: values.ewm(span=span, ignore_na=True).mean()


def tamed(square):
    usual = mean(576)(square).where(square.notna())
    return np.sqrt(mean(288)(np.minimum(square, 25 * usual))) + 1e-5


def market_features(frame, interval, max_gap, jumps):
    """FEATURES=market as each symbol alone has them; (how, values) by name, how being what the bar makes of them."""
    times = frame.index.to_numpy()
    o, h, l, c = (frame[name] for name in ("open", "high", "low", "close"))
    log, last = np.log(c), (c.ffill(limit=max_gap) if max_gap else c)
    r = log - np.log(last.shift(1))
    r.iloc[jumps] = np.nan
    square = r**2
    block = times // interval // 1152
    sigma = trailing(square, tamed, block).where(trailing(square.notna(), lambda known: known.cumsum(), block) >= 144)

    def returns(k):
        return clipped((log - np.log(last.shift(k))) / (sigma * np.sqrt(k)))

    def deviation(w):
        return clipped((log - log.rolling(w, min_periods=(w + 1) // 2).mean()) / (sigma * np.sqrt(w / 3)))

    position = ((c - l) / (h - l)).where(h != l, 0.5).where(c.notna())
    quote = c * frame["volume"]
    if "quote_volume" in frame:
        quote = frame["quote_volume"].where(frame["quote_volume"].notna(), quote)
    usual = trailing(quote, mean(288), block)
    v = np.log(quote + usual / 100).where(usual > 0)
    volume = clipped((v - v.rolling(288, min_periods=1).mean()) / v.rolling(288, min_periods=2).std().clip(lower=0.01))
    volume = volume.fillna(0).where(quote.notna() & (quote.rolling(288, min_periods=1).count() >= 144))
    body, level = clipped(np.log(c / o) / sigma), np.log(sigma)
    own, less, median, reference = "own", "less median", "median", "reference"
    out = {
        "scaled_return_1": (own, returns(1)),
        "scaled_gap": (own, clipped((np.log(o) - np.log(last.shift(1))) / sigma)),
        "scaled_range": (own, clipped(np.log(np.log(h / l) / sigma + 0.1))),
        "close_position": (own, position),
        "upper_wick": (own, clipped(np.log(h / np.maximum(o, c)) / sigma)),
        "lower_wick": (own, clipped(np.log(np.minimum(o, c) / l) / sigma)),
        "volume_score": (own, volume),
        "volatility_change": (own, clipped(np.log(np.sqrt(trailing(square, mean(24), block)) / sigma + 0.05))),
        "relative_position": (less, position),
        "relative_volume": (less, volume),
        "relative_volatility": (less, level),
        "relative_body": (less, body),
        "market_return": (median, returns(1)),
        "market_deviation_12": (median, deviation(12)),
        "reference_return": (reference, returns(1)),
        "log_volatility": (own, level),
    }
    for w in (3, 12, 48, 144, 288):
        out[f"scaled_deviation_{w}"], out[f"relative_deviation_{w}"] = (own, deviation(w)), (less, deviation(w))
    for w in (1, 3, 12, 48, 288):
        out[f"relative_return_{w}"] = (less, returns(w))
    closing = times + interval
    for name, period in (("day", 86_400_000), ("hour", 3_600_000)):
        angle = 2 * np.pi * (closing % period) / period
        out[f"time_of_{name}_sin"] = (own, pd.Series(np.sin(angle), frame.index))
        out[f"time_of_{name}_cos"] = (own, pd.Series(np.cos(angle), frame.index))
    for _, values in out.values():
        for bar in jumps:
            values.iloc[bar : bar + 288] = np.nan
        values[c.isna()] = np.nan
    return out


def crossed(tables):
    """What bars make of the symbols' own values: name -> [N, T]. The reference is the first symbol."""
    names = list(tables[0])
    own = np.array([[table[name][1] for name in names] for table in tables])  # [N, F, T]
    own[np.broadcast_to(np.isnan(own).any(axis=1, keepdims=True), own.shape)] = np.nan
    out = {}
    for j, name in enumerate(names):
        values, how = own[:, j], tables[0][name][0]
        known = ~np.isnan(values).all(axis=0)
        median = np.full(values.shape[1], np.nan)
        median[known] = np.nanmedian(values[:, known], axis=0)
        level = np.where(np.isnan(values[0]), median, values[0]) if how == "reference" else median
        if how == "less median":
            values = values - level
        elif how != "own":
            values = np.where(np.isnan(values), np.nan, level)
        out[name] = [plain(row) for row in values]
    return out


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
    tables, returns, own = {}, [], []
    for node, symbol in enumerate(want["symbols"]):
        frame = load(folder, symbol, grid)
        jumps = [bar for i, bar in want["jumps"] if i == node]
        if want.get("market"):
            own.append(market_features(frame, want["interval"], want["max_gap"], jumps))
        table, r = features(frame, want["interval"], want["max_gap"])
        for bar in jumps:
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
        json.dump({"features": crossed(own) if want.get("market") else tables, "correlations": at}, f, allow_nan=False)


main(*sys.argv[1:])
