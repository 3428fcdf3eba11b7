package catalog

import (
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Task is one TASK.
type Task struct {
	Name    string
	Outputs int      // values that a model gives a node and horizon
	Losses  []string // values of LOSS, its own first; nil: it has one alone
}

// tasks is the list that registers a task: one line each. Package nn has a file for
// each, or for those that differ in a setting alone.
var tasks = []Task{
	{Name: "direction", Outputs: 3},                                    // down, flat or up
	{Name: "rank", Outputs: 1, Losses: []string{"huber", "mse", "ic"}}, // the return beside those of the same bar
	{Name: "return", Outputs: 1, Losses: []string{"huber", "mse"}},     // the return
	{Name: "node", Outputs: 7},                                         // as many as there are classes: those of Cora stand for them
}

// Tasks are the values of TASK, the default first.
func Tasks() []string {
	names := make([]string, len(tasks))
	for i, t := range tasks {
		names[i] = t.Name
	}
	return names
}

// LookupTask finds the task of a TASK.
func LookupTask(name string) (Task, bool) {
	i := slices.IndexFunc(tasks, func(t Task) bool { return t.Name == name })
	if i < 0 {
		return Task{}, false
	}
	return tasks[i], true
}

// CheckLoss tells what a TASK cannot be learned by.
func CheckLoss(task, loss string) error {
	t, _ := LookupTask(task)
	switch {
	case slices.Contains(t.Losses, loss):
		return nil
	case t.Losses == nil:
		return fault.Input("LOSS is %q, and TASK=%s has one loss alone", loss, task).At("LOSS").Fix("unset LOSS")
	}
	return fault.Input("LOSS is %q", loss).At("LOSS").Fix("set %s with TASK=%s, or unset it", OneOf(t.Losses), task)
}
