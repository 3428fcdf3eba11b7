"""Times an epoch of TASK=rank's network (peer layer, temporal convolutions) beside the same network in PyTorch.

Both train on the bars of one market: ours through the program, PyTorch on random features of the same shape, with the
same batches of consecutive bars. PyTorch's convolutions are computed once a bar as ours are, the peers' residuals are
one batched product of dense matrices, and its best of eager and compiled, on one thread or all, counts.

    bench/rank.py bin/gnn-trainer MARKET [--turns 3]

A turn is an epoch of each, one after the other; the table has medians and ranges. An epoch is its steps alone: neither
side validates, and PyTorch's compilation is not counted.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import gelu, huber_loss

RUN, RUNS, WINDOW, HIDDEN = 32, 8, 27, 32
SETTINGS = {
    "QUEUE_ID": "bench",
    "SYMBOL": "BTCUSDT",
    "TYPE": "gnn_trainer",
    "TELEMETRY_PRODUCER_ID": "bench",
    "DATA_SOURCE": "files",
    "INTERVAL": "5m",
    "TRAIN_END": "2024-04-15T00:00:00Z",
    "VALID_END": "2024-05-15T00:00:00Z",
    "TASK": "rank",
    "HORIZON": "1,6,12",
    "BASELINES": "none",
    "SCHEDULE": "none",
    "EMA": "0",
    "ENSEMBLE": "1",
    "LOG_LEVEL": "error",
    "EVENTS": "none",
    "RESUME": "never",
    "DATASET": "none",
}


class Block(nn.Module):
    def __init__(self, dilation):
        super().__init__()
        self.norm = nn.LayerNorm(HIDDEN)
        self.conv = nn.Conv1d(HIDDEN, HIDDEN, 3, dilation=dilation)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        h = self.drop(gelu(self.conv(self.norm(x).transpose(1, 2)))).transpose(1, 2)
        return x[:, -h.size(1) :] + h


class Network(nn.Module):
    def __init__(self, features, horizons):
        super().__init__()
        self.input = nn.Linear(features, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN)
        self.own, self.peers, self.out = (nn.Linear(HIDDEN, HIDDEN) for _ in range(3))
        self.blocks = nn.Sequential(*(Block(d) for d in (1, 3, 9)))
        self.head = nn.Sequential(nn.LayerNorm(HIDDEN), nn.Linear(HIDDEN, HIDDEN), nn.GELU(), nn.Dropout(0.1), nn.Linear(HIDDEN, horizons))

    def forward(self, x, b):  # x [R, N, bars, F], b [R, N, N]
        r, n, bars, _ = x.shape
        h = self.input(x)
        normed = self.norm(h)
        peers = self.peers(normed)
        residual = peers - torch.bmm(b, peers.flatten(2)).view_as(peers)
        h = h + self.out(gelu(self.own(normed) + residual))
        h = self.blocks(h.view(r * n, bars, HIDDEN))
        y = self.head(h).view(r, n, bars - WINDOW + 1, -1)
        return y - y.mean(1, keepdim=True)


def pytorch(snapshots, nodes, features, horizons, threads, compiled):
    """An epoch to be timed."""
    torch.manual_seed(0)
    net = Network(features, horizons)
    step = torch.compile(net) if compiled else net
    adam = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01, fused=True)
    bars = RUN + WINDOW - 1
    x = torch.randn(RUN * RUNS * 4 + WINDOW, nodes, features)  # the values do not matter, where they lie in memory does
    y = torch.randn(len(x), nodes, horizons)
    b = torch.randn(RUNS, nodes, nodes) / nodes

    def epoch():
        torch.set_num_threads(threads)
        starts = torch.randint(len(x) - bars, (snapshots // (RUN * RUNS), RUNS))
        for chosen in starts:
            index = chosen[:, None] + torch.arange(bars)
            adam.zero_grad()
            out = step(x[index].transpose(1, 2).contiguous(), b)
            want = y[index[:, WINDOW - 1 :]].transpose(1, 2)
            huber_loss(out, want).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            adam.step()

    def timed():
        begin = time.perf_counter()
        epoch()
        return time.perf_counter() - begin

    epoch()  # allocates, and compiles
    return timed


def ours(program, market, threads):
    with tempfile.TemporaryDirectory() as out:
        settings = SETTINGS | {"DATA_DIR": str(market), "EPOCHS": "1", "PATIENCE": "0", "STORE_DIR": out, "OMP_NUM_THREADS": str(threads)}
        ran = subprocess.run([program], env=os.environ | settings, capture_output=True, text=True)
        if ran.returncode:
            sys.exit(f"{program} ended with {ran.returncode}:\n{ran.stderr}")
        folder = next(Path(out).glob("*/bench"))
        metrics, metadata = (json.loads((folder / name).read_text()) for name in ("metrics.json", "metadata.json"))
        train = metadata["splits"]["train"]["count"]
        return metrics["timing"]["epoch_seconds"][0], train, len(metadata["symbols"]), len(metadata["feature_names"]), len(metadata["horizons"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("market", type=Path)
    parser.add_argument("--turns", type=int, default=3)
    a = parser.parse_args()
    cores = os.cpu_count() or 1
    counts = sorted({1, cores})
    _, *shape = ours(a.program, a.market, cores)
    peers = {
        f"PyTorch {'compiled' if compiled else 'eager'}, {threads} threads": pytorch(*shape, threads, compiled)
        for threads in counts
        for compiled in (False, True)
    }
    times = {}
    for _ in range(a.turns):
        for threads in counts:
            times.setdefault(f"gnn-trainer, {threads} threads", []).append(ours(a.program, a.market, threads)[0])
        for name, epoch in peers.items():
            times.setdefault(name, []).append(epoch())
    best = min(statistics.median(t) for name, t in times.items() if name.startswith("gnn-trainer"))
    print(f"{shape[0]} snapshots of {shape[1]} nodes, {shape[2]} features, {shape[3]} horizons; {a.turns} turns\n")
    print("| | epoch: median (range) | times ours |\n|---|---|---|")
    for name, t in sorted(times.items(), key=lambda row: statistics.median(row[1])):
        print(f"| {name} | {statistics.median(t):.2f} s ({min(t):.2f} to {max(t):.2f}) | {statistics.median(t) / best:.2f} |")


if __name__ == "__main__":
    main()
