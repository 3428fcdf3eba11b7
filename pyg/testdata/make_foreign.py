"""Writes into a folder what people save in place of one plain Data.

    python make_foreign.py folder

Each file is named as the test names it; foreign_test.go tells what is right.
"""

import datetime
import sys
import types
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch_geometric.data import Batch, Data, HeteroData, InMemoryDataset, TemporalData
from torch_geometric.index import Index
from torch_geometric.edge_index import EdgeIndex
from torch_geometric.nn import GCNConv
from torch_geometric.transforms import ToSparseTensor
from torch_geometric.utils import to_edge_index

HERE = Path(sys.argv[1])
N = 6
x = torch.arange(2.0 * N).view(N, 2)
edge_index = torch.tensor([[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 0]])
y = torch.tensor([0, 1, 2, 0, 1, 2])


def graph(**changes):
    return Data(**(dict(x=x, edge_index=edge_index, y=y) | changes))


def save(name, value, **options):
    torch.save(value, HERE / (name + ".pt"), **options)


# The whole file is another thing.
hetero = HeteroData()
hetero["stock"].x, hetero["stock"].y = x, y
hetero["stock", "with", "stock"].edge_index = edge_index
save("hetero", hetero)
save("hetero_dict", hetero.to_dict())
save("hetero_homogeneous", hetero.to_homogeneous())
batch = Batch.from_data_list([graph(), graph()])
save("batch", batch)
save("batch_first", batch.to_data_list()[0])
save("temporal", TemporalData(src=edge_index[0], dst=edge_index[1], t=torch.arange(N), msg=x))
save("list", [graph(), graph()])
InMemoryDataset.save([graph(), graph()], HERE / "dataset_of_two.pt")
InMemoryDataset.save([graph()], HERE / "dataset_of_one.pt")
save("state_dict", torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()).state_dict())
save("gcn_state_dict", GCNConv(2, 3).state_dict())
save("model", GCNConv(2, 3))
save("training_state", {"epoch": 3, "model_state_dict": torch.nn.Linear(2, 3).state_dict()})
save("tensor", x)
save("array", x.numpy())
save("nested", {"graph": graph(), "when": "today"})
save("frame", pd.DataFrame(x.numpy()))

free = {"edge_index": edge_index.numpy(), "edge_feat": None, "node_feat": x.numpy(), "num_nodes": N}  # of any library
column = y[:, None].numpy()
t = torch.as_tensor
save("ogb", (free, column))
save("ogb_list", [free, column])
save("ogb_pairs", [(free, column), (free, column)])
save("ogb_tensors", ({"edge_index": edge_index, "node_feat": x, "num_nodes": N}, y))
save("ogb_graph", free)
save("ogb_without_features", (free | {"node_feat": None}, column), pickle_protocol=5)
save("ogb_in_dict", {"graph": free, "labels": column, "split": {"train": t([0, 1, 2]), "test": t([4, 5])}})
save("ogb_followed", Data(x=t(free["node_feat"]), edge_index=t(free["edge_index"]), y=t(column)))
unlabelled = graph(y=None)
save("data_and_labels", (unlabelled, y))
save("data_and_labels_list", [unlabelled, y.numpy()])
save("data_and_labels_followed", {**unlabelled.to_dict(), "y": t(y)})
save("dict_and_labels", ({"x": x, "edge_index": edge_index}, y))
save("data_and_name", (graph(), "BTC"))
save("dicts", [graph().to_dict(), graph().to_dict()])
save("tensors", (x, edge_index, y))
save("nested_dict", {"graph": graph().to_dict(), "when": "today"})


class Market(Data):
    """A class of Data, as people write one to batch their own attributes."""


class Own(InMemoryDataset):
    def __init__(self):
        super().__init__()
        self.data, self.slices = self.collate([graph(), graph()])


class Torn(torch.Tensor):
    pass


save("own_dataset", Own())
save("subclass", Market(x=x, edge_index=edge_index, y=y))

