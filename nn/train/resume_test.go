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
	for name, set := range map[string]func(*train.Network){
		"as it is": func(*train.Network) {},
		"one cycle": func(n *train.Network) {
			n.Schedule = train.Schedule{Kind: train.ScheduleOneCycle, Warmup: 0.3}
		},
		"plateau": func(n *train.Network) {
			n.Adam.LearningRate, n.Schedule = 0.1, train.Schedule{Kind: train.SchedulePlateau}
		},
		"ensemble":       func(n *train.Network) { n.Model.Members, n.EMA = 2, 0.9 },
		"moving average": func(n *train.Network) { n.EMA = 0.9 },
	} {
		t.Run(name, func(t *testing.T) { resumesToTheSameBits(t, set) })
	}
}

func resumesToTheSameBits(t *testing.T, set func(*train.Network)) {
	whole := newFixture(t)
	network := func() *train.Network {
		n := whole.network(4)
		set(n)
		return n
	}
	c := network()
	batches := 0
	c.OnBatch = func(int, int) { batches++ }
	p, want := whole.fit(t.Context(), t, c)
	probabilities := whole.predict(t, p, whole.valid)

	for _, every := range []int{1, 7, batches/4 + 1, batches - 1} {
		var state *checkpoint.State
		var got train.Result
		var last []float32
		starts := 0
		for done := false; !done; starts++ {
			ctx, stop := context.WithCancel(t.Context())
			c := network()
			c.Resume = state
			left := every
			c.OnBatch = func(int, int) {
				if left--; left == 0 {
					stop()
				}
			}
			var kept []checkpoint.State
			c.Checkpoint = func(s checkpoint.State) { kept = append(kept, s) }
			var p train.Predictor
			p, got = whole.fit(ctx, t, c)
			stop()
			if len(kept) != 1 {
				t.Fatalf("%d checkpoints at a stop, want 1", len(kept))
			}
			state = throughAFile(t, kept[0])
			if done = !got.Interrupted; done {
				last = whole.predict(t, p, whole.valid)
			}
		}
		if !slices.Equal(last, probabilities) {
			t.Errorf("stopped every %d batches, %d starts: other bits", every, starts)
		}
		if got.BestEpoch != want.BestEpoch || len(got.Epochs) != len(want.Epochs) {
			t.Errorf("stopped every %d batches: best epoch %d of %d, want %d of %d", every, got.BestEpoch, len(got.Epochs), want.BestEpoch, len(want.Epochs))
		}
		for i := range got.Epochs {
			for _, e := range []*train.Epoch{&got.Epochs[i], &want.Epochs[i]} {
				e.Seconds, e.Score, e.Metric = 0, 0, 0 // NaN: not scored
			}
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
			f := newFixture(t)
			config := f.network(5)
			var at []int
			var within int
			config.CheckpointEvery = c.every
			config.Checkpoint = func(s checkpoint.State) {
				at = append(at, len(s.Epochs))
				if s.Pass.Batches > 0 {
					within++
				}
			}
			f.fit(t.Context(), t, config)
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
	f := newFixture(t)
	c := f.network(40)
	c.Adam.LearningRate, c.Patience = 0.05, 2
	var state checkpoint.State
	c.Checkpoint = func(s checkpoint.State) { state = s }
	p, r := f.fit(t.Context(), t, c)
	if !r.EarlyStop {
		t.Fatalf("%+v", r)
	}
	want := f.predict(t, p, f.valid)

	c.Resume, c.Checkpoint = throughAFile(t, state), nil
	c.OnBatch = func(int, int) { t.Error("it trains a batch") }
	p, r = f.fit(t.Context(), t, c)
	if !r.EarlyStop || r.BestEpoch != state.BestEpoch {
		t.Errorf("%+v", r)
	}
	if !slices.Equal(f.predict(t, p, f.valid), want) {
		t.Error("other weights")
	}
}

func TestAStateOfAnotherModelIsRejectedByTheParameterThatDiffers(t *testing.T) {
	f := newFixture(t)
	c := f.network(1)
	var state checkpoint.State
	c.Checkpoint = func(s checkpoint.State) { state = s }
	f.fit(t.Context(), t, c)
	fewer := state
	fewer.Weights = state.Weights[1:]
	other := state
	other.Weights = slices.Clone(state.Weights)
	other.Weights[0].Shape = []int{17}
	for _, s := range []checkpoint.State{fewer, other} {
		c.Resume = &s
		if _, _, err := c.Fit(t.Context(), f.dataset); err == nil || !strings.Contains(err.Error(), "resuming: the checkpoint has") {
			t.Errorf("%v", err)
		}
	}
}
