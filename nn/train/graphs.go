// Package train is the loop: batches of snapshots, epochs, early stopping and
// prediction. A data.Dataset, a model and a task enter; the model's best weights
// and what happened on the way leave. It writes no file and emits no event:
// hooks do. It knows neither a model nor a task by name.
package train

import (
	"context"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
)

// Graphs holds the snapshots of a dataset where the model computes: one scaled
// panel with its targets, and each snapshot's graph.
type Graphs struct {
	nodes, horizons int
	device          torch.Device
	x               torch.Tensor // [T, N, F] scaled
	class           torch.Tensor // [T, N, H]
	value           torch.Tensor // [T, N, H]; the zero Tensor where the dataset has none
	labelled        []labels     // [T]
	graphs          []*nn.Graph  // [T]
	owner           *torch.Scope
}

// labels counts the labels of a snapshot.
type labels struct {
	all   int // (node, horizon)
	first int // nodes, at the first horizon
}

func (l *labels) add(other labels) {
	l.all += other.all
	l.first += other.first
}

// NewGraphs copies the dataset to the device, on the libtorch thread. Without
// edges it holds the same nodes, and none receives messages from another.
func NewGraphs(ctx context.Context, thread *torch.Thread, d *data.Dataset, device torch.Device, edges bool) (*Graphs, error) {
	n, f, snapshots := d.NumNodes(), d.NumFeatures(), d.Len()
	g := &Graphs{nodes: n, horizons: d.Targets.NumHorizons(), device: device, labelled: make([]labels, snapshots), owner: torch.NewScope()}
	x := make([]float32, 0, snapshots*n*f)
	var class []int64
	var value []float32
	for t := range snapshots {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x = append(x, nn.Normalise(d.X(t), d.Mean, d.Std)...)
		y, ret := d.Targets.At(t)
		class, value = append(class, y...), append(value, ret...)
		g.labelled[t] = count(y, g.horizons)
		var read func() nn.Edges
		if edges {
			read = func() nn.Edges {
				e := d.Edges(t)
				return nn.Edges{RowPtr: e.RowPtr, Source: e.Sources, Weight: e.Weight}
			}
		}
		g.graphs = append(g.graphs, nn.NewGraph(n, d.Mask(t), read))
	}
	err := thread.Do(func() error {
		host := torch.NewScope()
		defer host.Close()
		g.x = g.owner.To(host.Float32s(x, int64(snapshots), int64(n), int64(f)), device)
		shape := []int64{int64(snapshots), int64(n), int64(g.horizons)}
		g.class = g.owner.To(host.Int64s(class, shape...), device)
		if len(value) > 0 {
			g.value = g.owner.To(host.Float32s(value, shape...), device)
		}
		return nil
	})
	if err != nil {
		g.Close(thread)
		return nil, err
	}
	return g, nil
}

// count counts the labels among classes [N, horizons].
func count(classes []int64, horizons int) labels {
	var l labels
	for i, class := range classes {
		if class == pyg.Unlabelled {
			continue
		}
		l.all++
		if i%horizons == 0 {
			l.first++
		}
	}
	return l
}

// Close frees the copy.
func (g *Graphs) Close(thread *torch.Thread) {
	// Freeing does not fail.
	_ = thread.Do(func() error {
		for _, graph := range g.graphs {
			graph.Close()
		}
		g.owner.Close()
		return nil
	})
}

// batch joins the snapshots of the given numbers. Its tensors live in s; the
// caller closes the batch.
func (g *Graphs) batch(s *torch.Scope, snapshots []int64) (*nn.Batch, nn.Targets, labels) {
	graphs := make([]*nn.Graph, len(snapshots))
	var labelled labels
	for i, t := range snapshots {
		graphs[i] = g.graphs[t]
		labelled.add(g.labelled[t])
	}
	targets := nn.Targets{Class: s.Take(g.class, snapshots), Labelled: labelled.all}
	if g.value.T != nil {
		targets.Value = s.Take(g.value, snapshots)
	}
	return nn.NewBatch(s.Take(g.x, snapshots), graphs, g.device), targets, labelled
}
