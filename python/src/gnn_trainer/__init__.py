"""Loads what gnn-trainer has trained, and predicts from candles.

result = gnn_trainer.load("out/market_gnn_v1")
result.predict(candles)
"""

from .errors import CandlesError, Error, MissingPackageError, ResultError
from .frames import Candles
from .manifest import File, Manifest
from .metadata import GraphRule, LabelRule, LeftOut, Metadata, Parts, Span, Versions
from .result import Result, load
from .snapshot import Snapshot

__all__ = [
    "Candles",
    "CandlesError",
    "Error",
    "File",
    "GraphRule",
    "LabelRule",
    "LeftOut",
    "Manifest",
    "Metadata",
    "MissingPackageError",
    "Parts",
    "Result",
    "ResultError",
    "Snapshot",
    "Span",
    "Versions",
    "load",
]
