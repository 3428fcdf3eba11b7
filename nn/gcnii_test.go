package nn

import "github.com/streamforge/gnn-trainer/nn/torch"

// halved is a GCN2Conv with half its input, turned over, for x_0.
type halved struct{ *GCN2Conv }

func (h halved) Forward(s *Scope, x Tensor, b *Batch, _ bool) Tensor {
	return h.GCN2Conv.Forward(s, x, s.Combine(x, -0.5, x, 0), b)
}

func init() {
	for _, layer := range []int{1, 8} {
		layerParity = append(layerParity, layerCase{
			Name: "GCN2Conv", Class: "HalvedGCN2Conv", Edge: "edge_weight", Sizes: [][2]int{{8, 8}}, tolerance: 2e-6,
			Kwargs: map[string]any{"alpha": 0.1, "theta": 0.5, "layer": layer},
			build:  func(i *Init, in, _ int) Conv { return halved{NewGCN2Conv(i, in, 0.1, 0.5, layer)} },
			form:   func(b *Batch) *torch.Adjacency { return gcnAdjacency.Of(b) },
		})
	}
	for _, layers := range []int{2, 16} {
		modelParity = append(modelParity, modelCase{
			Type: "gcnii", Class: "GCNII", Edge: "edge_weight", Layers: layers, Kwargs: map[string]any{"alpha": 0.1, "theta": 0.5}, late: 1e-3,
		})
	}
}
