package nn

import "slices"

// Edges are the edges of a graph of N nodes in compressed rows: a row is a
// target, and holds the nodes that it receives messages from.
type Edges struct {
	RowPtr []int32   // [N+1] target i's edges are RowPtr[i] to RowPtr[i+1]
	Source []int32   // [E]
	Weight []float32 // [E] edge_weight; nil: 1 each
}

// NewEdges gathers edge_index [2, E], sources then targets, by target; within a
// target their order stays. Indices must be in 0..nodes-1.
func NewEdges(nodes int, edgeIndex []int64, edgeWeight []float32) Edges {
	count := len(edgeIndex) / 2
	sources, targets := edgeIndex[:count], edgeIndex[count:]
	e := Edges{RowPtr: make([]int32, nodes+1), Source: make([]int32, count)}
	for _, target := range targets {
		e.RowPtr[target+1]++
	}
	for i := range nodes {
		e.RowPtr[i+1] += e.RowPtr[i]
	}
	if edgeWeight != nil {
		e.Weight = make([]float32, count)
	}
	next := slices.Clone(e.RowPtr)
	for k, target := range targets {
		at := next[target]
		next[target]++
		e.Source[at] = int32(sources[k])
		if e.Weight != nil {
			e.Weight[at] = edgeWeight[k]
		}
	}
	return e
}

// Index is edge_index [2, E]: sources, then targets.
func (e Edges) Index() []int64 {
	count := len(e.Source)
	index := make([]int64, 2*count)
	for k, source := range e.Source {
		index[k] = int64(source)
	}
	for i := range len(e.RowPtr) - 1 {
		for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
			index[count+int(k)] = int64(i)
		}
	}
	return index
}

// weights are Weight, spelled out where it is nil.
func (e Edges) weights() []float32 {
	if e.Weight != nil {
		return e.Weight
	}
	return slices.Repeat([]float32{1}, len(e.Source))
}
