package nn

import (
	"math"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() {
	layerParity = append(layerParity, layerCase{
		Name: "GCNConv", Class: "GCNConv", Edge: "edge_weight", Sizes: [][2]int{{5, 16}, {16, 5}}, tolerance: 1e-6,
		build: func(i *Init, in, out int) Conv { return NewGCNConv(i, in, out) },
		form:  gcnAdjacency.Of,
	})
	modelParity = append(modelParity, modelCase{Type: "gcn", Class: "GCN", Edge: "edge_weight"})
}

// PyG computes (d*w)*d. The product d*d alone overflows float32 where a node's
// whole degree is about 1e-40.
func TestGCNNormOfTinyWeightsDoesNotOverflow(t *testing.T) {
	err := onThread(t, func() error {
		s := torch.NewScope()
		defer s.Close()
		a := torch.NewGCNAdjacency(2, []int64{0, 1, 0, 1}, []float32{1e-40, 1e-40})
		defer a.Close()
		for i, v := range torch.ReadFloat32s(s.Matmul(a, s.Float32s([]float32{1, 1}, 2, 1))) {
			if math.Abs(float64(v)-1) > 1e-4 {
				t.Errorf("node %d keeps %v of its own value, want 1", i, v)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
