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
	Weight  []float32 // [E] non-negative; nil: unweighted
	Attr    []float32 // [E] the correlation itself; nil: none
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
	limit, floor := min(cfg.EdgeTopK, n-1), float32(math.Inf(-1))
	if cfg.EdgeThreshold != nil {
		// What exceeds the next lower number reaches the threshold.
		limit, floor = n-1, math.Nextafter32(float32(*cfg.EdgeThreshold), -2)
	}
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

// density is the mean over snapshots of E / (P (P-1)), the share of the ordered
// pairs of present nodes that are joined. A snapshot of one node counts as 0.
func density(edges []Edges, mask []bool, n int) float64 {
	sum := 0.0
	for s, e := range edges {
		present := 0
		for _, ok := range row(mask, s, n) {
			if ok {
				present++
			}
		}
		if present > 1 {
			sum += float64(len(e.Sources)) / (float64(present) * float64(present-1))
		}
	}
	return sum / float64(max(len(edges), 1))
}
