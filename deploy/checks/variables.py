#!/usr/bin/env python3
"""Holds the chart's values.schema.json to the program's table of variables: env takes all that are no secrets, secrets those that
are. With --write it sets them."""

import json
import re
import sys
from pathlib import Path

# What the chart sets itself, from values of its own.
OURS = {"QUEUE_ID", "SYMBOL", "TYPE", "TELEMETRY_PRODUCER_ID", "WORK_DIR", "CACHE_DIR", "CA_PATH", "KAFKA_CA_PATH", "DEVICE", "METRICS_ADDR"}

root = Path(__file__).parents[2]
table = (root / "internal/config/variables.go").read_text()
plain, secret = [], []
for line in re.findall(r'\{name: "[A-Z_]+".*', table):
    names = re.findall(r'name: "([A-Z_]+)"', line)
    for aliases in re.findall(r"aliases: \[\]string\{([^}]*)\}", line):
        names += re.findall(r'"([A-Z_]+)"', aliases)
    (secret if "secret: true" in line else plain).extend(names)
if len(plain) < 40 or len(secret) < 5:
    sys.exit("internal/config/variables.go is no longer written as this script reads it: mend deploy/checks/variables.py")

file = root / "deploy/helm/gnn-trainer/values.schema.json"
schema = json.loads(file.read_text())
want = {"env": sorted(set(plain) - OURS), "secrets": sorted(set(secret))}
if "--write" in sys.argv:
    for key, names in want.items():
        schema["properties"][key]["propertyNames"]["enum"] = names
    file.write_text(json.dumps(schema, indent=2) + "\n")
for key, names in want.items():
    if schema["properties"][key]["propertyNames"]["enum"] != names:
        sys.exit(f"values.schema.json, {key}: not the variables of internal/config/variables.go: run deploy/checks/variables.py --write")
