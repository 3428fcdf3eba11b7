package torch_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/torch/torchtest"
)

// draws makes parameters that ask for gradients.
type draws struct {
	s      *torch.Scope
	device torch.Device
	r      *rand.Rand
	made   []torch.Tensor
}

func (d *draws) normal(shape ...int64) torch.Tensor {
	n := int64(1)
	for _, v := range shape {
		n *= v
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(d.r.NormFloat64()) / 2
	}
	t := torch.RequireGrad(d.s.To(d.s.Float32s(values, shape...), d.device))
	d.made = append(d.made, t)
	return t
}

// passes are the output of a network and the gradients of all that it was made of.
func passes(t *testing.T, network func(s *torch.Scope, d *draws) torch.Tensor) [][]float32 {
	t.Helper()
	var all [][]float32
	thread := newThread(t)
	device := torchtest.Device(t, thread)
	err := thread.Do(func() error {
		s := torch.NewScope()
		defer s.Close()
		d := &draws{s: s, device: device, r: rand.New(rand.NewPCG(1, 2))}
		out := network(s, d)
		all = append(all, torch.ReadFloat32s(out))
		upstream := make([]float32, len(all[0]))
		for i := range upstream {
			upstream[i] = float32(math.Sin(float64(i)))
		}
		torch.BackwardFrom(out, s.To(s.Float32s(upstream, out.Shape()...), device))
		for _, p := range d.made {
			all = append(all, torch.ReadFloat32s(s.Grad(p)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameNumbers(t *testing.T, got, want [][]float32) {
	t.Helper()
	for k := range want {
		largest := float64(1)
		for _, v := range want[k] {
			largest = max(largest, math.Abs(float64(v)))
		}
		for i, v := range want[k] {
			if math.Abs(float64(got[k][i]-v)) > 1e-5*largest {
				t.Fatalf("value %d of tensor %d is %v, want %v", i, k, got[k][i], v)
			}
		}
	}
}

// A block in one pass is the operations that it is made of, dropout's draws included.
func TestABlockOfConvolutionsIsWhatItIsMadeOf(t *testing.T) {
	for _, c := range []int64{12, 16, 48} { // 12 is composed
		for _, p := range []float64{0, 0.3} {
			t.Run(fmt.Sprintf("%d channels, dropout %v", c, p), func(t *testing.T) {
				const runs, bars, dilation = 70, 11, 3 // more runs than shards
				draw := func(s *torch.Scope, d *draws) torch.Draw {
					return torch.Draw{Seed: 9, Step: s.To(s.Int64s([]int64{4}, 1), d.device), Layer: 2}
				}
				got := passes(t, func(s *torch.Scope, d *draws) torch.Tensor {
					step := draw(s, d)
					out := s.ConvBlock(d.normal(runs, bars, c), d.normal(c), d.normal(c), d.normal(c, c, 3), d.normal(c), dilation, p, step)
					torch.Fill(step.Step, 5) // the next step may be counted before the backward pass
					return out
				})
				want := passes(t, func(s *torch.Scope, d *draws) torch.Tensor {
					x := d.normal(runs, bars, c)
					h := s.GELU(s.CausalConv(s.LayerNorm(x, d.normal(c), d.normal(c)), d.normal(c, c, 3), d.normal(c), dilation))
					if p > 0 {
						h = s.KeyedDropout(h, p, draw(s, d))
					}
					return s.Add(s.Narrow(x, 1, 2*dilation, bars-2*dilation), h)
				})
				sameNumbers(t, got, want)
			})
		}
	}
}

// So is a layer of peers, over graphs of several sizes, one of them without an edge.
func TestALayerOfPeersIsWhatItIsMadeOf(t *testing.T) {
	offsets := []int{0, 5, 5, 8, 75}
	const nodes = 75
	r := rand.New(rand.NewPCG(3, 4))
	var source, target []int64
	var weight []float32
	for g := range len(offsets) - 1 {
		for k := 0; g != 2 && k < 3*(offsets[g+1]-offsets[g]); k++ {
			source = append(source, int64(offsets[g]+r.IntN(offsets[g+1]-offsets[g])))
			target = append(target, int64(offsets[g]+r.IntN(offsets[g+1]-offsets[g])))
			weight = append(weight, float32(r.NormFloat64()))
		}
	}
	for _, bars := range []int64{0, 1, 13} {
		for _, c := range []int64{12, 16, 48} {
			t.Run(fmt.Sprintf("%d bars, %d channels", bars, c), func(t *testing.T) {
				shape := []int64{nodes, bars, c}
				if bars == 0 {
					shape = []int64{nodes, c}
				}
				made := func(s *torch.Scope, d *draws) (torch.Tensor, []torch.Tensor, *torch.Adjacency) {
					x := d.normal(shape...)
					p := []torch.Tensor{
						d.normal(c), d.normal(c), d.normal(c, c), d.normal(c), d.normal(c, c), d.normal(c), d.normal(c, c), d.normal(c),
					}
					a := torch.Own(s, torch.NewAdjacency(nodes, slices.Concat(source, target), weight))
					return x, p, torch.Own(s, torch.CatAdjacency([]*torch.Adjacency{a}, d.device))
				}
				got := passes(t, func(s *torch.Scope, d *draws) torch.Tensor {
					x, p, a := made(s, d)
					return s.PeerLayer(a, offsets, x, p)
				})
				want := passes(t, func(s *torch.Scope, d *draws) torch.Tensor {
					x, p, a := made(s, d)
					v := s.LayerNorm(x, p[0], p[1])
					own := s.Linear(v, p[4], p[5])
					explained := s.Reshape(s.Matmul(a, s.Reshape(own, nodes, -1)), shape...)
					hidden := s.Add(s.Linear(v, p[2], p[3]), s.Sub(own, explained))
					return s.Add(x, s.Linear(s.GELU(hidden), p[6], p[7]))
				})
				sameNumbers(t, got, want)
			})
		}
	}
}

// A linear map of few channels is its formula, and so are its gradients, whatever the widths.
func TestALinearMapOfFewChannelsIsItsFormula(t *testing.T) {
	for _, c := range []struct{ rows, in, out int64 }{{1, 1, 1}, {9, 1, 5}, {9, 5, 1}, {7, 16, 16}, {200, 35, 32}, {9000, 32, 3}, {97, 5, 48}} {
		for _, biased := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v, a bias: %v", c, biased), func(t *testing.T) {
				got := passes(t, func(s *torch.Scope, d *draws) torch.Tensor {
					x, w, b := d.normal(c.rows, c.in), d.normal(c.out, c.in), torch.Tensor{}
					if biased {
						b = d.normal(c.out)
					}
					return s.Linear(x, w, b)
				})
				var made [][]float32 // what went in
				passes(t, func(s *torch.Scope, d *draws) torch.Tensor {
					made = append(made, torch.ReadFloat32s(d.normal(c.rows, c.in)), torch.ReadFloat32s(d.normal(c.out, c.in)))
					b := d.normal(c.out)
					made = append(made, torch.ReadFloat32s(b))
					return s.Linear(d.made[0], d.made[1], b)
				})
				want := byHand(int(c.rows), int(c.in), int(c.out), made, biased)
				sameNumbers(t, got, want)
			})
		}
	}
}

// An optimiser takes a gradient with one channel on a side: its strides are those of
// the weight.
func TestAMapOfOneChannelLearns(t *testing.T) {
	for _, shape := range [][]int64{{1, 5}, {5, 1}, {1, 1}} {
		thread := newThread(t)
		device := torchtest.Device(t, thread)
		err := thread.Do(func() error {
			s := torch.NewScope()
			defer s.Close()
			d := &draws{s: s, device: device, r: rand.New(rand.NewPCG(1, 2))}
			x, w := d.normal(9, shape[1]), d.normal(shape...)
			before := torch.ReadFloat32s(w)
			adam := torch.NewAdam([]torch.Tensor{w}, torch.AdamConfig{LearningRate: 0.1})
			defer adam.Close()
			l := s.CrossEntropy(s.Concatenate([]torch.Tensor{s.Linear(x, w, torch.Tensor{}), x}), s.To(s.Int64s(make([]int64, 9), 9), device), torch.Tensor{})
			torch.Backward(l)
			adam.Step(l, 0)
			if slices.Equal(before, torch.ReadFloat32s(w)) {
				t.Errorf("a weight %v stays as it was", shape)
			}
			return nil
		})
		if err != nil {
			t.Errorf("a weight %v: %v", shape, err)
		}
	}
}

// byHand is x W^T + b and the gradients that passes asks for.
func byHand(rows, in, out int, made [][]float32, biased bool) [][]float32 {
	x, w := made[0], made[1]
	y, gx, gw, gb := make([]float64, rows*out), make([]float64, rows*in), make([]float64, out*in), make([]float64, out)
	for i := range rows {
		for o := range out {
			if biased {
				y[i*out+o] = float64(made[2][o])
			}
			g := math.Sin(float64(i*out + o))
			gb[o] += g
			for k := range in {
				y[i*out+o] += float64(x[i*in+k]) * float64(w[o*in+k])
				gx[i*in+k] += g * float64(w[o*in+k])
				gw[o*in+k] += g * float64(x[i*in+k])
			}
		}
	}
	all := [][]float64{y, gx, gw}
	if biased {
		all = append(all, gb)
	}
	var singles [][]float32
	for _, v := range all {
		single := make([]float32, len(v))
		for i := range v {
			single[i] = float32(v[i])
		}
		singles = append(singles, single)
	}
	return singles
}
