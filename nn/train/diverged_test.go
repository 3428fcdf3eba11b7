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
			f := newFixture(t, 1, true)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := f.config(5)
			c.Adam.LearningRate = 1e39
			c.CheckpointEvery = checkpoint.Every{Time: 1}
			c.OnBatch = func(int, int) {
				if stop {
					cancel()
				}
			}
			c.Checkpoint = func(s checkpoint.State) { t.Errorf("a state is checkpointed whose %q is not finite", s.NonFinite()) }
			_, err := train.Fit(ctx, f.thread, f.model, f.task, f.graphs, c)
			if !errors.Is(err, train.ErrNonFinite) || !strings.Contains(err.Error(), "lower LEARNING_RATE") {
				t.Errorf("got %v, want ErrNonFinite and what to do", err)
			}
		})
	}
}

// The loss is large and finite, and its gradients' norm overflows: clipping to
// it would make every gradient 0, and the training would learn nothing for ever.
func TestAGradientNormThatIsNotFiniteIsAnErrorThatSaysWhere(t *testing.T) {
	f := newFixture(t, 1, true)
	err := f.thread.Do(func() error {
		s := torch.NewScope()
		defer s.Close()
		parameters := f.model.Parameters()
		for _, p := range parameters {
			if p.Name != "lin.weight" {
				continue
			}
			huge := make([]float32, p.Shape[0]*p.Shape[1])
			for i := range huge {
				huge[i] = 1e30 * float32(i%7)
			}
			torch.Copy(p.Tensor, s.Float32s(huge, int64(p.Shape[0]), int64(p.Shape[1])))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c := f.config(2)
	c.CheckpointEvery = checkpoint.Every{Time: 1}
	c.Checkpoint = func(checkpoint.State) { t.Error("a state is checkpointed") }
	_, err = train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, c)
	if !errors.Is(err, train.ErrNonFinite) || !strings.Contains(err.Error(), "epoch 1, batch 1 of") || !strings.Contains(err.Error(), "the gradients' norm +Inf") {
		t.Errorf("got %v", err)
	}
}

// A state whose values do not fill its shapes fails half way through the start.
func TestAStateThatCannotBeRestoredLeaksNothing(t *testing.T) {
	f := newFixture(t, 1, true)
	c := f.config(1)
	var state checkpoint.State
	c.Checkpoint = func(s checkpoint.State) { state = s }
	if _, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, c); err != nil {
		t.Fatal(err)
	}
	before := torch.LiveHandles()
	state.Weights[1].Value = state.Weights[1].Value[1:]
	c.Resume = &state
	if _, err := train.Fit(t.Context(), f.thread, f.model, f.task, f.graphs, c); err == nil {
		t.Error("it is restored")
	}
	if leaked := torch.LiveHandles() - before; leaked != 0 {
		t.Errorf("%d handles are leaked", leaked)
	}
}
