"""Results come from a real MinIO server, by http and https."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Trained
from server import BUCKET, MinIO, free_port

import gnn_trainer
from gnn_trainer import ResultError

ADDRESS = f"s3://{BUCKET}/market_gnn_v1"


def files(cache: Path) -> dict[str, int]:
    return {str(p.relative_to(cache)): p.stat().st_mtime_ns for p in cache.rglob("*") if p.is_file()}


def test_the_latest_result_is_fetched_and_predicts(minio: MinIO, simulated: Trained, tmp_path: Path) -> None:
    result = gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path))
    assert result.address == f"{ADDRESS}/q1"
    assert result.metadata.feature_names == simulated.result.metadata.feature_names
    # The same settings, data and seed give the same bits, wherever they are stored.
    assert result.predict(simulated.candles).equals(simulated.result.predict(simulated.candles))
    assert result.predictions().equals(simulated.result.predictions())
    direct = gnn_trainer.load(f"{ADDRESS}/q1", **minio.arguments(tmp_path))
    assert direct.metadata == result.metadata


def test_only_files_of_the_manifest_are_fetched_and_once(minio: MinIO, tmp_path: Path) -> None:
    minio.client().put_object(BUCKET, "market_gnn_v1/q1/other.bin", io.BytesIO(b"x"), 1)
    result = gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path))
    fetched = files(tmp_path)
    assert sorted(Path(p).name for p in fetched) == sorted({f.name for f in result.manifest.files} - {"dataset.pt"})
    gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path))
    assert files(tmp_path) == fetched


def test_lazy_fetches_what_prediction_needs(minio: MinIO, tmp_path: Path) -> None:
    result = gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path), lazy=True)
    assert sorted(Path(p).name for p in files(tmp_path)) == ["metadata.json", "metrics.json", "model.pt"]
    result.graph()
    assert len(files(tmp_path)) == 4


@pytest.mark.parametrize("lazy", [True, False])
def test_the_snapshots_are_fetched_when_they_are_asked_for(minio: MinIO, tmp_path: Path, lazy: bool) -> None:
    result = gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path), lazy=lazy)
    result.graph()
    assert not [p for p in files(tmp_path) if "dataset" in p]
    path = result.path("dataset.pt")
    listed = result.manifest.file("dataset.pt", "")
    assert path.stat().st_size == listed.size
    assert hashlib.sha256(path.read_bytes()).hexdigest() == listed.sha256
    fetched = path.stat().st_mtime_ns
    assert gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path)).path("dataset.pt").stat().st_mtime_ns == fetched
    path.write_bytes(b"x" * listed.size)  # the cache is not trusted either
    assert hashlib.sha256(result.path("dataset.pt").read_bytes()).hexdigest() == listed.sha256


def test_a_damaged_cache_is_fetched_anew(minio: MinIO, tmp_path: Path) -> None:
    result = gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path))
    path = result.path("graph.pt")
    content = path.read_bytes()
    path.write_bytes(b"x" * len(content))
    assert gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path)).path("graph.pt").read_bytes() == content


@pytest.mark.parametrize("name", ["model.pt", "dataset.pt", "metrics.json"])
@pytest.mark.parametrize("damage", ["same size", "shorter", "longer", "gone"])
def test_a_tampered_object_is_refused_and_not_kept(minio: MinIO, tmp_path: Path, name: str, damage: str) -> None:
    client, key = minio.client(), f"market_gnn_v1/q1/{name}"
    content = client.get_object(BUCKET, key).read()
    other = {"same size": content[:-1] + b"~", "shorter": content[:-1], "longer": content * 2, "gone": b""}[damage]
    try:
        client.remove_object(BUCKET, key) if damage == "gone" else client.put_object(
            BUCKET, key, io.BytesIO(other), len(other)
        )
        with pytest.raises(ResultError, match=f"{ADDRESS}/q1/{name}") as e:
            gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path)).path(name)
        assert {"same size": "SHA-256", "gone": "missing"}.get(damage, "bytes") in str(e.value)
        assert not [p for p in files(tmp_path) if Path(p).name == name or Path(p).name.startswith(".")]
    finally:
        client.put_object(BUCKET, key, io.BytesIO(content), len(content))


def test_a_run_that_is_stored_anew_is_fetched_anew(minio: MinIO, tmp_path: Path) -> None:
    client, key = minio.client(), "market_gnn_v1/q1/manifest.json"
    content = client.get_object(BUCKET, key).read()
    first = gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path))
    other = json.dumps(json.loads(content) | {"created": "2030-01-01T00:00:00Z"}).encode()
    try:
        client.put_object(BUCKET, key, io.BytesIO(other), len(other))
        second = gnn_trainer.load(ADDRESS, **minio.arguments(tmp_path))
    finally:
        client.put_object(BUCKET, key, io.BytesIO(content), len(content))
    assert second.manifest.created == "2030-01-01T00:00:00Z"
    assert first.path("model.pt") != second.path("model.pt")


def test_half_a_result_is_refused(minio: MinIO, tmp_path: Path) -> None:
    client = minio.client()
    client.put_object(BUCKET, "half/q1/model.pt", io.BytesIO(b"x"), 1)
    for address in (f"s3://{BUCKET}/half", f"s3://{BUCKET}/half/q1"):
        with pytest.raises(ResultError, match=r"neither manifest\.json nor latest\.json"):
            gnn_trainer.load(address, **minio.arguments(tmp_path))
    assert not files(tmp_path)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "a bucket that is not there": ("s3://nobody-has-it/market_gnn_v1", {}, "NoSuchBucket): correct the bucket"),
    "a bucket that cannot be": ("s3://A/market_gnn_v1", {}, "correct"),
    "another key": (ADDRESS, {"access_key": "nobody"}, "InvalidAccessKeyId): correct access_key"),
    "another secret": (ADDRESS, {"secret_key": "wrong-secret"}, "SignatureDoesNotMatch): correct secret_key"),
    "nobody there": (ADDRESS, {"endpoint": f"localhost:{free_port()}"}, "does not answer"),
    "no endpoint": (ADDRESS, {"endpoint": None}, "does not tell its server: give it as endpoint='host:port'"),
    "an endpoint with a scheme": (ADDRESS, {"endpoint": "http://localhost:9000"}, "give host:port, and secure=True"),
    "an endpoint that is none": (ADDRESS, {"endpoint": "local host:x"}, "give host:port"),
    "no model": (f"s3://{BUCKET}", {}, "write it as s3://BUCKET/MODEL_NAME"),
    "a path that leads out": (f"s3://{BUCKET}/../x", {}, "write it as"),
    "no authorities": (ADDRESS, {"ca": __file__}, "correct ca"),
    "a cache that is a file": (ADDRESS, {"cache": __file__}, "give another cache"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_fetched_is_told_in_one_sentence(minio: MinIO, tmp_path: Path, case: str) -> None:
    address, changes, words = REFUSED[case]
    with pytest.raises(ResultError) as e:
        gnn_trainer.load(address, **(minio.arguments(tmp_path) | changes))
    assert words in str(e.value)
    assert "\n" not in str(e.value)


def test_a_server_of_an_unknown_authority_is_refused(minio: MinIO, tmp_path: Path) -> None:
    if not minio.tls:
        pytest.skip("without TLS there is no authority")
    with pytest.raises(ResultError, match="CERTIFICATE_VERIFY_FAILED"):
        gnn_trainer.load(ADDRESS, **(minio.arguments(tmp_path) | {"ca": None}))


def test_a_folder_needs_no_endpoint(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="an endpoint was given"):
        gnn_trainer.load(tmp_path, endpoint="localhost:9000")
