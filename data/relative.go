package data

import (
	"math"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// The tasks whose targets are returns in units of volatility.
const (
	TaskRank   = "rank"   // less the mean over the bar's nodes: which of them do better than the others
	TaskReturn = "return" // as they are
)

// relative reports whether the task is learned from returns in units of
// volatility.
func (c TargetConfig) relative() bool { return c.Task == TaskRank || c.Task == TaskReturn }

// Relative is what TASK=rank and TASK=return learn at snapshot t [N, H], 0 where
// it is not known: the return over h bars divided by Scale and by the root of h,
// clipped to +-6; of rank less its mean over the nodes whose return over h bars is
// known, so that it sums to 0 over them. nil: another task. It aliases the
// targets: read it only.
func (y *Targets) Relative(t int) []float32 {
	if y.relative == nil {
		return nil
	}
	return row(y.relative, t, y.width)
}

// Scale is the volatility of each node [N] at snapshot t, of a one-bar return
// (volatility.go), 0 where it is not known; nil: the task needs none. It aliases
// the targets: read it only.
func (y *Targets) Scale(t int) []float32 {
	if y.scale == nil {
		return nil
	}
	return row(y.scale, t, y.width/len(y.Horizons))
}

// setScale computes the scale of node i of its one-bar returns at the bars of the
// axis. Rows of the targets are those of bars (rising); nil: every bar.
func (y *Targets) setScale(i int, axis Axis, returns []float64, bars []int) {
	if y.scale == nil {
		return
	}
	n, sigma := y.width/len(y.Horizons), make([]float64, len(returns))
	volatility(sigma, nil, axis, returns)
	for t := range len(y.scale) / n {
		bar := t
		if bars != nil {
			bar = bars[t]
		}
		if v := sigma[bar]; !math.IsNaN(v) {
			y.scale[t*n+i] = float32(v)
		}
	}
}

// relate makes Relative of returns, classes and Scale, once it is settled which of
// them are known.
func (y *Targets) relate() {
	if y.scale == nil {
		return
	}
	y.relative = make([]float32, len(y.value))
	horizons := len(y.Horizons)
	values := make([]float64, y.width/horizons)
	for t := range len(y.value) / y.width {
		class, value, scale, relative := row(y.class, t, y.width), row(y.value, t, y.width), y.Scale(t), row(y.relative, t, y.width)
		for h, horizon := range y.Horizons {
			known, mean := 0, 0.0
			for i, sigma := range scale {
				values[i] = math.NaN()
				if at := i*horizons + h; class[at] != pyg.Unlabelled && sigma > 0 {
					values[i] = clip(float64(value[at])/(float64(sigma)*math.Sqrt(float64(horizon))), clippedAtSigmas)
					known, mean = known+1, mean+values[i]
				}
			}
			if mean /= float64(max(known, 1)); y.task != TaskRank {
				mean = 0
			}
			for i, v := range values {
				if !math.IsNaN(v) {
					relative[i*horizons+h] = float32(v - mean)
				}
			}
		}
	}
}

// clip limits a value to most, up and down.
func clip(v, most float64) float64 { return min(max(v, -most), most) }

// needsPrices is the fault of a task that is learned from returns, of a graph that
// has none.
func (c TargetConfig) needsPrices(without string) error {
	return fault.Input("TASK=%s is learned from returns, and %s", c.Task, without).At("TASK").
		Fix("prepare a graph with prices (close), train on candles, or set TASK=%s", TaskDirection)
}
