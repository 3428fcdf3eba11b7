"""peer.py FOLDER CONFIGURATION THREADS BATCH LEARNING_RATE: the Python side of `make bench`.

Trains the GCN of weights.pt on the snapshots of data.pt, both written by the
Go side. It answers each line of stdin with one line:

    epoch   one pass over the snapshots: its seconds
    loss    the mean cross-entropy over the labelled nodes, without training
"""
import sys
import time
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from torch_geometric.data import Batch, Data
from torch_geometric.data.separate import separate
from torch_geometric.loader import DataLoader
from torch_geometric.nn import GCNConv
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.nn.models import GCN
from torch_geometric.utils import to_dense_adj, to_torch_csr_tensor

folder, configuration = Path(sys.argv[1]), sys.argv[2]
threads, batch_size, learning_rate = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
torch.set_num_threads(threads)
warnings.filterwarnings("ignore", "Sparse")  # that CSR is beta, and unchecked


def snapshots():
    file = torch.load(folder / "data.pt")
    whole, slices = Data.from_dict(file["data"]), file["slices"]
    return [separate(Data, whole, i, slices, decrement=False) for i in range(len(slices["x"]) - 1)]


def collated(graphs):
    return [Batch.from_data_list(graphs[i:i + batch_size]) for i in range(0, len(graphs), batch_size)]


def normalised(g):
    """edge_index and edge_weight as GCNConv makes them anew at each step."""
    return gcn_norm(g.edge_index, g.edge_weight, g.num_nodes, add_self_loops=True, dtype=torch.float32)


def csr(edge_index, weight, nodes):
    """The matrix that GCNConv multiplies by: rows are targets."""
    return to_torch_csr_tensor(edge_index.flip(0), weight, size=(nodes, nodes))


class BothWays(torch.autograd.Function):
    """A @ x, whose gradient uses a transpose made once. torch's own turns A around at each step."""

    @staticmethod
    def forward(context, x, a, transposed):
        context.transposed = transposed
        return a @ x

    @staticmethod
    def backward(context, gradient):
        return context.transposed @ gradient, None, None


class Network(torch.nn.Module):
    """PyG's GCN with the product left to the caller, done before the weights where that is narrower."""

    def __init__(self, gcn, multiply):
        super().__init__()
        self.convs, self.lin, self.multiply = gcn.convs, gcn.lin, multiply

    def forward(self, x, *adjacency):
        for conv in self.convs:
            if conv.in_channels <= conv.out_channels:
                x = F.linear(self.multiply(x, *adjacency), conv.lin.weight, conv.bias)
            else:
                x = self.multiply(F.linear(x, conv.lin.weight), *adjacency) + conv.bias
            x = x.relu()
        return self.lin(x)


# Each configuration gives the model and a function that iterates over an
# epoch's batches, (arguments of the model, targets).


def loader(graphs, gcn):
    """What PyG's documentation shows: DataLoader, which collates at each step."""
    batches = DataLoader(graphs, batch_size, shuffle=True)
    return gcn, lambda: (((b.x, b.edge_index, b.edge_weight), b.y) for b in batches)


def fixed(batches):
    """Batches made once, of which only the order changes."""
    return lambda: (batches[i] for i in torch.randperm(len(batches)).tolist())


def collated_once(graphs, gcn):
    return gcn, fixed([((b.x, b.edge_index, b.edge_weight), b.y) for b in collated(graphs)])


def without_normalisation(gcn):
    for conv in gcn.convs:
        assert isinstance(conv, GCNConv)
        conv.normalize = conv.add_self_loops = False
    return gcn


def normalised_once(graphs, gcn):
    return without_normalisation(gcn), fixed([((b.x, *normalised(b)), b.y) for b in collated(graphs)])


def csr_once(graphs, gcn):
    return without_normalisation(gcn), fixed(
        [((b.x, csr(*normalised(b), b.num_nodes)), b.y) for b in collated(graphs)])


def csr_both_ways(graphs, gcn):
    batches = []
    for b in collated(graphs):
        index, weight = normalised(b)
        batches.append(((b.x, csr(index, weight, b.num_nodes), csr(index.flip(0), weight, b.num_nodes)), b.y))
    return Network(gcn, BothWays.apply), fixed(batches)


def dense_panels(graphs):
    """x [T, N, F], A [T, N, N] and y [T, N]: every snapshot has the same nodes."""
    def matrix(g):
        index, weight = normalised(g)
        return to_dense_adj(index, edge_attr=weight, max_num_nodes=g.num_nodes)[0].t()
    return (torch.stack([g.x for g in graphs]), torch.stack([matrix(g) for g in graphs]).contiguous(),
            torch.stack([g.y for g in graphs]))


def dense_product(x, a):
    return torch.bmm(a, x)


def dense_shuffled(graphs, gcn):
    x, a, y = dense_panels(graphs)
    return Network(gcn, dense_product), lambda: (
        ((x[i], a[i]), y[i].flatten()) for i in torch.randperm(len(x)).split(batch_size))


def dense(graphs, gcn):
    x, a, y = (panel.split(batch_size) for panel in dense_panels(graphs))
    return Network(gcn, dense_product), fixed([((x[i], a[i]), y[i].flatten()) for i in range(len(x))])


def dense_compiled(graphs, gcn):
    model, batches = dense(graphs, gcn)
    return torch.compile(model, dynamic=False), batches


def starting_gcn():
    state = torch.load(folder / "weights.pt")
    layers = sum(name.startswith("convs.") and name.endswith(".bias") for name in state)
    hidden, features = state["convs.0.lin.weight"].shape
    gcn = GCN(features, hidden, layers, len(state["lin.bias"]), jk="last")
    gcn.load_state_dict(state, strict=True)
    return gcn


CONFIGURATIONS = {f.__name__: f for f in (
    loader, collated_once, normalised_once, csr_once, csr_both_ways, dense_shuffled, dense, dense_compiled)}
gcn = starting_gcn()
model, batches = CONFIGURATIONS[configuration](snapshots(), gcn)
optimiser = torch.optim.Adam(gcn.parameters(), lr=learning_rate, fused=True)


def logits(arguments):
    return model(*arguments).flatten(0, -2)


def epoch():
    start = time.perf_counter()
    for arguments, y in batches():
        optimiser.zero_grad()
        F.cross_entropy(logits(arguments), y).backward()
        optimiser.step()
    return time.perf_counter() - start


@torch.no_grad()
def loss():
    total, labelled = 0.0, 0
    for arguments, y in batches():
        total += F.cross_entropy(logits(arguments), y, reduction="sum").item()
        labelled += (y != -100).sum().item()
    return total / labelled


for line in sys.stdin:
    print({"epoch": epoch, "loss": loss}[line.strip()](), flush=True)
