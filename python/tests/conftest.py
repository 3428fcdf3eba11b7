"""What the tests share: results of the built program, with the candles that it was given."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward_market
import numpy as np
import pandas as pd
import pytest
from server import MinIO

import gnn_trainer

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "bin" / "gnn-trainer"
REAL = ROOT.parent / "shared" / "market" / "5m"
FIGURES = pytest.StashKey[list[str]]()


def need(path: Path, how: str) -> Path:
    """Skips the test unless path is there; CI must not hide it so."""
    if not path.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{path.name} is not there: {how}")
    return path


def train(store: Path, **variables: str) -> Path:
    """Trains a small model; gives the folder of its MODEL_NAME."""
    need(PROGRAM, "`make build`")
    known = {
        "PATH": os.environ["PATH"],
        "QUEUE_ID": "q1",
        "TYPE": "gnn_trainer",
        "TELEMETRY_PRODUCER_ID": "gnn-trainer__q1",
        "EPOCHS": "2",
        "BASELINE": "none",
        "STORE_DIR": str(store),
    }
    run = subprocess.run(
        [PROGRAM], env={**known, **variables}, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stderr
    return store / "market_gnn_v1"


SIMULATED = {"SYMBOL": "BTCUSDT", "SYMBOLS": "top:12", "LOOKBACK": "6d"}


@dataclass
class Trained:
    """A result, and a long frame of the candles that it was trained on."""

    folder: Path
    candles: pd.DataFrame
    result: gnn_trainer.Result


def read(folder: Path) -> pd.DataFrame:
    files = sorted(folder.glob("*.csv"))
    whole: pd.DataFrame = pd.concat([pd.read_csv(p).assign(symbol=p.stem) for p in files], ignore_index=True)
    return whole


def write_candles(trained: Trained, folder: Path) -> Path:
    """One SYMBOL.csv a symbol."""
    folder.mkdir()
    for symbol, group in trained.candles.groupby("symbol"):
        group.drop(columns="symbol").to_csv(folder / f"{symbol}.csv", index=False)
    return folder


def trained(folder: Path, candles: pd.DataFrame) -> Trained:
    return Trained(folder, candles, gnn_trainer.load(folder))


Temporary = pytest.TempPathFactory


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: Temporary) -> Trained:
    """The simulated market."""
    candles = tmp_path_factory.mktemp("candles")
    write = ["go", "run", "./python/tests/simulated", str(candles)]
    subprocess.run(write, cwd=ROOT, env={**os.environ, **SIMULATED}, check=True, timeout=300)
    store = tmp_path_factory.mktemp("simulated")
    return trained(train(store, DATA_SOURCE="simulated", **SIMULATED), read(candles))


def _awkward(
    tmp_path_factory: Temporary,
    interval: str,
    seed: int,
    *,
    sessions: bool = False,
    bars: int = awkward_market.BARS,
    **variables: str,
) -> Trained:
    candles = awkward_market.draw(seed, pd.Timedelta(interval), bars)
    if sessions:
        candles = awkward_market.in_sessions(candles)
    folder = tmp_path_factory.mktemp("candles")
    awkward_market.write(candles, folder)
    store = tmp_path_factory.mktemp("awkward")
    given = {"DATA_SOURCE": "files", "DATA_DIR": str(folder), "SYMBOL": "S00USDT", "INTERVAL": interval, **variables}
    return trained(train(store, **given), candles)


@pytest.fixture(scope="session")
def neighbours(tmp_path_factory: Temporary) -> Trained:
    """An awkward market whose nodes listen to their nearest neighbours."""
    return _awkward(tmp_path_factory, "15m", 1, GRAPH_WINDOW="30", EDGE_TOP_K="3")


@pytest.fixture(scope="session")
def threshold(tmp_path_factory: Temporary) -> Trained:
    """An awkward market whose edges reach a threshold, by excess returns over less than a feature's window."""
    return _awkward(tmp_path_factory, "1h", 2, GRAPH_WINDOW="20", EDGE_THRESHOLD="0.1", EDGE_RETURNS="excess")


