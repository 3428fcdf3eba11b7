"""manifest.json, which makes a folder a result, and latest.json, which names the newest one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from .decode import decode
from .errors import ResultError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
LATEST = "latest.json"
DATASET = "dataset.pt"  # the snapshots, by far the largest file
BASELINES = "baselines"  # the folder of what the model was compared with
MAX_BYTES = 1 << 20  # of either


@dataclass(frozen=True)
class File:
    """One file that the manifest vouches for."""

    name: str
    size: int  # bytes
    sha256: str  # hex, lower case


@dataclass(frozen=True)
class Manifest:
    """manifest.json, field by field."""

    format_version: int
    status: str  # finished, interrupted
    created: str  # RFC 3339, UTC
    files: tuple[File, ...]
    config: dict[str, str]  # the run's variables, without secrets
    versions: dict[str, str]

    def file(self, name: str, address: str) -> File:
        for file in self.files:
            if file.name == name:
                return file
        raise ResultError(f"{address} lists no {name} in its {MANIFEST}: run the training again")


@dataclass(frozen=True)
class Latest:
    """latest.json, field by field."""

    format_version: int
    model_name: str
    queue_id: str
    created: str
    manifest: str  # path from the folder of latest.json
    model_path: str


def parse_manifest(content: bytes, where: str) -> Manifest:
    manifest = decode(Manifest, content, FORMAT_VERSION, where)
    if manifest.status not in ("finished", "interrupted"):
        raise ResultError(
            f"{where} has status {manifest.status!r}, neither finished nor interrupted: run the training again"
        )
    seen = set()
    for f in manifest.files:
        steps = f.name.removeprefix(f"{BASELINES}/").split("/") if f.name.startswith(f"{BASELINES}/") else [f.name]
        if f.name in seen or any(not _is_step(s) or s.startswith(".") or s == MANIFEST for s in steps):
            raise ResultError(
                f"{where} lists {f.name!r}, which is no name of a file of its own: run the training again"
            )
        if f.size < 0 or not re.fullmatch("[0-9a-f]{64}", f.sha256):
            raise ResultError(
                f"{where} gives {f.name} the size {f.size} and the SHA-256 {f.sha256!r}: run the training again"
            )
        seen.add(f.name)
    return manifest


def parse_latest(content: bytes, where: str) -> Latest:
    latest = decode(Latest, content, FORMAT_VERSION, where)
    if not _is_step(latest.queue_id) or latest.manifest != f"{latest.queue_id}/{MANIFEST}":
        raise ResultError(
            f"{where} names the manifest {latest.manifest!r}, which is none of a run beside it: run the training again"
        )
    return latest


def _is_step(name: str) -> bool:
    """Tells whether name is one step of a path, so that nothing outside a result is opened."""
    return name not in ("", ".", "..") and not re.search(r"[/\\\x00-\x1f\x7f]", name)


def hash_file(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file, read piece by piece."""
    size, digest = 0, hashlib.sha256()
    with path.open("rb") as f:
        while chunk := f.read(1 << 20):
            size += len(chunk)
            digest.update(chunk)
    return size, digest.hexdigest()


def compare(file: File, size: int, sha256: str, where: str) -> None:
    """Refuses a file that is not what the manifest says."""
    if size != file.size:
        raise ResultError(
            f"{where} has {size} bytes, and {MANIFEST} says {file.size}: copy the result again, or run the training again"
        )
    if sha256 != file.sha256:
        raise ResultError(
            f"{where} has the SHA-256 {sha256}, and {MANIFEST} says {file.sha256}: copy the result again, or run the training again"
        )
