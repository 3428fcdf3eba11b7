package nn

import (
	"fmt"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Windows are the bars that a batch's snapshots look back on, as runs of
// consecutive bars: what is computed of a bar is computed once, however many
// snapshots' windows it lies in.
type Windows struct {
	// Runs are the runs as a batch of their own: X [runs*N, bars, F], and one graph
	// for all bars of a run, since a snapshot's window has its newest bar's edges.
	Runs *Batch
	// Width is how many bars a snapshot looks back on, its own included: of a run's
	// bars, the first Width-1 are seen and not predicted.
	Width int
	// Places are where the snapshots are, in their order.
	Places []Place
}

// Place is a snapshot's run, and which of the run's predicted bars it is.
type Place struct{ Run, Bar int }

// NewWindowed is a batch of snapshots with graphs, each with a window. The graphs
// stay the caller's.
func NewWindowed(w *Windows, graphs []*Graph, d torch.Device) *Batch {
	if len(w.Places) != len(graphs) {
		panic(&torch.Error{Op: "making a batch", Message: fmt.Sprintf("%d windows for %d graphs", len(w.Places), len(graphs))})
	}
	b := NewBatch(Tensor{}, graphs, d)
	b.Windows = w
	return b
}

// newest takes what an encoder gives, [runs*N, predicted bars, C], to the
// snapshots' nodes in their order, [N of all, C].
func (w *Windows) newest(s *Scope, encoded Tensor) Tensor {
	shape := encoded.Shape()
	bars, nodes := int(shape[1]), int(shape[0])/(len(w.Runs.Offsets)-1)
	rows := make([]int64, 0, len(w.Places)*nodes)
	for _, p := range w.Places {
		for i := range nodes {
			rows = append(rows, int64((p.Run*nodes+i)*bars+p.Bar))
		}
	}
	return s.Take(s.Reshape(encoded, -1, 1, shape[2]), rows)
}

// centre takes from outputs [N, C] their mean over the present nodes of each
// snapshot.
func (b *Batch) centre(s *Scope, outputs Tensor) Tensor {
	present := make([]float32, 0, b.NumNodes())
	for _, ok := range b.Mask() {
		v := float32(0)
		if ok {
			v = 1
		}
		present = append(present, v)
	}
	return s.Centre(outputs, present, len(b.Offsets)-1)
}
