"""metadata.json: what a reader of the model needs to feed it and to understand what it says."""

from __future__ import annotations

from dataclasses import dataclass

FORMAT_VERSION = 1  # of metadata.json and metrics.json


@dataclass(frozen=True)
class LeftOut:
    """A feature that the data of the training could not support, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class LabelRule:
    """How a return became a class."""

    dead_zone: float
    rule: str
    target: str = ""  # prices that a return is between: open, close or mid; empty: the graph had its classes


@dataclass(frozen=True)
class StaticEdge:
    """An edge that stays, as EDGES_FILE lists it."""

    source: str
    target: str  # listens to source
    weight: float


@dataclass(frozen=True)
class GraphRule:
    """How returns become edges. Of correlation without top_k and threshold the graph was given, not made of returns."""

    window: int  # bars that a correlation spans
    returns: str  # raw, or excess: less the market's mean
    density: float  # mean over snapshots of E / (P (P - 1)), P the nodes present
    top_k: int | None = None
    threshold: float | None = None  # least correlation
    edges: str = "correlation"  # a list of edge types, or none: no nodes are joined
    every: tuple[int, ...] = ()  # bars that the edges of each type last, 0: they stay; empty: each bar has its own
    ridge: float | None = None  # of partial edges
    dense: bool = False  # partial edges join all nodes, whatever top_k
    static: tuple[StaticEdge, ...] = ()
    static_sha256: str = ""  # of the file of static edges

    @property
    def types(self) -> tuple[str, ...]:
        """The edge types, whose indices are edge_type."""
        return () if self.edges == "none" else tuple(kind.strip() for kind in self.edges.split(","))

    @property
    def lasting(self) -> tuple[int, ...]:
        """The bars that the edges of each type last."""
        return self.every or (1,) * len(self.types)


@dataclass(frozen=True)
class Span:
    """A split's snapshots, both ends included; first and last are open times in Unix ms."""

    count: int
    first: int | None
    last: int | None


@dataclass(frozen=True)
class Parts:
    """Where each split lies on the time axis."""

    train: Span
    valid: Span
    test: Span
    live: Span
    gap: int  # snapshots of no split


@dataclass(frozen=True)
class Versions:
    """What made the result."""

    gnn_trainer: str
    torch: str
    go: str


@dataclass(frozen=True)
class KeptSnapshots:
    """The snapshots that dataset.pt holds."""

    which: str  # as in DATASET: all, newest, test, or none: there is no dataset.pt
    snapshots: int
    of: int  # snapshots that the run had


@dataclass(frozen=True)
class Metadata:
    """metadata.json, field by field."""

    format_version: int
    model_type: str
    model_name: str
    queue_id: str
    symbol: str  # the one that the run was asked for
    feature_names: tuple[str, ...]  # [F] the columns of x
    feature_mean: tuple[float, ...]  # [F] of the clipped training split; model.pt subtracts it itself
    feature_std: tuple[float, ...]  # [F] likewise
    left_out: tuple[LeftOut, ...]
    symbols: tuple[str, ...]  # [N] the rows of x
    interval: str  # length of a bar, such as 5m; empty for a graph without time
    horizon: int  # bars ahead that the first target looks
    task: str
    classes: tuple[str, ...]  # the columns of the logits
    label: LabelRule
    graph: GraphRule
    splits: Parts
    hidden: int
    layers: int
    versions: Versions
    ensemble: int = 0  # networks in the model, whose outputs are averaged; 0: it is one
    init_from: str = ""  # the run or file whose weights the training began with; empty: they were drawn
    init_sha256: str = ""  # of that weights.pt
    heads: int = 0  # of attention in a layer; 0: the model has none
    residual: bool = False  # a layer's input is added to its output, where both are as wide
    norm: str = ""  # of each layer: layer; empty: there is none
    jk: str = ""  # what of the layers the head reads: cat or max; none: the last layer gives the outputs; empty: the last one's output
    gcnii_alpha: float = 0.0  # of gcnii
    gcnii_theta: float = 0.0
    feature_low: tuple[float, ...] = ()  # [F] what x is clipped to, inside model.pt; empty: it is not clipped
    feature_high: tuple[float, ...] = ()  # [F] likewise
    max_gap: int = 0  # the longest run of missing bars that a return is taken across
    sessions: bool = False  # the market has closing hours, and while it is closed there are no bars
    columns: tuple[str, ...] = ()  # those of feature_names that are columns of the candles, as they are
    fold: int = 0  # of a walk-forward, that the model and its splits are of; 0: there is one split
    outputs: int = 3  # of the model, a node and horizon: the logits of the classes, or the score
    score: str = ""  # what the score of a task without classes is
    reference_symbol: str = ""  # whose return the feature reference_return is; empty: no feature is it
    encoder: str = ""  # network that reads each node's past; empty: none
    encoder_window: int = 0  # W, bars that it reads: x is [N, W, F], the oldest bar first; 0: x is [N, F]
    node_embedding: int = 0  # values of a vector learned of each of symbols, the only ones it takes; 0: none
    dataset: KeptSnapshots | None = None  # None in results before 0.3, which hold all
    horizons: tuple[int, ...] = ()  # [H] of all targets; empty in results of version 0.1, which have one
