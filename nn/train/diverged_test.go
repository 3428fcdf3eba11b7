package train_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// The first step is taken from a finite loss to weights that are not: a stop
// right after it must not store them.
func TestADivergedStateIsNeverCheckpointed(t *testing.T) {
	for name, stop := range map[string]bool{"at a stop": true, "between batches": false} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := f.network(5)
			c.Adam.LearningRate = 1e39
			c.CheckpointEvery = checkpoint.Every{Time: 1}
			c.OnBatch = func(int, int) {
				if stop {
					cancel()
				}
			}
			c.Checkpoint = func(s checkpoint.State) { t.Errorf("a state is checkpointed whose %q is not finite", s.NonFinite()) }
			_, _, err := c.Fit(ctx, f.dataset)
			if !errors.Is(err, train.ErrNonFinite) || !strings.Contains(err.Error(), "lower LEARNING_RATE") {
				t.Errorf("got %v, want ErrNonFinite and what to do", err)
			}
		})
	}
}

// The loss is large and finite, and its gradients' norm overflows: clipping to
// it would make every gradient 0, and the training would learn nothing for ever.
func TestAGradientNormThatIsNotFiniteIsAnErrorThatSaysWhere(t *testing.T) {
	f := newFixture(t)
	var state checkpoint.State
	untrained := f.network(0)
	untrained.Checkpoint = func(s checkpoint.State) { state = s }
	f.fit(t.Context(), t, untrained)
	for i, w := range state.Weights {
		if w.Name == "lin.weight" {
			for j := range w.Value {
				state.Weights[i].Value[j] = 1e30 * float32(j%7)
			}
		}
	}
	c := f.network(2)
	c.Resume = &state
	c.CheckpointEvery = checkpoint.Every{Time: 1}
	c.Checkpoint = func(checkpoint.State) { t.Error("a state is checkpointed") }
	_, _, err := c.Fit(t.Context(), f.dataset)
	if !errors.Is(err, train.ErrNonFinite) || !strings.Contains(err.Error(), "epoch 1, batch 1 of") || !strings.Contains(err.Error(), "the gradients' norm +Inf") {
		t.Errorf("got %v", err)
	}
}

// A state whose values do not fill its shapes fails half way through the start.
func TestAStateThatCannotBeRestoredLeaksNothing(t *testing.T) {
	f := newFixture(t)
	c := f.network(1)
	var state checkpoint.State
	c.Checkpoint = func(s checkpoint.State) { state = s }
	f.fit(t.Context(), t, c)
	before := torch.LiveHandles()
	state.Weights[1].Value = state.Weights[1].Value[1:]
	c.Resume = &state
	if _, _, err := c.Fit(t.Context(), f.dataset); err == nil {
		t.Error("it is restored")
	}
	if leaked := torch.LiveHandles() - before; leaked != 0 {
		t.Errorf("%d handles are leaked", leaked)
	}
}
