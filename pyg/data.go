// Package pyg holds the graph data type that crosses the whole program, and
// reads and writes it as PyTorch and PyTorch Geometric (PyG) files.
//
// Snapshots enter from package data and leave as files that torch.load opens
// with its defaults; files written by torch.save(Data) enter as untrusted
// input. The package is pure Go: it needs neither libtorch nor Python.
package pyg

import (
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Unlabelled is the class of a node without a label, the default ignore_index
// of PyTorch's cross-entropy.
const Unlabelled int64 = -100

// ErrInvalid is the kind of data, or a file, that cannot be used as a graph.
const ErrInvalid = fault.ErrInput

func invalid(format string, a ...any) *fault.Error { return fault.Input(format, a...) }

// Data is one graph of N nodes, F features and E edges: a snapshot of the
// market at one bar, or a graph read from a file. Field names and shapes are
// those of torch_geometric.data.Data; slices are row-major. A snapshot's
// slices may alias a panel that many snapshots share: read them only.
type Data struct {
	NumNodes    int
	NumFeatures int
	Horizons    int // H, columns of y and ret; 0 and 1: they have one axis, [N]
	Window      int // W, bars of x, the oldest first; 0: x has one, and no axis for it

	X          []float32 // [N, F], or [N, W, F]: raw features, 0 at masked nodes
	NodeMask   []bool    // [N] true where the node takes part; nil: all do
	EdgeIndex  []int64   // [2, E] E sources (neighbours), then E targets (that receive messages from them)
	EdgeWeight []float32 // [E] non-negative, but of signed edge types; nil: unweighted
	EdgeAttr   []float32 // [E, 1] the correlation itself; nil: none
	EdgeType   []int64   // [E] index of the edge's type; nil: there is one
	Y          []int64   // [N], or [N, H] with several horizons: class, or Unlabelled; nil: no labels
	Ret        []float32 // like Y: forward log return, 0 where Y is Unlabelled; nil: none
	OpenTime   []int64   // [1] open time of the last known bar, Unix ms; nil: none
}

// NumEdges is E.
func (d *Data) NumEdges() int { return len(d.EdgeIndex) / 2 }

// Sources is row 0 of edge_index: the neighbours.
func (d *Data) Sources() []int64 { return d.EdgeIndex[:d.NumEdges()] }

// Targets is row 1 of edge_index: the nodes that receive messages.
func (d *Data) Targets() []int64 { return d.EdgeIndex[d.NumEdges():] }

// columns is the number of values that a node has in y and ret.
func (d *Data) columns() int { return max(d.Horizons, 1) }

// xShape is the shape of x.
func (d *Data) xShape() []int {
	if d.Window == 0 {
		return []int{d.NumNodes, d.NumFeatures}
	}
	return []int{d.NumNodes, d.Window, d.NumFeatures}
}

// targetShape is the shape of y and ret for n nodes.
func (d *Data) targetShape(n int) []int {
	if d.columns() == 1 {
		return []int{n}
	}
	return []int{n, d.Horizons}
}

// Validate checks the shapes against each other and that each edge joins two
// existing nodes. The error wraps ErrInvalid.
func (d *Data) Validate() error {
	n, e := d.NumNodes, d.NumEdges()
	if n < 0 || d.NumFeatures < 0 {
		return invalid("%d nodes and %d features", n, d.NumFeatures)
	}
	if len(d.EdgeIndex)%2 != 0 {
		return invalid("edge_index holds %d values, an odd number", len(d.EdgeIndex))
	}
	for _, f := range []struct {
		name      string
		got, want int
		optional  bool
	}{
		{"x", len(d.X), n * max(d.Window, 1) * d.NumFeatures, false},
		{"node_mask", len(d.NodeMask), n, d.NodeMask == nil},
		{"edge_weight", len(d.EdgeWeight), e, d.EdgeWeight == nil},
		{"edge_attr", len(d.EdgeAttr), e, d.EdgeAttr == nil},
		{"edge_type", len(d.EdgeType), e, d.EdgeType == nil},
		{"y", len(d.Y), n * d.columns(), d.Y == nil},
		{"ret", len(d.Ret), n * d.columns(), d.Ret == nil},
		{"open_time", len(d.OpenTime), 1, d.OpenTime == nil},
	} {
		if f.got != f.want && !f.optional {
			return invalid("%s holds %d values where %d nodes, %d features and %d edges need %d", f.name, f.got, n, d.NumFeatures, e, f.want)
		}
	}
	for i, v := range d.EdgeIndex {
		if v < 0 || v >= int64(n) {
			return invalid("edge_index[%d, %d] is %d, outside 0..%d", i/max(e, 1), i%max(e, 1), v, n-1).Fix("number the nodes from 0, or drop the edge")
		}
	}
	return nil
}
