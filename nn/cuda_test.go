package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/torch/torchtest"
)

// market is T random graphs of as many nodes, and their features.
type market struct {
	nodes, features int
	graphs          []*Graph
	x               []float32
}

func newMarket(snapshots, nodes, features, degree int) market {
	random := rand.New(rand.NewPCG(7, 8))
	m := market{nodes: nodes, features: features}
	for range snapshots {
		var sources, targets []int64
		var weight []float32
		for target := range nodes {
			for range random.IntN(degree + 1) {
				sources, targets = append(sources, int64(random.IntN(nodes))), append(targets, int64(target))
				weight = append(weight, random.Float32())
			}
		}
		m.graphs = append(m.graphs, NewGraph(nodes, nil, func() Edges { return NewEdges(nodes, append(slices.Clone(sources), targets...), weight) }))
	}
	for range snapshots * nodes * features {
		m.x = append(m.x, float32(random.NormFloat64()))
	}
	return m
}

func (m market) close() {
	for _, g := range m.graphs {
		g.Close()
	}
}

// pass is a forward and a backward pass over snapshots, from weights of one seed.
func (m market) pass(t *testing.T, c Config, d torch.Device, snapshots []int64, resident bool) (outputs []float32, gradients map[string][]float32) {
	s := torch.NewScope()
	defer s.Close()
	torch.ManualSeed(5)
	model := newModelOn(t, d, c)
	defer model.Close()
	x := s.To(s.Float32s(m.x, int64(len(m.graphs)), int64(m.nodes), int64(m.features)), d)
	var b *Batch
	if resident {
		for _, g := range m.graphs {
			model.Prepare(g)
		}
		all := NewResident(m.graphs, d)
		if all == nil {
			t.Errorf("%s has no resident form", c.Type)
			return nil, nil
		}
		defer all.Close()
		index := s.To(s.Int64s(snapshots, int64(len(snapshots))), d)
		b = all.Batch(s.TakeAt(x, index), index, len(snapshots))
	} else {
		var graphs []*Graph
		for _, t := range snapshots {
			graphs = append(graphs, m.graphs[t])
		}
		b = NewBatch(s.Take(x, snapshots), graphs, d)
	}
	defer b.Close()
	b.Draws = Draws{Seed: 9, Step: s.To(s.Int64s([]int64{3}, 1), d)}
	out := model.Forward(s, b, true)
	y := make([]int64, b.NumNodes())
	for i := range y {
		y[i] = int64(i%4) - 1
		if y[i] < 0 {
			y[i] = -100
		}
	}
	torch.Backward(s.CrossEntropy(out, s.To(s.Int64s(y, int64(len(y))), d), torch.Tensor{}))
	gradients = map[string][]float32{}
	for _, p := range model.Parameters() {
		gradients[p.Name] = torch.ReadFloat32s(s.Grad(p.Tensor))
	}
	return torch.ReadFloat32s(out), gradients
}

func apart(a, b []float32) float64 {
	worst, largest := 0.0, 1e-3
	for i := range a {
		worst, largest = max(worst, math.Abs(float64(a[i]-b[i]))), max(largest, math.Abs(float64(b[i])))
	}
	return worst / largest
}

func TestEachModelOnCUDAHasTheOutputsAndGradientsOfTheCPU(t *testing.T) {
	thread := newThread(t)
	cuda := torchtest.CUDA(t, thread)
	for _, size := range []struct{ nodes, features, hidden int }{{20, 14, 64}, {7, 3, 8}, {33, 130, 256}, {1, 5, 4}} {
		for _, kind := range []string{"gcn", "sage", "gatv2"} {
			err := thread.Do(func() error {
				m := newMarket(6, size.nodes, size.features, 5)
				defer m.close()
				c := Config{Type: kind, Features: size.features, Hidden: size.hidden, Layers: 2, Heads: 4, Outputs: 3, Dropout: 0.3}
				if kind == "gatv2" {
					c.Dropout = 0 // its coefficients draw from the device's own generator
				}
				snapshots := []int64{4, 0, 5, 5, 2}
				want, wantGradients := m.pass(t, c, torch.CPU, snapshots, false)
				for _, resident := range []bool{false, true} {
					if resident && kind == "gatv2" {
						continue
					}
					got, gradients := m.pass(t, c, cuda, snapshots, resident)
					if d := apart(got, want); !(d < 1e-5) {
						t.Errorf("%s of %+v, resident %v: outputs are apart by %.2g of the largest", kind, size, resident, d)
					}
					for name, g := range gradients {
						if d := apart(g, wantGradients[name]); !(d < 3e-5) {
							t.Errorf("%s of %+v, resident %v: gradients of %s are apart by %.2g of the largest", kind, size, resident, name, d)
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
