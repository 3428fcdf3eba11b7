package torch_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/torch/torchtest"
)

func TestDropoutOnCUDADropsTheValuesThatItDropsOnTheCPU(t *testing.T) {
	thread := newThread(t)
	cuda := torchtest.CUDA(t, thread)
	err := in(thread, func(s *torch.Scope) error {
		for _, n := range []int64{1, 7, 8, 9, 4096, 100_003} {
			x := s.Uniform(-1, 1, n)
			y := map[torch.Device][]float32{}
			for _, d := range []torch.Device{torch.CPU, cuda} {
				draw := torch.Draw{Seed: -3, Step: s.To(s.Int64s([]int64{1 << 40}, 1), d), Layer: 2}
				y[d] = torch.ReadFloat32s(s.ReluDropout(s.To(x, d), 0.4, draw))
			}
			if !slices.Equal(y[torch.CPU], y[cuda]) {
				t.Errorf("%d values are not the same", n)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Some hundred steps, parameters of many sizes, more of them than one launch takes.
func TestAdamOnCUDAFollowsTheCPU(t *testing.T) {
	thread := newThread(t)
	cuda := torchtest.CUDA(t, thread)
	for name, c := range map[string]torch.AdamConfig{
		"Adam with L2": {LearningRate: 0.01, WeightDecay: 0.1},
		"AdamW":        {LearningRate: 0.01, WeightDecay: 0.1, Decoupled: true},
	} {
		err := in(thread, func(s *torch.Scope) error {
			random := rand.New(rand.NewPCG(1, 2))
			parameters := map[torch.Device][]torch.Tensor{}
			var sizes []int64
			for i := range 101 {
				n := int64(1 + random.IntN(3000))
				if i == 50 {
					n = 50_000
				}
				sizes = append(sizes, n)
				x := s.Uniform(-1, 1, n)
				for _, d := range []torch.Device{torch.CPU, cuda} {
					parameters[d] = append(parameters[d], torch.RequireGrad(s.Clone(s.To(x, d))))
				}
			}
			adam := map[torch.Device]*torch.Adam{}
			for d, p := range parameters {
				adam[d] = torch.Own(s, torch.NewAdam(p, c))
			}
			for step := range 30 {
				inner := torch.NewScope()
				results := map[torch.Device]torch.StepResult{}
				gradients := make([]torch.Tensor, len(sizes))
				for i, n := range sizes {
					gradients[i] = inner.Uniform(-1, 1, n)
				}
				loss := float32(step)
				if step == 17 {
					loss = float32(math.Inf(1)) // updates nothing on either
				}
				for d, all := range parameters {
					for i, p := range all {
						torch.BackwardFrom(p, inner.To(gradients[i], d))
					}
					results[d] = adam[d].Step(inner.To(inner.Float32s([]float32{loss}, 1), d), 0.5)
				}
				a, b := results[torch.CPU], results[cuda]
				if a.Loss != b.Loss || math.Abs(a.GradNorm-b.GradNorm) > 1e-4*a.GradNorm {
					t.Errorf("%s, step %d: %+v on the CPU and %+v on CUDA", name, step, a, b)
				}
				inner.Close()
			}
			for i := range sizes {
				a, b := torch.ReadFloat32s(parameters[torch.CPU][i]), torch.ReadFloat32s(parameters[cuda][i])
				for k := range a {
					if math.Abs(float64(a[k]-b[k])) > 2e-5 {
						t.Fatalf("%s: parameter %d has %v on the CPU and %v on CUDA", name, i, a[k], b[k])
					}
				}
				if n := torch.Item(adam[cuda].State(s, i).Step); n != 29 {
					t.Fatalf("%s: parameter %d has taken %v steps, want 29", name, i, n)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAReplayedCaptureDoesAsTheFirstPass(t *testing.T) {
	thread := newThread(t)
	cuda := torchtest.CUDA(t, thread)
	err := in(thread, func(s *torch.Scope) error {
		x := s.To(s.Float32s([]float32{0, 1, 2, 3, 4, 5, 6, 7}, 4, 2), cuda)
		order, place := s.To(s.Int64s([]int64{3, 1, 0, 2}, 4), cuda), s.To(s.Int64s([]int64{0}, 1), cuda)
		step := s.To(s.Int64s([]int64{0}, 1), cuda)
		index := s.To(s.Int64s([]int64{0, 0}, 2), cuda)
		sum := s.Clone(s.To(s.Float32s(make([]float32, 4), 2, 2), cuda))
		inner := func() {
			q := torch.NewScope()
			defer q.Close()
			torch.NextBatch(order, place, 2, index)
			torch.Copy(sum, q.Add(sum, q.Reshape(q.TakeAt(q.Reshape(x, 4, 1, 2), index), 2, 2)))
			torch.Advance(place, step)
		}
		inner() // rows 3 and 1, before anything is captured
		c := torch.Own(s, torch.NewCapture(cuda, inner))
		torch.Fill(place, 0)
		for range 2 {
			c.Replay() // rows 3 and 1, then 0 and 2
		}
		if got := torch.ReadFloat32s(sum); !slices.Equal(got, []float32{6 + 6 + 0, 7 + 7 + 1, 2 + 2 + 4, 3 + 3 + 5}) {
			t.Errorf("the sums are %v", got)
		}
		for i := range 100 { // more than are queued at once
			if i%2 == 0 {
				torch.Fill(place, 0)
			}
			c.Replay()
		}
		if got := torch.Item(step); got != 103 {
			t.Errorf("%v steps, want 103", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
