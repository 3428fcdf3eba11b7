package pyg

import (
	"fmt"
	"math"
	"slices"

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
	x := a.tensor("x", "a tensor [N, F] of features", 2)
	edges := a.tensor("edge_index", "a tensor [2, E] of node numbers", 2)
	if x == nil {
		a.reject(invalid("the file lacks x").Fix("save a graph with data.x [N, F] and data.edge_index [2, E]"))
	}
	if edges == nil {
		a.reject(invalid("the file lacks edge_index").Fix("save a graph with data.x [N, F] and data.edge_index [2, E]"))
	}
	if a.err != nil {
		return nil, a.err
	}
	if x.shape[0] == 0 || x.shape[1] == 0 {
		return nil, invalid("x has shape %s: a graph needs a node and a feature", shapeString(x.shape))
	}
	if edges.shape[0] != 2 {
		return nil, invalid("edge_index has shape %s, not [2, E]: row 0 the sources, row 1 the targets", shapeString(edges.shape))
	}
	n, e := x.shape[0], edges.shape[1]
	d.NumNodes, d.NumFeatures = n, x.shape[1]
	d.X = a.floats("x", x)
	d.EdgeIndex = a.ints("edge_index", edges)
	d.NodeMask = a.mask("node_mask", n)
	d.EdgeWeight = a.floats("edge_weight", a.vector("edge_weight", e, "edge"))
	d.EdgeAttr = a.floats("edge_attr", a.edgeAttr(e))
	d.Y = a.ints("y", a.vector("y", n, "node"))
	d.Ret = a.floats("ret", a.vector("ret", n, "node"))
	d.OpenTime = a.ints("open_time", a.vector("open_time", 1, "graph"))
	a.out.TrainMask = a.mask("train_mask", n)
	a.out.ValidMask = a.mask("val_mask", n)
	a.out.TestMask = a.mask("test_mask", n)
	a.symbols(n)
	a.numNodes(n)
	a.ignored()

	for i, w := range d.EdgeWeight {
		if w < 0 {
			a.fail("edge_weight[%d] is %v, of the edge from node %d to node %d: weights must not be negative, for a degree that is not positive has no square root", i, w, d.EdgeIndex[i], d.EdgeIndex[e+i])
			break
		}
	}
	for i, class := range d.Y {
		if class < 0 && class != Unlabelled {
			a.fail("y[%d] is %d: classes are 0 and above, and %d where there is none", i, class, Unlabelled)
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

func (a *attributes) fail(format string, args ...any) { a.reject(invalid(format, args...)) }

func (a *attributes) reject(err *fault.Error) {
	if a.err == nil {
		a.err = err
	}
}

// tensor finds a tensor of that many dimensions; nil where there is none.
func (a *attributes) tensor(name, want string, dims int) *tensorRef {
	switch v := a.get(name).(type) {
	case nil:
	case *tensorRef:
		if len(v.shape) == dims {
			return v
		}
		a.fail("%s is a tensor of %v: %s is needed", name, v, want)
	default:
		a.fail("%s is %s: %s is needed", name, describe(v), want)
	}
	return nil
}

// vector finds a tensor of one value for each of n things of a kind.
func (a *attributes) vector(name string, n int, kind string) *tensorRef {
	want := fmt.Sprintf("a tensor [%d], one value for each %s,", n, kind)
	t := a.tensor(name, want, 1)
	if t != nil && t.shape[0] != n {
		a.fail("%s is a tensor of %v: %s is needed", name, t, want)
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
		a.fail("edge_attr is a tensor of %v: [%d, 1], one value an edge, is needed", t, e)
	case ok && len(t.shape) == 2 && t.shape[1] == 1:
		return t
	case ok && len(t.shape) > 1:
		delete(a.used, "edge_attr")
	default:
		return a.vector("edge_attr", e, "edge")
	}
	return nil
}

// floats loads a tensor as float32, every value finite; nil for no tensor.
func (a *attributes) floats(name string, t *tensorRef) []float32 {
	if t == nil || a.err != nil {
		return nil
	}
	if t.dtype.float == nil {
		a.reject(invalid("%s holds %s, which float32 does not hold exactly", name, t.dtype.name).Fix("save it after .float()"))
		return nil
	}
	i := -1
	values, err := load(a.archive, name, t, func(b []byte) float32 {
		i++
		v := t.dtype.float(b)
		if f := float32(v); !math.IsNaN(v) && !math.IsInf(float64(f), 0) {
			return f
		}
		a.fail("%s is %v%s: every value must be a finite float32", element(name, i, t.shape), v, place(name, i, t.shape))
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
		a.fail("symbols is %s: a list of %d strings, the nodes' names, is needed", describe(v), n)
		return
	}
	if len(items) != n {
		a.fail("symbols holds %d names for %d nodes", len(items), n)
		return
	}
	seen := make(map[string]int, n)
	for i, item := range items {
		name, ok := item.(string)
		if !ok || name == "" {
			a.fail("symbols[%d] is %s: the node's name is needed", i, describe(item))
			return
		}
		if first, twice := seen[name]; twice {
			a.fail("symbols[%d] and symbols[%d] are both %.40q: nodes need names of their own", first, i, name)
			return
		}
		seen[name] = i
		a.out.Symbols = append(a.out.Symbols, name)
	}
}

// numNodes checks the count that a Data may state beside x.
func (a *attributes) numNodes(n int) {
	if v := a.get("num_nodes"); v != nil && v != int64(n) {
		a.fail("num_nodes is %s, and x has %d rows", describe(v), n)
	}
}

// ignored lists what is in the file and not in a File.
func (a *attributes) ignored() {
	seen := map[string]bool{}
	for _, e := range a.values.entries {
		name, ok := e.key.(string)
		if !ok {
			a.fail("the file's dict has a key that is %s: names of attributes are needed", describe(e.key))
			return
		}
		if !a.used[name] && !seen[name] {
			a.out.Ignored = append(a.out.Ignored, name)
		}
		seen[name] = true
	}
}
