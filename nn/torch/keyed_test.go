package torch_test

import (
	"math"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/torch/torchtest"
)

// What dropout of either sign keeps is what it keeps behind a ReLU, and gradients
// pass where values did.
func TestKeyedDropoutKeepsWhatItsDrawsSay(t *testing.T) {
	thread := newThread(t)
	device := torchtest.Device(t, thread)
	err := thread.Do(func() error {
		s := torch.NewScope()
		defer s.Close()
		const n, p = 10_007, 0.25
		values, ones := make([]float32, n), slices.Repeat([]float32{1}, n)
		for i := range values {
			values[i] = float32(i%7) - 3.5
		}
		d := torch.Draw{Seed: 9, Step: s.To(s.Int64s([]int64{4}, 1), device), Layer: 2}
		mask := torch.ReadFloat32s(s.ReluDropout(s.To(s.Float32s(ones, n), device), p, d))
		x := torch.RequireGrad(s.To(s.Float32s(values, n), device))
		out := s.KeyedDropout(x, p, d)
		upstream := make([]float32, n)
		for i := range upstream {
			upstream[i] = float32(i % 5)
		}
		torch.Fill(d.Step, 5) // the next step may be counted before the backward pass
		torch.BackwardFrom(out, s.To(s.Float32s(upstream, n), device))
		got, gradient, kept := torch.ReadFloat32s(out), torch.ReadFloat32s(s.Grad(x)), 0
		for i, m := range mask {
			if math.Abs(float64(got[i]-values[i]*m)) > 1e-6 || math.Abs(float64(gradient[i]-upstream[i]*m)) > 1e-6 {
				t.Fatalf("value %d is %v with the gradient %v, want %v and %v", i, got[i], gradient[i], values[i]*m, upstream[i]*m)
			}
			if m > 0 {
				kept++
			}
		}
		if share := float64(kept) / n; math.Abs(share-(1-p)) > 0.02 {
			t.Errorf("%.3f of the values are kept, want %v", share, 1-p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
