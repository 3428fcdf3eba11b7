package torch

// #include "gnn.h"
import "C"

import (
	"fmt"
	"unsafe"
)

// Adjacency is a sparse matrix A [N, N] with A[target, source] = weight, and
// its transpose, both built once.
type Adjacency struct {
	matrix *C.gnn_adjacency
}

// NewAdjacency is A of edge_index [2, E] (sources, then targets) and
// edgeWeight [E], or ones where it is nil.
func NewAdjacency(nodes int, edgeIndex []int64, edgeWeight []float32) *Adjacency {
	checkEdges(edgeIndex, edgeWeight)
	a := &Adjacency{}
	must("making an adjacency", C.gnn_adjacency_new(C.int64_t(nodes), C.int64_t(len(edgeIndex)/2),
		(*C.int64_t)(unsafe.SliceData(edgeIndex)), (*C.float)(unsafe.SliceData(edgeWeight)), &a.matrix))
	return a
}

// NewGCNAdjacency is A after PyG's gcn_norm: D^-1/2 (A + I) D^-1/2, where nodes
// that have a self-loop keep its weight (Kipf and Welling, 2017).
func NewGCNAdjacency(nodes int, edgeIndex []int64, edgeWeight []float32) *Adjacency {
	checkEdges(edgeIndex, edgeWeight)
	a := &Adjacency{}
	must("normalising an adjacency", C.gnn_adjacency_gcn(C.int64_t(nodes), C.int64_t(len(edgeIndex)/2),
		(*C.int64_t)(unsafe.SliceData(edgeIndex)), (*C.float)(unsafe.SliceData(edgeWeight)), &a.matrix))
	return a
}

// checkEdges keeps C from reading past a slice.
func checkEdges(edgeIndex []int64, edgeWeight []float32) {
	if len(edgeIndex)%2 != 0 || edgeWeight != nil && 2*len(edgeWeight) != len(edgeIndex) {
		panic(&Error{Op: "making an adjacency", Message: fmt.Sprintf("edge_index of %d values with edge_weight of %d", len(edgeIndex), len(edgeWeight))})
	}
}

// CatAdjacency is the block-diagonal matrix of parts in their order, on a device.
func CatAdjacency(parts []*Adjacency, d Device) *Adjacency {
	handles := make([]*C.gnn_adjacency, len(parts))
	for i, p := range parts {
		handles[i] = p.matrix
	}
	a := &Adjacency{}
	must("batching adjacencies", C.gnn_adjacency_cat(unsafe.SliceData(handles), C.int64_t(len(handles)), C.int32_t(d), &a.matrix))
	return a
}

// Select is the graphs of index [graphs] int64 of a matrix that CatAdjacency made
// on a CUDA device of graphs of as many nodes each. It copies nothing: index must
// stay as it is until the last use, and a graph that is not there is not noticed.
func (a *Adjacency) Select(index Tensor) *Adjacency {
	selected := &Adjacency{}
	must("selecting adjacencies", C.gnn_adjacency_select(a.matrix, handle(index), &selected.matrix))
	return selected
}

// UseLibtorch makes libtorch's sparse product multiply in place of ours.
func (a *Adjacency) UseLibtorch() {
	must("converting an adjacency", C.gnn_adjacency_use_libtorch(a.matrix))
}

// Matmul is A @ x for x [N, F], differentiable in x.
func (s *Scope) Matmul(a *Adjacency, x Tensor) Tensor {
	var out C.gnn_tensor
	must("multiplying by an adjacency", C.gnn_adjacency_matmul(a.matrix, handle(x), &out))
	return s.own(out)
}

// Close frees the matrix. A backward pass that still needs it keeps it alive.
// A second Close does nothing.
func (a *Adjacency) Close() {
	C.gnn_adjacency_free(a.matrix)
	a.matrix = nil
}

// blocksAt are where the blocks of a block-diagonal matrix begin, as C reads them.
func blocksAt(offsets []int) []int64 {
	blocks := make([]int64, len(offsets))
	for i, first := range offsets {
		blocks[i] = int64(first)
	}
	return blocks
}
