package nn

import "github.com/streamforge/gnn-trainer/nn/torch"

func init() {
	RegisterTask("rank", regression{kind: torch.Huber, centred: true})
	RegisterTask("return", regression{kind: torch.Huber})
}

// regression is a task of one output a horizon, which is the score: the return in
// units of the volatility that is known at the bar, the square root of the horizon
// times that of one bar. For TASK=rank return and output are less their mean over
// the bar's nodes, so that they say how a node compares with the others.
type regression struct {
	kind    torch.Regression
	centred bool
}

func (regression) Outputs() int { return 1 }

func (regression) Columns() []string { return []string{"score"} }

// Loss is Huber's of delta 1 unless LOSS says another.
func (r regression) Loss(s *Scope, outputs Tensor, t Targets) Tensor {
	return s.RegressionLoss(r.kind, outputs, t.Value, t.Class, t.Snapshots)
}

// Predict is the output.
func (regression) Predict(s *Scope, outputs Tensor) Tensor { return s.Reshape(outputs, -1, 1) }

func (regression) Score(p []float32) float64 { return float64(p[0]) }

func (r regression) Centred() bool { return r.centred }

// losses of a regression by LOSS.
var losses = map[string]torch.Regression{"huber": torch.Huber, "mse": torch.MSE, "ic": torch.Correlation}

// WithLoss implements lossy.
func (r regression) WithLoss(name string) Task {
	r.kind = losses[name]
	return r
}
