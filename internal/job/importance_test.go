package job

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
)

// A model that looks back must see the same past as when the feature is not
// permuted, that feature aside.
func TestPermutedSnapshotsKeepTheirPast(t *testing.T) {
	m, _, err := source.Load(t.Context(), source.Config{Source: source.Simulated, Symbol: "BTCUSDT", Symbols: "top:4", Interval: "5m", Lookback: "2d", Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	d, err := data.Build(m, data.Config{
		Recipe:       data.Recipe{GraphWindow: 50, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetClose, Horizons: data.Horizons{1}},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	})
	if err != nil {
		t.Fatal(err)
	}
	const window, feature = 9, 1
	chosen := evenRuns(d.Snapshots(data.Valid), 70)
	if len(chosen) < 40 || len(chosen) > 70 {
		t.Fatalf("%d snapshots are chosen", len(chosen))
	}
	seen, places := withPast(d.Panel, chosen, window)
	permuted, _ := d.Permuted(feature, seen, rand.New(rand.NewPCG(1, 2)))
	moved := 0
	for k, at := range places {
		got, want := permuted.Window(at, window), d.Window(chosen[k], window)
		for i := range want {
			switch {
			case i%d.NumFeatures() != feature && got[i] != want[i]:
				t.Fatalf("value %d of the past of snapshot %d is %v, want %v", i, chosen[k], got[i], want[i])
			case got[i] != want[i]:
				moved++
			}
		}
	}
	if moved == 0 {
		t.Error("nothing is permuted")
	}
	if !slices.IsSorted(seen) {
		t.Error("the snapshots do not rise")
	}
}
