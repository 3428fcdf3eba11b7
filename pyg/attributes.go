package pyg

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// attributes turns the named values of a file into a File.
type attributes struct {
	archive *archive
	values  *pyDict
	used    map[string]bool // names that were asked for
	out     File
	err     error // the first one; it ends all reading
}

func (a *attributes) get(name string) any {
	a.used[name] = true
	return a.values.get(name)
}

func (a *attributes) file() (*File, error) {
	d := &a.out.Data
	x := a.tensor("x", "a tensor [N, F] of features", 2, a.reshapeX)
	edges := a.tensor("edge_index", "a tensor [2, E] of node numbers", 2, reshapeEdges)
	if x == nil {
		a.lacks("x", "feat", "feats", "feature", "features", "node_features", "node_feat", "X")
	}
	if edges == nil {
		a.lacks("edge_index", "adj_t", "adj", "edge_list", "edges", "A")
	}
	if a.err != nil {
		return nil, a.err
	}
	if x.shape[0] == 0 || x.shape[1] == 0 {
		return nil, invalid("x has shape %s: a graph needs a node and a feature", shapeString(x.shape)).Fix("save one that has both")
	}
	if edges.shape[0] != 2 {
		fix := "save row 0 with the sources, row 1 with the targets"
		if edges.shape[1] == 2 {
			fix = "save it after .t(), with the sources in row 0 and the targets in row 1"
		}
		return nil, invalid("edge_index has shape %s, not [2, E]", shapeString(edges.shape)).Fix("%s", fix)
	}
	n, e := x.shape[0], edges.shape[1]
	d.NumNodes, d.NumFeatures = n, x.shape[1]
	d.X = a.floats("x", x)
	d.EdgeIndex = a.ints("edge_index", edges)
	a.edgesWithin(n, x.shape[1])
	d.NodeMask = a.mask("node_mask", n)
	d.EdgeWeight = a.floats("edge_weight", a.vector("edge_weight", e, "edge"))
	d.EdgeAttr = a.floats("edge_attr", a.edgeAttr(e))
	d.Y = a.labels(n)
	d.Ret = a.floats("ret", a.vector("ret", n, "node"))
	d.OpenTime = a.ints("open_time", a.vector("open_time", 1, "graph"))
	a.symbols(n)
	a.numNodes(n)
	a.splits(n)
	a.ignored()

	for i, w := range d.EdgeWeight {
		if w < 0 {
			a.reject(invalid("edge_weight[%d] is %v, of the edge from node %d to node %d, and a degree below 0 has no square root", i, w, d.EdgeIndex[i], d.EdgeIndex[e+i]).
				Fix("save it after .clamp(min=0), or as edge_attr, which is clamped"))
			break
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	return &a.out, nil
}

func (a *attributes) reject(err *fault.Error) {
	if a.err == nil {
		a.err = err
	}
}

// tensor finds a tensor of that many dimensions; nil where there is none. reshape
// words what makes it of a tensor of another shape.
func (a *attributes) tensor(name, want string, dims int, reshape func(shape []int) string) *tensorRef {
	switch v := a.get(name).(type) {
	case nil:
	case *tensorRef:
		if len(v.shape) == dims {
			return v
		}
		if squeezed := v.squeezed(); dims == 1 && len(squeezed) == 1 {
			column := *v // [N, 1], as models give their outputs
			column.shape, column.strides = squeezed, v.strides[:1]
			return &column
		}
		a.reject(invalid("%s is a tensor of %v: %s is needed", name, v, want).Fix("%s", reshape(v.shape)))
	default:
		a.reject(invalid("%s is %s: %s is needed", name, describe(v), want).Fix("save %s in its place", tensorOf(name, v)))
	}
	return nil
}

// lacks rejects a file without a tensor that it must have. others are names that
// people give it.
func (a *attributes) lacks(name string, others ...string) {
	for _, other := range others {
		v := a.values.get(other)
		if v == nil {
			continue
		}
		err := invalid("the file lacks %s, and has %s, %s", name, other, describe(v))
		if strings.HasPrefix(other, "adj") || other == "A" {
			a.reject(err.Fix("save data.edge_index, data.edge_weight = torch_geometric.utils.to_edge_index(data.%s)", adjacency(other, v)))
			return
		}
		if _, ok := v.(*tensorRef); ok {
			other = "it"
		} else if other = tensorOf("data."+other, v); name == "edge_index" {
			other += ", as [2, E]"
		}
		a.reject(err.Fix("save %s as data.%s", other, name))
		return
	}
	a.reject(invalid("the file lacks %s", name).Fix("save a graph with data.x [N, F] and data.edge_index [2, E]"))
}

// adjacency is the expression whose rows are sources: adj_t has them as columns.
func adjacency(name string, v any) string {
	expression := name
	if t, ok := v.(*tensorRef); ok && len(t.shape) == 2 {
		expression += ".to_sparse()"
	}
	if name == "adj_t" {
		expression += ".t()"
	}
	return expression
}

// vector finds a tensor of one value for each of n things of a kind.
func (a *attributes) vector(name string, n int, kind string) *tensorRef {
	want := fmt.Sprintf("a tensor [%d], one value for each %s,", n, kind)
	reshape := func(shape []int) string { return reshapeVector(name, shape, n, kind) }
	t := a.tensor(name, want, 1, reshape)
	if t != nil && t.shape[0] != n {
		a.reject(invalid("%s is a tensor of %v: %s is needed", name, t, want).Fix("%s", reshape(t.shape)))
		return nil
	}
	return t
}

// edgeAttr finds edge_attr [E] or [E, 1]; nil where there is none, or where it
// has more columns, which are no weights.
func (a *attributes) edgeAttr(e int) *tensorRef {
	t, ok := a.get("edge_attr").(*tensorRef)
	switch {
	case ok && len(t.shape) > 0 && t.shape[0] != e:
		a.reject(invalid("edge_attr is a tensor of %v: [%d, 1], one value an edge, is needed", t, e).Fix("save it so, or leave it out"))
	case ok && len(t.shape) == 2 && t.shape[1] == 1:
		return t
	case ok && len(t.shape) > 1:
		delete(a.used, "edge_attr")
	default:
		return a.vector("edge_attr", e, "edge")
	}
	return nil
}

// maxFloat is the largest float that is a value. What is larger stands for
// something else, such as an infinity after .nan_to_num(): as a feature it would
// decide the scale of all others.
const maxFloat = 1e30

// floats loads a tensor as float32, every value finite; nil for no tensor.
func (a *attributes) floats(name string, t *tensorRef) []float32 {
	if t == nil || a.err != nil {
		return nil
	}
	if t.dtype.float == nil {
		fix := "save it after .float()"
		if strings.HasPrefix(t.dtype.name, "complex") {
			fix = "save it after .real.float()"
		}
		a.reject(invalid("%s holds %s, which float32 does not hold exactly", name, t.dtype.name).Fix("%s", fix))
		return nil
	}
	i := -1
	values, err := load(a.archive, name, t, func(b []byte) float32 {
		i++
		v := t.dtype.float(b)
		switch {
		case math.Abs(v) <= maxFloat:
			return float32(v)
		case math.IsNaN(v) || math.IsInf(v, 0):
			a.reject(invalid("%s is %v%s: every value must be a finite float32", element(name, i, t.shape), v, place(name, i, t.shape)).
				Fix("correct it, or save it after .nan_to_num(0, 0, 0)"))
		default:
			a.reject(invalid("%s is %.3g%s, which no feature, weight or return measures", element(name, i, t.shape), v, place(name, i, t.shape)).
				Fix("correct it, or save %s.where(%s.abs() < 1e30, 0)", name, name))
		}
		return 0
	})
	if a.err == nil {
		a.err = err
	}
	return values
}

// element names the i-th element of a tensor: x[3, 7].
func element(name string, i int, shape []int) string {
	index := slices.Clone(shape)
	for d, size := range slices.Backward(shape) {
		index[d] = i % size
		i /= size
	}
	return name + shapeString(index)
}

// place says what an element of x belongs to.
func place(name string, i int, shape []int) string {
	if name != "x" {
		return ""
	}
	return fmt.Sprintf(" (node %d, feature %d)", i/shape[1], i%shape[1])
}

// ints loads a tensor of integers as int64; nil for no tensor.
func (a *attributes) ints(name string, t *tensorRef) []int64 {
	if t == nil || a.err != nil {
		return nil
	}
	if t.dtype.integer == nil {
		a.reject(invalid("%s holds %s: integers are needed", name, t.dtype.name).Fix("save it after .long()"))
		return nil
	}
	values, err := load(a.archive, name, t, t.dtype.integer)
	a.err = err
	return values
}

// mask loads a tensor of one bool a node; nil where there is none.
func (a *attributes) mask(name string, n int) []bool {
	t := a.vector(name, n, "node")
	if t == nil || a.err != nil {
		return nil
	}
	if t.dtype != boolType {
		a.reject(invalid("%s holds %s: bool is needed", name, t.dtype.name).Fix("save it after .bool()"))
		return nil
	}
	values, err := load(a.archive, name, t, func(b []byte) bool { return b[0] != 0 })
	a.err = err
	return values
}

// symbols reads the nodes' names.
func (a *attributes) symbols(n int) {
	var items []any
	switch v := a.get("symbols").(type) {
	case nil:
		return
	case *pyList:
		items = v.items
	case tuple:
		items = v
	default:
		fix := "save such a list"
		if o, ok := v.(*object); ok && o.foreign() {
			fix = "save [str(s) for s in symbols] in its place"
		}
		a.reject(invalid("symbols is %s: a list of %d strings, the nodes' names, is needed", describe(v), n).Fix("%s", fix))
		return
	}
	if len(items) != n {
		a.reject(invalid("symbols holds %d names for %d nodes", len(items), n).Fix("save one name for each node"))
		return
	}
	seen := make(map[string]int, n)
	for i, item := range items {
		name, ok := item.(string)
		if !ok || name == "" {
			a.reject(invalid("symbols[%d] is %s: the node's name is needed", i, describe(item)).Fix("save [str(s) for s in symbols] in its place"))
			return
		}
		if first, twice := seen[name]; twice {
			a.reject(invalid("symbols[%d] and symbols[%d] are both %.40q", first, i, name).Fix("give each node a name of its own"))
			return
		}
		seen[name] = i
		a.out.Symbols = append(a.out.Symbols, name)
	}
}

// numNodes checks the count that a Data may state beside x.
func (a *attributes) numNodes(n int) {
	if v := a.get("num_nodes"); v != nil && v != int64(n) {
		a.reject(invalid("num_nodes is %s, and x has %d rows", describe(v), n).Fix("save data.num_nodes = len(data.x)"))
	}
}

// ignored lists what is in the file and not in a File.
func (a *attributes) ignored() {
	seen := map[string]bool{}
	for _, e := range a.values.entries {
		name, ok := e.key.(string)
		if !ok {
			a.reject(invalid("the file's dict has a key that is %s: names of attributes are needed", describe(e.key)).Fix("save the graph's attributes alone"))
			return
		}
		if !a.used[name] && !seen[name] {
			a.out.Ignored = append(a.out.Ignored, name)
		}
		seen[name] = true
	}
}
