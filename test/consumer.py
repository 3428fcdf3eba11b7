"""consumer.py RESULT_DIR: reads every artefact as a Python user would, with
default arguments, and fails on the first that does not say the same.
"""
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from torch.nn.functional import gelu
from torch_geometric.data import Batch, Data
from torch_geometric.data.collate import collate
from torch_geometric.data.separate import separate
from torch_geometric.nn import GCN2Conv
from torch_geometric.nn.models import GAT, GCN, MLP, GraphSAGE

SPLITS = ("train", "valid", "test")
folder = Path(sys.argv[1])
metadata = json.loads((folder / "metadata.json").read_text())
metrics = json.loads((folder / "metrics.json").read_text())
manifest = json.loads((folder / "manifest.json").read_text())
rows_of_all_folds = pd.read_parquet(folder / "predictions.parquet")
# Of a walk-forward the model is the last fold's, and so are these.
predictions = rows_of_all_folds
if "fold" in predictions:
    predictions = predictions[predictions.fold == metadata["fold"]].drop(columns="fold")


def graph_is_valid():
    g = Data.from_dict(torch.load(folder / "graph.pt"))
    assert g.validate()
    assert g.x.dtype == torch.float32 and list(g.x.shape) == [len(metadata["symbols"]), len(metadata["feature_names"])]
    assert g.edge_index.dtype == torch.int64 and g.node_mask.dtype == torch.bool
    assert (g.edge_weight >= 0).all() and torch.equal(g.edge_weight, g.edge_attr[:, 0].clamp(min=0))
    assert torch.isfinite(g.x).all() and (g.x[~g.node_mask] == 0).all()
    return g


def model_says_what_predictions_say(g):
    extra = {"metadata.json": ""}
    model = torch.jit.load(folder / "model.pt", _extra_files=extra)
    assert json.loads(extra["metadata.json"]) == metadata
    with torch.no_grad():
        logits = model(g.x, g.edge_index, g.edge_weight)
        assert torch.isfinite(logits).all() and list(logits.shape) == [len(metadata["symbols"]), 3]
        assert torch.isfinite(model(g.x, g.edge_index)).all()
    rows = predictions[predictions.open_time == g.open_time.item()].set_index("symbol")
    assert (rows.split == "live").all() and rows.label.isna().all() and rows["return"].isna().all()
    present = [s for s, m in zip(metadata["symbols"], g.node_mask.tolist()) if m]
    assert list(rows.index) == present
    said = torch.tensor(rows[["p_down", "p_flat", "p_up"]].to_numpy())
    gap = (logits.double().softmax(1)[g.node_mask] - said).abs().max().item()
    assert gap < 1e-5, gap
    return logits, gap


def edges_for(g):
    """edge_weight as the model's own argument of PyG takes it."""
    return {"gcn": {"edge_weight": g.edge_weight}, "gatv2": {"edge_attr": g.edge_weight}, "gcnii": {"edge_weight": g.edge_weight}, "peer": {"edge_weight": g.edge_weight}}.get(metadata["model_type"], {})


def clipped(x, metadata):
    if "feature_low" not in metadata:
        return x
    return x.clamp(torch.tensor(metadata["feature_low"]), torch.tensor(metadata["feature_high"]))


def scaled(x, metadata):
    """What weights.pt takes."""
    return (clipped(x, metadata) - torch.tensor(metadata["feature_mean"])) / torch.tensor(metadata["feature_std"])


def limits(x):
    """The 0.5 % and 99.5 % quantiles; rows beyond 5 interquartile ranges go too, where they are at most 5 % of a side."""
    least, few, lower, upper, most_but_few, most = np.quantile(x, [0.005, 0.05, 0.25, 0.75, 0.95, 0.995], axis=0, method="inverted_cdf")
    span = 5 * (upper - lower)
    low = np.where(span > 0, np.maximum(least, np.minimum(few, lower - span)), least)
    high = np.where(span > 0, np.minimum(most, np.maximum(most_but_few, upper + span)), most)
    return low, high


class Ensemble(torch.nn.Module):
    """What several networks give together: the log of the mean of their probabilities."""

    def __init__(self, members):
        super().__init__()
        self.members = torch.nn.ModuleList(members)

    def forward(self, *args, **kwargs):
        return torch.stack([m(*args, **kwargs).softmax(1) for m in self.members]).mean(0).log()


