package data

import (
	"math"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Scaler is the mean and deviation of each feature over a training split.
type Scaler struct {
	// Mean and Std [F] are fitted on the present nodes of the training split
	// only. Std is 1 where a feature is constant there, float32's rounding aside.
	Mean, Std []float32
}

// Scale is (x - mean) / std by feature, for x [N, F] row-major, in new memory.
func (s Scaler) Scale(x []float32) []float32 {
	scaled := make([]float32, len(x))
	for i, v := range x {
		f := i % len(s.Mean)
		scaled[i] = (v - s.Mean[f]) / s.Std[f]
	}
	return scaled
}

// float32Step is the largest relative distance of two neighbouring float32.
const float32Step = 0x1p-23

// fitScaler fits on the rows of the fold's training split alone: the mean and
// the population deviation (divisor n) of each feature, as scikit-learn's
// StandardScaler has them, in two passes of float64.
func fitScaler(p *Panel, fold *Fold) (Scaler, error) {
	f := p.NumFeatures()
	count, sum, squares := 0, make([]float64, f), make([]float64, f)
	least, most := make([]float32, f), make([]float32, f)
	eachTrainRow(p, fold, func(x []float32) {
		for j, v := range x {
			if count == 0 {
				least[j], most[j] = v, v
			}
			sum[j] += float64(v)
			least[j], most[j] = min(least[j], v), max(most[j], v)
		}
		count++
	})
	if count == 0 {
		return Scaler{}, fault.Input("the train split has no present node to fit the normalisation on").
			Fix("load more bars or another graph")
	}
	eachTrainRow(p, fold, func(x []float32) {
		for j, v := range x {
			deviation := float64(v) - sum[j]/float64(count)
			squares[j] += deviation * deviation
		}
	})
	s := Scaler{Mean: make([]float32, f), Std: make([]float32, f)}
	for j := range f {
		s.Mean[j] = float32(sum[j] / float64(count))
		s.Std[j] = float32(math.Sqrt(squares[j] / float64(count)))
		// Below one step of float32 the deviation is rounding, of the mean or of
		// a ratio that is the same at every bar.
		if float64(s.Std[j]) <= float32Step*float64(max(-least[j], most[j])) {
			s.Std[j] = 1
		}
	}
	return s, nil
}

// eachTrainRow visits the feature row [F] of each node of each training
// snapshot that is evaluated.
func eachTrainRow(p *Panel, fold *Fold, visit func(x []float32)) {
	f := p.NumFeatures()
	for t, split := range fold.Splits {
		if split != Train {
			continue
		}
		x := p.X(t)
		for i, ok := range fold.EvalMask(p, t) {
			if ok {
				visit(row(x, i, f))
			}
		}
	}
}
