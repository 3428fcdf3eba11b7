package train_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
)

// An ensemble is trainings of seeds one after the other, side by side: the same
// weights to the bit, and the mean of their probabilities.
func TestAnEnsembleIsTheMeanOfTrainingsOfItsSeeds(t *testing.T) {
	f := newFixture(t, 3)
	const members, epochs = 3, 2
	var state checkpoint.State
	n := f.network(epochs)
	n.Model.Members = members
	n.Select = scripted(.1, .2) // so that the last epoch is the best of all
	n.Checkpoint = func(s checkpoint.State) { state = s }
	p, r := f.fit(t.Context(), t, n)
	got := f.predict(t, p, f.valid)

	sum, losses := make([]float64, len(got)), make([]float64, epochs)
	weights := state.Weights
	for i := range members {
		single := f.network(epochs)
		single.Seed += int64(i)
		single.Select = scripted(.1, .2)
		single.Checkpoint = func(s checkpoint.State) { state = s }
		one, alone := f.fit(t.Context(), t, single)
		for k, v := range f.predict(t, one, f.valid) {
			sum[k] += float64(v) / members
		}
		for e := range losses {
			losses[e] += alone.Epochs[e].TrainLoss / members
		}
		for _, w := range state.Weights {
			member := weights[0]
			weights = weights[1:]
			if want := fmt.Sprintf("members.%d.%s", i, w.Name); member.Name != want || !slices.Equal(member.Value, w.Value) || !slices.Equal(member.ExpAvgSq, w.ExpAvgSq) {
				t.Errorf("%s differs from the %s of a training of seed %d", member.Name, w.Name, single.Seed)
			}
		}
	}
	for k, want := range sum {
		if math.Abs(float64(got[k])-want) > 1e-6 {
			t.Fatalf("value %d is %v, the mean of three trainings is %v", k, got[k], want)
		}
	}
	for e, want := range losses {
		if got := r.Epochs[e].TrainLoss; !near(got, want) {
			t.Errorf("epoch %d has the training loss %v, the mean of three is %v", e+1, got, want)
		}
	}
}
