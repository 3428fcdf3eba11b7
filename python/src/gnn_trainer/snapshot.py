"""Snapshots of a market, as gnn-trainer trained on them: candles enter, what the model takes leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import edgetypes, features
from .candles import INTERVALS, OPTIONAL, Market, market, stamp
from .errors import CandlesError, ResultError, needs
from .frames import CANDLE, Candles
from .metadata import Metadata

if TYPE_CHECKING:
    from torch_geometric.data import Data


@dataclass(frozen=True)
class Snapshot:
    """The graph of one bar, of N nodes with F features and E edges."""

    symbols: tuple[str, ...]  # [N] node order
    open_time: int  # of the bar, Unix ms
    x: Tensor  # [N, F], or [N, W, F] with an encoder: float32 as it is, 0 at masked nodes; the model normalises it
    node_mask: Tensor  # [N] bool: which nodes take part
    edge_index: Tensor  # [2, E] int64: row 0 the neighbour, row 1 the node that listens to it
    edge_weight: Tensor  # [E] float32: max(correlation, 0); the coefficient itself of partial, leadlag and static edges
    edge_attr: Tensor  # [E, 1] float32: the correlation or coefficient

    edge_type: Tensor | None = None  # [E] int64: index among the edge types; None: there is one

    def to_dict(self) -> dict[str, Tensor]:
        """The tensors, as in graph.pt."""
        names = ("x", "node_mask", "edge_index", "edge_weight", "edge_attr")
        tensors = {**{name: getattr(self, name) for name in names}, "open_time": torch.tensor([self.open_time])}
        return tensors if self.edge_type is None else {**tensors, "edge_type": self.edge_type}

    def to_pyg(self) -> Data:
        """The same as PyTorch Geometric's Data."""
        try:
            from torch_geometric.data import Data
        except ImportError as e:
            raise needs("torch_geometric", "Snapshot.to_pyg()", "pyg") from e
        return Data.from_dict(self.to_dict())


BLOCK = 4096  # bars whose features are in memory at once


class Recipe:
    """How snapshots are made of candles, by the metadata's own definitions."""

    def __init__(self, metadata: Metadata, address: str) -> None:
        rule = metadata.graph
        if rule.edges == "correlation" and rule.top_k is None and rule.threshold is None:
            raise ResultError(
                f"the model of {address} was trained on a prepared graph, not on candles, so nothing says how candles become "
                "its features and edges: make x and edge_index as that graph has them and call result.model"
            )
        if metadata.interval not in INTERVALS:
            raise ResultError(
                f"the model of {address} has bars of {metadata.interval!r}, which this version does not know: install a newer one"
            )
        if unknown := edgetypes.unknown(rule.types):
            raise ResultError(
                f"the model of {address} has edges by {unknown[0]!r}, which this version does not know: install a newer one"
            )
        if rule.returns not in ("raw", "excess"):
            raise ResultError(
                f"the model of {address} has edges by {rule.returns!r} returns, which this version does not know: install a newer one"
            )
        self._metadata = metadata
        self._features = features.known(metadata.feature_names, metadata.columns, address)
        self._optional = features.columns(self._features.values())
        self._wished = features.wished(self._features.values())
        self._lookback = max(features.LOOKBACK, *(f.lookback for f in self._features.values()))
        self._window = metadata.encoder_window
        # Bars before its own that a snapshot needs.
        self._before = max(edgetypes.reach(rule), self._lookback) + max(self._window - 1, 0)
        # bars before its own that its last digits may depend on, where there are so many
        self.memory = max(self._window - 1, 0) + max(
            self._before, edgetypes.memory(rule), *(f.memory for f in self._features.values())
        )
        self._reference = -1
        if metadata.reference_symbol:
            self._reference = metadata.symbols.index(metadata.reference_symbol)

    def market(self, candles: Candles, allow_missing: bool) -> Market:
        m = self._metadata
        own = frozenset(m.columns).difference(CANDLE, OPTIONAL)
        return market(
            candles,
            m.symbols,
            m.interval,
            self._optional,
            own,
            allow_missing,
            m.max_gap,
            m.sessions,
            self._lookback,
            self._wished,
        )

    def features(self, m: Market) -> Tensor:
        return features.compute(m, self._features, self._reference)

    def at(self, m: Market, open_time: int | None) -> Snapshot:
        """The snapshot of the bar that opened then, Unix ms; of the newest bar for None."""
        opens = m.open_time(m.bars - 1) if open_time is None else open_time
        bar = int(torch.searchsorted(m.times, opens))
        if bar == m.bars or m.open_time(bar) != opens:
            raise CandlesError(
                f"no bar of {self._metadata.interval} opens at {stamp(opens)} "
                f"in candles from {stamp(m.open_time(0))} to {stamp(m.open_time(m.bars - 1))}: give an open_time among theirs"
            )
        if bar < self._before:
            raise CandlesError(
                f"the bar at {stamp(m.open_time(bar))} has {bar} bars before it, and the model needs {self._before}: give older candles too"
            )
        first = max(0, bar - self.memory)
        cut = m.cut(first, bar)
        for snapshot in self._each(cut, bar - first):
            return snapshot
        x = self.features(cut)[:, -1]
        undefined = [name for j, name in enumerate(self._metadata.feature_names) if bool(x[:, j].isnan().any())]
        raise CandlesError(
            f"no symbol has all of its features at {stamp(m.open_time(bar))}, since {', '.join(undefined)} are undefined there: "
            "give candles with fewer gaps, or another bar"
        )

    def all(self, m: Market) -> Iterator[Snapshot]:
        """The snapshots of every bar with enough bars before it, but for those at which no node takes part."""
        for bar in range(self._before, m.bars, BLOCK):
            first = max(0, bar - self.memory)
            yield from self._each(m.cut(first, min(bar + BLOCK, m.bars) - 1), bar - first)

    def _each(self, m: Market, first: int) -> Iterator[Snapshot]:
        """The snapshots of the bars from first on."""
        rule = self._metadata.graph
        x = self.features(m)
        present = ~x.isnan().any(dim=2)
        x = torch.where(present[:, :, None], x, 0.0)
        bars = range(first, m.bars)
        masks = present[:, first:].T.contiguous()
        several = len(rule.types) > 1
        for t, mask, e in zip(bars, masks, edgetypes.each(m, masks, rule), strict=True):
            if bool(mask.any()):
                types = e.type if several else None
                seen = x[:, t - self._window + 1 : t + 1] if self._window else x[:, t]
                yield Snapshot(m.symbols, m.open_time(t), seen.clone(), mask, e.index, e.weight, e.attr[:, None], types)
