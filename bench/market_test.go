package bench

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
)

const (
	snapshots = 2000 // of the training part
	hidden    = 64
	layers    = 2
	classes   = 3
)

// market is 100 simulated symbols whose first 80 % of labelled bars are
// snapshots to train on. 13010 minutes are 2602 bars: 100 fill the graph's
// window, the last has no label yet, and one label at the boundary is a gap.
func market(t *testing.T) *data.Dataset {
	t.Helper()
	candles, _, err := source.Load(t.Context(), source.Config{
		Source: source.Simulated, Symbol: "BTCUSDT", Symbols: "top:100", Interval: "5m", Lookback: "13010m", Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.Build(candles, data.Config{
		Recipe:       data.Recipe{GraphWindow: 100, EdgeTopK: 10, EdgeReturns: data.EdgeReturnsRaw},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetClose, Horizons: data.Horizons{1}},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.8, ValidFraction: 0.1},
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(part(d, data.Train)); n != snapshots {
		t.Fatalf("the training part has %d snapshots, not %d", n, snapshots)
	}
	return d
}

// part is the numbers of a part's snapshots.
func part(d *data.Dataset, s data.Split) []int {
	var numbers []int
	for i, split := range d.Splits {
		if split == s {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

func edgesPerNode(d *data.Dataset) float64 {
	edges := 0
	for _, i := range part(d, data.Train) {
		edges += len(d.Edges(i).Sources)
	}
	return float64(edges) / float64(snapshots*d.NumNodes())
}

func newModel(t *testing.T, thread *torch.Thread, d *data.Dataset) (m nn.Model) {
	t.Helper()
	do(t, thread, func() {
		torch.ManualSeed(1)
		var err error
		if m, err = nn.New(torch.CPU, nn.Config{Type: "gcn", Features: d.NumFeatures(), Hidden: hidden, Layers: layers, Outputs: classes}); err != nil {
			panic(err)
		}
	})
	return m
}

func do(t *testing.T, thread *torch.Thread, f func()) {
	t.Helper()
	if err := thread.Do(func() error { f(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// export writes what peer.py reads: data.pt, the normalised training
// snapshots, and weights.pt.
func export(t *testing.T, folder string, d *data.Dataset, thread *torch.Thread, m nn.Model) {
	t.Helper()
	numbers := part(d, data.Train)
	write(t, filepath.Join(folder, "data.pt"), func(f *os.File) error {
		return pyg.SaveCollated(f, len(numbers), func(i int) pyg.Data {
			g := d.Snapshot(numbers[i])
			return pyg.Data{
				NumNodes: g.NumNodes, NumFeatures: g.NumFeatures, X: nn.Normalise(g.X, d.Mean, d.Std),
				EdgeIndex: g.EdgeIndex, EdgeWeight: g.EdgeWeight, Y: g.Y,
			}
		})
	})
	var weights *pyg.Dict
	do(t, thread, func() { weights = nn.StateDict(m) })
	write(t, filepath.Join(folder, "weights.pt"), func(f *os.File) error { return pyg.Save(f, weights) })
}

func write(t *testing.T, path string, save func(*os.File) error) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := save(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
