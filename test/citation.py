"""citation.py: a graph like a citation network, what PyG's models make of it, and ours read as its.

    citation.py make FILE             torch.save of a Data: a stochastic block model of 7 classes with bags of words
    citation.py gcn FILE SEEDS        test accuracies of torch_geometric.nn.models.GCN, JSON
    citation.py same FILE RESULT      fails unless weights.pt loads into that GCN and says what model.pt says
"""
import json
import sys

import torch
import torch.nn.functional as F
from torch_geometric.data import Data
from torch_geometric.nn.models import GCN

NODES, CLASSES, WORDS, TOPIC = 2700, 7, 500, 60


def make(path):
    torch.manual_seed(1)
    y = torch.randint(0, CLASSES, (NODES,))
    cites = torch.where(y[:, None] == y, 0.0075, 0.0003)
    one, other = torch.bernoulli(torch.triu(cites, 1)).nonzero().t()
    rate = torch.full((CLASSES, WORDS), 0.02)
    for words in rate:
        words[torch.randint(0, WORDS, (TOPIC,))] = 0.06
    x = torch.bernoulli(rate[y])
    masks = torch.zeros(3, NODES, dtype=torch.bool)
    order = torch.randperm(NODES)
    for c in range(CLASSES):  # 20 of each class, as Planetoid has it
        masks[0, order[y[order] == c][:20]] = True
    rest = order[~masks[0, order]]
    masks[1, rest[:500]] = masks[2, rest[500:1500]] = True
    torch.save(Data(x=x / x.sum(1, keepdim=True).clamp(min=1), edge_index=torch.stack([torch.cat([one, other]), torch.cat([other, one])]),
                    y=y, train_mask=masks[0], val_mask=masks[1], test_mask=masks[2]), path)


def gcn(path, seeds):
    """The protocol of PyG's examples/gcn.py, with its GCN of BasicGNN."""
    torch.set_num_threads(1)
    data = torch.load(path, weights_only=False)
    accuracies = []
    for seed in range(int(seeds)):
        torch.manual_seed(seed)
        model = GCN(data.num_features, 16, 2, CLASSES, dropout=0.5)
        optimiser = torch.optim.Adam([{"params": model.convs[0].parameters(), "weight_decay": 5e-4}, {"params": model.convs[1].parameters()}], lr=0.01)
        best = test = 0.0
        for _ in range(200):
            model.train()
            optimiser.zero_grad()
            out = model(F.dropout(data.x, 0.5), data.edge_index)
            F.cross_entropy(out[data.train_mask], data.y[data.train_mask]).backward()
            optimiser.step()
            model.eval()
            with torch.no_grad():
                hits = (model(data.x, data.edge_index).argmax(1) == data.y).double()
            if hits[data.val_mask].mean().item() > best:
                best, test = hits[data.val_mask].mean().item(), hits[data.test_mask].mean().item()
        accuracies.append(test)
    print(json.dumps(accuracies))


def same(path, folder):
    data = torch.load(path, weights_only=False)
    model = GCN(data.num_features, 16, 2, out_channels=CLASSES).eval()
    model.load_state_dict(torch.load(folder + "/weights.pt"), strict=True)
    with torch.no_grad():
        ours, theirs = torch.jit.load(folder + "/model.pt")(data.x, data.edge_index), model(data.x, data.edge_index)
    assert list(ours.shape) == [NODES, CLASSES] and (ours - theirs).abs().max() < 1e-5
    import pandas as pd

    rows = pd.read_parquet(folder + "/predictions.parquet")
    assert list(rows.columns) == ["open_time", "symbol", "split", "horizon", "label", "return", "score"] + [f"p_{c}" for c in range(CLASSES)]
    assert rows.split.value_counts().to_dict() == {"test": 1000, "valid": 500, "train": 140}
    node = torch.tensor(rows.symbol.str.removeprefix("node_").astype(int).to_numpy())
    said = torch.tensor(rows[[f"p_{c}" for c in range(CLASSES)]].to_numpy())
    assert (said - theirs[node].double().softmax(1)).abs().max() < 1e-6
    assert (torch.tensor(rows.label.to_numpy()) == data.y[node]).all()
    told = json.load(open(folder + "/metrics.json"))["splits"]
    for split, mask in (("train", data.train_mask), ("valid", data.val_mask), ("test", data.test_mask)):
        right = (theirs.argmax(1) == data.y)[mask].double().mean().item()
        assert abs(told[split]["accuracy"] - right) < 1e-9, (split, told[split]["accuracy"], right)


{"make": make, "gcn": gcn, "same": same}[sys.argv[1]](*sys.argv[2:])
