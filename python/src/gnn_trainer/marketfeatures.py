"""The features of FEATURES=market, as gnn-trainer computes them (data/marketfeatures.go and data/volatility.go there)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .candles import Market
from .features import HOUR, Feature, _shift, log_return, time_of

WINDOW = 288  # bars before its own that a feature needs at most
BLOCK = 1152  # bars on absolute time, at which exponential means begin anew
MEMORY = 2 * BLOCK
MOST = 6  # what is divided by the volatility is clipped to


def _chains(market: Market) -> Iterator[tuple[int, int, int]]:
    """Each block of bars with the block before: the first bar of that, its own first, and the one behind its last."""
    block = market.times // market.step // BLOCK
    starts = [0, *(torch.diff(block).nonzero().flatten() + 1).tolist(), market.bars]
    for k in range(len(starts) - 1):
        yield starts[max(k - 1, 0)], starts[k], starts[k + 1]


def _ema(values: Tensor, span: int) -> Tensor:
    """The exponential mean of the values that are there [N, T], up to each bar; NaN before the first. It sums weights
    that grow, the oldest 1: over a chain they stay within range."""
    there = ~values.isnan()
    weight = torch.where(there, (1 / (1 - 2 / (span + 1))) ** there.cumsum(dim=1).double(), 0.0)
    return (weight * values.nan_to_num(0.0)).cumsum(dim=1) / weight.cumsum(dim=1)


def _along(market: Market, values: Tensor, made: Callable[[Tensor], Tensor]) -> Tensor:
    """What is made of the values up to each bar since the block before its own."""
    parts = [made(values[:, begin:to])[:, own - begin :] for begin, own, to in _chains(market)]
    return torch.cat(parts, dim=1)


def _once(market: Market, name: str, make: Callable[[Market], Tensor]) -> Tensor:
    if name not in market.made:
        market.made[name] = make(market)
    return market.made[name]


def _squares(market: Market) -> Tensor:
    """Squared one-bar returns, without those that span a jump."""
    r = torch.where(market.jump, math.nan, log_return(market, 1))
    return r * r


def sigma(market: Market) -> Tensor:
    """The volatility of each bar, NaN where fewer returns than half a window are known."""

    def chain(square: Tensor) -> Tensor:
        tamed = torch.minimum(square, 25 * _ema(square, 576))
        known = (~square.isnan()).cumsum(dim=1)
        return torch.where(known >= WINDOW // 2, _ema(tamed, WINDOW).sqrt() + 1e-5, math.nan)

    return _once(market, "sigma", lambda m: _along(m, _squares(m), chain))


def _rolling(values: Tensor, window: int) -> tuple[Tensor, Tensor, Tensor]:
    """Number, mean and sample variance of the values that are there among the last window."""
    there = ~values.isnan()
    first = values.gather(1, there.long().argmax(dim=1, keepdim=True)).nan_to_num(0.0)
    v = (values - first).nan_to_num(0.0)

    def last(x: Tensor) -> Tensor:
        total = x.cumsum(dim=1)
        return total - _shift(total, window).nan_to_num(0.0)

    n, s = last(there.double()), last(v)
    count = n.clamp(min=1)
    variance = (last(v * v) - s * s / count).clamp(min=0) / (count - 1).clamp(min=1)
    return n, first + s / count, variance


def _clip(values: Tensor) -> Tensor:
    return values.clamp(-MOST, MOST)


def _return(market: Market, k: int) -> Tensor:
    return _clip(log_return(market, k) / (sigma(market) * math.sqrt(k)))


def _deviation(market: Market, window: int) -> Tensor:
    log = market.values["close"].log()
    n, mean, _ = _rolling(log, window)
    value = (log - mean) / (sigma(market) * math.sqrt(window / 3))
    return _clip(torch.where(n >= (window + 1) // 2, value, math.nan))


def _position(market: Market) -> Tensor:
    high, low, close = (market.values[name] for name in ("high", "low", "close"))
    return torch.where(high == low, 0.5, (close - low) / (high - low))


def _volume(market: Market) -> Tensor:
    """z-score of ln(q + EMA288(q)/100), q the quote volume; 0 where nothing has been traded yet."""
    quote = market.values["close"] * market.values["volume"]
    given = market.values.get("quote_volume", quote)
    quote = torch.where(given.isnan(), quote, given)
    usual = _along(market, quote, lambda q: _ema(q, WINDOW))
    log = torch.where(usual > 0, (quote + usual / 100).log(), math.nan)
    n, mean, variance = _rolling(log, WINDOW)
    score = torch.where((n < 2) | log.isnan(), 0.0, (log - mean) / variance.sqrt().clamp(min=0.01))
    known, _, _ = _rolling(quote, WINDOW)
    return _clip(torch.where(quote.isnan() | (known < WINDOW // 2), math.nan, score))


def _per_sigma(numerator: str, denominator: str) -> Callable[[Market], Tensor]:
    """The log ratio of two prices in units of the volatility."""

    def fill(market: Market) -> Tensor:
        v = market.values
        prices = {
            **v,
            "upper": torch.maximum(v["open"], v["close"]),
            "lower": torch.minimum(v["open"], v["close"]),
            "last": _shift(market.last_close, 1),
        }
        return _clip((prices[numerator] / prices[denominator]).log() / sigma(market))

    return fill


def _range(market: Market) -> Tensor:
    v = market.values
    return _clip(((v["high"] / v["low"]).log() / sigma(market) + 0.1).log())


def _volatility_change(market: Market) -> Tensor:
    short = _along(market, _squares(market), lambda square: _ema(square, 24)).sqrt()
    return _clip((short / sigma(market) + 0.05).log())


def _named(name: str, fill: Callable[[Market], Tensor], crossing: str = "") -> Feature:
    wishes = ("quote_volume",) if fill is _volume else ()
    return Feature(lambda m: _once(m, name, fill), (), wishes, WINDOW, MEMORY, crossing)


def _returns(k: int, crossing: str = "") -> Feature:
    return _named(f"return {k}", lambda m: _return(m, k), crossing)


def _deviations(window: int, crossing: str = "") -> Feature:
    return _named(f"deviation {window}", lambda m: _deviation(m, window), crossing)


LESS, MEDIAN, REFERENCE = "less median", "median", "reference"

MARKET_FEATURES = {
    "scaled_return_1": _returns(1),
    "scaled_gap": _named("gap", _per_sigma("open", "last")),
    "scaled_range": _named("range", _range),
    "close_position": _named("position", _position),
    "upper_wick": _named("upper wick", _per_sigma("high", "upper")),
    "lower_wick": _named("lower wick", _per_sigma("lower", "low")),
    "volume_score": _named("volume", _volume),
    **{f"scaled_deviation_{w}": _deviations(w) for w in (3, 12, 48, 144, 288)},
    "volatility_change": _named("volatility change", _volatility_change),
    **{f"relative_return_{k}": _returns(k, LESS) for k in (1, 3, 12, 48, 288)},
    **{f"relative_deviation_{w}": _deviations(w, LESS) for w in (3, 12, 48, 144, 288)},
    "relative_position": _named("position", _position, LESS),
    "relative_volume": _named("volume", _volume, LESS),
    "relative_volatility": _named("log volatility", lambda m: sigma(m).log(), LESS),
    "relative_body": _named("body", _per_sigma("close", "open"), LESS),
    "market_return": _returns(1, MEDIAN),
    "market_deviation_12": _deviations(12, MEDIAN),
    "reference_return": _returns(1, REFERENCE),
    "log_volatility": _named("log volatility", lambda m: sigma(m).log()),
    "time_of_hour_sin": Feature(lambda m: time_of(HOUR, m, torch.sin)),
    "time_of_hour_cos": Feature(lambda m: time_of(HOUR, m, torch.cos)),
}
