"""The features by their names, as gnn-trainer computes them (data/features.go and data/indicators.go there).

Each is known at the close of its bar, and NaN where it is undefined. Sums run over their windows in the trainer's
order, oldest bar first, so that they round alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .candles import Market, stamp
from .errors import CandlesError, ResultError
from .frames import CANDLE
from .jumps import LOOKBACK as LOOKBACK

DAY, HOUR = 86_400_000, 3_600_000  # ms


@dataclass(frozen=True)
class Feature:
    """A quantity known at a bar's close: fill gives [N, T]."""

    fill: Callable[[Market], Tensor]
    needs: tuple[str, ...] = ()  # columns beyond the candle itself
    wishes: tuple[str, ...] = ()  # columns that it uses where the candles have them
    lookback: int = LOOKBACK  # bars before its own that it needs at most
    memory: int = 0  # bars before its own that its last digits may depend on
    crossing: str = ""  # what becomes of it beside the other nodes: less median, median or reference


def log_return(market: Market, k: int) -> Tensor:
    """ln(C[t] / C[t-k]), with the last close before where the one of k bars ago is missing."""
    return market.values["close"].log() - _shift(market.last_close.log(), k)


def volatility(market: Market, window: int, least: int) -> Tensor:
    """Sample deviation of the one-bar returns of the last bars."""
    returns = log_return(market, 1)
    count, mean = _mean(returns, window)
    squares = torch.zeros_like(mean)
    for value in _window(returns, window):
        squares += ((value - mean) * (value - mean)).nan_to_num(0.0)
    return torch.where(count >= max(least, 2), (squares / (count - 1)).sqrt(), math.nan)


def rsi(market: Market, window: int, least: int) -> Tensor:
    """100 G / (G + L) over the changes of the last bars (Cutler's variant), 50 where nothing moved."""
    close = market.values["close"]
    changes = close - _shift(market.last_close, 1)
    count, gains, losses = (torch.zeros_like(close) for _ in range(3))
    for change in _window(changes, window):
        count += ~change.isnan()
        gains += change.clamp(min=0).nan_to_num(0.0)
        losses -= change.clamp(max=0).nan_to_num(0.0)
    moved = gains + losses
    value = torch.where(moved == 0, 50.0, 100 * gains / moved)
    return torch.where(count >= least, value, math.nan)


def ratio_to_mean(values: Tensor, window: int, least: int) -> Tensor:
    """The value over the mean of the last ones, itself among them; 1 where that mean is 0."""
    count, mean = _mean(values, window)
    ratio = torch.where(mean == 0, 1.0, values / mean)
    return torch.where(values.isnan() | (count < least), math.nan, ratio)


