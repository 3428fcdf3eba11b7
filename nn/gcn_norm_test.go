package nn

import (
	"math"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

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