class GCNII(torch.nn.Module):
    """The model of PyG's examples/gcn2_cora.py."""

    def __init__(self, features, hidden, layers, classes):
        super().__init__()
        self.lins = torch.nn.ModuleList([torch.nn.Linear(features, hidden), torch.nn.Linear(hidden, classes)])
        alpha, theta = metadata["gcnii_alpha"], metadata["gcnii_theta"]
        self.convs = torch.nn.ModuleList([GCN2Conv(hidden, alpha, theta, k + 1) for k in range(layers)])

    def forward(self, x, edge_index, edge_weight):
        x = x_0 = self.lins[0](x).relu()
        for conv in self.convs:
            x = conv(x, x_0, edge_index, edge_weight).relu()
        return self.lins[1](x)


class Attention(torch.nn.Module):
    """Each snapshot's nodes among themselves, those without features left out."""

    def __init__(self, features, hidden, layers, classes):
        super().__init__()
        self.lins = torch.nn.ModuleList([torch.nn.Linear(features, hidden), torch.nn.Linear(hidden, classes)])
        layer = torch.nn.TransformerEncoderLayer(hidden, metadata["heads"], 2 * hidden, batch_first=True, norm_first=True)
        self.layers = torch.nn.TransformerEncoder(layer, layers, enable_nested_tensor=False).layers

    def forward(self, x, edge_index):
        nodes = len(metadata["symbols"])
        masked = (x == x_of_masked()).all(1).view(-1, nodes)
        x = self.lins[0](x).view(-1, nodes, metadata["hidden"])
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=masked)
        return self.lins[1](x.flatten(0, 1))


def x_of_masked():
    return scaled(torch.zeros(len(metadata["feature_names"])), metadata)


class PeerLayer(torch.nn.Module):
    """What a node is beside the weighted sum of its peers."""

    def __init__(self, hidden):
        super().__init__()
        self.norm = torch.nn.LayerNorm(hidden)
        self.lin_self, self.lin_peers, self.lin_out = (torch.nn.Linear(hidden, hidden) for _ in range(3))

    def forward(self, x, edge_index, edge_weight):
        h = self.norm(x)
        own = self.lin_peers(h)
        peers = torch.zeros_like(own).index_add(0, edge_index[1], own[edge_index[0]] * edge_weight[:, None])
        return x + self.lin_out(gelu(self.lin_self(h) + own - peers))


class Peer(torch.nn.Module):
    def __init__(self, features, hidden, layers, classes):
        super().__init__()
        self.input = torch.nn.Linear(features, hidden)
        self.peers = torch.nn.ModuleList([PeerLayer(hidden) for _ in range(layers)])
        self.norm = torch.nn.LayerNorm(hidden)
        self.lin1, self.lin2 = torch.nn.Linear(hidden, hidden), torch.nn.Linear(hidden, classes)

    def forward(self, x, edge_index, edge_weight):
        x = self.input(x)
        for peer in self.peers:
            x = peer(x, edge_index, edge_weight)
        return self.lin2(gelu(self.lin1(self.norm(x))))


class Perceptron(MLP):
    def __init__(self, features, hidden, layers, classes):
        super().__init__([features] + [hidden] * layers + [classes], norm=None)

    def forward(self, x, edge_index):
        return super().forward(x)


