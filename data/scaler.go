package data

import (
	"math"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Scaler is what brings the features to one scale, fitted on the present nodes of
// a training split only.
type Scaler struct {
	// Low and High [F] are what a feature is clipped to first; nil: it is not,
	// since the features of a prepared graph may be of any kind.
	Low, High []float32

	// Mean and Std [F] are those of the clipped features. Std is 1 where a
	// feature is constant, float32's rounding aside.
	Mean, Std []float32
}

// Scale clips x [N, F] (row-major) to low and high by feature and gives
// (x - mean) / std, in new memory.
func (s Scaler) Scale(x []float32) []float32 {
	return s.Append(make([]float32, 0, len(x)), x)
}

// Append appends Scale(x) to dst.
func (s Scaler) Append(dst, x []float32) []float32 {
	for i, v := range x {
		f := i % len(s.Mean)
		dst = append(dst, (s.clip(v, f)-s.Mean[f])/s.Std[f])
	}
	return dst
}

func (s Scaler) clip(v float32, f int) float32 {
	if s.Low == nil {
		return v
	}
	return min(max(v, s.Low[f]), s.High[f])
}

// float32Step is the largest relative distance of two neighbouring float32.
const float32Step = 0x1p-23

// fitScaler fits on the rows of the fold's training split alone: the limits of a
// market's features (limits.go), and the mean and the population deviation
// (divisor n) of each clipped feature, as scikit-learn's StandardScaler has
// them, in two passes of float64.
func fitScaler(p *Panel, fold *Fold) (Scaler, error) {
	s := Scaler{}
	if !p.EdgesGiven && !p.Timeless() {
		s.Low, s.High = fitLimits(p, fold)
	}
	f := p.NumFeatures()
	count, sum, squares := 0, make([]float64, f), make([]float64, f)
	least, most := make([]float32, f), make([]float32, f)
	eachTrainRow(p, fold, func(x []float32) {
		for j, v := range x {
			v = s.clip(v, j)
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
			deviation := float64(s.clip(v, j)) - sum[j]/float64(count)
			squares[j] += deviation * deviation
		}
	})
	s.Mean, s.Std = make([]float32, f), make([]float32, f)
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
