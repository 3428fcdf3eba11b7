#!/usr/bin/env python3
"""Compares the chart's values.schema.json with the program's variables: env takes all that are no secrets, secrets those that are.
With --write it sets them."""

import json
import os
import subprocess
import sys
from pathlib import Path

# What the chart sets itself, from values of its own.
OURS = {"QUEUE_ID", "SYMBOL", "TYPE", "TELEMETRY_PRODUCER_ID", "WORK_DIR", "CACHE_DIR", "CA_PATH", "KAFKA_CA_PATH", "DEVICE", "METRICS_ADDR"}

root = Path(__file__).parents[2]
table = subprocess.check_output([os.environ.get("GO", "go"), "run", "./internal/config/table", "--json"], cwd=root)
want = {"env": set(), "secrets": set()}
for variable in json.loads(table):
    want["secrets" if variable["secret"] else "env"].update([variable["name"], *variable["aliases"]])
want["env"] -= OURS

file = root / "deploy/helm/gnn-trainer/values.schema.json"
schema = json.loads(file.read_text())
for key, names in want.items():
    there = schema["properties"][key]["propertyNames"]
    if "--write" in sys.argv:
        there["enum"] = sorted(names)
    elif there["enum"] != sorted(names):
        sys.exit(f"values.schema.json, {key}: not the variables of `gnn-trainer env`: run test/variables-table.sh --write")
if "--write" in sys.argv:
    file.write_text(json.dumps(schema, indent=2) + "\n")
