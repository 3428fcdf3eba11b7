package nn

import (
	"fmt"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Batch is several snapshots as one graph of separate parts, in order.
type Batch struct {
	X       Tensor // [N, F] scaled, of all their nodes
	Offsets []int  // [snapshots + 1] the first node of each, and N
	Draws   Draws  // of dropout; a batch that is trained on has some

	// Windows are the snapshots' pasts, for a model with an encoder, in place of X;
	// nil: there are none.
	Windows *Windows

	graphs   []*Graph  // nil where resident is set
	resident *Resident // nil: the batch's forms are joined of its graphs'
	index    Tensor    // [snapshots] of resident
	device   torch.Device
	derived  map[any]closer // by form
}

// Draws name the random numbers of a training step.
type Draws struct {
	Seed int64
	Step Tensor // int64 scalar: the number of the step, from 0
}

// Of are the draws of one layer.
func (d Draws) Of(layer int) torch.Draw { return torch.Draw{Seed: d.Seed, Step: d.Step, Layer: layer} }

// NewBatch joins graphs, which stay the caller's, with their features on a
// device. Close frees what layers derived from the whole, and not x.
func NewBatch(x Tensor, graphs []*Graph, d torch.Device) *Batch {
	b := &Batch{X: x, Offsets: make([]int, 1, len(graphs)+1), graphs: graphs, device: d}
	for _, g := range graphs {
		b.Offsets = append(b.Offsets, b.NumNodes()+g.Nodes)
	}
	return b
}

// NumNodes is N, of all snapshots.
func (b *Batch) NumNodes() int { return b.Offsets[len(b.Offsets)-1] }

// Mask tells which nodes are present [N].
func (b *Batch) Mask() []bool {
	mask := make([]bool, 0, b.NumNodes())
	for _, g := range b.graphs {
		mask = append(mask, g.present()...)
	}
	return mask
}

// Edges are those of all snapshots, over the batch's nodes.
func (b *Batch) Edges() Edges {
	all := Edges{RowPtr: make([]int32, 1, b.NumNodes()+1)}
	for i, g := range b.graphs {
		e, first := g.Edges(), int32(len(all.Source))
		for _, end := range e.RowPtr[1:] {
			all.RowPtr = append(all.RowPtr, first+end)
		}
		for _, source := range e.Source {
			all.Source = append(all.Source, int32(b.Offsets[i])+source)
		}
		all.Weight = append(all.Weight, e.weights()...)
	}
	return all
}

// Close frees what was derived from the batch. A backward pass that still needs
// it keeps it alive.
func (b *Batch) Close() {
	if b.Windows != nil {
		b.Windows.Runs.Close()
	}
	for _, d := range b.derived {
		d.Close()
	}
	b.derived = nil
}

type closer interface{ Close() }

// Form is what a kind of layer computes on in place of plain edges, such as
// GCN's normalised adjacency. A variable of this type is the key under which
// graphs and batches keep it, so that it is made once.
type Form[T closer] struct {
	// Derive makes it of one snapshot, in host memory. It is kept as long as the
	// graph.
	Derive func(*Graph) T
	// Join makes the whole of the snapshots' forms, on a device.
	Join func(parts []T, d torch.Device) T
	// Select is the snapshots of an index on the device, of those that were joined,
	// without a copy and without reading from the device; nil: there is no such way.
	Select func(whole T, index Tensor) T
}

// Of is the form of the batch's edges, which lives as long as the batch.
func (f *Form[T]) Of(b *Batch) T {
	if whole, ok := b.derived[f]; ok {
		return whole.(T)
	}
	var whole T
	if b.resident != nil {
		whole = f.Select(b.resident.forms[f].(T), b.index)
	} else {
		whole = f.join(b.graphs, b.device)
	}
	if b.derived == nil {
		b.derived = map[any]closer{}
	}
	b.derived[f] = whole
	return whole
}

func (f *Form[T]) join(graphs []*Graph, d torch.Device) T {
	parts := make([]T, len(graphs))
	for i, g := range graphs {
		parts[i] = f.part(g)
	}
	return f.Join(parts, d)
}

// selectable and whole are for Resident, which knows no T.
func (f *Form[T]) selectable() bool { return f.Select != nil }

func (f *Form[T]) whole(graphs []*Graph, d torch.Device) closer { return f.join(graphs, d) }

// part is the form of one graph.
func (f *Form[T]) part(g *Graph) T {
	part, ok := g.derived[f]
	if !ok {
		part = f.Derive(g)
		g.derived[f] = part
	}
	return part.(T)
}

// Prepare derives the form of a graph now.
func (f *Form[T]) Prepare(g *Graph) { f.part(g) }

// Graph is one snapshot's nodes and edges, and what layers have derived from
// them.
type Graph struct {
	Nodes int
	Mask  []bool // [Nodes] present; nil: all are

	edges   func() Edges
	derived map[any]closer // by form
}

// NewGraph reads its edges by calling edges whenever a form is derived: it keeps
// none of its own. With edges nil no node receives messages from another.
func NewGraph(nodes int, mask []bool, edges func() Edges) *Graph {
	if edges == nil {
		none := Edges{RowPtr: make([]int32, nodes+1)}
		edges = func() Edges { return none }
	}
	return &Graph{Nodes: nodes, Mask: mask, edges: edges, derived: map[any]closer{}}
}

// Edges are the graph's.
func (g *Graph) Edges() Edges {
	e := g.edges()
	if len(e.RowPtr) != g.Nodes+1 || int(e.RowPtr[g.Nodes]) != len(e.Source) || e.Weight != nil && len(e.Weight) != len(e.Source) {
		panic(&torch.Error{Op: "reading a graph", Message: fmt.Sprintf("%d rows, %d sources and %d weights for %d nodes", len(e.RowPtr)-1, len(e.Source), len(e.Weight), g.Nodes)})
	}
	return e
}

func (g *Graph) present() []bool {
	if g.Mask != nil {
		return g.Mask
	}
	all := make([]bool, g.Nodes)
	for i := range all {
		all[i] = true
	}
	return all
}

// Close frees what was derived.
func (g *Graph) Close() {
	for _, d := range g.derived {
		d.Close()
	}
	clear(g.derived)
}
