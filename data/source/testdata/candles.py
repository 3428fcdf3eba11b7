"""Writes the Parquet files in this folder: the same three candles as pandas users keep them."""

import pathlib

import pandas as pd

here = pathlib.Path(__file__).parent
candles = pd.DataFrame(
    {
        "open_time": [1704067200000, 1704067500000, 1704067800000],
        "open": [10.0, 10.0, 10.0],
        "high": [20.0, 20.0, 20.0],
        "low": [5.0, 5.0, 5.0],
        "close": [10.0, 11.0, 12.0],
        "volume": [100.0, 100.0, 100.0],
        "best_bid": [9.0, None, 9.5],
        "comment": ["a", None, "c"],
    }
)
candles.to_parquet(here / "integers.parquet")

# An index of times, which pandas keeps as a column of its own.
timed = candles.assign(open_time=pd.to_datetime(candles["open_time"], unit="ms", utc=True)).set_index("open_time")
timed.to_parquet(here / "timestamps.parquet", compression="zstd")

# Binance's REST API gives prices as text.
candles.assign(**{c: candles[c].map(str) for c in ["open", "high", "low", "close", "volume"]}).to_parquet(here / "text.parquet")
