package train

import (
	"fmt"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/internal/checkpoint"
	"github.com/streamforge/gnn-trainer/internal/libtorch"
	"github.com/streamforge/gnn-trainer/nn"
)

// checkpoint hands the state over.
func (f *fit) checkpoint() error {
	if f.Checkpoint == nil {
		return nil
	}
	state := checkpoint.State{
		Epochs: f.result.Epochs, BestEpoch: f.result.BestEpoch, EarlyStop: f.result.EarlyStop, Pass: f.pass,
	}
	err := f.thread.Do(func() error {
		s := libtorch.NewScope()
		defer s.Close()
		for i, p := range f.model.Parameters() {
			adam := f.adam.State(s, i)
			state.Weights = append(state.Weights, checkpoint.Weights{
				Name: p.Name, Shape: p.Shape,
				Value: libtorch.ReadFloat32s(p.Tensor), Best: libtorch.ReadFloat32s(f.bestWeights[i]),
				ExpAvg: libtorch.ReadFloat32s(adam.ExpAvg), ExpAvgSq: libtorch.ReadFloat32s(adam.ExpAvgSq),
				Steps: float32(libtorch.Item(adam.Step)),
			})
		}
		state.RNG = libtorch.RNGState(f.graphs.device)
		return nil
	})
	if err != nil {
		return fmt.Errorf("taking a checkpoint: %w", err)
	}
	f.Checkpoint(state)
	f.kept = time.Now()
	return nil
}

// restore is the opposite of checkpoint, on the libtorch thread.
func (f *fit) restore(state checkpoint.State) error {
	parameters := f.model.Parameters()
	if len(parameters) != len(state.Weights) {
		return fmt.Errorf("resuming: the checkpoint has %d parameters and the model %d", len(state.Weights), len(parameters))
	}
	for i, p := range parameters {
		if w := state.Weights[i]; w.Name != p.Name || !slices.Equal(w.Shape, p.Shape) {
			return fmt.Errorf("resuming: the checkpoint has %s %v where the model has %s %v", w.Name, w.Shape, p.Name, p.Shape)
		}
	}
	s := libtorch.NewScope()
	defer s.Close()
	for i, p := range parameters {
		w, adam := state.Weights[i], f.adam.State(s, i)
		set := func(to nn.Tensor, values []float32, shape []int) {
			libtorch.Copy(to, s.Float32s(values, dims(shape)...))
		}
		set(p.Tensor, w.Value, p.Shape)
		set(f.bestWeights[i], w.Best, p.Shape)
		set(adam.ExpAvg, w.ExpAvg, p.Shape)
		set(adam.ExpAvgSq, w.ExpAvgSq, p.Shape)
		libtorch.Fill(adam.Step, float64(w.Steps))
	}
	libtorch.SetRNGState(f.graphs.device, state.RNG)
	f.result = Result{Epochs: slices.Clone(state.Epochs), BestEpoch: state.BestEpoch, EarlyStop: state.EarlyStop}
	f.pass = state.Pass
	if state.BestEpoch > 0 {
		f.best = state.Epochs[state.BestEpoch-1].ValidLoss
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
