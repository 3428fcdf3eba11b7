package data

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// className is a class with what it means.
var className = map[int64]string{Down: "0 (down)", Flat: "1 (flat)", Up: "2 (up)"}

// checkClasses rejects labels that somebody has given and that are not those of
// TASK=direction. Other people's labels are often of two classes, or begin at -1
// or 1: read as they stand they would train a model of something else. where
// names the node of a label.
func checkClasses(y []int64, where func(i int) string) error {
	first := map[int64]int{}
	for i, class := range y {
		if _, seen := first[class]; !seen && class != pyg.Unlabelled {
			first[class] = i
		}
		if len(first) > 1000 {
			break // not classes at all
		}
	}
	classes := slices.Sorted(maps.Keys(first))
	if len(classes) == 0 {
		return fault.Input("y has no label: all of it is %d", pyg.Unlabelled).Fix("give nodes a class, %d (down), %d (flat) or %d (up)", Down, Flat, Up)
	}
	least, most := classes[0], classes[len(classes)-1]
	holds := fmt.Sprintf("y holds %s, and the classes are %s, %s and %s", listClasses(classes), className[Down], className[Flat], className[Up])
	switch {
	case least == -1 && most == Up && len(classes) == 4:
		return fault.Input("%s, with %d for none", holds, pyg.Unlabelled).Fix("make -1 what it means: y[y == -1] = %d", pyg.Unlabelled)
	case least == -1 && most <= Flat && len(classes) > 1:
		return fault.Input("%s", holds).
			Fix("where -1 is down, add 1: y[y != %d] += 1; where it is none, y[y == -1] = %d", pyg.Unlabelled, pyg.Unlabelled)
	case least == Flat && most == Up+1:
		return fault.Input("%s", holds).Fix("subtract 1: y[y > 0] -= 1")
	case least < Down || most > Up:
		odd := least
		if least >= Down {
			odd = most
		}
		return fault.Input("y holds class %d at %s", odd, where(first[odd])).
			Fix("give it one of TASK=direction, %d..%d, or %d for none", Down, Up, pyg.Unlabelled)
	case len(classes) == 2 && most == Flat:
		return fault.Input("%s", holds).Fix("where 1 means up, make it 2: y[y == 1] = 2")
	case len(classes) == 2 && least == Flat:
		return fault.Input("%s", holds).Fix("where 1 means down, make it 0: y[y == 1] = 0")
	case len(classes) == 1:
		return fault.Input("y holds class %s alone, and from one class nothing is learned", className[least]).
			Fix("give nodes other classes too; of returns r, make y = 1 + (r > b).long() - (r < -b).long(), with a dead zone b")
	}
	return nil
}

// className is a class with what it means, where that is known.
func (y *Targets) className(class int64) string {
	if y.classes != 0 {
		return fmt.Sprint(class)
	}
	return className[class]
}

// someOf joins names, a few of many.
func someOf(names []string) string {
	if len(names) > 3 {
		return firstFew(names)
	}
	return strings.Join(names, " and ")
}

// listClasses writes classes for a message: -1, 0 and 1.
func listClasses(classes []int64) string {
	if len(classes) == 1 {
		return fmt.Sprintf("class %d alone", classes[0])
	}
	var texts []string
	for _, c := range classes {
		texts = append(texts, fmt.Sprint(c))
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " and " + texts[last]
}

// checkGivenSplits rejects a training split of one class, and gives a warning
// for each class that a split lacks: what is measured of it means little.
func (d *Dataset) checkGivenSplits(origin func(Split) string) error {
	counts := map[Split]map[int64]int{}
	for t, split := range d.Splits {
		class, _ := d.Targets.At(t)
		for _, c := range class {
			if c != pyg.Unlabelled {
				if counts[split] == nil {
					counts[split] = map[int64]int{}
				}
				counts[split][c]++
			}
		}
	}
	for _, split := range []Split{Train, Valid, Test} {
		count := counts[split]
		var has, lacks []string
		for class := range int64(d.Targets.NumClasses()) {
			if count[class] > 0 {
				has = append(has, d.Targets.className(class))
			} else {
				lacks = append(lacks, d.Targets.className(class))
			}
		}
		switch {
		case len(has) == 1 && split == Train:
			fix := "put nodes of other classes into it"
			if !d.Timeless() {
				fix = "load more moments, or data that move"
			}
			return fault.Input("all labels of the train split%s are of class %s, and from one class nothing is learned", origin(split), has[0]).
				Fix("%s", fix)
		case len(has) > 0 && len(lacks) > 0:
			d.Warnings = append(d.Warnings, fmt.Sprintf("the %s split%s has no label of class %s", split, origin(split), someOf(lacks)))
		}
	}
	return nil
}
