"""A result of gnn-trainer: its model, what is said of it, and predictions from candles."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .bucket import Bucket
from .decode import decode, decode_object
from .errors import ResultError, needs
from .frames import Candles, moment
from .manifest import BASELINES, DATASET, Manifest
from .metadata import FORMAT_VERSION, Metadata
from .snapshot import Recipe, Snapshot
from .store import Files, Folder, Place, find

if TYPE_CHECKING:
    from pandas import DataFrame

ATTEMPTS = 3  # at a result that is stored anew while it is loaded
BATCH = 256  # snapshots that the model sees at once


def load(
    address: str | os.PathLike[str],
    *,
    endpoint: str | None = None,
    access_key: str | None = None,
    secret_key: str | None = None,
    secure: bool = False,
    ca: str | os.PathLike[str] | None = None,
    region: str = "us-east-1",
    cache: str | os.PathLike[str] | None = None,
    lazy: bool = False,
) -> Result:
    """Loads a result, every file of it compared with its manifest's size and SHA-256.

    address is the folder of a MODEL_NAME, whose latest.json is followed, or of one run in it; or the same in a bucket,
    s3://BUCKET/MODEL_NAME. The rest but lazy is for buckets: the server's endpoint as host:port, the keys, secure for
    https, ca for a PEM file of authorities trusted beside the system's, and cache, the folder that files are fetched to
    (unset: gnn-trainer in the user's cache folder). lazy leaves the files that prediction does not need until they are
    asked for. The large dataset.pt is not fetched from a bucket before path("dataset.pt") asks for it, lazy or not; then
    it is compared, too. An interrupted run is loaded by its own folder, with a warning.
    """
    result = _load(_place(address, endpoint, access_key, secret_key, secure, ca, region, cache), lazy)
    if result.status == "interrupted":
        warnings.warn(
            f"{result.address} is of an interrupted run, so its model is the best that there was when the run was stopped: "
            "start the run again to have it go on to its end",
            stacklevel=2,
        )
    return result


def _place(
    address: str | os.PathLike[str],
    endpoint: str | None,
    access_key: str | None,
    secret_key: str | None,
    secure: bool,
    ca: str | os.PathLike[str] | None,
    region: str,
    cache: str | os.PathLike[str] | None,
) -> Place:
    url = os.fspath(address) if isinstance(address, (str, os.PathLike)) else None
    if not url or not isinstance(url, str):
        raise ResultError(
            f"{address!r} is no address of a result: give the folder of a MODEL_NAME or of one run in it, or s3://BUCKET/MODEL_NAME"
        )
    if url.startswith("s3://"):
        return Bucket(
            url,
            endpoint=endpoint,
            access_key=access_key,
            secret_key=secret_key,
            secure=secure,
            ca=ca,
            region=region,
            cache=cache,
        )
    if endpoint is not None:
        raise ResultError(
            f"{url} is a folder, and an endpoint was given: write the address as s3://BUCKET/MODEL_NAME, or leave it out"
        )
    path = Path(url)
    if path.is_file():
        raise ResultError(f"{path} is a file, and a result is a folder: give {path.absolute().parent}")
    return Folder(path)


def _load(place: Place, lazy: bool) -> Result:
    for _ in range(ATTEMPTS - 1):
        files = find(place)
        try:
            return Result(files, lazy)
        except ResultError:
            if not files.replaced():
                raise
    return Result(find(place), lazy)


class Result:
    """What one run has left. Made by load()."""

    address: str  # of the result: a folder, or s3://BUCKET/MODEL_NAME/QUEUE_ID
    manifest: Manifest
    metadata: Metadata
    metrics: dict[str, Any]  # metrics.json
    model: (
        torch.jit.ScriptModule
    )  # (x [N, F], edge_index [2, E], edge_weight [E]) -> logits [N, 3]: down, flat, up; [N, H, 3] of several horizons;
    # of a task without classes scores [N, H]

    def __init__(self, files: Files, lazy: bool) -> None:
        self._files = files
        self.address, self.manifest = files.address, files.manifest
        if not lazy:
            files.verify()
        self.metadata = decode(Metadata, files.read("metadata.json"), FORMAT_VERSION, f"{files.address}/metadata.json")
        self.metrics = decode_object(files.read("metrics.json"), FORMAT_VERSION, f"{files.address}/metrics.json")
        try:
            self.model = _script(files.read("model.pt"))
        except RuntimeError as e:
            raise ResultError(
                f"{files.address}/model.pt cannot be loaded by PyTorch {torch.__version__}: "
                f"install {self.metadata.versions.torch}, with which it was made"
            ) from e

    def __repr__(self) -> str:
        m = self.metadata
        return f"<Result {self.address}: {self.status}, {len(m.symbols)} symbols of {m.interval or 'no time'}>"

    @property
    def status(self) -> str:
        """finished, or interrupted: what there was when the run was stopped."""
        return self.manifest.status

    def path(self, name: str) -> Path:
        """Where a file of the result lies on the disk, such as dataset.pt: fetched if need be, and verified."""
        kept = self.metadata.dataset
        if name == DATASET and kept is not None and kept.snapshots == 0:
            raise ResultError(
                f"{self.address} holds no {DATASET}, since its run kept none of its {kept.of} snapshots "
                "(DATASET=none, or each of them is too large): run the training again with DATASET=newest:1000, test or "
                "all, or take the newest snapshot from graph()"
            )
        return self._files.path(name)

    def graph(self) -> dict[str, Tensor]:
        """The newest snapshot that the run knew, graph.pt: Data.from_dict(result.graph()) in PyTorch Geometric."""
        graph: dict[str, Tensor] = torch.load(io.BytesIO(self._files.read("graph.pt")), weights_only=True)
        return graph

    def predictions(self) -> DataFrame:
        """What the run itself said of every snapshot and symbol, predictions.parquet.

        Of a walk-forward test rows are of the model of their fold, the others of the model here, which is the last one.
        """
        pd = _pandas("predictions()")
        try:
            frame: DataFrame = pd.read_parquet(io.BytesIO(self._files.read("predictions.parquet")))
        except ImportError as e:
            raise needs("pyarrow", "predictions()", "pandas") from e
        return frame

    def baseline(self, name: str) -> torch.jit.ScriptModule:
        """The model of a network that the run compared its model with: no_edges, mixer, or with_edges where SELECT=best
        chose the one without. It takes what self.model takes, and is verified."""
        file = f"{BASELINES}/{name}/model.pt"
        found = sorted(
            f.name.split("/")[1]
            for f in self.manifest.files
            if f.name.startswith(f"{BASELINES}/") and f.name.endswith("/model.pt")
        )
        if name not in found:
            raise ResultError(
                f"{self.address} holds no model of {name!r}: give one of {', '.join(found) or 'none, since it has none'}"
            )
        return _script(self._files.read(file))

    def scale(self, x: Tensor) -> Tensor:
        """What the network of weights.pt takes: features [N, F] clipped, and divided by their deviation after their mean
        is taken off. model.pt does it inside."""
        m = self.metadata
        if m.feature_low:
            x = x.clamp(torch.tensor(m.feature_low), torch.tensor(m.feature_high))
        return (x - torch.tensor(m.feature_mean)) / torch.tensor(m.feature_std)

    @cached_property
    def _recipe(self) -> Recipe:
        return Recipe(self.metadata, self.address)

    def features(self, candles: Candles, *, allow_missing: bool = False) -> DataFrame:
        """The model's features, one row for each bar that a symbol has, by time and then in node order.

        Columns: open_time (Unix ms), symbol and the features, float32 as the model takes them, NaN where undefined.
        """
        pd = _pandas("features()")
        market = self._recipe.market(candles, allow_missing)
        t, i = (~market.values["close"].isnan()).T.nonzero(as_tuple=True)
        x = self._recipe.features(market)[i, t]
        frame: DataFrame = pd.DataFrame(x.numpy(), columns=list(self.metadata.feature_names))
        frame.insert(0, "open_time", market.times[t].numpy())
        frame.insert(1, "symbol", [self.metadata.symbols[k] for k in i.tolist()])
        return frame

    def snapshot(
        self, candles: Candles, at: int | str | datetime | None = None, *, allow_missing: bool = False
    ) -> Snapshot:
        """The graph that the model takes, of the bar that opened at a time; unset: the newest.

        at is Unix ms, a datetime (pandas' too), or ISO text such as 2026-11-20T12:00; UTC where it has no zone.

        candles is a long frame (open_time, symbol, open, high, low, close, volume and the columns that the model's
        features need) or a dict of symbol -> frame, and reaches back as far as the graph's window does.
        A symbol of the model without candles is an error, or masked with allow_missing.
        """
        return self._recipe.at(self._recipe.market(candles, allow_missing), None if at is None else moment(at))

    def snapshots(self, candles: Candles, *, allow_missing: bool = False) -> Iterator[Snapshot]:
        """The snapshots of every bar with enough bars before it, in time order."""
        return self._recipe.all(self._recipe.market(candles, allow_missing))

    def probabilities(self, *snapshots: Snapshot, horizon: int | None = None) -> Tensor:
        """Down, flat and up of snapshots [S, N, 3], at a horizon in bars (unset: the first). Masked nodes mean nothing."""
        if not self.metadata.classes:
            raise ResultError(
                f"the model of {self.address} has TASK={self.metadata.task}, which predicts no classes: call scores()"
            )
        at, n = self._horizon(horizon), len(self.metadata.symbols)
        offset = n * torch.arange(len(snapshots)).repeat_interleave(
            torch.tensor([s.edge_index.shape[1] for s in snapshots])
        )
        x, index = torch.cat([s.x for s in snapshots]), torch.cat([s.edge_index for s in snapshots], dim=1) + offset
        logits = self._outputs(x, index, torch.cat([s.edge_weight for s in snapshots]))
        return logits.softmax(dim=-1).reshape(len(snapshots), n, -1, logits.shape[-1])[:, :, at]

    def scores(self, *snapshots: Snapshot, horizon: int | None = None) -> Tensor:
        """The scores of snapshots [S, N], at a horizon in bars (unset: the first): the higher, the better a symbol's
        return should be. Of classes it is p_up - p_down; else metadata.score says what it is. Masked nodes mean nothing."""
        if self.metadata.classes:
            p = self.probabilities(*snapshots, horizon=horizon)
            return p[..., 2] - p[..., 0]
        at = self._horizon(horizon)
        # One by one: a score may be beside those of the other nodes of its bar.
        return torch.stack([self._outputs(s.x, s.edge_index, s.edge_weight)[:, at] for s in snapshots])

    def _horizon(self, horizon: int | None) -> int:
        """Where a horizon in bars is among the model's."""
        horizons = self.metadata.horizons or (self.metadata.horizon,)
        if horizon is not None and horizon not in horizons:
            raise ResultError(
                f"{self.address} predicts no horizon of {horizon} bars: give one of {', '.join(map(str, horizons))}"
            )
        return 0 if horizon is None else horizons.index(horizon)

    def _outputs(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor) -> Tensor:
        device = next((p.device for p in self.model.parameters()), x.device)
        with torch.no_grad():
            outputs: Tensor = self.model(x.to(device), edge_index.to(device), edge_weight.to(device))
        return outputs.cpu()

    def predict(
        self,
        candles: Candles,
        at: int | str | datetime | None = None,
        *,
        allow_missing: bool = False,
        horizon: int | None = None,
    ) -> DataFrame:
        """What the model says of each symbol that takes part, in node order; see snapshot() for the arguments.

        horizon is one of metadata.horizons; unset: the first. Indexed by symbol, with open_time (of the last bar known,
        Unix ms) and score; of a task with classes score = p_up - p_down, and p_down, p_flat, p_up.
        """
        pd = _pandas("predict()")
        snapshot = self.snapshot(candles, at, allow_missing=allow_missing)
        frame: DataFrame = self._frame(pd, [snapshot], horizon).set_index("symbol")
        return frame

    def predict_all(self, candles: Candles, *, allow_missing: bool = False, horizon: int | None = None) -> DataFrame:
        """The same of every bar with enough bars before it: a row a bar and symbol, as in predictions()."""
        pd = _pandas("predict_all()")
        return self._frame(pd, self.snapshots(candles, allow_missing=allow_missing), horizon)

    def _frame(self, pd: Any, snapshots: Iterable[Snapshot], horizon: int | None) -> DataFrame:
        classes = [f"p_{name}" for name in self.metadata.classes]
        symbols, times, said = [], [], []
        for batch in _batches(snapshots, BATCH):
            of_batch = self.probabilities if classes else self.scores
            for snapshot, p in zip(batch, of_batch(*batch, horizon=horizon), strict=True):
                there = snapshot.node_mask.nonzero().flatten().tolist()
                symbols += [snapshot.symbols[i] for i in there]
                times += [snapshot.open_time] * len(there)
                said.append(p[there].double())
        frame: DataFrame = pd.DataFrame(
            {"open_time": times, "symbol": symbols}, columns=["open_time", "symbol", "score", *classes]
        )
        frame[classes or "score"] = torch.cat(said).numpy() if said else []
        if classes:
            frame["score"] = frame["p_up"] - frame["p_down"]
        return frame


def _script(content: bytes) -> torch.jit.ScriptModule:
    with warnings.catch_warnings():
        # TorchScript is what the trainer writes; who loads it has no say in that.
        warnings.filterwarnings("ignore", message=".*torch.jit.load.*", category=DeprecationWarning)
        model: torch.jit.ScriptModule = torch.jit.load(io.BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]
    return model.eval()


def _batches(snapshots: Iterable[Snapshot], size: int) -> Iterator[list[Snapshot]]:
    batch: list[Snapshot] = []
    for snapshot in snapshots:
        batch.append(snapshot)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _pandas(what: str) -> Any:
    try:
        import pandas
    except ImportError as e:
        raise needs("pandas", what, "pandas") from e
    return pandas
