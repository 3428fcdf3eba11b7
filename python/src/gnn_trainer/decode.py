"""JSON into dataclasses, strictly: a field that is missing or of another type is an error.

Fields that a dataclass does not know are passed over: a format grows without a new format_version.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from typing import Any, TypeVar

from .errors import ResultError

T = TypeVar("T")


def decode(cls: type[T], content: bytes, format_version: int, where: str) -> T:
    """Reads a JSON object of this format_version as cls; where names the file in errors."""
    fields = decode_object(content, format_version, where)
    return typing.cast(T, _value(cls, fields, "", where))


def decode_object(content: bytes, format_version: int, where: str) -> dict[str, Any]:
    """Reads a JSON object of this format_version."""
    try:
        fields = json.loads(content)
    except ValueError as e:  # UnicodeDecodeError too
        raise ResultError(f"{where} is no JSON ({e}): run the training again") from e
    if not isinstance(fields, dict):
        raise ResultError(f"{where} holds no JSON object: run the training again")
    if (version := fields.get("format_version")) != format_version:
        raise ResultError(
            f"{where} has format_version {version}, and this package reads {format_version}: "
            "install the version of gnn-trainer-client that goes with the gnn-trainer that wrote it"
        )
    return fields


def _value(kind: Any, value: Any, path: str, where: str) -> Any:
    def wrong(expected: str) -> ResultError:
        return ResultError(f"{where}: {path} is {str(value)[:60]!r}, not {expected}: run the training again")

    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise wrong("an object")
        hints, known = typing.get_type_hints(kind), {}
        for field in dataclasses.fields(kind):
            inner = f"{path}.{field.name}" if path else field.name
            if field.name in value:
                known[field.name] = _value(hints[field.name], value[field.name], inner, where)
            elif field.default is dataclasses.MISSING:
                raise ResultError(f"{where} has no {inner}: run the training again")
        return typing.cast(Any, kind)(**known)
    if origin is types.UnionType:  # X | None, the only one in use
        return None if value is None else _value(args[0], value, path, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise wrong("a list")
        return tuple(_value(args[0], v, f"{path}[{i}]", where) for i, v in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise wrong("an object")
        return {k: _value(args[1], v, f"{path}.{k}", where) for k, v in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        raise wrong({int: "a whole number", float: "a number", str: "a text", bool: "true or false"}[kind])
    return value
