package pyg

import (
	"fmt"
	"slices"
	"strings"
)

// What makes a tensor of the right shape of one of another: sentences of Python
// that work as they stand, for the shapes that people have.

// reshapeX is for x, which has to be [N, F].
func (a *attributes) reshapeX(shape []int) string {
	nodes := a.rows("y")
	switch {
	case len(shape) == 0:
		return "save a row of features for each node"
	case len(shape) == 1:
		return "save it as a column: x[:, None]"
	case len(shape) == 3 && shape[0] == 1:
		return "save x[0]"
	case shape[1] == nodes && shape[0] != nodes:
		return "save x.transpose(0, 1).flatten(1), with a row for each node"
	}
	return "save x.flatten(1), with a row for each node"
}

// reshapeEdges is for edge_index, which has to be [2, E].
func reshapeEdges(shape []int) string {
	switch last := len(shape) - 1; {
	case len(shape) == 1 && shape[0] == 0:
		return "save torch.zeros(2, 0, dtype=torch.long)"
	case len(shape) == 1 && shape[0]%2 == 0:
		return "save edge_index.view(2, -1), or edge_index.view(-1, 2).t() where sources and targets alternate"
	case len(shape) == 3 && shape[0] == 1:
		return "save edge_index[0]"
	case len(shape) > 2 && shape[0] == 2:
		return "save edge_index.flatten(1)"
	case len(shape) > 2 && shape[last] == 2:
		return "save edge_index.flatten(0, -2).t()"
	}
	return "save a tensor with the sources in row 0, the targets in row 1"
}

// reshapeVector is for a value for each of n things of a kind.
func reshapeVector(name string, shape []int, n int, kind string) string {
	numel, err := product(shape)
	switch {
	case err == nil && numel == n && len(shape) != 1:
		return fmt.Sprintf("save %s.flatten()", name)
	case len(shape) == 2 && shape[0] == n:
		return fmt.Sprintf("save one column: %s[:, 0]", name)
	case len(shape) == 2 && shape[1] == n:
		return fmt.Sprintf("save one row: %s[0]", name)
	case name == "y" && numel == 1:
		return "save a class for each node: one of the whole graph is not learned here"
	case name == "y":
		return fmt.Sprintf("save a class for each of the %d rows of x, %d for none", n, Unlabelled)
	}
	return fmt.Sprintf("save a value for each %s, or leave %s out", kind, name)
}

// edgesWithin rejects edges to nodes that x has no row for.
func (a *attributes) edgesWithin(n, features int) {
	edges := a.out.Data.EdgeIndex
	e := len(edges) / 2
	first, outside := -1, 0
	for k, v := range edges {
		if v < 0 || v >= int64(n) {
			if first < 0 {
				first = k
			}
			if k < e || edges[k-e] >= 0 && edges[k-e] < int64(n) {
				outside++
			}
		}
	}
	if first < 0 || a.err != nil {
		return
	}
	err := invalid("edge_index[%d, %d] is %d, outside 0..%d (rows of x), in %d of %d edges", first/e, first%e, edges[first], n-1, outside, e)
	least, most := slices.Min(edges), slices.Max(edges)
	drop := "add rows to x, or save edge_index[:, k]"
	for _, name := range []string{"edge_weight", "edge_attr"} {
		if a.values.get(name) != nil {
			drop = strings.TrimPrefix(drop, "add rows to x, or ") + fmt.Sprintf(", %s[k]", name) // messages are short
		}
	}
	switch {
	case least == 1 && most == int64(n):
		err = err.Fix("save edge_index - 1: its nodes count from 1")
	case least >= 0 && most < int64(features) && a.rows("y") == features:
		err = err.Fix("save x.t(): its nodes are its columns")
	default:
		err = err.Fix("%s, where k = (edge_index.clamp(0, %d) == edge_index).all(0)", drop, n-1)
	}
	a.reject(err)
}

// rows is the first size of a tensor; -1: there is none.
func (a *attributes) rows(name string) int {
	if t, ok := a.values.get(name).(*tensorRef); ok && len(t.shape) > 0 {
		return t.shape[0]
	}
	return -1
}
