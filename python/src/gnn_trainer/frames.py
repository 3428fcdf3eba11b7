"""A caller's frames into columns of numbers: pandas' frames, or anything column -> values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import torch
from torch import Tensor

from .errors import CandlesError

if TYPE_CHECKING:
    import pandas as pd

Columns: TypeAlias = Mapping[str, Sequence[Any]]
Candles: TypeAlias = Union["pd.DataFrame", Columns, Mapping[str, Union["pd.DataFrame", Columns]]]
"""A long frame with a column symbol, or symbol -> frame."""

CANDLE = ("open", "high", "low", "close", "volume")
# Other names that a column is found by, where its own is not there.
ALIASES = {
    "open_time": ("timestamp", "ts"),
    "taker_buy_volume": ("taker_buy_base_asset_volume", "taker_buy_base"),
}


def rows(
    candles: Candles, nodes: Mapping[str, int], wanted: Sequence[str], wished: Sequence[str] = ()
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The candles of the symbols in nodes: node [R], open time in Unix ms [R], and each wanted column [R] as float64,
    NaN where a value is missing; of those that are only wished, the column may be missing too."""
    parts = [_rows(frame, whose, nodes, wanted, wished) for frame, whose in _frames(candles, nodes)]
    if not parts:
        return torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64), {}
    values = {name: torch.cat([p[2][name] for p in parts]) for name in (*wanted, *wished)}
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts]), values


def _frames(candles: Candles, nodes: Mapping[str, int]) -> list[tuple[Any, str | None]]:
    """Each frame with the symbol that it is of, None for a long one."""
    if hasattr(candles, "columns"):
        return [(candles, None)]
    if not isinstance(candles, Mapping):
        raise CandlesError(
            f"candles are {type(candles).__name__}: give a frame with a column symbol, or a dict of symbol -> frame"
        )
    frames: Mapping[str, Any] = candles
    if all(hasattr(f, "columns") or isinstance(f, Mapping) for f in frames.values()):
        return [(frames[s], s) for s in nodes if s in frames]
    return [(candles, None)]


