package catalog

import "slices"

// tasks is the list that registers a task, by its TASK: one line each. Package
// nn has a file of the same name for each.
var tasks = []string{
	"direction", // down, flat or up
}

// Tasks are the values of TASK, the default first.
func Tasks() []string { return slices.Clone(tasks) }
