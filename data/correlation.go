package data

import "math"

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

	products []float64 // [N, N] sum of x_i x_j, where i < j only

	less []deficit // [N, N] where i < j only; nil until a return is missing

	inverse []float64 // [window+1] 1/n, because a division is slow

	// Of the bar at hand: mean and 1/sqrt(sum of squared deviations), the
	// latter NaN but for nodes that the sums alone describe well, and which of
	// the others take part.
	mean, scale []float64
	special     []bool
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
	floats := func() []float64 { return make([]float64, n) }
	inverse := make([]float64, window+1)
	for k := range inverse {
		inverse[k] = 1 / float64(max(k, 1))
	}
	return &correlation{
		returns: returns, nodes: n, window: window,
		count: make([]int, n), sum: floats(), squares: floats(), peak: floats(),
		products: make([]float64, n*n), inverse: inverse,
		mean: floats(), scale: floats(), special: make([]bool, n),
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
			products, rest := c.upper(i), x[i+1:]
			rest = rest[:len(products)]
			for j, w := range rest {
				products[j] += v * w
			}
		}
	}
	copy(c.peak, c.squares)
}

// advance moves the window on by one bar.
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
		products := c.upper(i)
		ins, outs := in[i+1:][:len(products)], out[i+1:][:len(products)]
		for j := range products {
			products[j] += v*ins[j] - o*outs[j]
		}
	}
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
	for i := range c.nodes {
		c.describe(i, mask[i])
	}
	for i, scale := range c.scale {
		if math.IsNaN(scale) && !c.special[i] {
			continue
		}
		mean, products := c.mean[i], c.upper(i)
		sums, scales := c.sum[i+1:][:len(products)], c.scale[i+1:][:len(products)]
		special, floors := c.special[i+1:][:len(products)], near.floor[i+1:][:len(products)]
		rowSpecial := c.special[i]
		for j, p := range products {
			// NaN, which exceeds no floor, where either side has no scale.
			r := float32((p - mean*sums[j]) * scale * scales[j])
			if special[j] || rowSpecial {
				r = float32(c.pair(i, i+1+j))
			}
			if r > near.floor[i] {
				near.add(i, i+1+j, r)
			}
			if r > floors[j] {
				near.add(i+1+j, i, r)
			}
		}
	}
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
