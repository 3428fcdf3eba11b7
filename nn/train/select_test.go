package train_test

import (
	"math"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// scripted is a Select that gives one value after another.
func scripted(values ...float64) func(train.Prediction) float64 {
	return func(p train.Prediction) float64 {
		if len(p.Values) == 0 {
			panic("no prediction")
		}
		v := values[0]
		values = values[1:]
		return v
	}
}

func TestTheMetricDecidesTheBestEpochAndPatienceWhereThereIsOne(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		values []float64
		best   int
	}{
		"a peak":                 {[]float64{.1, .3, .2, .3, nan}, 2},
		"values below zero":      {[]float64{nan, -3, -4, -5, -3}, 2},
		"no value at all":        {[]float64{nan, nan, nan, nan}, 1},
		"nothing after the peak": {[]float64{.5, .1, .2, .3}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			n := f.network(20)
			n.Patience, n.Select = 3, scripted(c.values...)
			var states []checkpoint.State
			n.Checkpoint, n.CheckpointEvery = func(s checkpoint.State) { states = append(states, s) }, checkpoint.Every{Epochs: 1}
			p, r := f.fit(t.Context(), t, n)
			if r.BestEpoch != c.best || !r.EarlyStop || len(r.Epochs) != c.best+3 {
				t.Fatalf("best epoch %d of %d, early stop %v", r.BestEpoch, len(r.Epochs), r.EarlyStop)
			}
			if got := f.loss(t, p, f.valid); !near(got, r.Epochs[c.best-1].ValidLoss) {
				t.Errorf("the weights have validation loss %v, those of the best epoch had %v", got, r.Epochs[c.best-1].ValidLoss)
			}
			for i, e := range r.Epochs {
				if e.Metric != c.values[i] && !(math.IsNaN(e.Metric) && math.IsNaN(c.values[i])) {
					t.Errorf("epoch %d has %v, want %v", i+1, e.Metric, c.values[i])
				}
			}
			// A resumed training knows what the best epoch had.
			n.Resume, n.Checkpoint = throughAFile(t, states[c.best]), nil
			n.Select = scripted(c.values[c.best+1:]...)
			again, resumed := f.fit(t.Context(), t, n)
			if resumed.BestEpoch != c.best || !resumed.EarlyStop || !slices.Equal(f.predict(t, p, f.valid), f.predict(t, again, f.valid)) {
				t.Errorf("resumed: best epoch %d, early stop %v", resumed.BestEpoch, resumed.EarlyStop)
			}
		})
	}
}
