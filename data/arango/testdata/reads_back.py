"""PyG's adapter and python-arango, unchanged, read a graph that gnn-trainer has
saved, and find the tensors of the file that it was saved from.

argv: URL, user, password, CA file, database, graph, graph.pt.
"""

import logging
import os
import sys

url, user, password, ca, database, graph, path = sys.argv[1:]
if ca:
    os.environ["REQUESTS_CA_BUNDLE"] = ca

import torch  # noqa: E402
from adbpyg_adapter import ADBPyG_Adapter  # noqa: E402
from arango import ArangoClient  # noqa: E402
from torch_geometric.data import Data  # noqa: E402

db = ArangoClient(hosts=url).db(database, username=user, password=password)
want = Data.from_dict(torch.load(path))
back = ADBPyG_Adapter(db, logging_lvl=logging.WARNING).arangodb_to_pyg(
    graph,
    {
        "vertexCollections": {f"{graph}_nodes": {"x": "x", "y": "y", "node_mask": "node_mask"}},
        "edgeCollections": {f"{graph}_edges": {"edge_weight": "edge_weight", "edge_attr": "edge_attr"}},
    },
)
for name in ("x", "y", "node_mask", "edge_index", "edge_weight", "edge_attr"):
    a, b = back[name], want[name]
    assert a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b), (name, a, b)

# Without its metagraph the adapter finds the collections by the graph's name.
assert torch.equal(ADBPyG_Adapter(db, logging_lvl=logging.WARNING).arangodb_graph_to_pyg(graph).edge_index, want.edge_index)

# One attribute a feature, by python-arango alone.
nodes = list(db.collection(f"{graph}_nodes").all())
names = nodes[0]["feature_names"]
columns = [j for j, f in enumerate(names) if f != "symbol"]  # which means something else
x = torch.tensor([[n[names[j]] for j in columns] for n in sorted(nodes, key=lambda n: n["index"])], dtype=torch.float)
assert len(names) == want.x.shape[1] and torch.equal(x, want.x[:, columns])
assert [n["symbol"] for n in sorted(nodes, key=lambda n: n["index"])] == [n["symbol"] for n in nodes]
print(len(nodes), want.num_edges)