class Identified(torch.nn.Module):
    """A network with a learned vector of each symbol beside its features."""

    def __init__(self, net):
        super().__init__()
        self.node_embedding = torch.nn.Embedding(len(metadata["symbols"]), metadata["node_embedding"])
        self.net = net
        self.register_load_state_dict_pre_hook(self.flat)

    @staticmethod
    def flat(module, state, prefix, *_):
        for name in [n for n in state if n.startswith(prefix) and not n.startswith(prefix + "node_embedding.")]:
            state[prefix + "net." + name.removeprefix(prefix)] = state.pop(name)

    def forward(self, x, edge_index, **edges):
        table = self.node_embedding.weight.repeat(len(x) // len(metadata["symbols"]), 1)
        return self.net(torch.cat([x, table], 1), edge_index, **edges)


def pyg_gives_the_same_logits(g, logits):
    embedding = metadata.get("node_embedding", 0)
    shape = (len(metadata["feature_names"]) + embedding, metadata["hidden"], metadata["layers"], 3)
    pyg = {
        "gcn": lambda: GCN(*shape, jk="last"),
        "gatv2": lambda: GAT(*shape, v2=True, heads=metadata["heads"], edge_dim=1, jk="last"),
        "sage": lambda: GraphSAGE(*shape, jk="last"),
        "peer": lambda: Peer(*shape),
        "gcnii": lambda: GCNII(*shape),
        "attention": lambda: Attention(*shape),
        "none": lambda: Perceptron(*shape),
    }[metadata["model_type"]]
    if embedding:
        plain = pyg
        pyg = lambda: Identified(plain())  # noqa: E731
    pyg = (Ensemble([pyg() for _ in range(metadata["ensemble"])]) if "ensemble" in metadata else pyg()).eval()
    pyg.load_state_dict(torch.load(folder / "weights.pt"), strict=True)
    x = scaled(g.x, metadata)
    with torch.no_grad():
        gap = (pyg(x, g.edge_index, **edges_for(g)) - logits).abs().max().item()
    assert gap < 1e-5, gap
    return pyg, gap


def dataset_is_what_pyg_collates(newest):
    kept = metadata["dataset"]
    assert (folder / "dataset.pt").exists() == (kept["which"] != "none") == (kept["snapshots"] > 0)
    assert kept["snapshots"] <= kept["of"] and (kept["which"] != "all" or kept["snapshots"] == kept["of"])
    if not kept["snapshots"]:
        return []
    saved = torch.load(folder / "dataset.pt")
    collated, slices = Data.from_dict(saved["data"]), saved["slices"]
    count = len(slices["x"]) - 1
    assert count == kept["snapshots"]
    snapshots = [separate(Data, collated, i, slices, decrement=False) for i in range(count)]
    again, slices_again, _ = collate(Data, snapshots, increment=False, add_batch=False)
    assert sorted(again.keys()) == sorted(collated.keys())
    for key in again.keys():
        assert torch.equal(again[key], collated[key]), key
        assert torch.equal(slices_again[key], slices[key]), key
    if kept["which"] != "test":
        for key in newest.keys():
            assert torch.equal(newest[key], snapshots[-1][key]), key
    for s in snapshots[:: max(1, count // 50)]:
        assert s.validate()
    return snapshots


def every_prediction_comes_from_its_snapshot(pyg, snapshots):
    """The normalised x through PyG's own model gives the rows of predictions.parquet, of the snapshots that are kept."""
    if not snapshots:
        return None
    probability, index, label, ret = [], [], [], []
    with torch.no_grad():
        for start in range(0, len(snapshots), 256):
            part = snapshots[start : start + 256]
            b = Batch.from_data_list(part)
            probability.append(pyg(scaled(b.x, metadata), b.edge_index, **edges_for(b)).softmax(1)[b.node_mask])
            for s in part:
                present = np.array(metadata["symbols"])[s.node_mask.numpy()]
                index += [(s.open_time.item(), symbol) for symbol in present]
                label += s.y[s.node_mask].tolist()
                ret += s.ret[s.node_mask].tolist()
    frame = pd.DataFrame(torch.cat(probability).numpy(), columns=["p_down", "p_flat", "p_up"],
                         index=pd.MultiIndex.from_tuples(index, names=["open_time", "symbol"]))
    frame["label"], frame["ret"] = label, ret
    rows = predictions[predictions.open_time.isin({s.open_time.item() for s in snapshots})]
    which = metadata["dataset"]["which"]
    assert which != "all" or len(rows) == len(predictions)
    assert which != "test" or (set(rows.split) == {"test"} and len(rows) == (predictions.split == "test").sum())
    joined = rows.set_index(["open_time", "symbol"]).join(frame, suffixes=("", "_pyg"), how="left")
    assert not joined.p_up_pyg.isna().any()
    gap = max((joined[c] - joined[c + "_pyg"]).abs().max() for c in ("p_down", "p_flat", "p_up"))
    assert gap < 1e-5, gap
    labelled = joined.label_pyg != -100
    assert (joined.label.notna() == labelled).all()
    assert (joined.label[labelled] == joined.label_pyg[labelled]).all()
    assert np.allclose(joined["return"][labelled], joined.ret[labelled], atol=0, rtol=1e-6)
    return gap


def predictions_are_in_order_with_gaps():
    assert list(predictions.columns) == ["open_time", "symbol", "split", "horizon", "label", "return", "score", "p_down", "p_flat", "p_up"]
    assert np.allclose(predictions.score, predictions.p_up - predictions.p_down)
    bar = np.diff(np.unique(predictions.open_time)).min()
    assert metadata["horizons"] == [metadata["horizon"]] == sorted(set(predictions.horizon))
    reach = metadata["horizon"] + (metadata["label"]["target"] == "open")  # bars after the snapshot at which a return ends
    spans = predictions.groupby("split").open_time.agg(["min", "max"])
    for before, after in zip(SPLITS, SPLITS[1:]):
        assert spans.loc[before, "max"] + reach * bar < spans.loc[after, "min"], (before, after)


def normalisation_is_of_the_training_part(snapshots):
    if metadata["dataset"]["which"] != "all":
        return  # what it was fitted on is not all there
    times = set(predictions.open_time[predictions.split == "train"])
    if len(times) < metadata["splits"]["train"]["count"]:
        return  # a run that was stopped has not predicted the oldest
    x = torch.cat([s.x[s.node_mask] for s in snapshots if s.open_time.item() in times])
    if "feature_low" in metadata:  # a prepared graph is not clipped
        low, high = limits(x.double().numpy())
        assert np.allclose(low, metadata["feature_low"], rtol=1e-6) and np.allclose(high, metadata["feature_high"], rtol=1e-6)
    x = clipped(x, metadata).double()
    assert np.allclose(x.mean(0), metadata["feature_mean"], rtol=1e-4, atol=1e-6)
    std = x.std(0, unbiased=False)
    std[std < 1e-6 * x.abs().max(0).values] = 1  # a constant feature is left as it is
    assert np.allclose(std, metadata["feature_std"], rtol=1e-3)


def metrics_tell_the_truth():
    classes = ["p_down", "p_flat", "p_up"]
    for split in SPLITS:
        rows = rows_of_all_folds[(rows_of_all_folds.split == split) & rows_of_all_folds.label.notna()]
        p = rows[classes].to_numpy()
        told = metrics["splits"][split]
        label = rows.label.astype(int)
        assert told["count"] == len(rows)
        assert np.isclose(told["accuracy"], accuracy_score(label, p.argmax(1)))
        assert np.isclose(told["auc"], roc_auc_score(rows["return"] > 0, rows.score))
        assert np.isclose(told["log_loss"], log_loss(label, p / p.sum(1, keepdims=True), labels=[0, 1, 2]), rtol=1e-5)
    runs = metrics.get("folds", [metrics])
    assert len(metrics["timing"]["epoch_seconds"]) == sum(r["epochs_run"] for r in runs)


def metrics_keep_to_their_schema():
    import jsonschema

    schema = json.loads((Path(__file__).resolve().parent.parent / "docs" / "metrics.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(metrics)
    json.loads((folder / "metrics.json").read_text(), parse_constant=lambda constant: sys.exit(f"metrics.json has {constant}"))


def manifest_vouches_for_every_file():
    import hashlib

    names = [f["name"] for f in manifest["files"]]
    own, twin = [n for n in names if "/" not in n], {n for n in names if "/" in n}
    assert twin == ({f"baselines/no_edges/{n}" for n in ("model.pt", "weights.pt", "predictions.parquet")} if "baseline" in metrics else set())
    stored = {"model.pt", "weights.pt", "metadata.json", "graph.pt", "predictions.parquet", "metrics.json", "report.html"}
    assert set(own) == stored | ({"dataset.pt"} if metadata["dataset"]["snapshots"] else set())
    for f in manifest["files"]:
        content = (folder / f["name"]).read_bytes()
        assert len(content) == f["size"] and hashlib.sha256(content).hexdigest() == f["sha256"], f["name"]


manifest_vouches_for_every_file()
newest = graph_is_valid()
logits, jit_gap = model_says_what_predictions_say(newest)
pyg, pyg_gap = pyg_gives_the_same_logits(newest, logits)
snapshots = dataset_is_what_pyg_collates(newest)
predictions_are_in_order_with_gaps()
normalisation_is_of_the_training_part(snapshots)
whole_gap = every_prediction_comes_from_its_snapshot(pyg, snapshots)
metrics_tell_the_truth()
metrics_keep_to_their_schema()
baseline = metrics.get("baseline")
print(json.dumps({
    "snapshots": len(snapshots), "rows": len(predictions), "status": manifest["status"],
    "torch.jit against predictions": jit_gap, "PyG against torch.jit, logits": pyg_gap,
    "PyG against all predictions": whole_gap, "test_auc": metrics["splits"]["test"]["auc"],
    "test_auc_without_edges": baseline and baseline["splits"]["test"]["auc"],
}))