def _rows(
    frame: Any, whose: str | None, nodes: Mapping[str, int], wanted: Sequence[str], wished: Sequence[str]
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The model's candles in a frame: node [R], open time [R] and each column [R]."""
    of = f" of {whose}" if whose is not None else ""
    if hasattr(frame, "reset_index"):  # open_time and symbol may be pandas' index
        frame = frame.reset_index(
            [name for name in frame.index.names if name is not None and name not in frame.columns]
        )
    names: dict[str, Any] = {}
    for column in frame.columns if hasattr(frame, "columns") else frame:
        if (name := str(column).strip().lower()) in names:
            raise CandlesError(f"the candles{of} have two columns {name}: remove or rename one")
        names[name] = column

    def find(name: str, needed: bool = True) -> Any:
        own = [n for n in (name, name.lower()) if n in names][:1] or [n for n in names if _bare(n) == _bare(name)]
        found = own or [n for n in ALIASES.get(name, ()) if n in names]
        if len(found) > 1:
            raise CandlesError(
                f"the candles{of} have {found[0]} and {found[1]}, which are both {name}: remove or rename one"
            )
        if not found and not needed:
            return [None] * len(time)
        if not found:
            alias = "".join(f" (or {a})" for a in ALIASES.get(name, ()))
            raise CandlesError(
                f"the candles{of} have no column {name}{alias}, which the model needs: add it to {', '.join(names)}"
            )
        return frame[names[found[0]]]

    time = _times(find("open_time"), of)
    if whose is not None:
        node = torch.full((len(time),), nodes[whose], dtype=torch.int64)
    else:
        node = torch.tensor([nodes.get(s, -1) for s in _list(find("symbol"))], dtype=torch.int64)
    values = {name: _numbers(find(name), f"{name}{of}") for name in wanted}
    values |= {name: _numbers(find(name, needed=False), f"{name}{of}") for name in wished}
    if lengths := {name: len(v) for name, v in (("symbol", node), *values.items()) if len(v) != len(time)}:
        name, length = next(iter(lengths.items()))
        raise CandlesError(
            f"the candles{of} have {len(time)} values of open_time and {length} of {name}: give one of each a candle"
        )
    # A row in which all is missing is what reindexing makes of a missing bar.
    keep = (node >= 0) & ~torch.stack([values[name].isnan() for name in CANDLE]).all(dim=0)
    return node[keep], _milliseconds(time[keep], of), {name: v[keep] for name, v in values.items()}


def _bare(name: str) -> str:
    """A column's name without case and separators, as gnn-trainer compares them."""
    return name.lower().translate(dict.fromkeys(map(ord, "_-. ")))


def _list(column: Any) -> list[Any]:
    return list(column.tolist() if hasattr(column, "tolist") else column)


def _numbers(column: Any, name: str) -> Tensor:
    try:
        if hasattr(column, "to_numpy"):  # pandas; text is read as numbers
            return torch.from_numpy(column.to_numpy(dtype="float64", na_value=math.nan).copy())
        return torch.tensor([math.nan if v is None else float(v) for v in _list(column)], dtype=torch.float64)
    except (TypeError, ValueError) as e:
        raise CandlesError(
            f"{name} holds what is no number ({e}): correct it, or leave it empty where it is not known"
        ) from e


def _times(column: Any, of: str) -> Tensor:
    """Open times as they are, in ms or microseconds [R]; -1 where there is none."""
    try:
        dtype = getattr(column, "dtype", None)
        if getattr(dtype, "kind", "") == "M":  # times without a zone are UTC
            micros = (
                column.to_numpy(dtype="datetime64[us]")
                if hasattr(column, "to_numpy")
                else column.astype("datetime64[us]")
            )
            return torch.from_numpy(micros.astype("int64").copy())
        if getattr(dtype, "kind", "") in "iu" and hasattr(column, "to_numpy"):
            return torch.from_numpy(column.to_numpy(dtype="int64", na_value=-1).copy())
        return torch.tensor([_whole(v) for v in _list(column)], dtype=torch.int64)
    except (TypeError, ValueError, OverflowError) as e:
        raise CandlesError(f"open_time{of} holds what is no time ({e}): give Unix ms, or a datetime64") from e


def _whole(value: Any) -> int:
    if isinstance(value, datetime):
        return microseconds(value)
    number = float(value)
    if not number.is_integer():
        raise ValueError(f"{value!r} is not whole")
    return int(value)


def microseconds(time: datetime) -> int:
    """Since 1970, of a time that is UTC unless it says otherwise."""
    since = (time if time.tzinfo else time.replace(tzinfo=timezone.utc)) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(at: object) -> int:
    """Unix ms of a time that is one already, a datetime (pandas' and numpy's too), or ISO text; UTC where no zone is told."""
    wrong = CandlesError(
        f"at is {at!r}, which is no time of a bar: give its open_time as Unix ms, a datetime, "
        "or ISO text such as 2026-11-20T12:00:00Z"
    )
    time = at
    if getattr(getattr(time, "dtype", None), "kind", "") == "M" and hasattr(time, "astype"):
        time = time.astype("datetime64[us]").item()  # numpy's
    try:
        if isinstance(time, str):
            text = time.strip()  # Z: not before Python 3.11
            time = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text)
        if isinstance(time, bool):
            raise wrong
        if isinstance(time, datetime):
            return int(microseconds(time)) // 1000
        return int(_milliseconds(torch.tensor([_whole(time)], dtype=torch.int64), "", "at")[0])
    except CandlesError:
        raise
    except (TypeError, ValueError, OverflowError, RuntimeError) as e:  # RuntimeError: more than 64 bits
        raise wrong from e


def _milliseconds(time: Tensor, of: str, name: str = "open_time") -> Tensor:
    """Unix ms. Times from 2001 to 2286 have 13 digits in milliseconds and 16 in microseconds."""
    micro = (time >= 10**15) & (time < 10**16)
    if bool((bad := ~(micro & (time % 1000 == 0) | (time >= 10**12) & (time < 10**13))).any()):
        raise CandlesError(
            f"{name}{of} holds {int(time[bad][0])}, which is no Unix time between 2001 and 2286 in whole milliseconds, "
            "given in milliseconds (13 digits) or microseconds (16 digits): correct it"
        )
    return torch.where(micro, time // 1000, time)
