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
		state.Averaged = f.average != nil && f.average.begun
		for i, p := range f.model.Parameters() {
			adam := f.adam.State(s, i)
			w := checkpoint.Weights{
				Name: p.Name, Shape: p.Shape,
				Value: torch.ReadFloat32s(p.Tensor), Best: torch.ReadFloat32s(f.bestWeights[i]),
				ExpAvg: torch.ReadFloat32s(adam.ExpAvg), ExpAvgSq: torch.ReadFloat32s(adam.ExpAvgSq),
				Steps: float32(torch.Item(adam.Step)),
			}
			if state.Averaged {
				w.Average = torch.ReadFloat32s(f.average.values[i])
			}
			state.Weights = append(state.Weights, w)
		}
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
	parameters := f.model.Parameters()
	if err := fits(state.Weights, parameters); err != nil {
		return fmt.Errorf("resuming: %w", err)
	}
	s := torch.NewScope()
	defer s.Close()
	for i, p := range parameters {
		w, adam := state.Weights[i], f.adam.State(s, i)
		set := func(to nn.Tensor, values []float32, shape []int) {
			torch.Copy(to, s.Float32s(values, dims(shape)...))
		}
		set(p.Tensor, w.Value, p.Shape)
		set(f.bestWeights[i], w.Best, p.Shape)
		set(adam.ExpAvg, w.ExpAvg, p.Shape)
		set(adam.ExpAvgSq, w.ExpAvgSq, p.Shape)
		torch.Fill(adam.Step, float64(w.Steps))
		if f.average != nil && state.Averaged {
			f.average.begun = true
			set(f.average.values[i], w.Average, p.Shape)
		}
	}
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