# An attribute that is used holds a foreign value.
save("parameter", graph(x=torch.nn.Parameter(x)))
save("edge_index_class", graph(edge_index=EdgeIndex(edge_index, sparse_size=(N, N))))
save("index_class", graph(y=Index(y)))
save("tensor_class", graph(x=x.as_subclass(Torn)))
save("numpy_x", graph(x=x.numpy()))
save("numpy_y", graph(y=y.numpy()), pickle_protocol=4)
save("numpy_mask", graph(train_mask=np.ones(N, bool), test_mask=np.zeros(N, bool)))
save("numpy_names", graph(y=np.array(["up", "down", "flat"] * 2)))
save("numpy_objects", graph(y=np.array(["up", "down", "flat"] * 2, dtype=object)), pickle_protocol=4)
save("numpy_frombuffer", graph(x=x.numpy()), pickle_protocol=5)
save("numpy_feat", {"feat": x.numpy(), "edge_index": edge_index, "y": y})
save("numpy_set", graph(set=np.array([0, 0, 0, 1, 2, 2])))
save("categorical_role", graph(role=pd.Categorical(["train"] * 4 + ["test"] * 2)))
save("numpy_usage", graph(usage=np.array(list("aabbcc"))), pickle_protocol=5)
save("frame_x", graph(x=pd.DataFrame(x.numpy())))
save("series_y", graph(y=pd.Series(y.numpy())))
save("list_x", graph(x=x.tolist()))
save("sparse_x", graph(x=x.to_sparse()))
save("narrow_y", graph(y=y.to(torch.uint16)))
save("when", graph(open_time=datetime.datetime(2024, 1, 2)))
save("stamp", graph(open_time=pd.Timestamp("2024-01-02", tz="UTC")))
save("symbols_array", graph(symbols=np.array(list("ABCDEF"))))
csr = ToSparseTensor(layout=torch.sparse_csr, remove_edge_index=True)(graph())
save("csr", csr)
save("dense", {"x": x, "y": y, "adj": torch.eye(N)})
csr.edge_index, csr.edge_weight = to_edge_index(csr.adj_t.t())
save("from_csr", csr)
eye_index, eye_weight = to_edge_index(torch.eye(N).to_sparse())
save("from_dense", {"x": x, "y": y, "edge_index": eye_index, "edge_weight": eye_weight})

sys.modules["torch_sparse"] = types.ModuleType("torch_sparse")
sys.modules["torch_sparse.tensor"] = module = types.ModuleType("torch_sparse.tensor")


class SparseTensor:  # by its name alone: the package is not installed
    def __init__(self):
        self.storage = {"row": edge_index[0], "col": edge_index[1]}


SparseTensor.__module__, module.SparseTensor = "torch_sparse.tensor", SparseTensor
save("sparse_tensor", Data(x=x, y=y, adj_t=SparseTensor()))

# Attributes that are not used may hold anything.
marked = x.clone()
marked.note = "an attribute of the tensor itself"
rest = dict(
    ts=np.arange(N), when=datetime.datetime(2024, 1, 2), day=datetime.date(2024, 1, 2), frame=pd.DataFrame({"a": [1, 2]}),
    stamps=pd.date_range("2024", periods=3), counted=Counter("abc"), grouped=defaultdict(list, a=[1]), path=Path("a/b"),
    raw=b"\x00\x01", wide=2**200, some={"a", "b"}, frozen=frozenset([1]), kind=torch.float32, device=torch.device("cpu"),
    model=GCNConv(2, 3), scalar=np.float64(1.5), dense=torch.nn.Parameter(x.clone()), narrow=y.to(torch.uint16), sparse=x.to_sparse(),
    lazy=torch.view_as_complex(x.clone()).conj(), method=graph().to, function=torch.nn.functional.relu,
)
for protocol in 2, 4, 5:
    save(f"rest_{protocol}", graph(x=marked, **rest), pickle_protocol=protocol)
