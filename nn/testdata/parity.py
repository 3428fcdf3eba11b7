"""parity.py: what PyTorch Geometric makes of random graphs, as JSON on stdout.

stdin says of what: {"layers": [...], "models": [...]}, each with the name of a
class of torch_geometric.nn or torch_geometric.nn.models and its arguments. For
a layer: inputs, weights, output and every gradient. For a model: weights and
the losses of 20 steps. nn's parity test reads it.
"""
import json
import sys
import zlib

import torch
import torch_geometric.nn
import torch_geometric.nn.models



class TransformerLayer(torch.nn.TransformerEncoderLayer):
    """One of PyTorch's over each graph of a batch, with nodes that have no feature masked."""

    def __init__(self, channels, _, heads):
        super().__init__(channels, heads, 2 * channels, dropout=0.0, batch_first=True, norm_first=True)

    def forward(self, x, parts, present=None):
        present = (x != 0).any(1) if present is None else present
        out = []
        for part, mask in zip(x.split(parts), present.split(parts)):
            mask = ~mask[None] if mask.any() else None
            out.append(super().forward(part[None], src_key_padding_mask=mask)[0])
        return torch.cat(out)


class HalvedGCN2Conv(torch_geometric.nn.GCN2Conv):
    """GCN2Conv with half its input, turned over, for x_0."""

    def __init__(self, channels, _, **kwargs):
        super().__init__(channels, **kwargs)

    def forward(self, x, edge_index, edge_weight=None):
        return super().forward(x, x * -0.5, edge_index, edge_weight)


class GCNII(torch.nn.Module):
    """The model of PyG's examples/gcn2_cora.py."""

    def __init__(self, features, hidden, layers, classes, alpha, theta, **_):
        super().__init__()
        self.lins = torch.nn.ModuleList([torch.nn.Linear(features, hidden), torch.nn.Linear(hidden, classes)])
        self.convs = torch.nn.ModuleList([torch_geometric.nn.GCN2Conv(hidden, alpha, theta, k + 1) for k in range(layers)])

    def forward(self, x, edge_index, edge_weight):
        x = x_0 = self.lins[0](x).relu()
        for conv in self.convs:
            x = conv(x, x_0, edge_index, edge_weight).relu()
        return self.lins[1](x)


class Transformer(torch.nn.Module):
    def __init__(self, features, hidden, layers, classes, heads, **_):
        super().__init__()
        self.lins = torch.nn.ModuleList([torch.nn.Linear(features, hidden), torch.nn.Linear(hidden, classes)])
        self.layers = torch.nn.ModuleList([TransformerLayer(hidden, hidden, heads) for _ in range(layers)])

    def forward(self, x, _):
        x = self.lins[0](x)
        for layer in self.layers:
            x = layer(x, [len(x)], torch.ones(len(x), dtype=torch.bool))
        return self.lins[1](x)


class MLP(torch_geometric.nn.models.MLP):
    def __init__(self, features, hidden, layers, classes, headless=False, **_):
        super().__init__([features] + [hidden] * (layers - headless) + [classes], norm=None)

    def forward(self, x, _):
        return super().forward(x)


class ResidualGCN(torch_geometric.nn.models.GCN):
    def forward(self, x, edge_index, edge_weight):
        for conv, norm in zip(self.convs, self.norms):
            y = norm(conv(x, edge_index, edge_weight)).relu()
            x = x + y if x.shape == y.shape else y
        return self.lin(x)


def named(name, *modules):
    """The class of that name: of this file, where PyG has none that is called alike."""
    return globals().get(name) or next(getattr(m, name) for m in modules if hasattr(m, name))

torch.set_num_threads(1)


def seeded(*case):
    """A case draws the same numbers whatever cases there are beside it."""
    torch.manual_seed(zlib.crc32(json.dumps(case, sort_keys=True).encode()))


def flat(t):
    return [] if t is None else t.detach().reshape(-1).tolist()


def random_edges(n, e):
    return torch.randint(0, n, (2, e))


def without_loops(edges):
    return edges[:, edges[0] != edges[1]]


def graphs():
    n = 40
    directed = without_loops(random_edges(n, 200))
    yield "weighted", n, directed, torch.rand(directed.size(1))
    yield "unweighted", n, directed, None
    both = torch.cat([directed, directed.flip(0)], dim=1)
    yield "undirected", n, both, torch.rand(directed.size(1)).repeat(2)
    loops = torch.arange(0, n, 3).repeat(2, 1)
    with_loops = torch.cat([directed, loops], dim=1)[:, torch.randperm(directed.size(1) + loops.size(1))]
    yield "self-loops already there, weighted", n, with_loops, torch.rand(with_loops.size(1)) + 0.1
    yield "self-loops already there, unweighted", n, with_loops, None
    few = without_loops(random_edges(10, 30))
    yield "isolated nodes", n, few, torch.rand(few.size(1))
    yield "edges that count twice", n, torch.cat([directed, directed[:, :50]], dim=1), torch.rand(directed.size(1) + 50)
    yield "weights of zero", n, directed, torch.rand(directed.size(1)).round()
    yield "a loop of weight zero alone", 3, torch.tensor([[0, 1], [0, 2]]), torch.tensor([0.0, 1.0])
    yield "no edges", n, torch.empty(2, 0, dtype=torch.long), torch.empty(0)
    yield "one node", 1, torch.empty(2, 0, dtype=torch.long), None


    batch = torch.cat([random_edges(12, 40), random_edges(27, 150) + 13], dim=1)
    yield "three snapshots in a batch", n, batch, torch.rand(190), [12, 1, 27]
    yield "masked nodes", n, few, torch.rand(few.size(1)) - 0.3, [n], 10


