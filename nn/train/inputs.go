package train

import (
	"context"
	"errors"
	"runtime"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// inputs are snapshots of a panel where the model computes.
type inputs struct {
	panel  *data.Panel
	place  map[int]int // of a snapshot in x and graphs; nil: its own number
	device torch.Device
	edges  func(t int) data.Edges // of a snapshot; nil: none
	past   past
	x      torch.Tensor // [T, N, F] scaled; with a past [T + 1, N, F], the last of raw zeros
	graphs []*nn.Graph  // [T]
	owner  *torch.Scope

	resident *nn.Resident // of all snapshots, on a CUDA device; nil: forms are joined for each batch
}

// newInputs copies all snapshots of a panel to the device.
func newInputs(ctx context.Context, thread *torch.Thread, p *data.Panel, scaler data.Scaler, d torch.Device, w wiring, look past) (*inputs, error) {
	in := &inputs{panel: p, device: d, edges: w.of(p), past: look, owner: torch.NewScope()}
	x := make([]float32, 0, (p.Len()+1)*p.NumNodes()*p.NumFeatures()) // and a row of zeros
	for t := range p.Len() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x = in.add(x, scaler, t)
	}
	err := thread.Do(func() error {
		in.upload(x, scaler)
		return nil
	})
	if err != nil {
		_ = thread.Do(func() error { in.close(); return nil })
		return nil, err
	}
	// x is as large as the panel, and of no use any more: left to itself, the heap
	// would grow to twice what both take before it is collected.
	runtime.GC()
	return in, nil
}

// prepare derives what a model computes on of snapshots, some at once, so that a
// stop is not held up. A stop is no error: the training sees it.
func (in *inputs) prepare(ctx context.Context, thread *torch.Thread, m nn.Model, snapshots []int) error {
	const atOnce = 256
	for chunk := range slices.Chunk(snapshots, atOnce) {
		if ctx.Err() != nil {
			return nil
		}
		err := thread.Do(func() error {
			for _, t := range chunk {
				m.Prepare(in.graphs[in.at(t)])
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// reside joins what prepare derived of all snapshots on a CUDA device, where the
// model's layers can select from it and the device has the memory; elsewhere each
// batch is joined and sent. What lies on the device is freed in host memory.
func (in *inputs) reside(thread *torch.Thread) error {
	if in.past.width > 0 {
		return nil // a run's bars are gathered by the host's index
	}
	err := thread.Do(func() error {
		in.resident = nn.NewResident(in.graphs, in.device)
		if in.resident != nil {
			for _, g := range in.graphs {
				g.Close()
			}
		}
		return nil
	})
	if errors.Is(err, torch.ErrOutOfMemory) {
		return nil
	}
	return err
}

// at is the place of a snapshot in x and graphs.
func (in *inputs) at(t int) int {
	switch {
	case in.place != nil:
		return in.place[t]
	case in.panel.Timeless():
		return 0
	}
	return t
}

// row is where a snapshot lies in x, where it does.
func (in *inputs) row(t int) (at int, held bool) {
	if in.place == nil {
		return in.at(t), true
	}
	at, held = in.place[t]
	return at, held
}

// newSome copies some snapshots, and what they look back on, on the libtorch thread.
func newSome(p *data.Panel, scaler data.Scaler, d torch.Device, w wiring, look past, snapshots []int) *inputs {
	in := &inputs{panel: p, place: map[int]int{}, device: d, edges: w.of(p), past: look, owner: torch.NewScope()}
	if look.width > 0 {
		snapshots = look.lookback(p, snapshots)
	}
	var x []float32
	for _, t := range snapshots {
		in.place[t] = len(in.graphs)
		x = in.add(x, scaler, t)
	}
	in.upload(x, scaler)
	return in
}

// add appends snapshot t to x and to the graphs.
func (in *inputs) add(x []float32, scaler data.Scaler, t int) []float32 {
	var edges func() nn.Edges
	if in.edges != nil {
		edges = func() nn.Edges {
			e := in.edges(t)
			return nn.Edges{RowPtr: e.RowPtr, Source: e.Sources, Weight: e.Weight}
		}
	}
	in.graphs = append(in.graphs, in.graphOf(t, edges))
	return scaler.Append(x, in.panel.X(t))
}

// graphOf is the graph of the snapshot before, where that is of t too, or a model
// with a past can use it: what layers derive of it is made once.
func (in *inputs) graphOf(t int, edges func() nn.Edges) *nn.Graph {
	p, last := in.panel, len(in.graphs)-1
	if (in.past.width > 0 || edges != nil) && last >= 0 && t > 0 && in.holds(t-1, last) && p.SameEdges(t-1, t) && slices.Equal(p.Mask(t-1), p.Mask(t)) {
		return in.graphs[last]
	}
	return nn.NewGraph(p.NumNodes(), nn.Present(p.X(t), p.Mask(t), p.NumNodes(), p.NumFeatures()), edges)
}

// holds tells whether snapshot t lies at a place.
func (in *inputs) holds(t, place int) bool {
	at, held := in.row(t)
	return held && at == place
}

func (in *inputs) upload(x []float32, scaler data.Scaler) {
	host := torch.NewScope()
	defer host.Close()
	rows := len(in.graphs)
	if in.past.width > 0 {
		x = scaler.Append(x, make([]float32, in.panel.NumNodes()*in.panel.NumFeatures()))
		rows++
	}
	shape := []int64{int64(rows), int64(in.panel.NumNodes()), int64(in.panel.NumFeatures())}
	in.x = in.owner.To(host.Float32s(x, shape...), in.device)
}

// batch joins snapshots. Its x lives in s; the caller closes the batch.
func (in *inputs) batch(s *torch.Scope, snapshots []int) *nn.Batch {
	if in.past.width > 0 {
		return in.windowed(s, snapshots)
	}
	places, graphs := make([]int64, len(snapshots)), make([]*nn.Graph, len(snapshots))
	for i, t := range snapshots {
		at := in.at(t)
		places[i], graphs[i] = int64(at), in.graphs[at]
	}
	if in.resident != nil {
		index := s.To(s.Int64s(places, int64(len(places))), in.device)
		return in.residentBatch(s, index, len(places))
	}
	return nn.NewBatch(s.Take(in.x, places), graphs, in.device)
}

// residentBatch is the batch of an index [snapshots] on the device.
func (in *inputs) residentBatch(s *torch.Scope, index torch.Tensor, snapshots int) *nn.Batch {
	return in.resident.Batch(s.TakeAt(in.x, index), index, snapshots)
}

// close frees the copy, on the libtorch thread.
func (in *inputs) close() {
	if in.resident != nil {
		in.resident.Close()
	}
	for _, g := range in.graphs {
		g.Close()
	}
	in.owner.Close()
}
