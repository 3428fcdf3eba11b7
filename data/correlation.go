package data

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

const (
	// flatShare is the share of a series' sum of squares at or below which its
	// variance is rounding: a deviation of 1e-5 of the root mean square.
	flatShare = 1e-10

	// fragileShare is the share of the largest sum of squares since the last
	// fresh sum below which a variance is computed anew from the returns. Updates
	// leave a rounding of some 1e-16 of that largest sum in the window's, so
	// above it a correlation is right to about 1e-10.
	fragileShare = 1e-5
)

// correlation is the Pearson correlation of every pair of N return series over
// a rolling window, on the bars where both are there (pairwise-complete), as
// pandas.DataFrame.corr has it. A bar costs O(N^2) whatever the window: what
// enters is added to the sums and what leaves is taken off.
//
// Sums run over all bars with a missing return as 0. What a pair's sums then
// hold too much, the bars where its other side is missing, is kept apart and
// touched only when such a bar enters or leaves.
type correlation struct {
	returns *returnPanel
	nodes   int
	window  int
	end     int // last bar of the window

	count   []int     // [N] returns there
	sum     []float64 // [N]
	squares []float64 // [N]
	peak    []float64 // [N] largest squares since reset

	// [N, N] sum of x_i x_j, where i < j only. Between advance and pairs they
	// are those of the bar before, with what enters and leaves still to come.
	products          []float64
	entering, leaving []float64 // [N]
	nothing           []float64 // [N] zeros: what is to come after pairs

	less []deficit // [N, N] where i < j only; nil until a return is missing

	inverse []float64 // [window+1] 1/n, because a division is slow

	// Of the bar at hand: mean and 1/sqrt(sum of squared deviations), the
	// latter NaN but for nodes that the sums alone describe well, and which of
	// the others take part.
	mean, scale []float64
	special     []bool
	specials    []int // where special is true, rising

	row pairRow // memory for the pairs of one node
}

// deficit is what the sums of nodes i < j hold beyond the bars where both are
// there.
type deficit struct {
	x, xx float64 // sum of x_i and of its square over the bars where j is missing
	y, yy float64 // sum of x_j and of its square over the bars where i is missing
	count int     // bars where i is there and j is missing
}

func newCorrelation(returns *returnPanel, window int) *correlation {
	n := returns.nodes
	zeros := func() []float64 { return make([]float64, n) }
	inverse := make([]float64, window+1)
	for k := range inverse {
		inverse[k] = 1 / float64(max(k, 1))
	}
	return &correlation{
		returns: returns, nodes: n, window: window,
		count: make([]int, n), sum: zeros(), squares: zeros(), peak: zeros(),
		products: make([]float64, n*n), inverse: inverse,
		mean: zeros(), scale: zeros(), special: make([]bool, n),
		nothing: zeros(), row: newPairRow(n),
	}
}

// reset sums the window that ends with bar t afresh.
func (c *correlation) reset(t int) {
	for _, s := range [][]float64{c.sum, c.squares, c.products} {
		clear(s)
	}
	clear(c.count)
	clear(c.less)
	c.end = t
	for b := t - c.window + 1; b <= t; b++ {
		x, present := c.returns.bar(b)
		c.tally(x, present, 1)
		for i, v := range x {
			if v == 0 {
				continue
			}
			c.sum[i] += v
			c.squares[i] += v * v
			floats.AddScaled(c.upper(i), v, x[i+1:])
		}
	}
	copy(c.peak, c.squares)
	c.entering, c.leaving = c.nothing, c.nothing
}

// advance moves the window on by one bar. pairs must follow: it is that which
// brings the products on, so that one pass over them does both.
func (c *correlation) advance() {
	out, outPresent := c.returns.bar(c.end - c.window + 1)
	c.end++
	in, inPresent := c.returns.bar(c.end)
	c.tally(in, inPresent, 1)
	c.tally(out, outPresent, -1)
	for i, v := range in {
		o := out[i]
		c.sum[i] += v - o
		c.squares[i] += v*v - o*o
		c.peak[i] = max(c.peak[i], c.squares[i])
	}
	c.entering, c.leaving = in, out
}

// tally takes a bar into (sign 1) or out of (-1) the counts and the sums over
// the bars where a node is missing.
func (c *correlation) tally(x []float64, present []bool, sign int) {
	for j, ok := range present {
		if ok {
			c.count[j] += sign
			continue
		}
		if c.less == nil {
			c.less = make([]deficit, c.nodes*c.nodes)
		}
		for i, v := range x {
			if !present[i] {
				continue
			}
			v, vv := float64(sign)*v, float64(sign)*v*v
			if i < j {
				d := &c.less[i*c.nodes+j]
				d.x, d.xx, d.count = d.x+v, d.xx+vv, d.count+sign
			} else {
				d := &c.less[j*c.nodes+i]
				d.y, d.yy = d.y+v, d.yy+vv
			}
		}
	}
}

