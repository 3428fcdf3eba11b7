package torch

// #include "gnn.h"
import "C"

import (
	"math"
	"unsafe"
)

// AdamConfig is PyTorch's: Adam with L2 weight decay, or AdamW where Decoupled.
type AdamConfig struct {
	LearningRate float64
	Beta1, Beta2 float64 // 0.9 and 0.999 where both are 0
	Eps          float64 // 1e-8 where 0
	WeightDecay  float64
	Decoupled    bool
}

// Adam updates parameters by their gradients (Kingma and Ba, 2015; AdamW:
// Loshchilov and Hutter, 2019).
type Adam struct {
	optimiser *C.gnn_adam
}

// NewAdam shares the parameters, which must stay alive as long as the optimiser.
func NewAdam(parameters []Tensor, c AdamConfig) *Adam {
	if c.Beta1 == 0 && c.Beta2 == 0 {
		c.Beta1, c.Beta2 = 0.9, 0.999
	}
	if c.Eps == 0 {
		c.Eps = 1e-8
	}
	var decoupled C.int32_t
	if c.Decoupled {
		decoupled = 1
	}
	all := handles(parameters)
	a := &Adam{}
	must("making an optimiser", C.gnn_adam_new(unsafe.SliceData(all), C.int64_t(len(all)), C.double(c.LearningRate),
		C.double(c.Beta1), C.double(c.Beta2), C.double(c.Eps), C.double(c.WeightDecay), decoupled, &a.optimiser))
	return a
}

// SetWeightDecay has parameter i decay otherwise than the others.
func (a *Adam) SetWeightDecay(i int, decay float64) {
	must("setting a weight decay", C.gnn_adam_set_weight_decay(a.optimiser, C.int64_t(i), C.double(decay)))
}

// StepResult is what a step saw before it updated anything.
type StepResult struct {
	Loss     float64
	GradNorm float64 // of all gradients together, before clipping
}

// Finite tells whether the parameters were updated: a step that is not finite
// leaves them and the moments as they were.
func (r StepResult) Finite() bool { return finite(r.Loss) && finite(r.GradNorm) }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Step clips the gradients' joint L2 norm to maxNorm (0: no clipping), updates
// the parameters that have a gradient, and clears the gradients. The loss that
// they come from is read together with their norm, which waits for the device
// once; with the zero Tensor it counts as 0.
func (a *Adam) Step(loss Tensor, maxNorm float64) StepResult {
	var lossOut, norm C.double
	must("optimiser step", C.gnn_adam_step(a.optimiser, handle(loss), C.double(maxNorm), &lossOut, &norm))
	return StepResult{Loss: float64(lossOut), GradNorm: float64(norm)}
}

// Queue is Step on a CUDA device, without waiting for it: the loss and the norm go
// to the row of results [rows, 2], float64, that place names, and then place and
// step, int64 scalars, are raised by one. Where loss or norm is not finite nothing
// is updated.
func (a *Adam) Queue(loss Tensor, maxNorm float64, results, place, step Tensor) {
	must("optimiser step", C.gnn_adam_queue(a.optimiser, handle(loss), C.double(maxNorm), handle(results), handle(place), handle(step)))
}

// SetRate sets the learning rate of the steps from now on. A captured step keeps
// the one that it was recorded with.
func (a *Adam) SetRate(rate float64) {
	must("setting the learning rate", C.gnn_adam_set_rate(a.optimiser, C.double(rate)))
}

// ClearGrad forgets the gradients of a backward pass.
func (a *Adam) ClearGrad() { must("clearing gradients", C.gnn_adam_clear(a.optimiser)) }

// AdamState is what the optimiser knows of one parameter. The tensors share
// memory with the optimiser: to restore it, Copy into them.
type AdamState struct {
	ExpAvg, ExpAvgSq Tensor // first and second moment, of the parameter's shape
	Step             Tensor // number of steps, a float32 scalar
}

// State is the state of parameter i. Its tensors live in s.
func (a *Adam) State(s *Scope, i int) AdamState {
	var expAvg, expAvgSq, step C.gnn_tensor
	must("reading the optimiser", C.gnn_adam_state(a.optimiser, C.int64_t(i), &expAvg, &expAvgSq, &step))
	return AdamState{s.own(expAvg), s.own(expAvgSq), s.own(step)}
}

// Close frees the optimiser's state. A second Close does nothing.
func (a *Adam) Close() {
	C.gnn_adam_free(a.optimiser)
	a.optimiser = nil
}
