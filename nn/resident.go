package nn

import "github.com/streamforge/gnn-trainer/nn/torch"

// Resident is what layers compute on of all snapshots, on a device: a batch is a
// list of their numbers, and nothing is copied for it.
type Resident struct {
	nodes  int // of each snapshot
	device torch.Device
	forms  map[any]closer
}

// NewResident joins the forms that were derived of graphs (Prepare). It is nil
// where one of them cannot be selected from, or where graphs differ in size.
func NewResident(graphs []*Graph, d torch.Device) *Resident {
	type form interface {
		selectable() bool
		whole(graphs []*Graph, d torch.Device) closer
	}
	r := &Resident{nodes: graphs[0].Nodes, device: d, forms: map[any]closer{}}
	for _, g := range graphs {
		if g.Nodes != r.nodes {
			return nil
		}
	}
	for key := range graphs[0].derived {
		if !key.(form).selectable() {
			return nil
		}
	}
	joined := false
	defer func() {
		if !joined { // it panicked, such as where the device has no memory left
			r.Close()
		}
	}()
	for key := range graphs[0].derived {
		r.forms[key] = key.(form).whole(graphs, d)
	}
	joined = true
	return r
}

// Batch is the snapshots of index [snapshots] int64, on the device, with their
// features x. It is for layers that ask for forms alone.
func (r *Resident) Batch(x, index Tensor, snapshots int) *Batch {
	b := &Batch{X: x, Offsets: make([]int, 1, snapshots+1), resident: r, index: index, device: r.device}
	for i := range snapshots {
		b.Offsets = append(b.Offsets, (i+1)*r.nodes)
	}
	return b
}

// Close frees the forms.
func (r *Resident) Close() {
	for _, f := range r.forms {
		f.Close()
	}
	clear(r.forms)
}
