package train

import (
	"fmt"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// checkpoint hands the state over. A state that is not finite is an error.
func (f *loop) checkpoint() error {
	if f.Checkpoint == nil {
		return nil
	}
	state := checkpoint.State{
		Epochs: f.result.Epochs, BestEpoch: f.result.BestEpoch, EarlyStop: f.result.EarlyStop, Pass: f.pass,
	}
	err := f.thread.Do(func() error {
		s := torch.NewScope()
		defer s.Close()
		state.Averaged = f.EMA > 0
		f.eachParameter(func(k int, p nn.Parameter, l *learner, i int) {
			adam := l.adam.State(s, i)
			w := checkpoint.Weights{
				Name: p.Name, Shape: p.Shape,
				Value: torch.ReadFloat32s(p.Tensor), Best: torch.ReadFloat32s(f.bestWeights[k]),
				ExpAvg: torch.ReadFloat32s(adam.ExpAvg), ExpAvgSq: torch.ReadFloat32s(adam.ExpAvgSq),
				Steps: float32(torch.Item(adam.Step)),
			}
			if state.Averaged {
				w.Average = torch.ReadFloat32s(l.average.values[i])
			}
			state.Weights = append(state.Weights, w)
		})
		state.RNG = torch.RNGState(f.inputs.device)
		return nil
	})
	if err != nil {
		return fmt.Errorf("taking a checkpoint: %w", err)
	}
	// The last step may have been taken from a finite loss to weights that are
	// not: nobody could resume from them.
	if what := state.NonFinite(); what != "" {
		return fmt.Errorf("taking a checkpoint after epoch %d: %w", len(state.Epochs), diverged("%s is not finite", what))
	}
	f.Checkpoint(state)
	f.kept = time.Now()
	return nil
}

// restore is the opposite of checkpoint, on the libtorch thread.
func (f *loop) restore(state checkpoint.State) error {
	if err := fits(state.Weights, f.model.Parameters()); err != nil {
		return fmt.Errorf("resuming: %w", err)
	}
	s := torch.NewScope()
	defer s.Close()
	f.eachParameter(func(k int, p nn.Parameter, l *learner, i int) {
		w, adam := state.Weights[k], l.adam.State(s, i)
		set := func(to nn.Tensor, values []float32) {
			torch.Copy(to, s.Float32s(values, dims(p.Shape)...))
		}
		set(p.Tensor, w.Value)
		set(f.bestWeights[k], w.Best)
		set(adam.ExpAvg, w.ExpAvg)
		set(adam.ExpAvgSq, w.ExpAvgSq)
		torch.Fill(adam.Step, float64(w.Steps))
		if l.average != nil && state.Averaged {
			l.average.begun = l.average.begun || w.Steps > 0
			set(l.average.values[i], w.Average)
		}
	})
	torch.SetRNGState(f.inputs.device, state.RNG)
	f.result = Result{Epochs: slices.Clone(state.Epochs), BestEpoch: state.BestEpoch, EarlyStop: state.EarlyStop}
	f.pass = state.Pass
	if state.BestEpoch > 0 {
		f.best = f.merit(state.Epochs[state.BestEpoch-1])
	}
	return nil
}

// fits checks that weights are those of such a model.
func fits(weights []checkpoint.Weights, parameters []nn.Parameter) error {
	if len(parameters) != len(weights) {
		return fmt.Errorf("the checkpoint has %d parameters and the model %d", len(weights), len(parameters))
	}
	for i, p := range parameters {
		if w := weights[i]; w.Name != p.Name || !slices.Equal(w.Shape, p.Shape) {
			return fmt.Errorf("the checkpoint has %s %v where the model has %s %v", w.Name, w.Shape, p.Name, p.Shape)
		}
	}
	return nil
}

// setBest gives a model the best weights of another training, on the libtorch
// thread.
func setBest(m nn.Model, weights []checkpoint.Weights) error {
	parameters := m.Parameters()
	if err := fits(weights, parameters); err != nil {
		return fmt.Errorf("beginning with other weights: %w", err)
	}
	s := torch.NewScope()
	defer s.Close()
	for i, p := range parameters {
		torch.Copy(p.Tensor, s.Float32s(weights[i].Best, dims(p.Shape)...))
	}
	return nil
}

func dims(shape []int) []int64 {
	d := make([]int64, len(shape))
	for i, size := range shape {
		d[i] = int64(size)
	}
	return d
}
