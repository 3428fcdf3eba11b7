"""What can go wrong: each message is one sentence that names what, where and how to mend it."""

from __future__ import annotations


class Error(Exception):
    """Any error of this package."""


class ResultError(Error):
    """A result that cannot be used: not there, not whole, changed, or of another format."""


class CandlesError(Error):
    """Candles that no market can have made, or that are not what the model needs."""


class MissingPackageError(Error, ImportError):
    """An optional package that what was asked for needs."""


def needs(package: str, what: str, extra: str) -> MissingPackageError:
    return MissingPackageError(f"{what} needs {package}: pip install 'gnn-trainer-client[{extra}]'")
