"""Candles of a caller on one time axis: cleaned and checked as gnn-trainer does it with files. Nothing is filled in."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

import torch
from torch import Tensor

from . import jumps
from .errors import CandlesError
from .frames import CANDLE, Candles, rows

PRICES = CANDLE[:4]
OPTIONAL = ("taker_buy_volume", "quote_volume", "best_bid", "best_ask", "bid_size", "ask_size", "funding_rate")
INTERVALS = {
    "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30,
    "1h": 60, "2h": 120, "4h": 240, "6h": 360, "8h": 480, "12h": 720, "1d": 1440,
}  # fmt: skip
ROUNDING = 1e-9  # how far, relatively, prices that went through a rounding may leave [low, high]


@dataclass(frozen=True)
class Market:
    """Candles of N symbols over T bars."""

    symbols: tuple[str, ...]
    times: Tensor  # [T] open times, Unix ms
    step: int  # ms
    values: Mapping[str, Tensor]  # column -> [N, T] float64, NaN where a bar or a value is missing
    last_close: Tensor  # [N, T] the newest close up to each bar, NaN where it is older than the longest gap
    jump: Tensor  # [N, T] bool: the first bars at a price that no market makes of the one before
    masked: Tensor  # [N, T] bool: the bars whose windows a jump is in
    made: dict[str, Tensor] = field(default_factory=dict)  # [N, T] what several features are made of, by name

    @property
    def bars(self) -> int:
        return self.values["close"].shape[1]

    def open_time(self, bar: int) -> int:
        return int(self.times[bar])

    def cut(self, first: int, last: int) -> Market:
        """The bars first to last, both included."""

        def part(v: Tensor) -> Tensor:
            return v[:, first : last + 1].contiguous()

        values = {name: part(v) for name, v in self.values.items()}
        last_close, jump, masked = (part(v) for v in (self.last_close, self.jump, self.masked))
        return Market(self.symbols, self.times[first : last + 1], self.step, values, last_close, jump, masked)


def market(
    candles: Candles,
    symbols: Sequence[str],
    interval: str,
    optional: Sequence[str],
    own: Collection[str],
    allow_missing: bool,
    max_gap: int,
    sessions: bool,
    lookback: int = jumps.LOOKBACK,
    wished: Sequence[str] = (),
) -> Market:
    """The panel of the given symbols, with the optional columns that are needed of each; those of own may hold any numbers.
    Columns that are wished are all missing where the candles lack them. lookback is the longest window of a feature.

    Candles of other symbols are passed over. A symbol without candles is an error, unless it is allowed. A return is
    taken across at most max_gap missing bars. With sessions the market has closing hours: only times at which some
    symbol has a candle are bars.
    """
    step = INTERVALS[interval] * 60_000
    nodes = {symbol: i for i, symbol in enumerate(symbols)}
    wanted = (*CANDLE, *optional)
    node, time, values = rows(candles, nodes, wanted, [name for name in wished if name not in optional])
    if missing := [s for s, i in nodes.items() if not bool((node == i).any())]:
        if len(missing) == len(nodes):
            raise CandlesError(f"there are no candles of any of the model's symbols, {_some(symbols)}: give theirs")
        if not allow_missing:
            raise CandlesError(
                f"there are no candles of {_some(missing)}, which the model knows: give them, "
                "or say allow_missing=True to have these symbols masked, which changes what is said of the others"
            )
    _check(values, own, lambda row: f"{symbols[int(node[row])]} at {stamp(int(time[row]))}")

    order = torch.argsort(time, stable=True)
    order = order[torch.argsort(node[order], stable=True)]
    node, time, values = node[order], time[order], {name: v[order] for name, v in values.items()}
    keep = _unrepeated(node, time, values, symbols)
    node, time, values = node[keep], time[keep], {name: v[keep] for name, v in values.items()}
    _check_grid(node, time, step, interval, symbols)

    first, last = int(time.min()), int(time.max())
    if not sessions and (last - first) // step + 1 > 10_000 + 20 * int(torch.bincount(node).max()):
        raise CandlesError(
            f"the candles run from {stamp(first)} to {stamp(last)}, which is {(last - first) // step + 1} bars of {interval}, "
            "nearly all of them empty: correct the odd open_time, or give one stretch of time"
        )
    if sessions:
        times, at = torch.unique(time, return_inverse=True)
    else:
        times, at = torch.arange(first, last + 1, step), (time - first) // step
    bars = len(times)
    panel = {}
    for name, v in values.items():
        panel[name] = torch.full((len(nodes), bars), math.nan, dtype=torch.float64)
        panel[name][node, at] = v
    close = panel["close"]
    jump = jumps.jumps(panel["open"], panel["high"], panel["low"], close, lookback)
    return Market(tuple(symbols), times, step, panel, _carried(close, max_gap), jump, jumps.after(jump, lookback))


def _carried(values: Tensor, most: int) -> Tensor:
    """The newest value [N, T] up to each bar, NaN where it is more than most bars old: pandas' ffill(limit=most)."""
    bar = torch.arange(values.shape[1])
    newest = torch.where(values.isnan(), -1, bar).cummax(dim=1).values
    carried = values.gather(1, newest.clamp(min=0))
    return torch.where((newest >= 0) & (bar - newest <= most), carried, math.nan)