@pytest.fixture(scope="session")
def sessions(tmp_path_factory: Temporary) -> Trained:
    """An awkward market that is closed at night and on weekends."""
    return _awkward(tmp_path_factory, "1h", 3, sessions=True, GRAPH_WINDOW="30", EDGE_TOP_K="3")


@pytest.fixture(scope="session")
def columns(tmp_path_factory: Temporary) -> Trained:
    """An awkward market with columns of the user's own among the features, missing here and there."""
    candles = awkward_market.draw(4, pd.Timedelta("15m"))
    r = np.random.default_rng(4)
    candles["My Signal"] = np.where(r.random(len(candles)) < 0.05, np.nan, r.normal(size=len(candles)))
    candles["steps"] = r.integers(-3, 4, len(candles))
    folder = tmp_path_factory.mktemp("candles")
    awkward_market.write(candles, folder)
    store = tmp_path_factory.mktemp("columns")
    given = {"DATA_SOURCE": "files", "DATA_DIR": str(folder), "SYMBOL": "S00USDT", "INTERVAL": "15m"}
    listed = {"FEATURES": "my_signal,streamforge,volume,steps", "GRAPH_WINDOW": "30", "EDGE_TOP_K": "3"}
    return trained(train(store, **given, **listed), candles)


@pytest.fixture(scope="session")
def market(tmp_path_factory: Temporary) -> Trained:
    """An awkward market with features in units of volatility, and those of StreamForge."""
    return _awkward(tmp_path_factory, "15m", 5, bars=3200, FEATURES="all", GRAPH_WINDOW="30", EDGE_TOP_K="3")


@pytest.fixture(scope="session")
def partial(tmp_path_factory: Temporary) -> Trained:
    """Signed edges of all nodes, which last a day."""
    return _awkward(tmp_path_factory, "1h", 6, EDGES="partial", MODEL_TYPE="gatv2", GRAPH_WINDOW="40", EDGE_RIDGE="0.3")


@pytest.fixture(scope="session")
def types(tmp_path_factory: Temporary) -> Trained:
    """Edges of every type."""
    file = tmp_path_factory.mktemp("edges") / "edges.csv"
    file.write_text("source,target,weight\nS01USDT,S00USDT,-0.5\nS02USDT,S00USDT,0.25\nS00USDT,S03USDT,1\n")
    return _awkward(
        tmp_path_factory,
        "15m",
        7,
        EDGES="static,correlation,leadlag,partial",
        EDGES_FILE=str(file),
        MODEL_TYPE="gatv2",
        GRAPH_WINDOW="30",
        EDGE_TOP_K="3",
        EDGE_EVERY="20",
    )


@pytest.fixture(scope="session")
def real(tmp_path_factory: Temporary) -> Trained:
    """Real candles with their gaps."""
    if not REAL.exists():
        pytest.skip("the real candles are not here")
    store = tmp_path_factory.mktemp("real")
    return trained(train(store, DATA_SOURCE="files", DATA_DIR=str(REAL), SYMBOL="ETHBTC"), read(REAL))


@pytest.fixture(params=["simulated", "neighbours", "threshold", "sessions", "columns", "market", "real"])
def any_trained(request: pytest.FixtureRequest) -> Trained:
    value: Trained = request.getfixturevalue(request.param)
    return value


@pytest.fixture(scope="session", params=["http", "https"])
def minio(request: pytest.FixtureRequest, tmp_path_factory: Temporary) -> Iterator[MinIO]:
    """A MinIO server with one trained model in the bucket models."""
    binary = need(ROOT / "build" / "servers" / "bin" / "minio", "`make servers`")
    with MinIO(binary, tmp_path_factory.mktemp("minio"), tls=request.param == "https") as server:
        train(tmp_path_factory.mktemp("staging"), DATA_SOURCE="simulated", **SIMULATED, **server.variables())
        yield server


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Tells a measured figure at the end of the tests."""
    told = request.config.stash.setdefault(FIGURES, [])
    return lambda text: told.append(f"{request.node.name}: {text}")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for line in config.stash.get(FIGURES, []):
        terminalreporter.write_line(line)
