package nn

import (
	"fmt"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

// Task says what a model's outputs mean: how they are learned from targets, and
// what predictions hold.
type Task interface {
	// Outputs is how many values the model gives a node, per horizon.
	Outputs() int
	// Loss is a scalar: the mean over all labelled nodes and horizons of outputs
	// [N, H * Outputs].
	Loss(s *Scope, outputs Tensor, t Targets) Tensor
	// Predict takes outputs [N, H * Outputs] to what a prediction holds, [N * H,
	// columns].
	Predict(s *Scope, outputs Tensor) Tensor
	// Columns names the columns of a prediction, as predictions.parquet does.
	Columns() []string
	// Score is the value of one prediction that nodes are ranked by: the more, the
	// better its return should be.
	Score(prediction []float32) float64
}

// Targets are the realised outcomes of N nodes over H horizons.
type Targets struct {
	Class    Tensor // [N, H] int64; -100: no label
	Value    Tensor // [N, H] float32, such as a log return; the zero Tensor: none
	Labelled int    // (node, horizon) with a label
}

// First are the targets of the first horizon alone, of which labelled have a
// label.
func (t Targets) First(s *Scope, labelled int) Targets {
	first := Targets{Class: s.Narrow(t.Class, 1, 0, 1), Labelled: labelled}
	if t.Value.T != nil {
		first.Value = s.Narrow(t.Value, 1, 0, 1)
	}
	return first
}

// tasks by TASK.
var tasks = map[string]Task{}

// RegisterTask names a task. It is for init.
func RegisterTask(name string, t Task) {
	if tasks[name] != nil {
		panic(fmt.Sprintf("task %q is registered twice", name))
	}
	tasks[name] = t
}

// NewTask finds the task of a TASK.
func NewTask(name string) (Task, error) {
	t := tasks[name]
	if t == nil {
		return nil, fault.Input("TASK is %q", name).At("TASK").Fix("set %s", catalog.OneOf(catalog.Tasks()))
	}
	return t, nil
}
