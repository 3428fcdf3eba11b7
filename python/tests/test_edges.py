"""Candles alone give the program's own edges of each type."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from conftest import Trained
from test_parity import (
    stored,
    test_any_bar_is_predicted_from_the_bars_before_it_alone,
    test_predictions_from_candles_are_those_of_the_run,
    test_the_newest_bar_is_the_default_and_graph_pt,
)

SIGNED = 1e-6

__all__ = [
    "test_any_bar_is_predicted_from_the_bars_before_it_alone",
    "test_predictions_from_candles_are_those_of_the_run",
    "test_the_newest_bar_is_the_default_and_graph_pt",
]


@pytest.fixture(params=["partial", "types"])
def any_trained(request: pytest.FixtureRequest) -> Trained:
    value: Trained = request.getfixturevalue(request.param)
    return value


def test_every_edge_is_the_programs(any_trained: Trained, figure: Callable[[str], None]) -> None:
    ours, theirs = list(any_trained.result.snapshots(any_trained.candles)), stored(any_trained)
    assert [s.open_time for s in ours] == [int(s["open_time"]) for s in theirs]
    several = len(any_trained.result.metadata.graph.types) > 1
    worst, negative, fewer = 0.0, 0, 0
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a.node_mask, b["node_mask"])
        assert torch.equal(a.edge_index, b["edge_index"])
        assert (a.edge_type is not None) == several
        if a.edge_type is not None:
            assert torch.equal(a.edge_type, b["edge_type"])
        if len(a.edge_weight):
            worst = max(worst, float((a.edge_weight - b["edge_weight"]).abs().max()))
            worst = max(worst, float((a.edge_attr - b["edge_attr"]).abs().max()))
        negative += int((a.edge_weight < 0).sum())
        present = int(a.node_mask.sum())
        fewer += a.edge_index.shape[1] < present * (present - 1)
    figure(f"{len(ours)} snapshots: weights differ by {worst:.1e} at most, {negative} are negative")
    assert negative > len(ours)
    assert fewer > 0
    assert worst <= SIGNED
