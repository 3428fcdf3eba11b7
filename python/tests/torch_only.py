"""torch_only.py RESULT CANDLES: prints probabilities by symbol as JSON, where torch is all there is."""

import csv
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path

import gnn_trainer

for package in ("numpy", "pandas", "pyarrow", "torch_geometric", "minio"):
    assert importlib.util.find_spec(package) is None, package

result = gnn_trainer.load(sys.argv[1])
result.graph()
candles: dict[str, dict[str, list[float | None]]] = {}
for path in Path(sys.argv[2]).glob("*.csv"):
    with path.open() as f:
        rows = list(csv.DictReader(f))
    candles[path.stem] = {name: [float(row[name]) if row[name] else None for row in rows] for name in rows[0]}
snapshot = result.snapshot(candles)
said = result.probabilities(snapshot)[0]

calls: dict[str, Callable[[], object]] = {
    "predict": lambda: result.predict(candles),
    "predictions": result.predictions,
    "to_pyg": snapshot.to_pyg,
    "s3": lambda: gnn_trainer.load("s3://bucket/model", endpoint="localhost:9000"),
}
missing = {}
for name, call in calls.items():
    try:
        call()
    except gnn_trainer.MissingPackageError as e:
        missing[name] = str(e)

json.dump({"said": dict(zip(snapshot.symbols, said.tolist(), strict=True)), "missing": missing}, sys.stdout)
