"""Results in a bucket of MinIO, or of another server that speaks S3, by way of a folder on the disk."""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .errors import ResultError, needs
from .manifest import MAX_BYTES, File, compare, hash_file

if TYPE_CHECKING:
    from minio import Minio
    from urllib3 import BaseHTTPResponse

T = TypeVar("T")

CHUNK = 1 << 20
ATTEMPTS = 3  # at a file whose transfer breaks off; each request is repeated beside that
CONNECTING, READING = 10.0, 60.0  # seconds in which nothing moves

# What the user mends, by the server's code.
REFUSALS = {
    "AccessDenied": "give the key the right to read there (s3:GetObject), or correct the address",
    "AuthorizationHeaderMalformed": "give the bucket's region",
    "InvalidAccessKeyId": "correct access_key",
    "SignatureDoesNotMatch": "correct secret_key",
    "NoSuchBucket": "correct the bucket's name",
    "InvalidBucketName": "correct the bucket's name",
}


class Bucket:
    """The Place of a prefix of a bucket.

    What is fetched is kept under CACHE/ENDPOINT/BUCKET/MODEL_NAME/QUEUE_ID/ in a folder that is named after the
    manifest's SHA-256: a run that is stored anew has another one. Files come into place whole, so processes may
    share a cache.
    """

    fetches = True

    def __init__(
        self,
        url: str,
        *,
        endpoint: str | None,
        access_key: str | None,
        secret_key: str | None,
        secure: bool,
        ca: str | os.PathLike[str] | None,
        region: str,
        cache: str | os.PathLike[str] | None,
    ) -> None:
        match = re.fullmatch("s3://([^/]+)/(.+?)/*", url)
        if match is None or any(step in ("", ".", "..") for step in match[2].split("/")):
            raise ResultError(
                f"{url} is no address of a result: write it as s3://BUCKET/MODEL_NAME or s3://BUCKET/MODEL_NAME/QUEUE_ID"
            )
        if not endpoint:
            raise ResultError(
                f"{url} does not tell its server: give it as endpoint='host:port', and secure=True for https"
            )
        if "/" in endpoint:
            raise ResultError(f"endpoint={endpoint!r} is no server: give host:port, and secure=True for https")
        self._bucket, self._prefix, self._endpoint = match[1], match[2], endpoint
        self._client = _client(endpoint, access_key, secret_key, secure, ca, region)
        self._cache = Path(cache) if cache is not None else _default_cache()

    def address(self, path: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}/{path}".rstrip("/")

    def small(self, path: str) -> bytes | None:
        def read() -> bytes | None:
            with self._get(path) as response:
                if response is None:
                    return None
                content = bytearray()
                for chunk in response.stream(CHUNK):
                    content += chunk
                    if len(content) > MAX_BYTES:
                        break
                return bytes(content)

        return _again(read)

    def local(self, path: str, file: File, manifest: bytes) -> Path:
        key = f"{self._prefix}/{path}"
        folder = self._cache / self._endpoint.replace(":", "_") / self._bucket / key.removesuffix(f"/{file.name}")
        target = folder / hashlib.sha256(manifest).hexdigest()[:16] / file.name
        try:
            if target.is_file() and hash_file(target) == (file.size, file.sha256):
                return target
            target.parent.mkdir(parents=True, exist_ok=True)
            _again(lambda: self._fetch(path, file, target))
        except OSError as e:
            raise ResultError(f"{target} cannot be written ({e.strerror}): give another cache, or mend this one") from e
        return target

    def _fetch(self, path: str, file: File, target: Path) -> None:
        with self._get(path) as response, tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as f:
            try:
                size, digest = 0, hashlib.sha256()
                for chunk in response.stream(CHUNK) if response is not None else ():
                    size += len(chunk)
                    if size > file.size:
                        break  # whatever this is, it need not fill the disk
                    digest.update(chunk)
                    f.write(chunk)
                if response is None:
                    raise ResultError(
                        f"{self.address(path)} is missing, and its manifest lists it: store the result again, or run the training again"
                    )
                compare(file, size, digest.hexdigest(), self.address(path))
                f.close()
                Path(f.name).replace(target)
            except BaseException:
                Path(f.name).unlink(missing_ok=True)
                raise

    @contextmanager
    def _get(self, path: str) -> Iterator[BaseHTTPResponse | None]:
        """An object to be streamed, None where there is none."""
        from minio import S3Error
        from urllib3.exceptions import HTTPError, MaxRetryError

        address, response = self.address(path), None
        try:
            try:
                response = self._client.get_object(self._bucket, f"{self._prefix}/{path}")
            except S3Error as e:
                if e.code != "NoSuchKey":
                    how = REFUSALS.get(e.code or "", "see to the server, and load it again")
                    raise ResultError(f"{address} is refused by {self._endpoint} ({e.code}): {how}") from e
            except ValueError as e:  # what the client itself finds wrong
                raise ResultError(f"{address} cannot be asked for ({e}): correct the address") from e
            yield response
        except MaxRetryError as e:
            how = "correct endpoint, secure and ca, or start the server"
            raise ResultError(
                f"{address} is out of reach, since {self._endpoint} does not answer ({e.reason}): {how}"
            ) from e
        except HTTPError as e:
            raise _BrokenOffError(f"{address} broke off while it was fetched from {self._endpoint} ({e})") from e
        finally:
            if response is not None:
                response.close()
                response.release_conn()


class _BrokenOffError(ResultError):
    """A transfer that another try may complete."""


def _again(transfer: Callable[[], T]) -> T:
    for _ in range(ATTEMPTS - 1):
        try:
            return transfer()
        except _BrokenOffError:
            pass
    try:
        return transfer()
    except _BrokenOffError as e:
        raise ResultError(f"{e}, {ATTEMPTS} times in a row: see to the network, and load it again") from e


def _client(
    endpoint: str,
    access_key: str | None,
    secret_key: str | None,
    secure: bool,
    ca: str | os.PathLike[str] | None,
    region: str,
) -> Minio:
    try:
        import urllib3
        from minio import Minio
    except ImportError as e:
        raise needs("minio", "load() of an s3:// address", "minio") from e
    try:
        context = ssl.create_default_context()
        if ca is not None:
            context.load_verify_locations(ca)
    except OSError as e:  # ssl.SSLError too
        raise ResultError(f"{ca} is no PEM file of authorities ({e}): correct ca") from e
    http = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECTING, read=READING),
        retries=urllib3.Retry(total=4, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        ssl_context=context,
    )
    try:
        # The region is given, because asking for it takes a right of its own.
        return Minio(
            endpoint, access_key=access_key, secret_key=secret_key, secure=secure, region=region, http_client=http
        )
    except ValueError as e:
        raise ResultError(f"{endpoint!r} cannot be used as an endpoint ({e}): give host:port") from e


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gnn-trainer"
