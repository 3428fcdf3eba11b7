package data

import (
	"iter"
	"math/bits"
)

// pairRow is one node and the M nodes after it: what brings the sums of their
// products on by a bar, and the correlations that come of them.
type pairRow struct {
	products                      []float64 // [M] brought on in place
	entering, leaving, sum, scale []float64 // [M] as in correlation
	floor                         []float32 // [M]

	// The same of the node itself.
	ownEntering, ownLeaving, ownMean, ownScale float64
	ownFloor                                   float32

	correlation  []float32 // [M] NaN where either side has no scale
	exceedsOwn   bitset    // [M] which correlations exceed ownFloor
	exceedsOther bitset    // [M] which exceed the other node's floor
}

// bitset has bit k%8 of byte k/8 set where it holds k.
type bitset []uint8

func newPairRow(n int) pairRow {
	size := (n + 7) / 8
	return pairRow{correlation: make([]float32, n), exceedsOwn: make(bitset, size), exceedsOther: make(bitset, size)}
}

// of is a row of m nodes in the same memory.
func (p *pairRow) of(m int) *pairRow {
	size := (m + 7) / 8
	p.correlation, p.exceedsOwn, p.exceedsOther = p.correlation[:m], p.exceedsOwn[:size], p.exceedsOther[:size]
	return p
}

// moved is a sum of products p after a bar: v and w enter, x and y leave. The
// conversions keep a compiler from fusing a product with a sum, so that it is
// the same bits wherever it is computed.
func moved(p, v, w, x, y float64) float64 {
	return p + (float64(v*w) - float64(x*y))
}

// pearson is the correlation of two nodes from the sum of their products; see
// moved for the conversion.
func pearson(p, mean, otherSum, scale, otherScale float64) float32 {
	return float32((p - float64(mean*otherSum)) * scale * otherScale)
}

// correlateFrom does the nodes from the first on, a multiple of 8.
func (p *pairRow) correlateFrom(first int) {
	m := len(p.correlation)
	products, entering, leaving := p.products[:m], p.entering[:m], p.leaving[:m]
	sum, scale := p.sum[:m], p.scale[:m]
	clear(p.exceedsOwn[first/8:])
	clear(p.exceedsOther[first/8:])
	for k := first; k < m; k++ {
		products[k] = moved(products[k], p.ownEntering, entering[k], p.ownLeaving, leaving[k])
		p.set(k, pearson(products[k], p.ownMean, sum[k], p.ownScale, scale[k]))
	}
}

// set makes r the correlation with node k.
func (p *pairRow) set(k int, r float32) {
	p.correlation[k] = r
	if r > p.ownFloor {
		p.exceedsOwn[k/8] |= 1 << (k % 8)
	}
	if r > p.floor[k] {
		p.exceedsOther[k/8] |= 1 << (k % 8)
	}
}

// members is what b holds, rising.
func (b bitset) members() iter.Seq[int] {
	return func(yield func(int) bool) {
		for k, eight := range b {
			for ; eight != 0; eight &= eight - 1 {
				if !yield(8*k + bits.TrailingZeros8(eight)) {
					return
				}
			}
		}
	}
}
