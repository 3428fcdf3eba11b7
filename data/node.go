package data

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// TaskNode is the TASK of a graph's nodes whose classes the graph decides, such as
// those of a citation network: from the labels of some, those of the others.
const TaskNode = "node"

// mostClasses bounds the outputs of a network.
const mostClasses = 10_000

// nodeClasses is C of labels 0 to C-1, and a warning of classes that no node has.
func nodeClasses(y []int64) (classes int, warnings []string, err error) {
	first := map[int64]int{}
	for i, class := range y {
		if _, seen := first[class]; !seen && class != pyg.Unlabelled {
			first[class] = i
		}
	}
	all := slices.Sorted(maps.Keys(first))
	if len(all) == 0 {
		return 0, nil, fault.Input("y has no label: all of it is %d", pyg.Unlabelled).Fix("give nodes a class, from 0")
	}
	least, most := all[0], all[len(all)-1]
	switch {
	case least == -1:
		return 0, nil, fault.Input("y holds class -1 at node %d, and TASK=node has the classes 0 to C-1", first[-1]).
			Fix("make -1 what it means: y[y == -1] = %d where it is no label, else y[y != %d] += 1", pyg.Unlabelled, pyg.Unlabelled)
	case least < 0:
		return 0, nil, fault.Input("y holds class %d at node %d, and TASK=node has the classes 0 to C-1", least, first[least]).
			Fix("number the classes from 0, and give %d to nodes without a label", pyg.Unlabelled)
	case most >= mostClasses:
		return 0, nil, fault.Input("y holds class %d at node %d, and %d classes are the most", most, first[most], mostClasses).
			Fix("number the classes from 0 without gaps: y = y.unique(return_inverse=True)[1]")
	case len(all) == 1:
		return 0, nil, fault.Input("y holds class %d alone, and from one class nothing is learned", least).Fix("give nodes other classes too")
	}
	if classes = int(most) + 1; len(all) < classes {
		var absent []string
		for c := range int64(classes) {
			if _, seen := first[c]; !seen {
				absent = append(absent, strconv.FormatInt(c, 10))
			}
		}
		warnings = append(warnings, fmt.Sprintf("no node has class %s, of %d", firstFew(absent), classes))
	}
	return classes, warnings, nil
}

// checkMasks rejects a graph whose nodes nobody has divided: results of TASK=node
// are compared on the same nodes.
func checkMasks(f *pyg.File) error {
	for _, mask := range masksOf(f) {
		if mask != nil {
			return nil
		}
	}
	return fault.Input("the graph has no train_mask, val_mask and test_mask, by which TASK=node learns, chooses and tests").
		Fix("save them: data = torch_geometric.transforms.RandomNodeSplit()(data), for example")
}

// unscaled leaves features as they are: those of TASK=node are the file's matter.
func unscaled(features int) Scaler {
	return Scaler{Mean: make([]float32, features), Std: slices.Repeat([]float32{1}, features)}
}