def share(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, 0 of nothing."""
    return torch.where((part == 0) & (whole == 0), 0.0, part / whole)


def time_of(period: int, market: Market, wave: Callable[[Tensor], Tensor]) -> Tensor:
    """The UTC time of a day or an hour at the bar's close, on a circle."""
    closing = market.times + market.step
    angle = 2 * math.pi * (closing % period).double() / period
    return wave(angle).expand(len(market.symbols), -1)


def _book(market: Market) -> Tensor:
    bid, ask = market.values["bid_size"], market.values["ask_size"]
    return share(bid - ask, bid + ask)


def _taker(market: Market) -> Tensor:
    buys, volume = market.values["taker_buy_volume"], market.values["volume"]
    return share(2 * buys - volume, volume)


FEATURES = {
    "log_return_1": Feature(lambda m: log_return(m, 1)),
    "log_return_4": Feature(lambda m: log_return(m, 4)),
    "log_return_12": Feature(lambda m: log_return(m, 12)),
    "log_return_24": Feature(lambda m: log_return(m, 24)),
    "volatility_24": Feature(lambda m: volatility(m, 24, 12)),
    "rsi_14": Feature(lambda m: rsi(m, 14, 7)),
    "volume_ratio": Feature(lambda m: ratio_to_mean(m.values["volume"], 24, 12)),
    "spread": Feature(lambda m: m.values["best_ask"] - m.values["best_bid"], ("best_bid", "best_ask")),
    "order_book_imbalance": Feature(_book, ("bid_size", "ask_size")),
    "funding_rate": Feature(lambda m: m.values["funding_rate"], ("funding_rate",)),
    "high_low_range": Feature(lambda m: (m.values["high"] / m.values["low"]).log()),
    "taker_imbalance": Feature(_taker, ("taker_buy_volume",)),
    "time_of_day_sin": Feature(lambda m: time_of(DAY, m, torch.sin)),
    "time_of_day_cos": Feature(lambda m: time_of(DAY, m, torch.cos)),
}


def given(column: str) -> Feature:
    """A column of the candles, as it is."""
    return Feature(lambda m: m.values[column], () if column in CANDLE else (column,))


def known(names: Sequence[str], given_columns: Sequence[str], address: str) -> dict[str, Feature]:
    """The features by these names; one that this package cannot compute is an error, never a guess."""
    from .marketfeatures import MARKET_FEATURES  # which is made of what is here

    all_features = FEATURES | MARKET_FEATURES | {name: given(name) for name in given_columns}
    if unknown := [name for name in names if name not in all_features]:
        raise ResultError(
            f"the model of {address} takes the feature {' and '.join(unknown)}, which this version cannot compute from candles: "
            "install a newer gnn-trainer-client, or compute x yourself and call result.model"
        )
    return {name: all_features[name] for name in names}


def columns(features: Iterable[Feature]) -> list[str]:
    """The columns beyond the candle itself that features need."""
    return list(dict.fromkeys(column for f in features for column in f.needs))


def wished(features: Iterable[Feature]) -> list[str]:
    """The columns that features use where they are there."""
    return list(dict.fromkeys(column for f in features for column in f.wishes))


def compute(market: Market, features: Mapping[str, Feature], reference: int = -1) -> Tensor:
    """The features of every symbol and bar [N, T, F] as float32, NaN where one is undefined. reference is the node of
    reference_return."""
    names = list(features)
    x = torch.stack([f.fill(market) for f in features.values()], dim=2)
    too_large = x.abs() > torch.finfo(torch.float32).max
    if bool(too_large.any()):
        i, t, j = too_large.nonzero()[0].tolist()
        raise CandlesError(
            f"{names[j]} of {market.symbols[i]} at {stamp(market.open_time(t))} is {float(x[i, t, j])}, which no float32 holds: "
            "correct the candles"
        )
    x = torch.where((market.values["close"].isnan() | market.masked)[:, :, None], math.nan, x).float()
    if any(f.crossing for f in features.values()):
        _cross(x, list(features.values()), reference)
    return x


def _cross(x: Tensor, features: Sequence[Feature], reference: int) -> None:
    """Makes what bars make of the nodes' own values, over those that have all of them; NaN at the others."""
    present = ~x.isnan().any(dim=2)  # [N, T]
    count = present.sum(dim=0)
    for j, f in enumerate(features):
        if not f.crossing:
            continue
        own = torch.where(present, x[:, :, j].double(), math.inf).sort(dim=0).values
        middle = [own.gather(0, k.clamp(min=0)[None]) for k in ((count - 1) // 2, count // 2 - (count == 0).long())]
        level = (middle[0] + middle[1]) / 2  # [1, T]
        if f.crossing == "reference":
            level = torch.where(present[reference], x[reference, :, j].double(), level[0])[None]
        value = x[:, :, j].double() - level if f.crossing == "less median" else level.expand(len(x), -1)
        x[:, :, j] = torch.where(present, value, math.nan).float()


def _shift(values: Tensor, k: int) -> Tensor:
    """The values [N, T] of k bars before, NaN where there are none."""
    if k == 0:
        return values
    out = torch.full_like(values, math.nan)
    out[:, k:] = values[:, :-k]
    return out


def _window(values: Tensor, window: int) -> Iterator[Tensor]:
    """For each bar the values [N, T] of the last window bars, the oldest first."""
    return (_shift(values, k) for k in reversed(range(min(window, values.shape[1]))))


def _mean(values: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """How many of the last window values are there, and their mean, 0 of none."""
    count, total = torch.zeros_like(values), torch.zeros_like(values)
    for value in _window(values, window):
        count += ~value.isnan()
        total += value.nan_to_num(0.0)
    return count, total / count.clamp(min=1)
