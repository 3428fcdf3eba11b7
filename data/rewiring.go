package data

import "math/rand/v2"

// Rewiring gives each target other sources, by one law for all snapshots, so that
// which nodes are joined says nothing any more: what a network still gains from
// edges, it gains from having some.
type Rewiring struct {
	order []int32 // of the nodes, drawn once
}

// NewRewiring draws the order of so many nodes from a seed.
func NewRewiring(nodes int, seed int64) *Rewiring {
	r := &Rewiring{order: make([]int32, nodes)}
	for i, at := range rand.New(rand.NewPCG(uint64(seed), uint64(nodes))).Perm(nodes) {
		r.order[i] = int32(at)
	}
	return r
}

// Edges are those of a snapshot whose every source is replaced by the next node in
// the order, around its end, that is present and is not the target itself. So each
// target keeps the number of its edges and their weights, in their order, and no
// two sources of a target become one. A loop stays. mask [N] tells which nodes are
// present; all sources are.
func (r *Rewiring) Edges(e Edges, mask []bool) Edges {
	next := make([]int32, len(r.order))
	first, before := int32(-1), int32(-1)
	for _, node := range r.order {
		switch {
		case !mask[node]:
			continue
		case first < 0:
			first = node
		default:
			next[before] = node
		}
		before = node
	}
	if first >= 0 {
		next[before] = first
	}
	rewired := e
	rewired.Sources = make([]int32, len(e.Sources))
	for i := range len(e.RowPtr) - 1 {
		target := int32(i)
		for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
			source := e.Sources[k]
			if source != target {
				if source = next[source]; source == target {
					source = next[source]
				}
			}
			rewired.Sources[k] = source
		}
	}
	return rewired
}
