"""parity.py: what PyTorch Geometric makes of random graphs, as JSON on stdout.

stdin says of what: {"layers": [...], "models": [...]}, each with the name of a
class of torch_geometric.nn or torch_geometric.nn.models and its arguments. For
a layer: inputs, weights, output and every gradient. For a model: weights and
the losses of 20 steps. nn's parity test reads it.
"""
import json
import sys

import torch
import torch_geometric.nn
import torch_geometric.nn.models

torch.manual_seed(7)
torch.set_num_threads(1)


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
    for name, n, edge_index, edge_weight, *more in graphs():
        parts, present = (more + [[n], n][len(more):])
        if case["edge"] == "edge_weight" and edge_weight is not None:
            edge_weight = edge_weight.abs()  # a degree must not be negative
        for width_in, width_out in case["sizes"]:
            conv = getattr(torch_geometric.nn, case["class"])(width_in, width_out, **(case["kwargs"] or {}))
            if getattr(conv, "bias", None) is not None:
                torch.nn.init.normal_(conv.bias)
            x = torch.randn(n, width_in)
            x[present:] = 0
            x.requires_grad_()
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


def training_case(case, optimiser, weight_decay, clip):
    n, features, hidden, layers, classes = 60, 9, 32, 2, 3
    model = getattr(torch_geometric.nn.models, case["class"])(
        features, hidden, layers, classes, jk="last", dropout=0.0, **(case["kwargs"] or {}))
    edge_index = random_edges(n, 400)
    edge_weight = torch.rand(400)
    x, y = torch.randn(n, features), torch.randint(0, classes, (n,))
    y[::7] = -100
    start = {k: flat(v) for k, v in model.state_dict().items()}
    opt = optimiser(model.parameters(), lr=1e-2, weight_decay=weight_decay)
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
    return {
        "type": case["type"], "name": f"{case['type']}, {optimiser.__name__}, weight decay {weight_decay}, clip {clip}",
        "nodes": n, "features": features, "hidden": hidden, "layers": layers, "classes": classes,
        "decoupled": optimiser is torch.optim.AdamW, "weight_decay": weight_decay, "clip": clip,
        "x": flat(x), "y": flat(y), "edge_index": flat(edge_index), "edge_weight": flat(edge_weight),
        "names": list(model.state_dict()), "start": start, "losses": losses,
    }


asked = json.load(sys.stdin)
json.dump({
    "layers": [c for i, case in enumerate(asked["layers"]) for c in layer_cases(i, case)],
    "trainings": [
        training_case(case, *how)
        for case in asked["models"]
        for how in ((torch.optim.Adam, 0.0, 0.0), (torch.optim.Adam, 0.01, 0.0), (torch.optim.AdamW, 0.1, 0.0), (torch.optim.Adam, 0.0, 0.05))
    ],
}, sys.stdout)
