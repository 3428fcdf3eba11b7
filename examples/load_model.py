"""load_model.py RESULT_DIR: opens what gnn-trainer has stored, as a user would.

It verifies the files, runs the model on the newest snapshot, shows its predictions
of each symbol, and compares them with predictions.parquet.
"""

import hashlib
import json
import sys
from pathlib import Path

import pandas as pd
import torch
from torch_geometric.data import Data

CLASSES = ["p_down", "p_flat", "p_up"]
TOLERANCE = 1e-5  # float32 sums in another order
SHOWN = 10


def verify(folder: Path) -> dict:
    """Checks size and SHA-256 of every file that the manifest vouches for."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for file in manifest["files"]:
        content = (folder / file["name"]).read_bytes()
        if len(content) != file["size"] or hashlib.sha256(content).hexdigest() != file["sha256"]:
            sys.exit(f"{folder / file['name']} is not the file that manifest.json lists: run the training again")
    return manifest


def predict(folder: Path, graph: Data, symbols: list[str], classes: list[str]) -> pd.DataFrame:
    """Probabilities, or the scores of a task without classes, by symbol, from raw features: the model normalises them
    itself."""
    model = torch.jit.load(folder / "model.pt")
    with torch.no_grad():
        logits = model(graph.x, graph.edge_index, graph.edge_weight)
    if not classes:  # scores [N, H]: the first horizon's
        return pd.DataFrame({"score": logits[:, 0].double().numpy()}, index=symbols)
    if logits.dim() == 3:  # [N, H, 3] of several horizons: the first
        logits = logits[:, 0]
    table = pd.DataFrame(logits.softmax(dim=1).numpy(), index=symbols, columns=CLASSES)
    table["score"] = table.p_up - table.p_down
    return table


def newest(predictions: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """The rows of the newest snapshot, which come last, at one horizon."""
    predictions = predictions[predictions.horizon == horizon]
    last = predictions.iloc[-1]
    rows = predictions[(predictions.open_time == last.open_time) & (predictions.split == last.split)]
    return rows.set_index("symbol")


def show(value) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: load_model.py RESULT_DIR, such as out/market_gnn_v1/demo")
    folder = Path(sys.argv[1])
    if not (folder / "manifest.json").is_file():
        sys.exit(f"{folder} holds no manifest.json, so it is no result of gnn-trainer")

    manifest = verify(folder)
    print(f"{folder}: {manifest['status']}, {len(manifest['files'])} files verified")

    metadata = json.loads((folder / "metadata.json").read_text())
    graph = Data.from_dict(torch.load(folder / "graph.pt"))
    if "edge_weight" not in graph:
        graph.edge_weight = None  # an unweighted graph
    stored = newest(pd.read_parquet(folder / "predictions.parquet"), metadata["horizon"])
    table = predict(folder, graph, metadata["symbols"], metadata["classes"]).loc[stored.index]

    when = ""
    if "open_time" in graph:
        when = f", bar that opened at {pd.Timestamp(graph.open_time.item(), unit='ms'):%Y-%m-%d %H:%M} UTC"
    print(f"\nNewest snapshot{when}: {graph.num_nodes} nodes, {graph.num_edges} edges")
    print(table.sort_values("score", ascending=False).head(SHOWN).to_string(float_format="%.4f"))
    if len(table) > SHOWN:
        print(f"... and {len(table) - SHOWN} more")

    metrics = json.loads((folder / "metrics.json").read_text())
    model = metrics["splits"]["test"]
    baseline = metrics.get("baseline", {}).get("splits", {}).get("test", {})
    print(f"\n{'test split':<18} {'model':>8} {'no edges':>9}")
    for name in ("auc", "accuracy", "majority_accuracy", "log_loss", "ic", "rank_ic"):
        print(f"{name:<18} {show(model[name]):>8} {show(baseline.get(name)):>9}")

    print()
    for c in metrics.get("comparisons", []):
        if c["difference"] is not None and c["interval"]["low"] is not None:
            low, high = c["interval"]["low"], c["interval"]["high"]
            verdict = "better" if low > 0 else "worse" if high < 0 else "no difference"
            print(f"{'against ' + c['against']:<23} {c['metric']:<8} {c['difference']:+.4f} (95 %: {low:+.4f} to {high:+.4f})  {verdict}")

    said = CLASSES if metadata["classes"] else ["score"]
    gap = (table[said] - stored[said]).abs().to_numpy().max()
    if not gap <= TOLERANCE:
        sys.exit(f"\nmodel.pt differs from predictions.parquet by {gap:.1e}, and {TOLERANCE:.0e} is allowed")
    print(f"\nmodel.pt in Python gives what predictions.parquet holds, within {TOLERANCE:.0e} (by {gap:.1e} at most)")


if __name__ == "__main__":
    main()
