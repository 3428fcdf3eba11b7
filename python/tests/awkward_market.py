"""A random market with the troubles of real ones, and its files with the troubles of real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

BARS, SYMBOLS = 420, 10


def draw(seed: int, interval: pd.Timedelta, bars: int = BARS) -> pd.DataFrame:
    """A long frame: random gaps, a late listing, a delisting, a symbol that never moves, one that grows evenly, one that
    jumps and then stands still, one whose prices get another unit, bars without volume, values missing here and there, and two symbols that are the same."""
    r = np.random.default_rng(seed)
    times = 1_717_275_600_000 + interval // pd.Timedelta("1ms") * np.arange(bars)  # 2024-06-01T21:00Z
    common = r.normal(size=bars)
    parts = []
    for i in range(SYMBOLS):
        step = 1e-3 * (0.3 * (i % 5) * common + r.normal(size=bars))
        missing = r.random(bars) < 0.04
        if i == 1:
            step[:] = 0
        elif i == 2:
            step[:] = 1e-4
        elif i == 3:
            step[bars // 3 : bars * 3 // 4] = 0
            step[bars // 3] = 0.7
        elif i == 4:
            missing[bars * 2 // 3 :] = True
        elif i == 5:
            missing[: bars // 2] = True
        elif i == 6:
            missing |= r.random(bars) < 0.45
        elif i == 9:
            step[bars // 2] = np.log(1000)
            step[bars // 4] = -np.log(1.5)
        close = np.exp(3 * r.normal() + step.cumsum())
        volume = np.exp(r.normal(size=bars))
        if i == 1:
            volume[np.arange(bars) % 90 > 30] = 0
        frame = pd.DataFrame(
            {
                "open_time": times,
                "symbol": f"S{i:02}USDT",
                "open": close,
                "high": close * (1 + 1e-3 * r.random(bars)),
                "low": close * (1 - 1e-3 * r.random(bars)),
                "close": close,
                "volume": volume,
                "taker_buy_volume": volume * r.random(bars),
                "best_bid": close * (1 - 1e-4 * r.random(bars)),
                "best_ask": close * (1 + 1e-4 * r.random(bars)),
                "bid_size": r.integers(0, 3, bars).astype(float),
                "ask_size": r.integers(0, 3, bars).astype(float),
                "funding_rate": np.where(r.random(bars) < 0.03, np.nan, 1e-4 * r.normal(size=bars)),
            }
        )
        parts.append(frame[~missing] if i not in (0, 7) else frame)
    parts[7] = parts[0].assign(symbol=parts[7].symbol.iloc[0])
    whole: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return whole


def in_sessions(candles: pd.DataFrame) -> pd.DataFrame:
    """The same bars, seven of an hour on each weekday: the market is closed in between."""
    weekdays = pd.bdate_range("2024-06-03", periods=BARS // 7, tz="UTC").as_unit("ms").asi8
    opens = (weekdays[:, None] + 3_600_000 * np.arange(13, 20)).ravel()
    bar = np.searchsorted(np.unique(candles.open_time), candles.open_time)
    moved: pd.DataFrame = candles.assign(open_time=opens[bar])
    return moved


def write(candles: pd.DataFrame, folder: Path) -> None:
    """One file a symbol, of which one is out of order with repeated rows, one has other names and one microseconds."""
    for k, (symbol, group) in enumerate(candles.groupby("symbol")):
        frame = group.drop(columns="symbol")
        if k == 2:
            frame = pd.concat([frame.iloc[::-1], frame.iloc[5:8]])
        elif k == 3:
            frame = frame.rename(columns={"open_time": "ts", "taker_buy_volume": "taker_buy_base"})
        elif k == 4:
            frame = frame.assign(open_time=frame.open_time * 1000)
        frame.to_csv(folder / f"{symbol}.csv", index=False)
