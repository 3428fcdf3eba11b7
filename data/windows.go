package data

import (
	"slices"

	"github.com/streamforge/gnn-trainer/pyg"
)

// Bar is the number of snapshot t's bar on the axis; of a graph without time it
// is 0.
func (p *Panel) Bar(t int) int {
	if p.bars == nil {
		return 0
	}
	return p.bars[t]
}

// SnapshotAt is the snapshot of a bar, where there is one.
func (p *Panel) SnapshotAt(bar int) (t int, ok bool) { return slices.BinarySearch(p.bars, bar) }

// Window is the raw features of the window bars up to snapshot t, [N, window, F], the
// oldest first: 0 where a node is masked and at a bar that is no snapshot.
func (p *Panel) Window(t, window int) []float32 {
	n, f := p.NumNodes(), p.NumFeatures()
	x := make([]float32, n*window*f)
	for j := range window {
		u, ok := p.SnapshotAt(p.Bar(t) - window + 1 + j)
		if !ok {
			continue
		}
		for i, features := range slices.Collect(slices.Chunk(p.X(u), f)) {
			copy(x[(i*window+j)*f:], features)
		}
	}
	return x
}

// Input is snapshot t as a model takes it, whose encoder reads so many bars; 0: it
// has none.
func (d *Dataset) Input(t, window int) pyg.Data {
	g := d.Snapshot(t)
	if window > 0 {
		g.Window, g.X = window, d.Window(t, window)
	}
	return g
}
