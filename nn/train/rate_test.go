package train_test

import (
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// Halving the learning rate where the metric stops rising is that training
// continued by hand with half the rate.
func TestAScheduleSetsTheRateThatStepsAreTakenWith(t *testing.T) {
	f := newFixture(t)
	scheduled := f.network(3)
	scheduled.Schedule = train.Schedule{Kind: train.SchedulePlateau}
	scheduled.Select = scripted(.5, .1, .9)
	p, _ := f.fit(t.Context(), t, scheduled)
	got := f.predict(t, p, f.valid)

	var state checkpoint.State
	first := f.network(2)
	first.Select = scripted(.5, .1)
	first.Checkpoint = func(s checkpoint.State) { state = s }
	f.fit(t.Context(), t, first)
	hand := f.network(3)
	hand.Select, hand.Resume = scripted(.9), throughAFile(t, state)
	whole, _ := f.fit(t.Context(), t, hand)
	hand.Adam.LearningRate /= 2
	hand.Select = scripted(.9)
	half, _ := f.fit(t.Context(), t, hand)
	if !slices.Equal(got, f.predict(t, half, f.valid)) {
		t.Error("other bits than with half the rate from the third epoch on")
	}
	if slices.Equal(got, f.predict(t, whole, f.valid)) {
		t.Error("the rate was not halved")
	}
}
