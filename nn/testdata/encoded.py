"""Networks with encoders as PyTorch and PyTorch Geometric have them: outputs and gradients, to compare with.

Reads the cases as JSON on stdin and writes what each gives on stdout.
"""

import json
import sys

import torch
from torch import nn
from torch.nn.functional import gelu
from torch_geometric.nn import GCN, GCNConv, SAGEConv


class Block(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation)

    def forward(self, x):  # [N, bars, C]
        h = gelu(self.conv(self.norm(x).transpose(1, 2))).transpose(1, 2)
        return x[:, -h.size(1) :] + h


class TCN(nn.Sequential):
    def __init__(self, channels, window):
        blocks, dilation = [], 1
        while dilation < window:
            blocks.append(Block(channels, dilation))
            dilation *= 3
        super().__init__(*blocks)

    def forward(self, x):
        return super().forward(x)[:, -1]


class GRU(nn.GRU):
    def __init__(self, channels, window):
        super().__init__(channels, channels, batch_first=True)

    def forward(self, x):
        return super().forward(x)[1][0]


class MLP(nn.Module):
    def __init__(self, channels, window):
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(window * channels, channels), nn.Linear(channels, channels)

    def forward(self, x):
        return self.lin2(gelu(self.lin1(x.flatten(1)))) + x[:, -1]


class MixerBlock(nn.Module):
    def __init__(self, channels, window, kept):
        super().__init__()
        self.time_norm, self.channel_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.time1, self.time2 = nn.Linear(window, window), nn.Linear(window, kept)
        self.channel1, self.channel2 = nn.Linear(channels, channels), nn.Linear(channels, channels)

    def forward(self, x):  # [N, W, C]
        h = self.time2(gelu(self.time1(self.time_norm(x).transpose(1, 2)))).transpose(1, 2)
        x = x[:, -h.size(1) :] + h
        return x + self.channel2(gelu(self.channel1(self.channel_norm(x))))


class Mixer(nn.Sequential):
    def __init__(self, channels, window):
        super().__init__(MixerBlock(channels, window, window), MixerBlock(channels, window, 1))

    def forward(self, x):
        return super().forward(x)[:, -1]


class Peer(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.lin_self, self.lin_peers, self.lin_out = (nn.Linear(channels, channels) for _ in range(3))

    def forward(self, x, b):  # x [N, ..., C], b [N, N]
        h = self.norm(x)
        own = self.lin_peers(h)
        residual = own - torch.einsum("ij,j...->i...", b, own)
        return x + self.lin_out(gelu(self.lin_self(h) + residual))


class Network(nn.Module):
    def __init__(self, c):
        super().__init__()
        h = c["hidden"]
        self.input = nn.Linear(c["features"], h)
        if c["type"] == "peer":
            self.peers = nn.ModuleList(Peer(h) for _ in range(c["layers"]))
        self.encoder = {"tcn": TCN, "gru": GRU, "mlp": MLP, "mixer": Mixer, "none": None}[c["encoder"]]
        if self.encoder is not None:
            self.encoder = self.encoder(h, c["window"])
        if c["type"] != "peer":
            conv = {"gcn": GCNConv, "sage": SAGEConv}[c["type"]]
            self.convs = nn.ModuleList(conv(h, h) for _ in range(c["layers"]))
        self.norm = nn.LayerNorm(h)
        self.lin1, self.lin2 = nn.Linear(h, h), nn.Linear(h, c["outputs"])

    def forward(self, x, edge_index, edge_weight):
        b = torch.zeros(len(x), len(x)).index_put((edge_index[1], edge_index[0]), edge_weight, accumulate=True)
        x = self.input(x)
        for peer in getattr(self, "peers", []):
            x = peer(x, b)
        if self.encoder is not None:
            x = self.encoder(x)
        for conv in getattr(self, "convs", []):
            weight = () if isinstance(conv, SAGEConv) else (edge_weight,)
            x = x + conv(x, edge_index, *weight).relu()
        return self.lin2(gelu(self.lin1(self.norm(x))))


class Stack(GCN):
    def __init__(self, c):
        super().__init__(c["features"], c["hidden"], c["layers"], c["outputs"], jk="last")


class Identified(nn.Module):
    """A vector of each node beside its features, on each bar."""

    def __init__(self, c):
        super().__init__()
        self.node_embedding = nn.Embedding(c["nodes"], c["embedding"])
        c = {**c, "features": c["features"] + c["embedding"]}
        self.net = Stack(c) if (c["type"], c["encoder"]) == ("gcn", "none") else Network(c)

    def forward(self, x, edge_index, edge_weight):
        table = self.node_embedding(torch.arange(len(x)))
        if x.dim() == 3:
            table = table[:, None].expand(-1, x.size(1), -1)
        return self.net(torch.cat([x, table], -1), edge_index, edge_weight)


def run(c):
    torch.manual_seed(c["seed"])
    net = Identified(c) if c["embedding"] else Network(c)
    for p in net.parameters():  # norms and biases that begin with 0 and 1 would compare nothing
        p.data.add_(0.1 * torch.randn_like(p))
    n = c["nodes"]
    shape = (n, c["window"], c["features"]) if c["encoder"] != "none" else (n, c["features"])
    x = torch.randn(shape, requires_grad=True)
    pairs = torch.tensor([[j, i] for i in range(n) for j in range(n) if i != j])
    chosen = pairs[torch.rand(len(pairs)) < 0.4].T.contiguous()
    weight = torch.randn(chosen.size(1)) if c["type"] == "peer" else torch.rand(chosen.size(1))
    out = net(x, chosen, weight)
    upstream = torch.randn_like(out)
    out.backward(upstream)
    plain = lambda t: t.detach().flatten().tolist()  # noqa: E731
    return {
        "x": plain(x),
        "edge_index": plain(chosen),
        "edge_weight": plain(weight),
        "output": plain(out),
        "upstream": plain(upstream),
        "grad_x": plain(x.grad),
        "parameters": {name.removeprefix("net."): plain(p) for name, p in net.named_parameters()},
        "grads": {name.removeprefix("net."): plain(p.grad) for name, p in net.named_parameters()},
    }


json.dump([run(c) for c in json.load(sys.stdin)], sys.stdout)