def flat_or_zeros(p):
    return flat(torch.zeros_like(p) if p.grad is None else p.grad)


def layer_cases(number, case):
    seeded(case)
    for name, n, edge_index, edge_weight, *more in graphs():
        parts, present = (more + [[n], n][len(more):])
        if case["edge"] == "edge_weight" and edge_weight is not None:
            edge_weight = edge_weight.abs()  # a degree must not be negative
        for width_in, width_out in case["sizes"]:
            conv = named(case["class"], torch_geometric.nn)(width_in, width_out, **(case["kwargs"] or {}))
            if getattr(conv, "bias", None) is not None:
                torch.nn.init.normal_(conv.bias)
            x = torch.randn(n, width_in)
            x[present:] = 0
            x.requires_grad_()
            if case["edge"] == "parts":
                out = conv(x, parts)
            else:
                out = conv(x, edge_index, **({case["edge"]: edge_weight} if case["edge"] else {}))
            upstream = torch.randn_like(out)
            out.backward(upstream)
            yield {
                "layer": number, "name": f"{name}, {width_in} to {width_out}", "parts": parts, "in": width_in, "out": width_out,
                "x": flat(x), "edge_index": flat(edge_index),
                "edge_weight": None if edge_weight is None else flat(edge_weight), "upstream": flat(upstream),
                "parameters": {k: flat(p) for k, p in conv.named_parameters()},
                "output": flat(out), "grad_x": flat(x.grad),
                "grads": {k: flat_or_zeros(p) for k, p in conv.named_parameters()},
            }


def training_case(number, case, optimiser, weight_decay, clip):
    seeded(case, optimiser.__name__, weight_decay, clip)
    n, features, hidden, layers, classes = 60, 9, 32, case["layers"] or 2, 3
    jk = {None: "last", "none": None}.get(case["jk"], case["jk"])
    model = named(case["class"], torch_geometric.nn.models)(
        features, hidden, layers, classes, jk=jk, dropout=0.0, **(case["kwargs"] or {}))
    edge_index = random_edges(n, 400)
    edge_weight = torch.rand(400)
    x, y = torch.randn(n, features), torch.randint(0, classes, (n,))
    y[::7] = -100
    start = {k: flat(v) for k, v in model.state_dict().items()}
    groups = model.parameters()
    if case["first_layer"]:  # as Kipf and Welling have it
        rest = [p for name, p in model.named_parameters() if not name.startswith("convs.0.")]
        groups = [{"params": model.convs[0].parameters()}, {"params": rest, "weight_decay": 0.0}]
    opt = optimiser(groups, lr=1e-2, weight_decay=weight_decay)
    losses = []
    for _ in range(20):
        opt.zero_grad()
        edge = {case["edge"]: edge_weight} if case["edge"] else {}
        loss = torch.nn.functional.cross_entropy(model(x, edge_index, **edge), y)
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        opt.step()
        losses.append(loss.item())
    what = " ".join(str(v) for v in (case["type"], case["class"], case["kwargs"] or "", case["jk"] or "") if v)
    return {
        "model": number, "type": case["type"], "name": f"{what}, {optimiser.__name__}, weight decay {weight_decay}, clip {clip}",
        "nodes": n, "features": features, "hidden": hidden, "layers": layers, "classes": classes,
        "decoupled": optimiser is torch.optim.AdamW, "weight_decay": weight_decay, "clip": clip,
        "x": flat(x), "y": flat(y), "edge_index": flat(edge_index), "edge_weight": flat(edge_weight),
        "names": list(model.state_dict()), "start": start, "losses": losses,
    }


asked = json.load(sys.stdin)
json.dump({
    "layers": [c for i, case in enumerate(asked["layers"]) for c in layer_cases(i, case)],
    "trainings": [
        training_case(number, case, *how)
        for number, case in enumerate(asked["models"])
        for how in ((torch.optim.Adam, 0.0, 0.0), (torch.optim.Adam, 0.01, 0.0), (torch.optim.AdamW, 0.1, 0.0), (torch.optim.Adam, 0.0, 0.05))[:1 if case["once"] else 4]
    ],
}, sys.stdout)
