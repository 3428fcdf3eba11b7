package train_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
)

// A training that begins with the best weights of another one is that training
// continued by hand: a checkpoint with those weights, and an optimiser that has
// taken no step.
func TestAWarmStartIsATrainingContinuedByHand(t *testing.T) {
	f := newFixture(t)
	var states []checkpoint.State
	first := f.network(8)
	first.Adam.LearningRate = 0.1 // so that the last epoch is not the best
	first.Checkpoint = func(s checkpoint.State) { states = append(states, s) }
	f.fit(t.Context(), t, first)
	best := throughAFile(t, states[len(states)-1]).Weights
	if slices.Equal(best[0].Best, best[0].Value) {
		t.Fatal("the best weights are the last ones, so this test shows less")
	}

	warm := f.network(2)
	warm.Initial = best
	p, warmed := f.fit(t.Context(), t, warm)
	got := f.predict(t, p, f.valid)

	// What a training without an epoch hands over has the generator's state.
	cold := f.network(0)
	cold.Checkpoint = func(s checkpoint.State) { states = append(states, s) }
	f.fit(t.Context(), t, cold)
	begin := states[len(states)-1]
	drawn := begin.Weights
	begin.Weights = nil
	for _, w := range best {
		zero := make([]float32, len(w.Best))
		begin.Weights = append(begin.Weights, checkpoint.Weights{Name: w.Name, Shape: w.Shape, Value: w.Best, Best: w.Best, ExpAvg: zero, ExpAvgSq: zero})
	}
	hand := f.network(2)
	hand.Resume = throughAFile(t, begin)
	p, continued := f.fit(t.Context(), t, hand)
	if want := f.predict(t, p, f.valid); !slices.Equal(got, want) {
		t.Error("the bits differ from those of a training continued by hand")
	}
	if warmed.Epochs[0].TrainLoss != continued.Epochs[0].TrainLoss || len(warmed.Epochs) != 2 {
		t.Errorf("epochs %+v, want %+v", warmed.Epochs, continued.Epochs)
	}
	if slices.Equal(drawn[0].Value, best[0].Best) {
		t.Error("the drawn weights are the best ones")
	}
	cold = f.network(2)
	p, _ = f.fit(t.Context(), t, cold)
	if slices.Equal(got, f.predict(t, p, f.valid)) {
		t.Error("a cold start has the same bits")
	}
}

func TestWeightsOfAnotherModelAreNoBeginning(t *testing.T) {
	f := newFixture(t)
	n := f.network(1)
	n.Initial = []checkpoint.Weights{{Name: "other", Shape: []int{1}, Best: []float32{1}}}
	if _, _, err := n.Fit(t.Context(), f.dataset); err == nil || !strings.Contains(err.Error(), "beginning with other weights") {
		t.Errorf("error is %v", err)
	}
}
