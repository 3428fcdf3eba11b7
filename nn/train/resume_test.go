package train_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// throughAFile is what a state is after it was stored and read again.
func throughAFile(t *testing.T, s checkpoint.State) *checkpoint.State {
	t.Helper()
	var file bytes.Buffer
	if err := checkpoint.Encode(&file, checkpoint.Origin{}, s); err != nil {
		t.Fatal(err)
	}
	_, read, err := checkpoint.Decode(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return &read
}

func TestATrainingStoppedAtAnyBatchAndResumedEndsInTheSameBits(t *testing.T) {
	whole := newFixture(t, 1, true)
	c := whole.config(4)
	batches := 0
	c.OnBatch = func(int, int) { batches++ }
	want, err := train.Fit(t.Context(), whole.thread, whole.model, whole.task, whole.graphs, c)
	if err != nil {
		t.Fatal(err)
	}
	probabilities := whole.predict(t, whole.valid).Values

	for _, every := range []int{1, 7, batches/4 + 1, batches - 1} {
		var state *checkpoint.State
		var got train.Result
		var last []float32
		starts := 0
		for done := false; !done; starts++ {
			f := newFixture(t, 99+int64(starts), true) // other weights, other generator
			ctx, stop := context.WithCancel(t.Context())
			c := f.config(4)
			c.Resume = state
			left := every
			c.OnBatch = func(int, int) {
				if left--; left == 0 {
					stop()
				}
			}
			if state == nil {
				f = newFixture(t, 1, true)
			}
			var kept []checkpoint.State
			c.Checkpoint = func(s checkpoint.State) { kept = append(kept, s) }
			got, err = train.Fit(ctx, f.thread, f.model, f.task, f.graphs, c)
			stop()
			if err != nil {
				t.Fatal(err)
			}
			if len(kept) != 1 {
				t.Fatalf("%d checkpoints at a stop, want 1", len(kept))
			}
			state = throughAFile(t, kept[0])
			if done = !got.Interrupted; done {
				last = f.predict(t, f.valid).Values
			}
		}
		if !slices.Equal(last, probabilities) {
			t.Errorf("stopped every %d batches, %d starts: other bits", every, starts)
		}
		if got.BestEpoch != want.BestEpoch || len(got.Epochs) != len(want.Epochs) {
			t.Errorf("stopped every %d batches: best epoch %d of %d, want %d of %d", every, got.BestEpoch, len(got.Epochs), want.BestEpoch, len(want.Epochs))
		}
		for i := range got.Epochs {
			got.Epochs[i].Seconds, want.Epochs[i].Seconds = 0, 0
			got.Epochs[i].Score, want.Epochs[i].Score = 0, 0 // NaN: not judged
			if got.Epochs[i] != want.Epochs[i] {
				t.Errorf("stopped every %d batches: epoch %+v, want %+v", every, got.Epochs[i], want.Epochs[i])
			}
		}
	}
}

func TestCheckpointsComeAsOftenAsAskedAndAtTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		every checkpoint.Every
		want  []int // epochs that had ended
	}{
		"every 2 epochs":  {checkpoint.Every{Epochs: 2}, []int{2, 4, 5}},
		"every 5 epochs":  {checkpoint.Every{Epochs: 5}, []int{5}},
		"only at the end": {checkpoint.Every{Epochs: 100}, []int{5}},
		"every hour":      {checkpoint.Every{Time: time.Hour}, []int{5}},
		"between batches": {checkpoint.Every{Time: time.Nanosecond}, nil},
		"never but there": {checkpoint.Every{}, []int{5}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 1, true)
			config := f.config(5)
			var at []int
			var within int
			config.CheckpointEvery = c.every
			config.Checkpoint = func(s checkpoint.State) {
				at = append(at, len(s.Epochs))
				if s.Pass.Batches > 0 {
					within++
				}
			}
			if _, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, config); err != nil {
				t.Fatal(err)
			}
			if c.want == nil {
				if within == 0 {
					t.Error("no checkpoint between two batches")
				}
			} else if !slices.Equal(at, c.want) {
				t.Errorf("checkpoints after epochs %v, want %v", at, c.want)
			}
		})
	}
}

func TestAFinishedTrainingResumedTrainsNothingAndHasItsBestWeights(t *testing.T) {
	f := newFixture(t, 1, true)
	c := f.config(40)
	c.Adam.LearningRate, c.Patience = 0.05, 2
	var state checkpoint.State
	c.Checkpoint = func(s checkpoint.State) { state = s }
	if r, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, c); err != nil || !r.EarlyStop {
		t.Fatalf("%+v, %v", r, err)
	}
	want := f.predict(t, f.valid).Values

	again := newFixture(t, 2, true)
	c.Resume, c.Checkpoint = throughAFile(t, state), nil
	c.OnBatch = func(int, int) { t.Error("it trains a batch") }
	r, err := train.Fit(t.Context(), again.thread, again.model, again.task, again.graphs, c)
	if err != nil || !r.EarlyStop || r.BestEpoch != state.BestEpoch {
		t.Errorf("%+v, %v", r, err)
	}
	if !slices.Equal(again.predict(t, again.valid).Values, want) {
		t.Error("other weights")
	}
}

func TestAStateOfAnotherModelIsRefusedByTheParameterThatDiffers(t *testing.T) {
	f := newFixture(t, 1, true)
	c := f.config(1)
	var state checkpoint.State
	c.Checkpoint = func(s checkpoint.State) { state = s }
	if _, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, c); err != nil {
		t.Fatal(err)
	}
	fewer := state
	fewer.Weights = state.Weights[1:]
	other := state
	other.Weights = slices.Clone(state.Weights)
	other.Weights[0].Shape = []int{17}
	for _, s := range []checkpoint.State{fewer, other} {
		c.Resume = &s
		if _, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, c); err == nil || !strings.Contains(err.Error(), "resuming: the checkpoint has") {
			t.Errorf("%v", err)
		}
	}
}
