"""Follows remedies: python follow.py cases.json.

A case has the path of a saved dict, the statement that the remedy gives, and the
attributes to set to its value or values. The dict is saved again.
"""

import json
import sys

import torch

for case in json.load(open(sys.argv[1])):
    graph = torch.load(case["path"])
    names = {"torch": torch, **graph}
    if case["where"]:
        exec(case["where"], names)
    values = eval(case["expression"], names)
    if len(case["attributes"]) == 1:
        values = [values]
    torch.save(graph | dict(zip(case["attributes"], values, strict=True)), case["path"])
