package train_test

import (
	"math"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/pyg"
)

func TestWithEMAValidationAndThePredictorAreOfTheAverage(t *testing.T) {
	f := newFixture(t)
	plain := f.network(3)
	_, without := f.fit(t.Context(), t, plain)
	averaged := f.network(3)
	averaged.EMA = 0.9
	p, with := f.fit(t.Context(), t, averaged)
	for i := range with.Epochs {
		if a, b := with.Epochs[i], without.Epochs[i]; a.TrainLoss != b.TrainLoss || a.ValidLoss == b.ValidLoss {
			t.Errorf("epoch %d: losses %v and %v with an average, %v and %v without: it must change the second alone", i+1, a.TrainLoss, a.ValidLoss, b.TrainLoss, b.ValidLoss)
		}
	}
	if got, want := f.loss(t, p, f.valid), with.Epochs[with.BestEpoch-1].ValidLoss; !near(got, want) {
		t.Errorf("the predictor has validation loss %v, the best epoch %v", got, want)
	}
}

func TestEachSettingOfTheLossChangesTheTrainingAndNotWhatValidationMeasures(t *testing.T) {
	f := newFixture(t)
	_, plain := f.fit(t.Context(), t, f.network(2))
	for name, set := range map[string]func(*train.Network){
		"label smoothing": func(n *train.Network) { n.LabelSmoothing = 0.1 },
		"class weights":   func(n *train.Network) { n.Balanced = true },
		"tight clipping":  func(n *train.Network) { n.ClipNorm = 1e-3 },
	} {
		n := f.network(2)
		set(n)
		p, r := f.fit(t.Context(), t, n)
		if r.Epochs[1].TrainLoss == plain.Epochs[1].TrainLoss {
			t.Errorf("%s changes nothing", name)
		}
		if got, want := f.loss(t, p, f.valid), r.Epochs[r.BestEpoch-1].ValidLoss; !near(got, want) {
			t.Errorf("%s: validation loss %v, want the plain cross-entropy %v", name, want, got)
		}
	}
}

// With weights as scikit-learn's "balanced" has them the classes weigh the same in
// all.
func TestBalancedWeightsMakeTheClassesEqual(t *testing.T) {
	f := newFixture(t)
	counts := make([]float64, 3)
	for _, at := range f.dataset.Snapshots(data.Train) {
		class, _ := f.dataset.Targets.At(at)
		for _, c := range class {
			if c != pyg.Unlabelled {
				counts[c]++
			}
		}
	}
	weights := train.Balanced(f.dataset, 4)
	all := counts[0] + counts[1] + counts[2]
	for c, n := range counts {
		if got := float64(weights[c]) * n; math.Abs(got-all/4) > 1e-3 {
			t.Errorf("class %d of %v labels weighs %v, want %v", c, n, got, all/4)
		}
	}
	if slices.Max(counts) == slices.Min(counts) || weights[3] != 0 {
		t.Errorf("counts %v, weights %v", counts, weights)
	}
}
