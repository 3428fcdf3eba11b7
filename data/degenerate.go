package data

import (
	"fmt"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// checkGiven rejects a graph that somebody has prepared and that nothing can be
// learned from, and adds a warning of what makes it learn less than it seems to.
func (d *Dataset) checkGiven(origin func(Split) string) error {
	if err := d.checkGivenSplits(origin); err != nil {
		return err
	}
	constant := d.constantFeatures()
	if len(constant) == d.NumFeatures() {
		return fault.Input("x is the same everywhere: each of its %d features is constant", d.NumFeatures()).
			Fix("give the nodes features that differ")
	}
	if len(constant) > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%d of %d features are the same everywhere, and teach nothing: %s", len(constant), d.NumFeatures(), firstFew(constant)))
	}
	if warning := d.dominatedFeatures(); warning != "" && d.Targets.classes == 0 {
		d.Warnings = append(d.Warnings, warning)
	}
	if problem := d.messagesLost(); problem != "" {
		d.Warnings = append(d.Warnings, problem+": nodes receive no messages, and the model equals its baseline without edges")
	}
	return nil
}

// constantFeatures are the names of those that have one value at all present
// nodes.
func (d *Dataset) constantFeatures() []string {
	f := d.NumFeatures()
	var first []float32
	varies := make([]bool, f)
	for at, present := range d.mask {
		if !present {
			continue
		}
		x := row(d.x, at, f)
		if first == nil {
			first = x
		}
		for j, v := range x {
			varies[j] = varies[j] || v != first[j]
		}
	}
	var names []string
	for j, name := range d.Features {
		if !varies[j] {
			names = append(names, name)
		}
	}
	return names
}

// messagesLost is why no node receives a message of another; empty: some do.
func (d *Dataset) messagesLost() string {
	edges, joins, weight := 0, false, false
	for _, e := range d.edges {
		edges += len(e.Sources)
		for i := range len(e.RowPtr) - 1 {
			for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
				if other := int(e.Sources[k]) != i; other {
					joins = true
					weight = weight || e.Weight == nil && (e.Attr == nil || e.Attr[k] > 0) || e.Weight != nil && e.Weight[k] > 0
				}
			}
		}
	}
	switch {
	case edges == 0:
		return "the graph has no edge"
	case !joins:
		return "every edge of the graph joins a node to itself"
	case !weight:
		return "every edge of the graph has the weight 0"
	}
	return ""
}

// firstFew names a few of many.
func firstFew(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
