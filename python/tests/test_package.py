"""The package builds, installs by itself, and needs torch alone; the example runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from conftest import ROOT, Trained, write_candles

PACKAGE = ROOT / "python"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", folder, PACKAGE], check=True, timeout=300)
    (built,) = folder.glob("*.whl")
    return built


def torch_alone(folder: Path) -> None:
    """Links torch, and what it asks for, and nothing else into a folder."""
    linked, waiting = set(), ["torch"]
    while waiting:
        name = waiting.pop()
        if name in linked:
            continue
        linked.add(name)
        found = distribution(name)
        for top in {Path(str(f)).parts[0] for f in found.files or ()} - {"..", "__pycache__", "bin"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(found.locate_file(top))))
        for need in found.requires or ():
            if "extra ==" not in need and (own := re.match(r"[\w.-]+", need)):
                try:
                    distribution(own[0])
                except ModuleNotFoundError:
                    continue  # of another platform or Python
                waiting.append(own[0])


def test_the_wheel_holds_the_typed_package_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "gnn_trainer/py.typed" in names
    assert {n.split("/")[0] for n in names if ".dist-info" not in n} == {"gnn_trainer"}
    (metadata,) = (n for n in names if n.endswith("METADATA"))
    needs = re.findall("^Requires-Dist: (.*)$", zipfile.ZipFile(wheel).read(metadata).decode(), re.MULTILINE)
    assert [n for n in needs if "extra ==" not in n] == ["torch>=2.6"]


def test_it_predicts_where_torch_is_all_there_is(wheel: Path, neighbours: Trained, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", "install", *quiet, "--no-deps", wheel], check=True, timeout=300)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip())
    torch_alone(site)
    candles = write_candles(neighbours, tmp_path / "candles")
    script: list[str | Path] = [
        python,
        "-W",
        "error:::gnn_trainer",
        Path(__file__).with_name("torch_only.py"),
        neighbours.folder,
        candles,
    ]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    run = subprocess.run(script, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    told = neighbours.result.predictions()
    told = told[told.open_time == told.open_time.max()].set_index("symbol")
    for symbol, row in told[["p_down", "p_flat", "p_up"]].iterrows():
        assert answer["said"][symbol] == pytest.approx(row.tolist(), abs=1e-5)
    assert answer["missing"] == {
        "predict": "predict() needs pandas: pip install 'gnn-trainer-client[pandas]'",
        "predictions": "predictions() needs pandas: pip install 'gnn-trainer-client[pandas]'",
        "to_pyg": "Snapshot.to_pyg() needs torch_geometric: pip install 'gnn-trainer-client[pyg]'",
        "s3": "load() of an s3:// address needs minio: pip install 'gnn-trainer-client[minio]'",
    }


def test_the_example_runs(simulated: Trained, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "MODEL": str(simulated.folder),
        "CANDLES": str(write_candles(simulated, tmp_path / "candles")),
        "PYTHONPATH": str(PACKAGE / "src"),
    }
    script: list[str | Path] = [sys.executable, PACKAGE / "examples" / "predict.py"]
    run = subprocess.run(script, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert run.returncode == 0, run.stderr
    assert "predictions from candles are those of the run" in run.stdout
    for symbol in simulated.result.metadata.symbols:
        assert symbol in run.stdout