// upper is the products of node i with the nodes after it.
func (c *correlation) upper(i int) []float64 {
	return c.products[i*c.nodes+i+1 : (i+1)*c.nodes]
}

// pairs offers every pair of nodes of the mask [N] that has a correlation to
// both sides, in rising order of the neighbour to each.
func (c *correlation) pairs(mask []bool, near *neighbours) {
	c.specials = c.specials[:0]
	for i := range c.nodes {
		if c.describe(i, mask[i]); c.special[i] {
			c.specials = append(c.specials, i)
		}
	}
	near.restart(c.soon)
	for i := range c.nodes {
		after := i + 1
		row := c.row.of(c.nodes - after)
		row.products = c.upper(i)
		row.entering, row.leaving = c.entering[after:], c.leaving[after:]
		row.sum, row.scale, row.floor = c.sum[after:], c.scale[after:], near.floor[after:]
		row.ownEntering, row.ownLeaving = c.entering[i], c.leaving[i]
		row.ownMean, row.ownScale, row.ownFloor = c.mean[i], c.scale[i], near.floor[i]
		row.correlate()
		if c.special[i] {
			for k := range row.correlation {
				row.set(k, float32(c.pair(i, after+k)))
			}
		} else {
			for _, j := range c.specials {
				if j > i {
					row.set(j-after, float32(c.pair(i, j)))
				}
			}
		}
		for k := range row.exceedsOwn.members() {
			near.add(i, after+k, row.correlation[k])
		}
		for k := range row.exceedsOther.members() {
			near.add(after+k, i, row.correlation[k])
		}
	}
	c.entering, c.leaving = c.nothing, c.nothing
}

// soon is what pairs is about to find for nodes i and j; NaN where that needs
// more than the sums.
func (c *correlation) soon(i, j int) float32 {
	i, j = min(i, j), max(i, j)
	p := moved(c.products[i*c.nodes+j], c.entering[i], c.entering[j], c.leaving[i], c.leaving[j])
	return pearson(p, c.mean[i], c.sum[j], c.scale[i], c.scale[j])
}

// describe sets what pairs needs of node i at the bar at hand.
func (c *correlation) describe(i int, takesPart bool) {
	c.scale[i], c.special[i] = math.NaN(), false
	n := c.count[i]
	if !takesPart || 2*n < c.window || c.squares[i] == 0 {
		return
	}
	c.mean[i] = c.sum[i] / float64(n)
	deviations := c.squares[i] - c.sum[i]*c.mean[i]
	switch {
	case deviations <= fragileShare*c.peak[i]:
		// A series flat on all its bars is flat on those of every pair.
		c.special[i] = !math.IsNaN(c.exact(i, i))
	case n < c.window:
		c.special[i] = true
	default:
		c.scale[i] = 1 / math.Sqrt(deviations)
	}
}

// pair is the correlation of nodes i < j on the bars where both are there, NaN
// where they have none: too few such bars, or one of them is flat.
func (c *correlation) pair(i, j int) float64 {
	if math.IsNaN(c.scale[j]) && !c.special[j] || math.IsNaN(c.scale[i]) && !c.special[i] {
		return math.NaN()
	}
	n := c.count[i]
	x, xx, y, yy := c.sum[i], c.squares[i], c.sum[j], c.squares[j]
	if c.less != nil {
		d := &c.less[i*c.nodes+j]
		n -= d.count
		x, xx, y, yy = x-d.x, xx-d.xx, y-d.y, yy-d.yy
	}
	if 2*n < c.window {
		return math.NaN()
	}
	inverse := c.inverse[n]
	xx -= x * x * inverse
	yy -= y * y * inverse
	if xx <= fragileShare*c.peak[i] || yy <= fragileShare*c.peak[j] {
		return c.exact(i, j)
	}
	return (c.products[i*c.nodes+j] - x*y*inverse) / math.Sqrt(xx*yy)
}

// exact is pair from the returns themselves, in O(window).
func (c *correlation) exact(i, j int) float64 {
	n, x, y := 0, 0.0, 0.0
	for t := c.end - c.window + 1; t <= c.end; t++ {
		if v, present := c.returns.bar(t); present[i] && present[j] {
			x, y = x+v[i], y+v[j]
			n++
		}
	}
	if 2*n < c.window {
		return math.NaN()
	}
	x, y = x/float64(n), y/float64(n)
	var xx, xy, yy, sumX, sumY float64
	for t := c.end - c.window + 1; t <= c.end; t++ {
		if v, present := c.returns.bar(t); present[i] && present[j] {
			xx += (v[i] - x) * (v[i] - x)
			xy += (v[i] - x) * (v[j] - y)
			yy += (v[j] - y) * (v[j] - y)
			sumX += v[i] * v[i]
			sumY += v[j] * v[j]
		}
	}
	if xx <= flatShare*sumX || yy <= flatShare*sumY {
		return math.NaN()
	}
	return xy / (math.Sqrt(xx) * math.Sqrt(yy))
}
