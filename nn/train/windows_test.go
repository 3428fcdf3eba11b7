package train_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// windowed are networks that look back on nine bars: one whose graph layers see each
// bar, one whose graph layers see the newest, and one that computes each window by
// itself and knows the nodes; and one that knows the nodes without a past.
func (f *fixture) windowed(epochs int) map[string]*train.Network {
	all := map[string]*train.Network{}
	for name, shape := range map[string]nn.Config{
		"peer": {Encoder: "tcn", Window: 9}, "gcn": {Encoder: "tcn", Window: 9}, "none": {Encoder: "mixer", Window: 9, NodeEmbedding: 3}, "sage": {NodeEmbedding: 3},
	} {
		n := f.network(epochs)
		shape.Type, shape.Hidden, shape.Layers, shape.Dropout = name, 8, 1, 0.2
		n.Model = shape
		n.BatchSize = 64
		all[name] = n
	}
	return all
}

func TestPredictionsOfWindowsDependOnTheirSnapshotAlone(t *testing.T) {
	f := newFixture(t)
	for name, n := range f.windowed(1) {
		p, _ := f.fit(t.Context(), t, n)
		all := make([]int, f.dataset.Len()) // the first of them look back on bars that are no snapshots
		for i := range all {
			all[i] = i
		}
		together := f.predict(t, p, all)
		width := len(together) / len(all)
		for _, chosen := range [][]int{{0}, {5, 4, 3}, {len(all) - 1, 0, 200, 17, 18}, {100, 102, 101}} {
			got := f.predict(t, p, chosen)
			p.(train.Releaser).Release() // from now on what it needs is copied
			again := f.predict(t, p, chosen)
			for i, s := range chosen {
				for k, want := range together[s*width : (s+1)*width] {
					if math.Abs(float64(got[i*width+k]-want)) > 1e-6 || math.Abs(float64(again[i*width+k]-want)) > 1e-6 {
						t.Fatalf("%s: snapshot %d among %v is %v, then %v, and %v among all", name, s, chosen, got[i*width+k], again[i*width+k], want)
					}
				}
			}
		}
	}
}

func TestWindowsDoNotLookAhead(t *testing.T) {
	f := newFixture(t)
	market := func(later float64) *data.Dataset {
		m, _, err := source.Load(t.Context(), source.Config{Source: source.Simulated, Symbol: "BTCUSDT", Symbols: "top:8", Interval: "5m", Lookback: "2d", Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.Symbols {
			for _, series := range [][]float64{m.Open[i], m.High[i], m.Low[i], m.Close[i]} {
				for b := m.Bars - 100; b < m.Bars; b++ {
					series[b] *= 1 + later*float64(b%7)
				}
			}
		}
		d, err := data.Build(m, data.Config{
			Recipe:       data.Recipe{GraphWindow: 50, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw},
			TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetClose, Horizons: data.Horizons{1}},
			FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
		})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	one, other := market(0), market(0.01)
	known := one.Len() - 100
	snapshots := make([]int, known)
	for i := range snapshots {
		snapshots[i] = i
	}
	for name, n := range f.windowed(1) {
		p, _ := f.fit(t.Context(), t, n)
		var got [2][]float32
		for i, d := range []*data.Dataset{one, other} {
			out, err := p.Predict(t.Context(), d.Panel, snapshots)
			if err != nil {
				t.Fatal(err)
			}
			got[i] = out.Values
		}
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%s: later candles change a prediction", name)
		}
		last, err := p.Predict(t.Context(), other.Panel, []int{other.Len() - 1})
		if err != nil {
			t.Fatal(err)
		}
		if before, _ := p.Predict(t.Context(), one.Panel, []int{one.Len() - 1}); slices.Equal(before.Values, last.Values) {
			t.Errorf("%s: the changed candles change nothing at all", name)
		}
	}
}

func TestAWindowedTrainingThatWasStoppedEndsInTheSameBits(t *testing.T) {
	f := newFixture(t)
	for name := range f.windowed(1) {
		p, _ := f.fit(t.Context(), t, f.windowed(3)[name])
		want := f.predict(t, p, f.valid)

		ctx, stop := context.WithCancel(t.Context())
		n, left := f.windowed(3)[name], 7
		var kept checkpoint.State
		n.OnBatch = func(int, int) {
			if left--; left == 0 {
				stop()
			}
		}
		n.Checkpoint = func(s checkpoint.State) { kept = s }
		if _, r := f.fit(ctx, t, n); !r.Interrupted {
			t.Fatalf("%s was not stopped: %d batches are left", name, left)
		}
		stop()
		n = f.windowed(3)[name]
		n.Resume = throughAFile(t, kept)
		p, _ = f.fit(t.Context(), t, n)
		if !slices.Equal(f.predict(t, p, f.valid), want) {
			t.Errorf("%s: stopped and resumed, it ends in other bits", name)
		}
	}
}
