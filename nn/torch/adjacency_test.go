package torch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Meta tensors lie on a device of their own, on every machine.
func TestAnAdjacencyAndATensorOnDifferentDevicesAreAnError(t *testing.T) {
	for _, libtorch := range []bool{false, true} {
		err := in(newThread(t), func(s *torch.Scope) error {
			a := torch.Own(s, torch.NewAdjacency(3, []int64{0, 1}, nil))
			if libtorch {
				a.UseLibtorch()
			}
			x := s.Float32s([]float32{1, 2, 3}, 3, 1)
			s.Matmul(a, script(s, "    return torch.zeros([3, 1], device=torch.device('meta'))\n", x, x, torch.Tensor{}))
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "an adjacency on cpu times a tensor on meta: move one of them") {
			t.Errorf("by libtorch's product %v: %v", libtorch, err)
		}
	}
}

// The gradient of v^T A x by x is A^T v, whose own gradient by v, from u on, is A u.
func TestTheSparseProductIsDifferentiableTwice(t *testing.T) {
	for _, libtorch := range []bool{false, true} {
		err := in(newThread(t), func(s *torch.Scope) error {
			a := torch.Own(s, torch.NewAdjacency(3, []int64{0, 0, 1, 1, 2, 2}, []float32{2, 3, 5}))
			if libtorch {
				a.UseLibtorch()
			}
			x := torch.RequireGrad(s.Float32s([]float32{1, 10, 100}, 3, 1))
			v := torch.RequireGrad(s.Float32s([]float32{1, 1, 1}, 3, 1))
			const gradient = "    v: List[Optional[Tensor]] = [z]\n" +
				"    g = torch.autograd.grad([x], [y], v, create_graph=True)[0]\n" +
				"    assert g is not None\n" +
				"    return g\n"
			g := script(s, gradient, s.Matmul(a, x), x, v)
			if got := torch.ReadFloat32s(g); !slices.Equal(got, []float32{5, 5, 0}) {
				t.Errorf("A^T v is %v", got)
			}
			torch.BackwardFrom(g, s.Float32s([]float32{1, 10, 100}, 3, 1))
			if got := torch.ReadFloat32s(s.Grad(v)); !slices.Equal(got, []float32{0, 2, 53}) {
				t.Errorf("A u is %v", got)
			}
			return nil
		})
		if err != nil {
			t.Errorf("by libtorch's product %v: %v", libtorch, err)
		}
	}
}
