package torch

// #include "gatv2.h"
import "C"

import "unsafe"

// GATv2 is the attention of GATv2Conv (Brody, Alon and Yahav, 2022) over the
// entries of a, whose values are the one feature of each edge: xSource and
// xTarget are [N, heads * channels], att [heads, channels], edge [heads *
// channels, 1]; the result is [N, heads * channels]. a is block-diagonal with
// blocks that begin at offsets [blocks + 1]. Coefficients are dropped with
// probability dropout.
func (s *Scope) GATv2(a *Adjacency, offsets []int, xSource, xTarget, att, edge Tensor, negativeSlope, dropout float64) Tensor {
	blocks := blocksAt(offsets)
	var out C.gnn_tensor
	must("GATv2", C.gnn_gatv2(a.matrix, (*C.int64_t)(unsafe.SliceData(blocks)), C.int64_t(len(blocks)-1),
		handle(xSource), handle(xTarget), handle(att), handle(edge), C.double(negativeSlope), C.double(dropout), &out))
	return s.own(out)
}
