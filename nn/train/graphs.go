// Package train is the loop: batches of snapshots, epochs, early stopping and
// prediction. A data.Dataset and a model enter; the model's best weights and
// what happened on the way leave. It writes no file and tells no event: hooks do.
package train

import (
	"context"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
)

// Model is what can be trained: nn.GCN is one.
type Model interface {
	// Forward takes normalised x [N, F] to logits [N, classes].
	Forward(s *torch.Scope, x torch.Tensor, a *torch.Adjacency, training bool) torch.Tensor
	// Adjacency is the form of edge_index [2, E] and edge_weight [E] that
	// Forward multiplies by.
	Adjacency(nodes int, edgeIndex []int64, edgeWeight []float32) *torch.Adjacency
	// Classes is the number of logits of a node.
	Classes() int
	// Parameters are the learned tensors, always in the same order.
	Parameters() []nn.Parameter
}

// Graphs holds the snapshots of a dataset where the model computes: one
// normalised panel, and each snapshot's adjacency ready to be batched.
type Graphs struct {
	nodes, features int
	device          torch.Device
	x               torch.Tensor // [T, N, F] normalised
	y               torch.Tensor // [T, N]
	labelled        []int        // [T] labelled nodes
	adjacency       []*torch.Adjacency
	owner           *torch.Scope
}

// NewGraphs copies the dataset to the device, on the libtorch thread. Without
// edges it holds the same nodes, and no node hears another.
func NewGraphs(ctx context.Context, thread *torch.Thread, d *data.Dataset, m Model, device torch.Device, edges bool) (*Graphs, error) {
	n, f, snapshots := d.NumNodes(), d.NumFeatures(), d.Len()
	g := &Graphs{nodes: n, features: f, device: device, labelled: make([]int, snapshots), owner: torch.NewScope()}
	x := make([]float32, 0, snapshots*n*f)
	y := make([]int64, 0, snapshots*n)
	err := thread.Do(func() error {
		for t := range snapshots {
			if err := ctx.Err(); err != nil {
				return err
			}
			snapshot := d.Snapshot(t)
			x = append(x, nn.Normalise(snapshot.X, d.Mean, d.Std)...)
			y = append(y, snapshot.Y...)
			for _, class := range snapshot.Y {
				if class != pyg.Unlabelled {
					g.labelled[t]++
				}
			}
			if !edges {
				snapshot.EdgeIndex, snapshot.EdgeWeight = nil, nil
			}
			g.adjacency = append(g.adjacency, m.Adjacency(n, snapshot.EdgeIndex, snapshot.EdgeWeight))
		}
		host := torch.NewScope()
		defer host.Close()
		g.x = g.owner.To(host.Float32s(x, int64(snapshots), int64(n), int64(f)), device)
		g.y = g.owner.To(host.Int64s(y, int64(snapshots), int64(n)), device)
		return nil
	})
	if err != nil {
		g.Close(thread)
		return nil, err
	}
	return g, nil
}

// Close frees the copy.
func (g *Graphs) Close(thread *torch.Thread) {
	// Freeing does not fail.
	_ = thread.Do(func() error {
		for _, a := range g.adjacency {
			a.Close()
		}
		g.owner.Close()
		return nil
	})
}

// batch is several snapshots as one block-diagonal graph.
type batch struct {
	x, y      torch.Tensor // [B*N, F], [B*N]
	adjacency *torch.Adjacency
	labelled  int
}

// batch joins the snapshots of the given numbers; its tensors live in s, its
// adjacency until closed.
func (g *Graphs) batch(s *torch.Scope, snapshots []int64) batch {
	parts := make([]*torch.Adjacency, len(snapshots))
	labelled := 0
	for i, t := range snapshots {
		parts[i] = g.adjacency[t]
		labelled += g.labelled[t]
	}
	return batch{
		x:         s.Take(g.x, snapshots),
		y:         s.Take(g.y, snapshots),
		adjacency: torch.CatAdjacency(parts, g.device),
		labelled:  labelled,
	}
}
