"""PyG's adapter for ArangoDB, unchanged, against the server at argv[1]: graphs
go there and come back as they were. argv: URL, user, password.
"""

import importlib.metadata
import logging
import sys

import torch
from adbpyg_adapter import ADBPyG_Adapter
from adbpyg_adapter.encoders import IdentityEncoder
from arango import ArangoClient
from torch_geometric.data import Data, HeteroData

url, user, password = sys.argv[1:]
client = ArangoClient(hosts=url)
client.db("_system", username=user, password=password).create_database("pyg")
db = client.db("pyg", username=user, password=password)
adapter = ADBPyG_Adapter(db, logging_lvl=logging.WARNING)


def same(a, b):
    assert a.dtype == b.dtype and torch.equal(a, b), (a, b)


generator = torch.Generator().manual_seed(1)
nodes, edges = 50, 1500  # more edges than a batch of a cursor has
homogeneous = Data(
    x=torch.randn(nodes, 3, generator=generator),
    edge_index=torch.randint(nodes, (2, edges), generator=generator),
    edge_weight=torch.randn(edges, generator=generator),
    y=torch.randint(3, (nodes,), generator=generator),
)
adapter.pyg_to_arangodb("market", homogeneous, batch_size=400)
assert db.collection("market_N").count() == nodes and db.collection("market_E").count() == edges

back = adapter.arangodb_to_pyg(
    "market",
    {
        "vertexCollections": {"market_N": {"x": "x", "y": "y"}},
        "edgeCollections": {"market_E": {"edge_weight": "edge_weight"}},
    },
)
for name in ("x", "y", "edge_index", "edge_weight"):
    same(back[name], homogeneous[name])
back = adapter.arangodb_graph_to_pyg("market")
same(back.edge_index, homogeneous.edge_index)

# One attribute a feature, as other tools write them.
adapter.pyg_to_arangodb(
    "plain",
    homogeneous,
    {"nodeTypes": {"plain_N": {"x": ["a", "b", "c"]}}, "edgeTypes": {("plain_N", "plain_E", "plain_N"): {"edge_weight"}}},
)
encoder = IdentityEncoder(dtype=torch.float)
back = adapter.arangodb_to_pyg(
    "plain",
    {
        "vertexCollections": {"plain_N": {"x": {"a": encoder, "b": encoder, "c": encoder}}},
        "edgeCollections": {"plain_E": {"edge_weight"}},
    },
)
same(back.x, homogeneous.x)
same(back.edge_weight, homogeneous.edge_weight)

hetero = HeteroData()
hetero["asset"].x = torch.randn(20, 4, generator=generator)
hetero["asset"].y = torch.randint(3, (20,), generator=generator)
hetero["sector"].x = torch.randn(5, 2, generator=generator)
hetero["asset", "in", "sector"].edge_index = torch.stack([torch.arange(20), torch.arange(20) % 5])
hetero["asset", "moves", "asset"].edge_index = torch.randint(20, (2, 60), generator=generator)
hetero["asset", "moves", "asset"].edge_attr = torch.randn(60, 2, generator=generator)
adapter.pyg_to_arangodb("sectors", hetero)
back = adapter.arangodb_to_pyg(
    "sectors",
    {
        "vertexCollections": {"asset": {"x", "y"}, "sector": {"x"}},
        "edgeCollections": {"in": {}, "moves": {"edge_attr"}},
    },
)
same(back["asset"].x, hetero["asset"].x)
same(back["asset"].y, hetero["asset"].y)
same(back["sector"].x, hetero["sector"].x)
for kind in hetero.edge_types:
    same(back[kind].edge_index, hetero[kind].edge_index)
same(back["asset", "moves", "asset"].edge_attr, hetero["asset", "moves", "asset"].edge_attr)
back = adapter.arangodb_graph_to_pyg("sectors")
assert sorted(back.edge_types) == sorted(hetero.edge_types)

adapter.pyg_to_arangodb("market", homogeneous, overwrite_graph=True, on_duplicate="replace")
assert db.collection("market_N").count() == nodes
client.close()
print("adbpyg-adapter", importlib.metadata.version("adbpyg-adapter"))
