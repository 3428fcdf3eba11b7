"""The Python side of TestPythonReadsWhatGoWritesAndGoReadsWhatPythonWrites.

Opens the files that the Go test left in the folder given, compares them with
want.json and with what PyG makes of the same graphs, and writes graphs with
torch.save for Go to read. Any difference is an exception.
"""

import json
import sys
from pathlib import Path

import torch
from torch_geometric.data import Data
from torch_geometric.data.collate import collate
from torch_geometric.data.separate import separate
from torch_geometric.nn.models import GCN

folder = Path(sys.argv[1])
want = json.loads((folder / "want.json").read_text())

DTYPES = {
    "x": torch.float32, "node_mask": torch.bool, "edge_index": torch.int64, "edge_weight": torch.float32,
    "edge_attr": torch.float32, "y": torch.int64, "ret": torch.float32, "open_time": torch.int64,
}


def equal(got, expected):
    """Same type, shape, values and, for tensors, dtype; dicts also in order."""
    assert type(got) is type(expected), (type(got), type(expected))
    if isinstance(got, torch.Tensor):
        assert got.dtype == expected.dtype, (got.dtype, expected.dtype)
        assert got.shape == expected.shape, (got.shape, expected.shape)
        assert torch.equal(got, expected)
    elif isinstance(got, dict):
        assert list(got) == list(expected), (list(got), list(expected))
        for key in got:
            equal(got[key], expected[key])
    else:
        assert got == expected, (got, expected)


def opened(name):
    """The file as each of torch.load's ways of reading gives it."""
    values = torch.load(folder / name)
    equal(torch.load(folder / name, mmap=True), values)
    torch.utils.serialization.config.load.calculate_storage_offsets = True
    equal(torch.load(folder / name, mmap=True), values)
    torch.utils.serialization.config.load.calculate_storage_offsets = False
    equal(torch.load(folder / name, weights_only=False), values)
    return values


# graph_*.pt: plain dicts that PyG takes.
graphs = []
for i, fields in enumerate(want["graphs"]):
    values = opened(f"graph_{i}.pt")
    equal(values, {k: torch.tensor(v, dtype=DTYPES[k]).view(want["shapes"][i][k]) for k, v in fields.items()})
    data = Data.from_dict(values)
    assert data.validate() and data.num_nodes == want["shapes"][i]["x"][0]
    graphs.append(data)

# dataset.pt: what PyG's collate makes of the same graphs, and separate undoes.
dataset = opened("dataset.pt")
out, slices, _ = collate(Data, graphs, increment=False, add_batch=False)
equal(dataset, {"data": out.to_dict(), "slices": slices})
batch = Data.from_dict(dataset["data"])
for i, graph in enumerate(graphs):
    equal(separate(Data, batch, i, dataset["slices"], decrement=False).to_dict(), graph.to_dict())

# weights.pt: a state dict.
model = GCN(4, 8, 2, 3, jk="last")
state = opened("weights.pt")
model.load_state_dict(state, strict=True)
equal(dict(model.state_dict()), {k: state[k] for k in model.state_dict()})
assert state["convs.0.lin.weight"][1, 2] == 6 and state["lin.bias"].shape == (3,)

# values.pt: every kind of value.
equal(opened("values.pt"), {
    "float32": torch.tensor([[1.5, -0.0, float("inf")]]), "float64": torch.tensor(0.1, dtype=torch.float64),
    "int64": torch.tensor([-2**63, 2**63 - 1]), "int32": torch.tensor([[-2**31], [2**31 - 1]], dtype=torch.int32),
    "uint8": torch.tensor([0, 255], dtype=torch.uint8), "bool": torch.tensor([[[True]], [[False]]]),
    "empty": torch.zeros(0, 3, 2), "none": None, "yes": True, "no": False,
    "ints": [0, 255, 256, 65536, -1, 2**31 - 1, -2**31, 2**31, 2**63 - 1, -2**63], "pi": 3.141592653589793,
    "text": "цена ₿", "names": ["BTCUSDT", ""], "nested": {"deep": [1, {"deeper": torch.tensor([7])}]}, "nothing": {},
})

# data_*.pt: what a user saves, with the values beside it as plain bytes.
torch.manual_seed(3)
n, f, e = 271, 143, 1055
y = torch.randint(0, 7, (n,))
split = torch.randint(0, 3, (n,))
data = Data(x=torch.randn(n, f), edge_index=torch.randint(0, n, (2, e)), edge_weight=torch.rand(e), y=y,
            train_mask=split == 0, val_mask=split == 1, test_mask=split == 2, pos=torch.randn(n, 2))
torch.save(data, folder / "data_fresh.pt")
data.validate()
data.is_node_attr("x"), data.get_all_edge_attrs(), data.get_all_tensor_attrs()
torch.save(data, folder / "data_used.pt", pickle_protocol=4)
torch.save(data.to_dict(), folder / "data_dict.pt")
data.x = data.x.t().contiguous().t()
data.edge_index = torch.cat([torch.zeros(2, 9, dtype=torch.long), data.edge_index], dim=1)[:, 9:]
data.y = torch.stack([y, y + 1], dim=1)[:, 0]
torch.save(data, folder / "data_strided.pt")
for name in ("x", "edge_index", "edge_weight", "y", "train_mask", "val_mask", "test_mask"):
    (folder / f"{name}.bin").write_bytes(getattr(data, name).contiguous().numpy().tobytes())
print(json.dumps({"nodes": n, "features": f, "edges": e}))
