package train

import (
	"math"

	"github.com/streamforge/gnn-trainer/nn/checkpoint"
)

// The kinds of Schedule.
const (
	ScheduleNone     = "none"
	ScheduleOneCycle = "one_cycle"
	ScheduleCosine   = "cosine"
	SchedulePlateau  = "plateau"
)

// Schedule is how the learning rate goes over a training. It is a function of the
// number of the step, and with plateau of the epochs so far, so that a resumed
// training takes the same steps.
//
//   - one_cycle is torch.optim.lr_scheduler.OneCycleLR over all steps, with
//     pct_start=Warmup, cosine annealing, div_factor 25 and final_div_factor 1e4
//     (Smith and Topin, 2019). Adam's momentum stays as it is: cycle_momentum=False.
//   - cosine is LinearLR(start_factor=1/25) over the first Warmup of the steps, then
//     CosineAnnealingLR to 0 over the others (Loshchilov and Hutter, 2017).
//   - plateau is ReduceLROnPlateau(factor=0.5, patience=Patience) on what decides
//     the best epoch, with PyTorch's other defaults.
type Schedule struct {
	Kind     string  // "" is none
	Warmup   float64 // share of the steps
	Patience int     // epochs
}

// The constants of the schedules, PyTorch's defaults.
const (
	divFactor        = 25.0
	finalDivFactor   = 1e4
	plateauFactor    = 0.5
	plateauThreshold = 1e-4 // relative
	plateauEps       = 1e-8
)

// rate is the learning rate of a step, from 0, of so many.
func (s Schedule) rate(base float64, step, steps int) float64 {
	switch s.Kind {
	case ScheduleOneCycle:
		low, at := base/divFactor, float64(step)
		warm, last := s.Warmup*float64(steps)-1, float64(steps-1)
		if at <= warm {
			return anneal(low, base, at/warm)
		}
		return anneal(base, low/finalDivFactor, (at-warm)/(last-warm))
	case ScheduleCosine:
		warm := int(s.Warmup * float64(steps))
		if step < warm {
			return base * (1/divFactor + (1-1/divFactor)*float64(step)/float64(warm))
		}
		return anneal(base, 0, float64(step-warm)/float64(steps-warm))
	}
	return base
}

// anneal goes from one value to another along half a cosine; share is how far.
func anneal(from, to, share float64) float64 {
	if math.IsNaN(share) { // a warm-up of one step
		share = 1
	}
	return to + (from-to)/2*(1+math.Cos(math.Pi*share))
}

// plateau is the learning rate after epochs, of which lower says whether the values
// are the better the lower they are. NaN is no improvement.
func (s Schedule) plateau(base float64, values []float64, lower bool) float64 {
	rate, best, bad := base, math.Inf(-1), 0
	if lower {
		best = math.Inf(1)
	}
	for _, v := range values {
		better := v > best*(1+plateauThreshold)
		if lower {
			better = v < best*(1-plateauThreshold)
		}
		if better {
			best, bad = v, 0
			continue
		}
		if bad++; bad > s.Patience {
			bad = 0
			if next := rate * plateauFactor; rate-next > plateauEps {
				rate = next
			}
		}
	}
	return rate
}

// rate is the learning rate of a step of the epoch under way.
func (f *loop) rate(step, steps int) float64 {
	if f.Schedule.Kind == SchedulePlateau {
		return f.Schedule.plateau(f.Adam.LearningRate, decided(f.result.Epochs, f.Select == nil), f.Select == nil)
	}
	return f.Schedule.rate(f.Adam.LearningRate, step, steps)
}

// decided are the values that the best of epochs is decided by.
func decided(epochs []checkpoint.Epoch, byLoss bool) []float64 {
	values := make([]float64, len(epochs))
	for i, e := range epochs {
		values[i] = e.Metric
		if byLoss {
			values[i] = e.ValidLoss
		}
	}
	return values
}
