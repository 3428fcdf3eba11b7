"""Edges of every type, as gnn-trainer makes them (data/edgetypes.go, partial.go, leadlag.go and recomputed.go there)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from . import edges
from .candles import Market
from .features import LOOKBACK
from .marketfeatures import MEMORY, MOST, _along, _ema, _squares
from .metadata import GraphRule

KINDS = ("correlation", "partial", "leadlag", "static")


@dataclass(frozen=True)
class Edges:
    """The edges of a bar, those of a target one after the other, type by type."""

    index: Tensor  # [2, E] int64: row 0 the neighbour, row 1 the node that listens to it
    attr: Tensor  # [E] float32: correlations, or coefficients
    weight: Tensor  # [E] float32: the same, where a correlation of the type correlation is 0 at least
    type: Tensor  # [E] int64: index in rule.types


def reach(rule: GraphRule) -> int:
    """How many bars before its own the edges of a snapshot are made of."""
    own = [rule.window]
    for kind, every in zip(rule.types, rule.lasting, strict=True):
        if kind != "static":
            own.append(rule.window + max(every, 1) - 1 + (kind == "leadlag"))
    return max(own)


def memory(rule: GraphRule) -> int:
    """How many bars before its own their last digits may depend on."""
    return reach(rule) + (MEMORY + 3 * LOOKBACK if "partial" in rule.types else 0)


def each(market: Market, mask: Tensor, rule: GraphRule) -> Iterator[Edges]:
    """Those of the last B bars of the market. mask [B, N] tells which nodes take part."""
    parts = [_of(kind, every, market, mask, rule) for kind, every in zip(rule.types, rule.lasting, strict=True)]
    if not parts:
        nothing, none = torch.empty((2, 0), dtype=torch.int64), torch.empty(0)
        yield from (Edges(nothing, none, none, nothing[0]) for _ in mask)
        return
    for of_bar in zip(*parts, strict=True):
        index = torch.cat([i for i, _ in of_bar], dim=1)
        attr = torch.cat([a for _, a in of_bar])
        weight = torch.cat(
            [a.clamp(min=0) if kind == "correlation" else a for kind, (_, a) in zip(rule.types, of_bar, strict=True)]
        )
        types = torch.cat([torch.full((len(a),), k) for k, (_, a) in enumerate(of_bar)])
        order = torch.argsort(index[1] * len(parts) + types, stable=True)
        yield Edges(index[:, order], attr[order], weight[order], types[order])


def _of(kind: str, every: int, market: Market, mask: Tensor, rule: GraphRule) -> Iterator[tuple[Tensor, Tensor]]:
    n = mask.shape[1]
    if kind == "static":
        place = {symbol: i for i, symbol in enumerate(market.symbols)}
        listed = [(place[e.source], place[e.target], e.weight) for e in rule.static]
        listed.sort(key=lambda e: e[1])
        index = torch.tensor([[s for s, _, _ in listed], [t for _, t, _ in listed]], dtype=torch.int64)
        fixed = index, torch.tensor([w for _, _, w in listed], dtype=torch.float32)
        return (_among(fixed, present) for present in mask)
    if kind == "partial":
        z = scaled(market)
        limit = n - 1 if rule.dense or rule.top_k is None else rule.top_k
        return _lasting(
            market, mask, every, lambda t: _signed(coefficients(_window(z, t, rule.window), rule.ridge or 0.0), limit)
        )
    returns = edges.returns(market, rule)
    if kind == "leadlag":
        lines = returns.T
        return _lasting(
            market,
            mask,
            every,
            lambda t: _signed(
                lagged(_window(lines, t, rule.window), _window(lines, t - 1, rule.window)), rule.top_k or n - 1
            ),
        )
    only = replace(rule, edges=kind)
    if every <= 1:
        return edges.edges(returns, mask, only)
    everybody = torch.ones(1, n, dtype=torch.bool)
    return _lasting(market, mask, every, lambda t: next(edges.edges(returns[: t + 1], everybody, only)))


def _lasting(
    market: Market, mask: Tensor, every: int, of: Callable[[int], tuple[Tensor, Tensor]]
) -> Iterator[tuple[Tensor, Tensor]]:
    """The edges that of makes at the first bar of each block of bars since 1970, among the nodes that are present."""
    block = market.times // market.step // every
    first = market.bars - len(mask)
    made: tuple[Tensor, Tensor] | None = None
    for t, present in enumerate(mask, start=first):
        if made is None:
            begin = t
            while begin > 0 and block[begin - 1] == block[t]:
                begin -= 1
            made = of(begin)
        elif block[t] != block[t - 1]:
            made = of(t)
        yield _among(made, present)


def _among(made: tuple[Tensor, Tensor], present: Tensor) -> tuple[Tensor, Tensor]:
    index, attr = made
    kept = present[index].all(dim=0)
    return index[:, kept], attr[kept]


def _window(values: Tensor, last: int, window: int) -> Tensor:
    """The values [N, T] of so many bars up to last [N, W], NaN before the first bar."""
    begin = last - window + 1
    if begin >= 0:
        return values[:, begin : last + 1]
    return torch.cat([torch.full((len(values), -begin), math.nan, dtype=values.dtype), values[:, : last + 1]], dim=1)


def scaled(market: Market) -> Tensor:
    """One-bar returns in units of their volatility [N, T], NaN where one is missing."""

    def sigma(square: Tensor) -> Tensor:
        return _ema(torch.minimum(square, 25 * _ema(square, 576)), 288).sqrt() + 1e-5

    volatility = _along(market, _squares(market), sigma)
    return (edges.one_bar_returns(market) / volatility).clamp(-MOST, MOST)


def coefficients(z: Tensor, ridge: float) -> Tensor:
    """B_ij = -P_ij / P_ii [N, N] of P = (C + ridge I)^-1, C the correlation of z [N, W]; NaN where a node takes no part,
    for which it needs half the window. A missing value counts as the node's mean, so that C is positive semidefinite."""
    there = ~z.isnan()
    count = there.sum(dim=1)
    values = z.nan_to_num(0.0)
    centred = torch.where(there, values - (values.sum(dim=1) / count.clamp(min=1))[:, None], 0.0)
    deviations = (centred * centred).sum(dim=1)
    taking = (2 * count >= z.shape[1]) & (deviations > edges.FLAT * (values * values).sum(dim=1))
    b = torch.full((len(z), len(z)), math.nan, dtype=z.dtype)
    if bool(taking.any()):
        unit = centred[taking] / deviations[taking].sqrt()[:, None]
        c = unit @ unit.T
        c.fill_diagonal_(1.0)
        p = torch.cholesky_inverse(torch.linalg.cholesky(c + ridge * torch.eye(len(c), dtype=c.dtype)))
        at = taking.nonzero().flatten()
        b[at[:, None], at] = -p / p.diagonal()[:, None]
    return b.fill_diagonal_(math.nan)


