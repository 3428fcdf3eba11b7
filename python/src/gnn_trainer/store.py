"""Where results lie: their files leave here, each compared with what its manifest says of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

from .errors import ResultError
from .manifest import (
    DATASET,
    LATEST,
    MANIFEST,
    MAX_BYTES,
    File,
    Manifest,
    compare,
    hash_file,
    parse_latest,
    parse_manifest,
)


class Place(Protocol):
    """A folder or a prefix of a bucket. Paths within it are relative, with /."""

    fetches: bool  # whether local() brings files from elsewhere

    def address(self, path: str) -> str:
        """How messages name a file."""

    def small(self, path: str) -> bytes | None:
        """The content of a file of MAX_BYTES at most; None where there is none."""

    def local(self, path: str, file: File, manifest: bytes) -> Path:
        """Where a file of the result with this manifest lies on the disk, brought there if need be."""


class Folder:
    """The Place of a folder on the disk."""

    fetches = False

    def __init__(self, path: Path) -> None:
        self._path = path

    def address(self, path: str) -> str:
        return str(self._path / path)

    def small(self, path: str) -> bytes | None:
        try:
            with (self._path / path).open("rb") as f:
                return f.read(MAX_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as e:
            raise ResultError(f"{self.address(path)} cannot be read ({e.strerror}): mend its rights or its disk") from e

    def local(self, path: str, file: File, manifest: bytes) -> Path:
        return self._path / path


class Files:
    """The files of one result in a place, held to the manifest that was read first."""

    def __init__(self, place: Place, folder: str) -> None:
        """folder is the result's within the place, empty for the place itself."""
        self._place, self._folder = place, folder
        self.address = place.address(folder)
        content = place.small(self._path(MANIFEST))
        if content is None:
            raise ResultError(
                f"{self.address} holds no {MANIFEST}, so it is no result: wait for its run to end, or run the training again"
            )
        self._content = content
        self.manifest: Manifest = parse_manifest(
            _bounded(content, place.address(self._path(MANIFEST))), place.address(self._path(MANIFEST))
        )

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}" if self._folder else name

    def replaced(self) -> bool:
        """Tells whether the run has stored another result meanwhile, or is about to."""
        return self._place.small(self._path(MANIFEST)) != self._content

    def path(self, name: str) -> Path:
        """Where a file lies on the disk, verified."""
        file = self.manifest.file(name, self.address)
        path = self._place.local(self._path(name), file, self._content)
        try:
            size, sha256 = hash_file(path)
        except OSError as e:
            raise self._unreadable(name, e) from e
        compare(file, size, sha256, self._place.address(self._path(name)))
        return path

    def read(self, name: str) -> bytes:
        """The content of a file, verified: what is used is what was compared."""
        file = self.manifest.file(name, self.address)
        try:
            content = self._place.local(self._path(name), file, self._content).read_bytes()
        except OSError as e:
            raise self._unreadable(name, e) from e
        compare(file, len(content), hashlib.sha256(content).hexdigest(), self._place.address(self._path(name)))
        return content

    def verify(self) -> None:
        """Compares every file of the manifest; of those that would have to be fetched, all but the snapshots."""
        for file in self.manifest.files:
            if file.name != DATASET or not self._place.fetches:
                self.path(file.name)

    def _unreadable(self, name: str, e: OSError) -> ResultError:
        where = self._place.address(self._path(name))
        if isinstance(e, FileNotFoundError):
            return ResultError(
                f"{where} is missing, and {MANIFEST} lists it: fetch the whole result, or run the training again"
            )
        return ResultError(f"{where} cannot be read ({e.strerror}): mend its rights or its disk")


def find(place: Place) -> Files:
    """The result that a place is, or else the one that its latest.json names."""
    if place.small(MANIFEST) is not None:
        return Files(place, "")
    content = place.small(LATEST)
    if content is None:
        raise ResultError(
            f"{place.address('')} holds neither {MANIFEST} nor {LATEST}, so there is no finished result: "
            "give the folder of MODEL_NAME or of one run in it, and wait for a run to finish"
        )
    where = place.address(LATEST)
    latest = parse_latest(_bounded(content, where), where)
    files = Files(place, latest.queue_id)
    if files.manifest.status != "finished":
        raise ResultError(
            f"{where} names {latest.queue_id}, which was run again since and is {files.manifest.status}: "
            f"let it finish, or load {files.address} itself"
        )
    return files


def _bounded(content: bytes, where: str) -> bytes:
    if len(content) > MAX_BYTES:
        raise ResultError(
            f"{where} is larger than {MAX_BYTES} bytes, so gnn-trainer did not write it: run the training again"
        )
    return content
