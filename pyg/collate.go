package pyg

import (
	"fmt"
	"io"
	"iter"
)

// Dict is the content of graph.pt: x [N, F] or [N, W, F] float32, edge_index [2, E] int64,
// edge_attr [E, 1] float32, y [N] or [N, H] int64, node_mask [N] bool, edge_weight [E],
// ret like y float32, open_time [1] int64, in the order that PyG's Data gives
// them, and edge_type [E] int64 last; nil fields are left out. In Python, Data.from_dict(torch.load(path))
// is the same graph. The tensors alias d's slices; d must be valid.
func (d *Data) Dict() *Dict {
	out := new(Dict)
	n, e := d.NumNodes, d.NumEdges()
	set(out, "x", d.X, true, d.xShape()...)
	set(out, "edge_index", d.EdgeIndex, true, 2, e)
	set(out, "edge_attr", d.EdgeAttr, d.EdgeAttr != nil, e, 1)
	set(out, "y", d.Y, d.Y != nil, d.targetShape(n)...)
	set(out, "node_mask", d.NodeMask, d.NodeMask != nil, n)
	set(out, "edge_weight", d.EdgeWeight, d.EdgeWeight != nil, e)
	set(out, "ret", d.Ret, d.Ret != nil, d.targetShape(n)...)
	set(out, "open_time", d.OpenTime, d.OpenTime != nil, 1)
	set(out, "edge_type", d.EdgeType, d.EdgeType != nil, e)
	return out
}

func set[T Element](d *Dict, key string, values []T, present bool, shape ...int) {
	if present {
		d.Set(key, NewTensor(values, shape...))
	}
}

// SaveCollated writes the snapshots at(0), ..., at(n-1) as one file of plain
// tensors, {"data": {...}, "slices": {...}}, equal to what PyG's
// collate(Data, snapshots, increment=False, add_batch=False) makes:
// edge_index is joined along its last dimension and stays unshifted, all else
// along the first; slices [n+1] int64 tell where each snapshot begins. In
// Python, separate(Data, Data.from_dict(f["data"]), i, f["slices"],
// decrement=False) is snapshot i again.
//
// The file holds field after field, so at is called up to eleven times for each i
// and must give equal data each time; one snapshot is in memory at a time. All
// snapshots must be valid, have the same F and the same fields.
func SaveCollated(w io.Writer, n int, at func(i int) Data) error {
	if n <= 0 {
		return invalid("collating %d snapshots: at least one is needed", n)
	}
	first := at(0)
	nodes, edges, ones := make([]int64, n+1), make([]int64, n+1), make([]int64, n+1)
	for i := range n {
		d := at(i)
		if err := d.collatesWith(&first); err != nil {
			return fmt.Errorf("collating snapshot %d: %w", i, err)
		}
		nodes[i+1] = nodes[i] + int64(d.NumNodes)
		edges[i+1] = edges[i] + int64(d.NumEdges())
		ones[i+1] = int64(i + 1)
	}
	c := collation{n: n, at: at, data: new(Dict), slices: new(Dict)}
	N, E := int(nodes[n]), int(edges[n])
	join(&c, "x", nodes, true, []int{N, first.NumFeatures}, func(d *Data) []float32 { return d.X })
	join(&c, "edge_index", edges, true, []int{2, E}, (*Data).Sources, (*Data).Targets)
	join(&c, "edge_attr", edges, first.EdgeAttr != nil, []int{E, 1}, func(d *Data) []float32 { return d.EdgeAttr })
	join(&c, "y", nodes, first.Y != nil, first.targetShape(N), func(d *Data) []int64 { return d.Y })
	join(&c, "node_mask", nodes, first.NodeMask != nil, []int{N}, func(d *Data) []bool { return d.NodeMask })
	join(&c, "edge_weight", edges, first.EdgeWeight != nil, []int{E}, func(d *Data) []float32 { return d.EdgeWeight })
	join(&c, "ret", nodes, first.Ret != nil, first.targetShape(N), func(d *Data) []float32 { return d.Ret })
	join(&c, "open_time", ones, first.OpenTime != nil, []int{n}, func(d *Data) []int64 { return d.OpenTime })
	join(&c, "edge_type", edges, first.EdgeType != nil, []int{E}, func(d *Data) []int64 { return d.EdgeType })

	out := new(Dict)
	out.Set("data", c.data)
	out.Set("slices", c.slices)
	return Save(w, out)
}

type collation struct {
	n            int
	at           func(i int) Data
	data, slices *Dict
}

// join adds a field that is the rows of all snapshots one after another: first
// what rows[0] gives of each, then rows[1].
func join[T Element](c *collation, name string, slices []int64, present bool, shape []int, rows ...func(d *Data) []T) {
	if !present {
		return
	}
	var chunks iter.Seq[[]T] = func(yield func([]T) bool) {
		for _, row := range rows {
			for i := range c.n {
				if d := c.at(i); !yield(row(&d)) {
					return
				}
			}
		}
	}
	c.data.Set(name, StreamTensor(chunks, shape...))
	c.slices.Set(name, NewTensor(slices, c.n+1))
}

// collatesWith tells whether d is valid and joins with first.
func (d *Data) collatesWith(first *Data) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if d.NumFeatures != first.NumFeatures {
		return invalid("it has %d features and the first has %d", d.NumFeatures, first.NumFeatures)
	}
	if d.Window != 0 {
		return invalid("its x is of %d bars: windows are not collated", d.Window)
	}
	if d.columns() != first.columns() {
		return invalid("it has %d horizons and the first has %d", d.columns(), first.columns())
	}
	for _, f := range []struct {
		name        string
		here, first bool
	}{
		{"node_mask", d.NodeMask != nil, first.NodeMask != nil},
		{"edge_weight", d.EdgeWeight != nil, first.EdgeWeight != nil},
		{"edge_attr", d.EdgeAttr != nil, first.EdgeAttr != nil},
		{"edge_type", d.EdgeType != nil, first.EdgeType != nil},
		{"y", d.Y != nil, first.Y != nil},
		{"ret", d.Ret != nil, first.Ret != nil},
		{"open_time", d.OpenTime != nil, first.OpenTime != nil},
	} {
		if f.here != f.first {
			return invalid("only one of it and the first has %s", f.name)
		}
	}
	return nil
}
