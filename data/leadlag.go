package data

import "math"

// leadLagEdges joins each node with those whose returns one bar earlier correlate
// most with its own, by the absolute value, over the GRAPH_WINDOW bars up to the
// bar of a recomputation. Each pair is taken on the bars where both returns are
// there, of which it needs at least half the window; a flat series has no edge.
func (r Recipe) leadLagEdges(axis Axis, returns *returnPanel, mask []bool, first int) ([]Edges, error) {
	n := returns.nodes
	all := make([]bool, n)
	for i := range all {
		all[i] = true
	}
	limit := r.EdgesPerNode(EdgesLeadLag, n)
	return recomputed(recomputeBlocks(axis, r.Recompute(EdgesLeadLag, r.Interval), first), mask, n, first, axis.Bars, func() func(int) (Edges, error) {
		values := make([]float64, n*n)
		own, led := zeros(n, r.GraphWindow), zeros(n, r.GraphWindow)
		return func(bar int) (Edges, error) {
			returns.lines(own, bar)
			returns.lines(led, bar-1)
			for i := range n {
				for j := range n {
					if i != j {
						values[i*n+j] = pairwise(own[i], led[j])
					}
				}
			}
			return signedEdges(values, all, limit), nil
		}
	})
}

// lines writes each node's returns of the bars up to last into one of lines [N],
// NaN where one is missing.
func (p *returnPanel) lines(lines [][]float64, last int) {
	for i, line := range lines {
		for k := range line {
			line[k] = math.NaN()
			if t := last - len(line) + 1 + k; t >= 0 && p.present[t*p.nodes+i] {
				line[k] = p.values[t*p.nodes+i]
			}
		}
	}
}

// pairwise is the Pearson correlation of two series where both have a value, NaN
// where less than half of them do, or one is flat there.
func pairwise(a, b []float64) float64 {
	n, x, y, xx, yy := 0, 0.0, 0.0, 0.0, 0.0
	for k, v := range a {
		if w := b[k]; v == v && w == w {
			n++
			x, y, xx, yy = x+v, y+w, xx+v*v, yy+w*w
		}
	}
	if 2*n < len(a) {
		return math.NaN()
	}
	x, y = x/float64(n), y/float64(n)
	var dxx, dxy, dyy float64
	for k, v := range a {
		if w := b[k]; v == v && w == w {
			dxx += (v - x) * (v - x)
			dxy += (v - x) * (w - y)
			dyy += (w - y) * (w - y)
		}
	}
	if dxx <= flatShare*xx || dyy <= flatShare*yy {
		return math.NaN()
	}
	return dxy / (math.Sqrt(dxx) * math.Sqrt(dyy))
}
