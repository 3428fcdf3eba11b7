"""Changes of a price between two bars that no market makes, by gnn-trainer's rule (data/jumps.go there).

A split, a redenomination, another unit or a wrong candle: no window and no return spans one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOOKBACK = 24  # bars that a deviation is taken of, and that a feature of FEATURES=streamforge needs at most
CERTAIN_BETWEEN, CERTAIN_WITHIN = 5, 8  # ratios that count whatever the market did
LEAST, DEVIATIONS = 1.4, 10  # the smallest ratio that may, and how many of the symbol's deviations it needs
LEAST_SPLIT, SPLIT_DEVIATIONS, TOLERANCE = 1.2, 5, 0.02  # the same of simple ratios
SPLITS = (1.25, 4 / 3, 1.5, 2, 3, 4, 5)


def jumps(open: Tensor, high: Tensor, low: Tensor, close: Tensor, reach: int) -> Tensor:
    """Which bars [N, T] are the first at a new price, at most reach bars behind the last one. The prices [N, T] are NaN
    where a bar is missing."""
    found = torch.zeros_like(close, dtype=torch.bool)
    n, bars = close.shape
    before = torch.where(close.isnan(), -1, torch.arange(bars)).cummax(dim=1).values
    previous = torch.full((n, bars), -1)
    previous[:, 1:] = before[:, :-1]  # the last bar that is there
    age = torch.arange(bars) - previous
    last = close.gather(1, previous.clamp(min=0))
    ratio, opening = close / last, open / last
    candidate = (previous >= 0) & (age <= reach) & (_beyond(ratio, LEAST_SPLIT) | _beyond(opening, CERTAIN_BETWEEN))
    for i, t in candidate.nonzero().tolist():
        r, o = float(ratio[i, t]), float(opening[i, t])
        late = abs(math.log(o)) < abs(math.log(r)) / 2  # the open is at the old price
        certain = _larger(r, CERTAIN_WITHIN if late else CERTAIN_BETWEEN) or _larger(o, CERTAIN_BETWEEN)
        found[i, t] = certain or (
            _larger(r, LEAST_SPLIT) and _is_jump(close, high, low, found[i], i, int(previous[i, t]), t, o)
        )
    return found


def _beyond(ratio: Tensor, most: float) -> Tensor:
    return (ratio >= most) | (ratio <= 1 / most)


def _larger(ratio: float, most: float) -> bool:
    return ratio >= most or ratio <= 1 / most


def _is_jump(close: Tensor, high: Tensor, low: Tensor, known: Tensor, i: int, p: int, t: int, opening: float) -> bool:
    """Decides on a ratio that a market could make. The symbol's bar before t is p; known are its jumps before [T]."""
    move = math.log(float(close[i, t] / close[i, p]))
    size = abs(move)
    below, above = (high[i, p], low[i, t]) if move > 0 else (high[i, t], low[i, p])
    split = any(abs(max(opening, 1 / opening) / s - 1) < TOLERANCE for s in SPLITS)
    if math.log(float(above / below)) < size / 2 or (not split and size < math.log(LEAST)):
        return False
    bars = torch.arange(max(1, p - LOOKBACK + 1), p + 1)
    returns = (close[i, bars] / close[i, bars - 1]).log()
    returns = returns[~returns.isnan() & ~known[bars]]
    count = len(returns)
    deviations, fewest = (SPLIT_DEVIATIONS, 2) if split else (DEVIATIONS, LOOKBACK // 2)
    if count < fewest or size < deviations * math.sqrt(float((returns**2).sum()) / count * (t - p)):
        return False
    others = (close[:, t] / close[:, p]).log()
    others[i] = math.nan
    others = others[~others.isnan()].sort().values
    return len(others) == 0 or abs(float(others[len(others) // 2])) < size / 3


def after(jump: Tensor, lookback: int) -> Tensor:
    """The bars [N, T] whose windows a jump is in: its own and the next, lookback in all."""
    count = jump.long().cumsum(dim=1)
    before = torch.zeros_like(count)
    before[:, lookback:] = count[:, :-lookback]
    return count > before
