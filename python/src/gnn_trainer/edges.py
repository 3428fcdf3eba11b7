"""Edges by the correlation of returns, as gnn-trainer makes them (data/correlation.go and data/neighbours.go there)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from .candles import Market
from .metadata import GraphRule

# The share of a series' sum of squares at or below which its variance is rounding: the series is flat.
FLAT = 1e-10

AT_ONCE = 1 << 21  # numbers of a batch of windows


def one_bar_returns(market: Market) -> Tensor:
    """ln(C[t] / C[t-1]) [N, T], NaN where either close is missing and at a jump."""
    log = market.values["close"].log()
    values = torch.full_like(log, math.nan)
    values[:, 1:] = log[:, 1:] - log[:, :-1]
    return torch.where(market.jump, math.nan, values)


def returns(market: Market, rule: GraphRule) -> Tensor:
    """One-bar log returns [T, N] as the rule wants them correlated, NaN where missing."""
    values = one_bar_returns(market).T.contiguous()
    if rule.returns == "excess":
        there = ~values.isnan()
        mean = values.nan_to_num(0.0).sum(dim=1) / there.sum(dim=1).clamp(min=1)
        values = values - mean[:, None]
    return values


def edges(returns: Tensor, mask: Tensor, rule: GraphRule) -> Iterator[tuple[Tensor, Tensor]]:
    """For each of the last B bars of the returns [T, N]: edge_index [2, E] and the correlations [E].

    mask [B, N] tells which nodes take part. Each node listens to its top_k neighbours, or to all that reach the threshold,
    the most correlated first and ties in node order. Row 0 is the neighbour, row 1 the node that listens.
    """
    n = mask.shape[1]
    if rule.edges == "none":
        yield from ((torch.empty((2, 0), dtype=torch.int64), torch.empty(0)) for _ in mask)
        return
    windows = returns[len(returns) - len(mask) - rule.window + 1 :].unfold(0, rule.window, 1)  # [B, N, W]
    size = max(1, AT_ONCE // (n * max(n, rule.window)))
    targets = torch.arange(n)[:, None].expand(n, n)
    # Many bars at once: a call on so little data costs more than its arithmetic.
    for window, taking in zip(torch.split(windows, size), torch.split(mask, size), strict=True):
        r = correlations(window.contiguous(), taking).float().clamp(-1, 1)
        candidate = ~r.isnan()
        if rule.threshold is not None:
            candidate &= r >= torch.tensor(rule.threshold, dtype=torch.float32)
        r, sources = torch.where(candidate, r, -math.inf).sort(dim=2, descending=True, stable=True)
        if rule.threshold is None and rule.top_k is not None:
            r[:, :, rule.top_k :] = -math.inf
        for b, kept in enumerate(r > -math.inf):
            yield torch.stack([sources[b][kept], targets[kept]]), r[b][kept]


def correlations(windows: Tensor, mask: Tensor) -> Tensor:
    """Pearson correlations [B, N, N] of the returns in windows [B, N, W], each pair on the bars where both are there.

    NaN where a node is not in the mask [B, N], where a pair shares less than half of the bars, or one of it is flat.
    """
    bars = windows.shape[2]
    there = ~windows.isnan()
    values = windows.nan_to_num(0.0)
    count = there.sum(dim=2)
    mean = values.sum(dim=2) / count.clamp(min=1)
    centred = torch.where(there, values - mean[:, :, None], 0.0)
    deviations = (centred * centred).sum(dim=2)
    usable = mask & (2 * count >= bars) & (deviations > FLAT * (values * values).sum(dim=2))
    scale = deviations.sqrt()
    r = (centred @ centred.transpose(1, 2)) / (scale[:, :, None] * scale[:, None, :])
    r = (r + r.transpose(1, 2)) / 2  # the same bits both ways
    partial = usable & (count < bars)
    for i in partial.any(dim=0).nonzero().flatten().tolist():
        b = partial[:, i].nonzero().flatten()
        pairs = _pairs(values[b], there[b], i)
        r[b, i], r[b, :, i] = pairs, pairs
    r[~(usable[:, :, None] & usable[:, None, :])] = math.nan
    r.diagonal(dim1=1, dim2=2).fill_(math.nan)
    return r


def _pairs(values: Tensor, there: Tensor, i: int) -> Tensor:
    """Correlations [B, N] of node i with the others, on the bars where both are there."""
    both = there & there[:, i : i + 1]
    count = both.sum(dim=2)
    sides = []
    for side in (values[:, i : i + 1], values):
        v = torch.where(both, side, 0.0)
        deviation = torch.where(both, v - (v.sum(dim=2) / count.clamp(min=1))[:, :, None], 0.0)
        squares = (deviation * deviation).sum(dim=2)
        sides.append((deviation, squares.sqrt(), squares <= FLAT * (v * v).sum(dim=2)))
    (x, scale_x, flat_x), (y, scale_y, flat_y) = sides
    r = (x * y).sum(dim=2) / (scale_x * scale_y)
    return torch.where((2 * count < values.shape[2]) | flat_x | flat_y, math.nan, r)
