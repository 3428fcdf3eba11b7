"""Writes the files of torch.save beside this script that the Go tests read.

Run it with the project's Python after a change; its output is committed:

    PYTHONHASHSEED=0 .venv/bin/python pyg/testdata/make_fixtures.py

The seed fixes the order of sets; legacy.pt differs between runs all the same,
for that format numbers storages by their addresses.

Every graph is the same one, told in different ways: N = 4, F = 3, E = 5,
x[i, j] = i + j / 4, so the Go test needs no second copy of the values.
"""

import os
from collections import OrderedDict
from enum import Enum
from pathlib import Path

import torch
from torch_geometric.data import Data

HERE = Path(__file__).parent
x = torch.arange(4.0).view(4, 1) + torch.arange(3.0) / 4
edge_index = torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 0, 2]])
weight = torch.tensor([0.5, 0.25, 1.0, 0.0, 0.125])
y = torch.tensor([0, 1, 2, -100])
masks = {
    "train_mask": torch.tensor([True, True, False, False]),
    "val_mask": torch.tensor([False, False, True, False]),
    "test_mask": torch.tensor([False, False, False, True]),
}


def graph(**changes):
    values = dict(x=x, edge_index=edge_index, edge_weight=weight, y=y, **masks)
    return Data(**(values | changes))


def save(name, value, **options):
    torch.save(value, HERE / name, **options)


save("data.pt", graph(symbols=["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"], edge_attr=weight.view(5, 1),
                      pos=torch.zeros(4, 2), source="a test", scale=2**70, shape=torch.Size([4, 3])))

# What PyG caches in a Data as it is used is saved with it.
used = graph()
used.put_edge_index(edge_index, layout="coo")
used.validate()
used.is_node_attr("x")
used.get_all_tensor_attrs()
save("data_used.pt", used)

save("protocol5.pt", used, pickle_protocol=5)

# Python 3.11.0 to 3.11.3, Debian 12's among them, pickle an enum's member by its name.
by_value, Enum.__reduce_ex__ = Enum.__reduce_ex__, lambda member, protocol: (getattr, (type(member), member.name))
save("data_used_by_3_11_2.pt", used)
Enum.__reduce_ex__ = by_value
save("dict.pt", OrderedDict(graph().to_dict()))
save("no_edges.pt", {"x": x, "edge_index": torch.zeros(2, 0, dtype=torch.long)})

# The same values behind other strides and offsets, and in other types.
shared = torch.cat([torch.full((7,), -1.0), x.t().flatten()])
save("strided.pt", graph(x=shared[7:].view(3, 4).t(), edge_index=edge_index.t().contiguous().t(),
                         edge_weight=torch.tensor([0.5]).expand(5), y=torch.stack([y, y + 1], dim=1)[:, 0]))
save("float16.pt", graph(x=x.half(), edge_index=edge_index.int(), edge_weight=weight.double(), y=y.to(torch.int8)))
save("bfloat16.pt", graph(x=x.bfloat16(), edge_weight=weight.bfloat16(), y=y.to(torch.int16)))
save("float64.pt", graph(x=x.double(), edge_attr=torch.zeros(5, 2), y=y.int()))


class Evil:
    def __reduce__(self):
        return os.system, ("echo this must never run",)


class Reaching(Evil):
    def __reduce__(self):
        return getattr, (Data, "debug")


save("evil.pt", {"x": x, "edge_index": edge_index, "note": Evil()})
save("evil_getattr.pt", {"x": x, "edge_index": edge_index, "note": Reaching()})
save("bomb.pt", {"x": torch.ones(1, 1).expand(1 << 20, 1 << 20), "edge_index": edge_index})
save("legacy.pt", graph(), _use_new_zipfile_serialization=False)