def stamp(ms: int) -> str:
    """An open time as messages write it."""
    return f"{ms} ({datetime.fromtimestamp(ms / 1000, timezone.utc):%Y-%m-%dT%H:%M:%SZ})"


def _some(symbols: Iterable[str]) -> str:
    names = list(symbols)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _check(values: Mapping[str, Tensor], own: Collection[str], where: Callable[[int], str]) -> None:
    """Refuses what no market can have made, naming the first such candle."""
    none = torch.zeros_like(values["close"])
    v = {**dict.fromkeys(("taker_buy_volume", "best_bid", "best_ask"), none + math.nan), **values}
    flaws: list[tuple[Tensor, str, str]] = []
    for name, x in values.items():
        flaws.append(
            (x.isinf() | x.isnan() if name in CANDLE else x.isinf(), name, "not a number that a market can show")
        )
        if name in PRICES or name in ("best_bid", "best_ask"):
            flaws.append((x <= 0, name, "and a price is above 0"))
        elif name != "funding_rate" and name not in own:
            flaws.append((x < 0, name, "and none is below 0"))
    flaws.append((v["high"] < v["low"], "high", "below low"))
    for name in ("open", "close"):
        flaws.append((v[name] > v["high"] * (1 + ROUNDING), name, "above high"))
        flaws.append((v[name] < v["low"] * (1 - ROUNDING), name, "below low"))
    flaws.append(
        (
            v["taker_buy_volume"] > v["volume"] * (1 + ROUNDING),
            "taker_buy_volume",
            "above volume, which it is a part of",
        )
    )
    flaws.append((v["best_ask"] < v["best_bid"], "best_ask", "below best_bid"))
    for wrong, name, rule in flaws:
        if bool(wrong.any()):
            row = int(wrong.nonzero()[0])
            raise CandlesError(
                f"{name} of {where(row)} is {float(v[name][row])}, {rule}: correct or remove this candle"
            )


def _unrepeated(node: Tensor, time: Tensor, values: Mapping[str, Tensor], symbols: Sequence[str]) -> Tensor:
    """Which of the sorted rows [R] to keep: the first of each run of equal candles."""
    again = torch.zeros(len(node), dtype=torch.bool)
    again[1:] = (node[1:] == node[:-1]) & (time[1:] == time[:-1])
    for name, x in values.items():
        differs = again[1:] & (x[1:] != x[:-1]) & ~(x[1:].isnan() & x[:-1].isnan())
        if bool(differs.any()):
            row = int(differs.nonzero()[0])
            raise CandlesError(
                f"{symbols[int(node[row])]} has open_time {stamp(int(time[row]))} twice, with {name} {float(x[row])} "
                f"and {float(x[row + 1])}: remove one of them"
            )
    return ~again


def _check_grid(node: Tensor, time: Tensor, step: int, interval: str, symbols: Sequence[str]) -> None:
    """Refuses candles of another interval than the model's. The most frequent distance of all symbols tells it, once
    it occurs again: missing bars only add longer ones."""
    apart, counts = torch.unique(torch.diff(time)[torch.diff(node) == 0], return_counts=True)
    if len(apart) and int(counts.max()) > 1 and (usual := int(apart[counts.argmax()])) != step:
        raise CandlesError(
            f"the candles are {usual / 60_000:g} minutes apart, and the model was trained on {interval}: "
            f"give candles of {interval}"
        )
    if bool((odd := (time - time[0]) % step != 0).any()):
        row = int(odd.nonzero()[0])
        raise CandlesError(
            f"{symbols[int(node[row])]} has a candle at {stamp(int(time[row]))}, which is no whole multiple of {interval} "
            f"from {symbols[int(node[0])]}'s at {stamp(int(time[0]))}: correct or remove it"
        )
