package train

import (
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// average is an exponential moving average of the weights, as
// torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn has it: the first
// step's weights, then decay times the average plus 1 - decay times the weights.
type average struct {
	decay   float64
	weights []torch.Tensor // of the model
	values  []torch.Tensor // the average
	spare   []torch.Tensor // the weights, while the model has the average
	begun   bool           // a step was taken
}

// newAverage is nil without a decay. Its methods do nothing then.
func newAverage(owner *torch.Scope, decay float64, parameters []torch.Tensor) *average {
	if decay == 0 {
		return nil
	}
	a := &average{decay: decay}
	for _, p := range parameters {
		a.weights = append(a.weights, p)
		a.values = append(a.values, owner.Clone(p))
		a.spare = append(a.spare, owner.Clone(p))
	}
	return a
}

// follow takes a step's weights into the average.
func (a *average) follow() {
	switch {
	case a == nil:
	case a.begun:
		torch.Lerp(a.values, a.weights, 1-a.decay)
	default:
		copyAll(a.values, a.weights)
		a.begun = true
	}
}

// apply gives the model the average, until withdraw.
func (a *average) apply() {
	if a != nil && a.begun {
		copyAll(a.spare, a.weights)
		copyAll(a.weights, a.values)
	}
}

// withdraw gives the model its weights back.
func (a *average) withdraw() {
	if a != nil && a.begun {
		copyAll(a.weights, a.spare)
	}
}

func copyAll(dst, src []torch.Tensor) {
	for i := range dst {
		torch.Copy(dst[i], src[i])
	}
}