def lagged(own: Tensor, led: Tensor) -> Tensor:
    """Correlations [N, N] of each node's returns own [N, W], a row, with each one's of the bar before, led [N, W], on the
    bars where both are there; NaN where they are fewer than half, or one of them is flat."""
    rows = []
    for line in own:
        both = ~line.isnan() & ~led.isnan()
        count = both.sum(dim=1)
        sides = []
        for side in (line.expand_as(led), led):
            v = torch.where(both, side, 0.0)
            deviation = torch.where(both, v - (v.sum(dim=1) / count.clamp(min=1))[:, None], 0.0)
            squares = (deviation * deviation).sum(dim=1)
            sides.append((deviation, squares, squares <= edges.FLAT * (v * v).sum(dim=1)))
        (x, xx, flat_x), (y, yy, flat_y) = sides
        r = (x * y).sum(dim=1) / (xx.sqrt() * yy.sqrt())
        rows.append(torch.where((2 * count < own.shape[1]) | flat_x | flat_y, math.nan, r))
    return torch.stack(rows).fill_diagonal_(math.nan)


def _signed(values: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """The pairs that have a value [N, N], a row the node that listens: all in node order, or the limit largest by size."""
    n = len(values)
    order = torch.arange(n).expand(n, n)
    if limit < n - 1:
        size = torch.where(values.isnan(), -1.0, values.float().abs())
        order = size.sort(dim=1, descending=True, stable=True).indices[:, :limit]
    kept = values.gather(1, order)
    there = ~kept.isnan()
    target = torch.arange(n)[:, None].expand_as(order)
    return torch.stack([order[there], target[there]]), kept[there].float()


def unknown(types: Sequence[str]) -> list[str]:
    """The types that this version cannot make."""
    return [kind for kind in types if kind not in KINDS]
