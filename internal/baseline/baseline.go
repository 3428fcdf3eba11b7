// Package baseline holds the methods that a network has to beat, each a
// train.Method: signals without parameters, a ridge regression and boosted trees
// on ranks, and the prior of the classes. A dataset enters; a predictor leaves. Whether a method
// needs a market's returns or closes, it says itself.
package baseline

import (
	"context"
	"errors"
	"fmt"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// Names of the baselines that are no signals.
const (
	Prior    = "prior"    // the shares of the classes in the training split
	Ridge    = "ridge"    // a linear regression on ranks
	LightGBM = "lightgbm" // gradient-boosted trees on ranks
)

// Names are those of all baselines here, the cheapest first.
func Names() []string { return append(append([]string{Prior}, data.SignalNames()...), Ridge, LightGBM) }

// New is the method of a name, and what it is in a few words. LightGBM needs its
// library, the others need none.
func New(name string, library *Library) (method train.Method, meaning string, err error) {
	switch name {
	case Prior:
		return prior{}, "the shares of the classes in the training split", nil
	case Ridge:
		return ridge{}, "a ridge regression of the return's rank on the features' ranks within each snapshot", nil
	case LightGBM:
		if library == nil {
			return nil, "", errors.New("the baseline lightgbm needs LightGBM's library")
		}
		return lightGBM{library}, "gradient-boosted trees (LightGBM) of the return's rank on the features' ranks within each snapshot", nil
	}
	if meaning = data.SignalMeaning(name); meaning == "" {
		return nil, "", fmt.Errorf("there is no baseline %q", name)
	}
	return signal(name), meaning, nil
}

// Suits reports whether a baseline can be had of a dataset.
func Suits(name string, d *data.Dataset) bool {
	switch _, value := d.Targets.At(0); name {
	case Prior:
		return true
	case Ridge, LightGBM:
		return value != nil && !d.Timeless()
	default:
		return d.Signal(name, 0) != nil
	}
}

// scores predicts with a function of a snapshot, the same at every horizon or
// each its own.
type scores struct {
	horizons, columns int
	// of fills values [N, horizons, columns] of snapshot t.
	of func(p *data.Panel, t int, values []float32)
}

// Predict implements train.Predictor.
func (s scores) Predict(ctx context.Context, p *data.Panel, snapshots []int) (train.Prediction, error) {
	width := p.NumNodes() * s.horizons * s.columns
	out := train.Prediction{Horizons: s.horizons, Columns: s.columns, Values: make([]float32, 0, len(snapshots)*width)}
	for _, t := range snapshots {
		if err := ctx.Err(); err != nil {
			return out, fmt.Errorf("predicting by a baseline: %w", err)
		}
		from := len(out.Values)
		out.Values = out.Values[:from+width]
		s.of(p, t, out.Values[from:])
	}
	return out, nil
}

// Close implements train.Predictor.
func (scores) Close() {}

// signal is a forecast without parameters that the panel holds.
type signal string

// Fit implements train.Method. There is nothing to learn.
func (name signal) Fit(_ context.Context, d *data.Dataset) (train.Predictor, train.Result, error) {
	horizons := d.Targets.NumHorizons()
	return scores{horizons, 1, func(p *data.Panel, t int, values []float32) {
		for i, v := range p.Signal(string(name), t) {
			for h := range horizons {
				values[i*horizons+h] = v
			}
		}
	}}, train.Result{}, nil
}

// prior predicts for every row the shares of the classes in the training split,
// at each horizon.
type prior struct{}

// Fit implements train.Method.
func (prior) Fit(_ context.Context, d *data.Dataset) (train.Predictor, train.Result, error) {
	classes, horizons := d.Targets.NumClasses(), d.Targets.NumHorizons()
	counts := make([]float64, horizons*classes)
	total := make([]float64, horizons)
	for _, t := range d.Snapshots(data.Train) {
		class, _ := d.Targets.At(t)
		for i, ok := range d.EvalMask(t) {
			for h := range horizons {
				if c := class[i*horizons+h]; ok && c >= 0 {
					counts[h*classes+int(c)]++
					total[h]++
				}
			}
		}
	}
	shares := make([]float32, len(counts))
	for k, v := range counts {
		shares[k] = float32(v / max(total[k/classes], 1))
	}
	return scores{horizons, classes, func(p *data.Panel, _ int, values []float32) {
		for i := range p.NumNodes() {
			copy(values[i*len(shares):], shares)
		}
	}}, train.Result{}, nil
}
