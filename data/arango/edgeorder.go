package arango

import (
	"cmp"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// order is the edges [k] to keep, by target and within it by index where every
// edge has one, else by source; spot gives a node's place among the nodes, -1 where
// the edge is to be dropped. Edges that come again with the same values are
// dropped and counted; with other values nothing decides which is right.
func (e *edges) order(spot func(row int32) int, report *Report) ([]int, error) {
	kept := make([]int, 0, len(e.place))
	for k := range e.place {
		if spot(e.source[k]) >= 0 && spot(e.target[k]) >= 0 {
			kept = append(kept, k)
		}
	}
	slices.SortFunc(kept, func(a, b int) int {
		return cmp.Or(cmp.Compare(spot(e.target[a]), spot(e.target[b])), cmp.Compare(spot(e.source[a]), spot(e.source[b])),
			cmp.Compare(e.index[a], e.index[b]), cmp.Compare(e.place[a], e.place[b]))
	})
	same := func(a, b float32) bool { return a == b || a != a && b != b }
	out := kept[:0]
	for _, k := range kept {
		if len(out) > 0 {
			if was := out[len(out)-1]; e.source[was] == e.source[k] && e.target[was] == e.target[k] {
				if !same(e.weight[was], e.weight[k]) || !same(e.attr[was], e.attr[k]) {
					a, b := was, k
					if e.at(b) < e.at(a) {
						a, b = b, a
					}
					return nil, fault.Input("%s and %s join the same two nodes with weights %v and %v", e.at(a), e.at(b), e.value(a), e.value(b)).At("%s", e.at(b)).Fix("remove one of them")
				}
				report.Duplicates++
				continue
			}
		}
		out = append(out, k)
	}
	if e.indexed == len(e.place) {
		slices.SortStableFunc(out, func(a, b int) int {
			return cmp.Or(cmp.Compare(spot(e.target[a]), spot(e.target[b])), cmp.Compare(e.index[a], e.index[b]))
		})
	}
	report.Edges = len(out)
	return out, nil
}

// value is the value of an edge, for a message.
func (e *edges) value(k int) float32 {
	if e.weight[k] == e.weight[k] {
		return e.weight[k]
	}
	return e.attr[k]
}

// weights are weight and edge_attr of an edge, as a snapshot has them: a weight
// is not negative, since GCN's degree must not be, and one that was given below
// 0 is kept as it was in edge_attr.
func (e *edges) weights() (weight, attr func(k int) float32) {
	clamped := func(k int) float32 { return max(e.weight[k], 0) }
	switch {
	case e.attributed > 0 && e.weighted > 0:
		return clamped, func(k int) float32 { return e.attr[k] }
	case e.attributed > 0:
		return nil, func(k int) float32 { return e.attr[k] }
	case e.negative > 0:
		return clamped, func(k int) float32 { return e.weight[k] }
	case e.weighted > 0:
		return clamped, nil
	}
	return nil, nil
}
