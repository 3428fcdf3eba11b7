package test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/store"
)

// What earlier releases left is read by this one: testdata/keep.sh made it, with
// the program of each release.
func TestWhatEarlierReleasesLeftIsRead(t *testing.T) {
	t.Parallel()
	releases, err := filepath.Glob("testdata/v*")
	if err != nil || len(releases) == 0 {
		t.Fatalf("no release is kept: %v", err)
	}
	// The model that is loaded says what predictions.parquet says, as far as the
	// graph of the newest snapshot goes.
	const check = `
import sys
sys.path.insert(0, "../python/src")
import torch, gnn_trainer
result = gnn_trainer.load(sys.argv[1])
graph = result.graph()
with torch.no_grad():
    logits = result.model(graph["x"], graph["edge_index"], graph["edge_weight"])
present = graph["node_mask"]
told = result.predictions()
told = told[told.open_time == int(graph["open_time"])]
if "horizon" in told:
    told = told[told.horizon == told.horizon.iloc[0]]
    logits = logits.reshape(len(logits), -1, 3)[:, 0]
want = torch.tensor(told[["p_down", "p_flat", "p_up"]].to_numpy())
assert len(want) == int(present.sum()) > 1 and torch.allclose(logits.softmax(1)[present].double(), want, atol=1e-5)
state = torch.load(sys.argv[1] + "/weights.pt")
assert len(state) > 3 and all(torch.isfinite(w).all() for w in state.values())
`
	for _, release := range releases {
		t.Run(filepath.Base(release), func(t *testing.T) {
			result := filepath.Join(release, "result")
			if m, err := store.Verify(result); err != nil || m.Status != store.Finished || len(m.Files) < 7 {
				t.Errorf("status %s, %d files, %v", m.Status, len(m.Files), err)
			}
			content, err := os.ReadFile(filepath.Join(release, "checkpoint.pt"))
			if err != nil {
				t.Fatal(err)
			}
			origin, state, err := checkpoint.Decode(content)
			if err != nil {
				t.Fatal(err)
			}
			if len(state.Epochs) == 0 || len(state.Weights) == 0 || len(state.RNG) == 0 || origin.Settings["HIDDEN"] != "8" || len(origin.Data.Symbols) != 4 {
				t.Errorf("it holds %d epochs, %d weights, %d bytes of the generator, %+v", len(state.Epochs), len(state.Weights), len(state.RNG), origin)
			}
			for _, w := range state.Weights {
				for _, v := range w.Value {
					if v64 := float64(v); math.IsNaN(v64) || math.IsInf(v64, 0) {
						t.Fatalf("%s holds %v", w.Name, v)
					}
				}
			}
			if _, err := runPython(t, "-c", check, result); err != nil {
				t.Error(err)
			}
		})
	}
}
