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

// centred is a task whose outputs mean something beside those of the same bar only.
type centred interface{ Centred() bool }

// Centred tells whether a model of a task gives outputs less their mean over the
// present nodes of a snapshot.
func Centred(t Task) bool {
	c, ok := t.(centred)
	return ok && c.Centred()
}

// lossy is a task that can be learned by another loss than its own.
type lossy interface{ WithLoss(name string) Task }

// WithLoss is the TASK of that name learned by a LOSS; with "" by its own.
func WithLoss(t Task, task, loss string) (Task, error) {
	if loss == "" {
		return t, nil
	}
	if err := catalog.CheckLoss(task, loss); err != nil {
		return nil, err
	}
	return t.(lossy).WithLoss(loss), nil
}

// Targets are the realised outcomes of N nodes over H horizons.
type Targets struct {
	Class    Tensor // [N, H] int64; -100: no label
	Value    Tensor // [N, H] float32, such as a log return; the zero Tensor: none
	Labelled int    // (node, horizon) with a label

	Snapshots int // of which the N nodes are, as many each
}

// First are the targets of the first horizon alone, of which labelled have a
// label.
func (t Targets) First(s *Scope, labelled int) Targets {
	first := Targets{Class: s.Narrow(t.Class, 1, 0, 1), Labelled: labelled, Snapshots: t.Snapshots}
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
