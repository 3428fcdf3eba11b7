package test

import (
	"maps"
	"path/filepath"
	"testing"
)

// continued has PyTorch Geometric's own model take the weights, train a step and save
// them; with a third argument it compares two files.
const continued = `
import json, pathlib, sys, torch
from torch_geometric.nn.models import GCN
folder, path = pathlib.Path(sys.argv[1]), sys.argv[2]
if len(sys.argv) > 3:
    a, b = torch.load(path), torch.load(folder / "weights.pt")
    assert list(a) == list(b)
    assert all(torch.equal(a[k], b[k]) for k in a), "it did not begin with these weights"
    m = json.loads((folder / "metadata.json").read_text())
    assert m["init_from"] == path and len(m["init_sha256"]) == 64
    sys.exit()
m = json.loads((folder / "metadata.json").read_text())
net = GCN(len(m["feature_names"]), m["hidden"], m["layers"], 3, jk="last")
net.load_state_dict(torch.load(folder / "weights.pt"), strict=True)
g = torch.load(folder / "graph.pt")
x = (g["x"] - torch.tensor(m["feature_mean"])) / torch.tensor(m["feature_std"])
optimiser = torch.optim.AdamW(net.parameters(), lr=0.01)
before = [p.detach().clone() for p in net.parameters()]
torch.nn.functional.cross_entropy(net(x, g["edge_index"], g["edge_weight"]), torch.arange(len(x)) % 3).backward()
optimiser.step()
assert all(not torch.equal(a, b) for a, b in zip(before, net.parameters()))
torch.save(net.state_dict(), path)
`

func TestAModelContinuesInPyTorchAndComesBackByInitFrom(t *testing.T) {
	t.Parallel()
	changes := maps.Clone(short)
	changes["BASELINE"], changes["EPOCHS"] = "none", "2"
	vars, result := environment(t, changes)
	run(t, vars).mustEnd(t, "finished", 0)
	path := filepath.Join(t.TempDir(), "continued.pt")
	if out, err := runPython(t, "-c", continued, result, path); err != nil {
		t.Fatalf("PyTorch does not continue: %v\n%s", err, out)
	}
	changes["INIT_FROM"], changes["LEARNING_RATE"], changes["EPOCHS"] = path, "1e-30", "1" // no weight moves
	vars, result = environment(t, changes)
	run(t, vars).mustEnd(t, "finished", 0)
	if out, err := runPython(t, "-c", continued, result, path, "compare"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	changes["HIDDEN"] = "32"
	vars, _ = environment(t, changes)
	run(t, vars).mustEnd(t, "error", 2)
}
