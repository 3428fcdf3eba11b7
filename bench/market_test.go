package bench

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/train"
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
	if n := len(d.Snapshots(data.Train)); n != snapshots {
		t.Fatalf("the training part has %d snapshots, not %d", n, snapshots)
	}
	return d
}

func edgesPerNode(d *data.Dataset) float64 {
	edges := 0
	for _, i := range d.Snapshots(data.Train) {
		edges += len(d.Edges(i).Sources)
	}
	return float64(edges) / float64(snapshots*d.NumNodes())
}

// network is what the bench trains.
func network(t *testing.T, thread *torch.Thread, epochs int) *train.Network {
	t.Helper()
	return &train.Network{
		Thread: thread, Device: torch.CPU, Task: task(t), Model: nn.Config{Type: "gcn", Hidden: hidden, Layers: layers},
		Config: train.Config{Epochs: epochs, BatchSize: batchSize, Seed: 1, Adam: torch.AdamConfig{LearningRate: learningRate}},
	}
}

// untrained are the weights that the training starts from.
func untrained(t *testing.T, thread *torch.Thread, d *data.Dataset) *pyg.Dict {
	t.Helper()
	p, _, err := network(t, thread, 0).Fit(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, weights, err := p.(train.Exporter).Export([]byte("{}"), d.Snapshot(0))
	if err != nil {
		t.Fatal(err)
	}
	return weights
}

// lossOf is the mean cross-entropy over the labelled nodes of the training
// split, of the network with these weights.
func lossOf(t *testing.T, thread *torch.Thread, weights *pyg.Dict, d *data.Dataset) float64 {
	t.Helper()
	var file bytes.Buffer
	if err := pyg.Save(&file, weights); err != nil {
		t.Fatal(err)
	}
	c := network(t, thread, 1).Model
	c.Features, c.Outputs = d.NumFeatures(), classes
	p, err := train.LoadNetwork(thread, torch.CPU, c, task(t), d.Scaler, file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	snapshots := d.Snapshots(data.Train)
	out, err := p.Predict(t.Context(), d.Panel, snapshots)
	if err != nil {
		t.Fatal(err)
	}
	values, sum, count := out.Values, 0.0, 0
	for _, s := range snapshots {
		class, _ := d.Targets.At(s)
		for i, c := range class {
			if c != pyg.Unlabelled {
				sum -= math.Log(float64(values[classes*i+int(c)]))
				count++
			}
		}
		values = values[classes*len(class):]
	}
	return sum / float64(count)
}

func task(t *testing.T) nn.Task {
	t.Helper()
	task, err := nn.NewTask("direction")
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// export writes what peer.py reads: data.pt, the normalised training
// snapshots, and weights.pt.
func export(t *testing.T, folder string, d *data.Dataset, weights *pyg.Dict) {
	t.Helper()
	numbers := d.Snapshots(data.Train)
	write(t, filepath.Join(folder, "data.pt"), func(f *os.File) error {
		return pyg.SaveCollated(f, len(numbers), func(i int) pyg.Data {
			g := d.Snapshot(numbers[i])
			return pyg.Data{
				NumNodes: g.NumNodes, NumFeatures: g.NumFeatures, X: d.Scaler.Scale(g.X),
				EdgeIndex: g.EdgeIndex, EdgeWeight: g.EdgeWeight, Y: g.Y,
			}
		})
	})
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
