"""peers.py RESULT DEVICE SHAPE: the same GCN on the train snapshots of a result's dataset.pt, in PyTorch Geometric and in
PyTorch as an expert would write it for a GPU: seconds of an epoch, medians, as one line of JSON.

Each step does what ours does: forward with dropout, cross-entropy, backward, gradients clipped to a norm of 1, AdamW.
"""
import json
import statistics
import sys
import time

import torch
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GCNConv

result, device, batch, hidden, compiled = sys.argv[1], torch.device(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "compiled"
DROPOUT, LAYERS, EPOCHS = 0.1, 2, 4
torch.set_float32_matmul_precision("highest")  # as ours: no TF32
torch.manual_seed(0)

raw = torch.load(result + "/dataset.pt", mmap=True)
meta = json.load(open(result + "/metadata.json"))
data, slices = raw["data"], raw["slices"]
mean, std = torch.tensor(meta["feature_mean"]), torch.tensor(meta["feature_std"])
snapshots = meta["splits"]["train"]["count"]


def cut(key, i):
    a, b = int(slices[key][i]), int(slices[key][i + 1])
    return data[key][:, a:b] if key == "edge_index" else data[key][a:b]


graphs = [Data(x=(cut("x", i) - mean) / std, edge_index=cut("edge_index", i), edge_weight=cut("edge_weight", i), y=cut("y", i))
          for i in range(snapshots)]
nodes, features = graphs[0].x.shape


class PyG(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = torch.nn.ModuleList(GCNConv(features if i == 0 else hidden, hidden) for i in range(LAYERS))
        self.lin = torch.nn.Linear(hidden, 3)

    def forward(self, x, *edges):
        for conv in self.convs:
            x = torch.nn.functional.dropout(conv(x, *edges).relu(), DROPOUT, self.training)
        return self.lin(x)


class Dense(torch.nn.Module):
    """The normalised adjacencies [B, N, N] made once; the product on the narrower side."""

    def __init__(self):
        super().__init__()
        self.convs = torch.nn.ModuleList(torch.nn.Linear(features if i == 0 else hidden, hidden) for i in range(LAYERS))
        self.lin = torch.nn.Linear(hidden, 3)

    def forward(self, x, a):
        for conv in self.convs:
            x = torch.nn.functional.dropout(conv(torch.bmm(a, x)).relu(), DROPOUT, self.training)
        return self.lin(x)


def update(net, optimiser, loss):
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0, foreach=True)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


def loss_of(net, y, *inputs):
    return torch.nn.functional.cross_entropy(net(*inputs).reshape(-1, 3), y.reshape(-1), ignore_index=-100)


def timed(epoch):
    seconds = []
    for _ in range(EPOCHS):
        start = time.perf_counter()
        epoch()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def new(kind):
    net = kind().to(device)
    return net, torch.optim.AdamW(net.parameters(), fused=True, capturable=device.type == "cuda")


def loader():
    net, optimiser = new(PyG)
    batches = DataLoader(graphs, batch, shuffle=True, pin_memory=device.type == "cuda")

    def epoch():
        for b in batches:
            b = b.to(device, non_blocking=True)
            update(net, optimiser, loss_of(net, b.y, b.x, b.edge_index, b.edge_weight))

    return timed(epoch)


def collated():
    net, optimiser = new(PyG)
    batches = [Batch.from_data_list(graphs[i:i + batch]).to(device) for i in range(0, snapshots, batch)]

    def epoch():
        for i in torch.randperm(len(batches)).tolist():
            b = batches[i]
            update(net, optimiser, loss_of(net, b.y, b.x, b.edge_index, b.edge_weight))

    return timed(epoch)


def resident():
    a = torch.zeros(snapshots, nodes, nodes)
    for i, g in enumerate(graphs):
        a[i].index_put_((g.edge_index[1], g.edge_index[0]), g.edge_weight, accumulate=True)
    a += torch.eye(nodes)
    d = a.sum(2).rsqrt()
    a = (d[:, :, None] * a * d[:, None, :]).to(device)
    return a, torch.stack([g.x for g in graphs]).to(device), torch.stack([g.y for g in graphs]).to(device)


def dense(captured):
    """All snapshots on the device; a batch is an index, and with captured a step is one CUDA graph."""
    a, x, y = resident()
    net, optimiser = new(Dense)
    whole = snapshots // batch * batch
    index = torch.zeros(batch, dtype=torch.long, device=device)
    forward = torch.compile(loss_of) if captured == "compiled" else loss_of

    def step():
        update(net, optimiser, forward(net, y[index], x[index], a[index]))

    run = step
    if captured == "graph":
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        run = graph.replay

    def epoch():
        order = torch.randperm(snapshots, device=device)
        for i in range(0, whole, batch):
            index.copy_(order[i:i + batch])
            run()

    return timed(epoch) * snapshots / whole


times = {"snapshots": snapshots, "nodes": nodes, "features": features, "edges": int(slices["edge_index"][snapshots]) / snapshots}
peers = {"PyG, DataLoader": loader, "PyG, batches on the device before": collated}
if compiled:
    peers["PyTorch, dense, torch.compile"] = lambda: dense("compiled")
if device.type == "cuda":
    peers["PyTorch, dense, a step captured in a CUDA graph"] = lambda: dense("graph")
else:
    peers["PyTorch, dense"] = lambda: dense("")
for name, peer in peers.items():
    try:
        times[name] = peer()
    except Exception as e:  # one peer that fails is a gap in the table, not its end
        print(f"{name}: {type(e).__name__}: {e}", file=sys.stderr)
print(json.dumps(times))
