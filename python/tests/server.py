"""A MinIO server for the tests, on the loopback address; it ends with the tests' process."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import trustme
import urllib3
from minio import Minio

BUCKET = "models"
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class MinIO:
    def __init__(self, binary: Path, folder: Path, tls: bool) -> None:
        self._binary, self._folder, self.tls = binary, folder, tls
        self.endpoint = f"localhost:{free_port()}"
        self.ca: Path | None = None
        certificates = folder / "certs"
        certificates.mkdir()
        if tls:
            authority = trustme.CA()
            self.ca = folder / "ca.pem"
            authority.cert_pem.write_to_path(str(self.ca))
            own = authority.issue_cert("localhost")
            own.private_key_pem.write_to_path(str(certificates / "private.key"))
            own.cert_chain_pems[0].write_to_path(str(certificates / "public.crt"))

    def __enter__(self) -> MinIO:
        data = self._folder / "data"
        log = (self._folder / "log").open("wb")
        address = self.endpoint.replace("localhost", "127.0.0.1")
        self._process = subprocess.Popen(
            [self._binary, "--certs-dir", self._folder / "certs", "server", data, "--address", address, "--quiet"],
            env={
                "HOME": str(self._folder),
                "MINIO_ROOT_USER": "lab-access",
                "MINIO_ROOT_PASSWORD": "lab-secret-key",
                "MINIO_BROWSER": "off",
                "MINIO_UPDATE": "off",
            },
            stdout=log,
            stderr=log,
            preexec_fn=_end_with_parent,
        )
        url = f"{'https' if self.tls else 'http'}://{self.endpoint}/minio/health/cluster"
        deadline = time.monotonic() + PATIENCE
        while True:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(url, timeout=2, context=self._context()) as answer,
            ):
                if answer.status == 200:
                    return self
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MinIO did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca) if self.ca else None)

    def variables(self) -> dict[str, str]:
        """The program's variables for this server."""
        return {
            "MINIO_ENDPOINT": self.endpoint,
            "MINIO_ACCESS_KEY": "lab-access",
            "MINIO_SECRET_KEY": "lab-secret-key",
            "MINIO_BUCKET_NAME": BUCKET,
            "MINIO_SECURE": str(self.tls).lower(),
            **({"CA_PATH": str(self.ca)} if self.ca else {}),
        }

    def arguments(self, cache: Path) -> dict[str, Any]:
        """What load() takes for this server."""
        keys = {"access_key": "lab-access", "secret_key": "lab-secret-key"}
        return {"endpoint": self.endpoint, **keys, "secure": self.tls, "ca": self.ca, "cache": cache}

    def client(self) -> Minio:
        return Minio(
            self.endpoint,
            access_key="lab-access",
            secret_key="lab-secret-key",
            secure=self.tls,
            http_client=urllib3.PoolManager(ssl_context=self._context()),
        )
