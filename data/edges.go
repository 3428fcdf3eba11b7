package data

import (
	"math"
	"slices"
)

// Edges are the edges of one snapshot of N nodes, gathered by target: a
// compressed sparse row matrix whose row is the target, which receives messages. A market's
// edges run within a target from the highest correlation to the lowest, ties in
// node order; a file's keep their order within a target.
type Edges struct {
	RowPtr  []int32   // [N+1] target i's edges are RowPtr[i] to RowPtr[i+1]
	Sources []int32   // [E]
	Weight  []float32 // [E] non-negative but of signed types; nil: unweighted
	Attr    []float32 // [E] the correlation or coefficient itself; nil: none
	Type    []uint8   // [E] index in EDGES, rising within a target; nil: there is one type
}

// types are edge_type [E] in int64; nil: there is one.
func (e Edges) types() []int64 {
	if e.Type == nil {
		return nil
	}
	types := make([]int64, len(e.Type))
	for k, v := range e.Type {
		types[k] = int64(v)
	}
	return types
}

// index is edge_index [2, E] in int64: E sources, then E targets.
func (e Edges) index() []int64 {
	count := len(e.Sources)
	index := make([]int64, 2*count)
	sources, targets := index[:count], index[count:]
	for k, s := range e.Sources {
		sources[k] = int64(s)
	}
	for i := range len(e.RowPtr) - 1 {
		for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
			targets[k] = int64(i)
		}
	}
	return index
}

// noEdges joins no nodes in so many snapshots.
func noEdges(snapshots, nodes int) []Edges {
	none := Edges{RowPtr: make([]int32, nodes+1), Attr: []float32{}}
	return slices.Repeat([]Edges{none}, snapshots)
}

// correlationEdges joins the nodes of each snapshot by the correlation of their
// one-bar returns [T][N] over the window bars that end with it. mask [S, N]
// tells which nodes take part in the snapshot of bar first+s.
//
// The bars are cut into blocks on absolute time, and each block sums its first
// window afresh. So blocks are independent pieces of work; rounding cannot
// build up; and edges at a bar depend on the returns of its window and, in the
// last digits of the sums only, on those from the window before its block's
// first bar. They never depend on a later bar, on where the market ends or on
// the number of processors. Where the market begins can move a block's first
// bar only in the block of the first snapshot.
func correlationEdges(axis Axis, cfg Recipe, returns *returnPanel, mask []bool, first int) []Edges {
	n := returns.nodes
	edges := make([]Edges, axis.Bars-first)
	limit, floor := cfg.correlationLimits(n)
	size := max(cfg.GraphWindow, minBlock)
	pieces := blocks(axis, size, first)
	each(len(pieces), func() func(int) {
		c := newCorrelation(returns, cfg.GraphWindow)
		near := newNeighbours(n, limit, floor)
		return func(piece int) {
			b := pieces[piece]
			for t := b.from; t < b.to; t++ {
				if t == b.from {
					c.reset(t)
				} else {
					c.advance()
				}
				c.pairs(row(mask, t-first, n), near)
				edges[t-first] = near.edges()
			}
		}
	})
	return edges
}

// correlationLimits are how many sources a node has at most, and what the
// correlation with each has to exceed.
func (r Recipe) correlationLimits(n int) (limit int, floor float32) {
	if r.EdgeThreshold != nil {
		// What exceeds the next lower number reaches the threshold.
		return n - 1, math.Nextafter32(float32(*r.EdgeThreshold), -2)
	}
	return min(r.EdgeTopK, n-1), float32(math.Inf(-1))
}

// lastingCorrelationEdges are correlationEdges that are computed every EDGE_EVERY
// bars, of all nodes with enough returns, each time from the window's returns
// alone.
func (r Recipe) lastingCorrelationEdges(axis Axis, returns *returnPanel, mask []bool, first int) ([]Edges, error) {
	n := returns.nodes
	all := make([]bool, n)
	for i := range all {
		all[i] = true
	}
	limit, floor := r.correlationLimits(n)
	return recomputed(recomputeBlocks(axis, r.EdgeEvery, first), mask, n, first, axis.Bars, func() func(int) (Edges, error) {
		c := newCorrelation(returns, r.GraphWindow)
		near := newNeighbours(n, limit, floor)
		return func(bar int) (Edges, error) {
			for i := range near.best {
				near.best[i] = near.best[i][:0] // each bar by itself
			}
			c.reset(bar)
			c.pairs(all, near)
			return near.edges(), nil
		}
	})
}

// minBlock bars at least are summed by updates between two fresh sums, which
// keeps the fresh ones a small part of the work at short windows too.
const minBlock = 256

// block is a run of bars, to excluded.
type block struct{ from, to int }

// blocks cuts the bars from first on into blocks that begin at multiples of
// size bars since 1970.
func blocks(axis Axis, size, first int) []block {
	number := func(t int) int64 { // of bar t's block since 1970
		bar := floorDiv(axis.OpenTime(t), axis.Interval.Milliseconds())
		return floorDiv(bar, int64(size))
	}
	var all []block
	for from := first; from < axis.Bars; {
		to := from + 1
		for to < axis.Bars && number(to) == number(from) {
			to++
		}
		all = append(all, block{from, to})
		from = to
	}
	return all
}

// floorDiv is the quotient rounded down, also before 1970.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
