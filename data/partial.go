package data

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// scaled are the returns in units of the volatility [N][T] of their bar, clipped:
// z = clip(r / sigma, +-6).
func (p *returnPanel) scaled(volatility [][]float64) *returnPanel {
	z := &returnPanel{nodes: p.nodes, values: make([]float64, len(p.values)), present: make([]bool, len(p.present))}
	for i, sigma := range volatility {
		for t, s := range sigma {
			if at := t*p.nodes + i; p.present[at] && s > 0 { // not NaN
				z.values[at], z.present[at] = min(max(p.values[at]/s, -clippedAtSigmas), clippedAtSigmas), true
			}
		}
	}
	return z
}

// partialEdges joins each node with all others, or with some, by the coefficients
// of the ridge regression of its scaled returns z on theirs. Of C, the correlation
// of z over the GRAPH_WINDOW bars up to the bar of a recomputation, and
// P = (C + EDGE_RIDGE I)^-1, they are
//
//	B_ij = -P_ij / P_ii    i the target, j the source (Lauritzen, Graphical Models, 1996, 5.1.3)
//
// so that z_i - sum_j B_ij z_j is what node i does that its peers do not tell.
// EDGE_RIDGE is the ridge of Hoerl and Kennard (1970), in units of z's variance.
func (r Recipe) partialEdges(axis Axis, z *returnPanel, mask []bool, first int) ([]Edges, error) {
	n := z.nodes
	limit := r.EdgesPerNode(EdgesPartial, n)
	return recomputed(recomputeBlocks(axis, r.Recompute(EdgesPartial, r.Interval), first), mask, n, first, axis.Bars, func() func(int) (Edges, error) {
		w := newUnitWindow(n, r.GraphWindow)
		return func(bar int) (Edges, error) {
			w.fill(z, bar)
			b, err := w.coefficients(r.EdgeRidge)
			if err != nil {
				return Edges{}, fault.Input("the correlations of %d symbols over the %d bars up to %s cannot be inverted: %w", len(w.taking), r.GraphWindow, axis.stampOf(bar), err).
					At("EDGE_RIDGE").Fix("raise EDGE_RIDGE from %v", r.EdgeRidge)
			}
			return signedEdges(b, w.joined, limit), nil
		}
	})
}

// unitWindow is the returns of some bars, node by node, less their means and divided
// by the root of their sum of squares.
type unitWindow struct {
	bars   int
	unit   [][]float64 // [N][bars]; 0 where a return is missing
	joined []bool      // [N] nodes that take part
	taking []int       // those nodes, rising
	values []float64   // [N, N]
}

func newUnitWindow(n, bars int) *unitWindow {
	return &unitWindow{bars: bars, unit: zeros(n, bars), joined: make([]bool, n), values: make([]float64, n*n)}
}

// zeros are n series of a length.
func zeros(n, length int) [][]float64 {
	all := make([][]float64, n)
	for i := range all {
		all[i] = make([]float64, length)
	}
	return all
}

// fill takes the bars up to last. A node takes part with at least half of its
// returns, where they are not flat. A missing return counts as the node's mean,
// which is 0 here: so C is a matrix of products of unit vectors, positive
// semidefinite whatever is missing, which the correlations of pairs on the bars
// that both have are not.
func (w *unitWindow) fill(p *returnPanel, last int) {
	p.lines(w.unit, last)
	w.normalise()
}

func (w *unitWindow) normalise() {
	w.taking = w.taking[:0]
	for i, unit := range w.unit {
		count, sum, squares := 0, 0.0, 0.0
		for _, v := range unit {
			if v == v { // it is there
				count, sum, squares = count+1, sum+v, squares+v*v
			}
		}
		w.joined[i] = false
		if 2*count < w.bars {
			continue
		}
		mean, deviations := sum/float64(count), 0.0
		for k, v := range unit {
			unit[k] = 0
			if v == v {
				unit[k] = v - mean
				deviations += unit[k] * unit[k]
			}
		}
		if deviations <= flatShare*squares {
			continue
		}
		floats.Scale(1/math.Sqrt(deviations), unit)
		w.joined[i], w.taking = true, append(w.taking, i)
	}
}

// coefficients are B [N, N]; rows and columns of nodes that take no part have no
// meaning.
func (w *unitWindow) coefficients(ridge float64) ([]float64, error) {
	if len(w.taking) == 0 {
		return w.values, nil
	}
	return w.values, w.invert(w.correlations(), ridge)
}

// correlations is C of the nodes that take part.
func (w *unitWindow) correlations() *mat.SymDense {
	k := len(w.taking)
	c := mat.NewSymDense(k, nil)
	for a, i := range w.taking {
		c.SetSym(a, a, 1)
		for b := a + 1; b < k; b++ {
			c.SetSym(a, b, floats.Dot(w.unit[i], w.unit[w.taking[b]]))
		}
	}
	return c
}

// invert makes values of C, whose diagonal it changes.
func (w *unitWindow) invert(c *mat.SymDense, ridge float64) error {
	for a := range w.taking {
		c.SetSym(a, a, 1+ridge)
	}
	var chol mat.Cholesky
	if !chol.Factorize(c) {
		return fault.Input("their matrix is not positive definite")
	}
	var p mat.SymDense
	if err := chol.InverseTo(&p); err != nil {
		return err
	}
	n := len(w.joined)
	for a, i := range w.taking {
		for b, j := range w.taking {
			w.values[i*n+j] = -p.At(a, b) / p.At(a, a)
		}
	}
	return nil
}

// Coefficients are B [N, N] of partial edges, by each ridge, of series [N][T] as a
// whole, NaN where one is missing; 0 for a node that takes no part, and nil for a
// ridge that is too small.
func Coefficients(series [][]float64, ridges []float64) [][]float64 {
	if len(series) == 0 {
		return make([][]float64, len(ridges))
	}
	w := newUnitWindow(len(series), len(series[0]))
	for i, line := range series {
		copy(w.unit[i], line)
	}
	w.normalise()
	c, all := w.correlations(), make([][]float64, len(ridges))
	for k, ridge := range ridges {
		if len(w.taking) > 0 && w.invert(c, ridge) == nil {
			all[k] = slices.Clone(w.values)
		}
	}
	return all
}

// ScaledReturns are the one-bar returns of a market in units of their volatility
// [N][T], of which partial edges are made; NaN where one is missing.
func (m *Market) ScaledReturns(r Recipe) [][]float64 {
	jumps := m.jumps(r.Features.lookback())
	all := zeros(len(m.Symbols), m.Bars)
	newReturnPanel(m, jumps, false).scaled(m.volatilities(r.MaxGap, jumps)).lines(all, m.Bars-1)
	return all
}

// volatilities are those of every symbol [N][T] at each bar, NaN before its first
// return.
func (m *Market) volatilities(maxGap int, jumps [][]Jump) [][]float64 {
	all := zeros(len(m.Symbols), m.Bars)
	each(len(all), func() func(int) {
		return func(i int) {
			volatility(all[i], nil, m.Axis(), newSeries(m, i, maxGap, jumps[i]).smoothReturns(jumps[i]))
		}
	})
	return all
}
