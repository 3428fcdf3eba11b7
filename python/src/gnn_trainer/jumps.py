"""Changes of a price between two bars that no market makes, by gnn-trainer's rule (data/jumps.go there).

A split, a redenomination, another unit or a wrong candle: no window and no return spans one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOOKBACK = 24  # bars before its own that a feature needs at most
CERTAIN = 5  # a ratio that counts whatever the market did
LEAST = 1.4  # the smallest ratio that may
DEVIATIONS = 20  # of the symbol's returns before, from which such a ratio counts


def jumps(close: Tensor, high: Tensor, low: Tensor) -> Tensor:
    """Which bars [N, T] are the first at a new price. The prices [N, T] are NaN where a bar is missing."""
    found = torch.zeros_like(close, dtype=torch.bool)
    n, bars = close.shape
    before = torch.where(close.isnan(), -1, torch.arange(bars)).cummax(dim=1).values
    previous = torch.full((n, bars), -1)
    previous[:, 1:] = before[:, :-1]  # the last bar that is there
    age = torch.arange(bars) - previous
    ratio = close / close.gather(1, previous.clamp(min=0))
    candidate = (previous >= 0) & (age <= LOOKBACK) & ((ratio >= LEAST) | (ratio <= 1 / LEAST))
    for i, t in candidate.nonzero().tolist():
        p = int(previous[i, t])
        size = abs(math.log(float(ratio[i, t])))
        found[i, t] = size >= math.log(CERTAIN) or _is_jump(close, high, low, found[i], i, p, t)
    return found


def _is_jump(close: Tensor, high: Tensor, low: Tensor, known: Tensor, i: int, p: int, t: int) -> bool:
    """Decides on a ratio that a market could make. The symbol's bar before t is p; known are its jumps before [T]."""
    move = math.log(float(close[i, t] / close[i, p]))
    size = abs(move)
    below, above = (high[i, p], low[i, t]) if move > 0 else (high[i, t], low[i, p])
    if math.log(float(above / below)) < size / 2:
        return False
    bars = torch.arange(max(1, p - LOOKBACK + 1), p + 1)
    returns = (close[i, bars] / close[i, bars - 1]).log()
    returns = returns[~returns.isnan() & ~known[bars]]
    count = len(returns)
    if 2 * count < LOOKBACK or size < DEVIATIONS * math.sqrt(float((returns**2).sum()) / count * (t - p)):
        return False
    others = (close[:, t] / close[:, p]).log()
    others[i] = math.nan
    others = others[~others.isnan()].sort().values
    return len(others) == 0 or abs(float(others[len(others) // 2])) < size / 3


def after(jump: Tensor) -> Tensor:
    """The bars [N, T] whose windows a jump is in: its own and the next, LOOKBACK in all."""
    masked = jump.clone()
    for k in range(1, min(LOOKBACK, jump.shape[1])):
        masked[:, k:] |= jump[:, :-k]
    return masked
