package nn

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() {
	for _, heads := range []int{1, 4} {
		for _, shared := range []bool{false, true} {
			layerParity = append(layerParity, layerCase{
				Name:   fmt.Sprintf("GATv2Conv, %d heads, shared weights %v", heads, shared),
				Class:  "GATv2Conv",
				Kwargs: map[string]any{"heads": heads, "edge_dim": 1, "share_weights": shared},
				Edge:   "edge_attr", Sizes: [][2]int{{5, 16}, {16, 3}}, tolerance: 1e-5,
				build: func(i *Init, in, out int) Conv { return NewGATv2Conv(i, in, out, heads, shared) },
				form:  selfLooped.Of,
			})
		}
	}
	modelParity = append(modelParity, modelCase{
		Type: "gatv2", Class: "GAT", Edge: "edge_attr", Kwargs: map[string]any{"v2": true, "heads": 4, "edge_dim": 1}, late: 1e-3,
	})
}

// attention is a batch of random snapshots, and what a layer computes on it.
type attention struct {
	graphs                 []*Graph
	x                      []float32
	nodes, channels, heads int
	output, gradX          []float32
	gradParameters         [][]float32
	dropout                float64
}

func (a *attention) run(seed int64) error {
	s := torch.NewScope()
	defer s.Close()
	torch.ManualSeed(seed)
	conv := NewGATv2Conv(&Init{owner: s, device: torch.CPU}, 6, a.channels, a.heads, false)
	conv.Dropout = a.dropout
	x := torch.RequireGrad(s.Float32s(a.x, int64(a.nodes), 6))
	b := NewBatch(x, a.graphs, torch.CPU)
	defer b.Close()
	out := conv.Forward(s, x, b, true)
	a.output = torch.ReadFloat32s(out)
	torch.BackwardFrom(out, s.Uniform(-1, 1, out.Shape()...))
	a.gradX, a.gradParameters = torch.ReadFloat32s(s.Grad(x)), nil
	for _, p := range conv.Parameters() {
		a.gradParameters = append(a.gradParameters, torch.ReadFloat32s(s.Grad(p.Tensor)))
	}
	return nil
}

func newAttention(snapshots int, dropout float64) *attention {
	a := &attention{channels: 8, heads: 4, dropout: dropout}
	for range snapshots {
		o := sample(50, 6)
		a.x = append(a.x, o.Sample.X...)
		a.nodes += 50
		a.graphs = append(a.graphs, NewGraph(50, nil, func() Edges { return NewEdges(50, o.Sample.EdgeIndex, o.Sample.EdgeWeight) }))
	}
	return a
}

func (a *attention) close() {
	for _, g := range a.graphs {
		g.Close()
	}
}

func TestAttentionHasTheSameBitsWithAnyNumberOfThreads(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0)) // libtorch is given as many threads
	var first *attention
	for _, n := range []int{1, 2, 3, 8} {
		runtime.GOMAXPROCS(n)
		a := newAttention(8, 0.3)
		err := onThread(t, func() error {
			defer a.close()
			if got := torch.Threads(); got != n && os.Getenv("OMP_NUM_THREADS") == "" {
				t.Errorf("%d threads, want %d", got, n)
			}
			return a.run(1)
		})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = a
		}
		if !slices.Equal(a.output, first.output) || !slices.Equal(a.gradX, first.gradX) {
			t.Errorf("%d threads give other bits than one", n)
		}
		for i, g := range a.gradParameters {
			if !slices.Equal(g, first.gradParameters[i]) {
				t.Errorf("%d threads give another gradient of parameter %d than one", n, i)
			}
		}
	}
}

func TestAttentionDropsCoefficientsInTrainingOnly(t *testing.T) {
	err := onThread(t, func() error {
		const times = 400
		plain := newAttention(1, 0)
		defer plain.close()
		if err := plain.run(1); err != nil {
			return err
		}
		s := torch.NewScope()
		defer s.Close()
		torch.ManualSeed(1)
		conv := NewGATv2Conv(&Init{owner: s, device: torch.CPU}, 6, plain.channels, plain.heads, false)
		conv.Dropout = 0.4
		b := NewBatch(s.Float32s(plain.x, int64(plain.nodes), 6), plain.graphs, torch.CPU)
		defer b.Close()
		if !slices.Equal(torch.ReadFloat32s(conv.Forward(s, b.X, b, false)), plain.output) {
			t.Error("it drops some in evaluation too")
		}
		mean := make([]float64, len(plain.output))
		differ := false
		for range times {
			for i, v := range torch.ReadFloat32s(conv.Forward(s, b.X, b, true)) {
				mean[i] += float64(v) / times
				differ = differ || v != plain.output[i]
			}
		}
		if !differ {
			t.Error("it drops none")
		}
		worst, largest := 0.0, 0.0
		for i, v := range plain.output {
			worst, largest = max(worst, math.Abs(mean[i]-float64(v))), max(largest, math.Abs(float64(v)))
		}
		if worst > 0.2*largest {
			t.Errorf("the mean of %d passes is off by %.3g, where the largest value is %.3g", times, worst, largest)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A gradient through dropout is that of the coefficients that were kept: a small
// step along it changes the output as it says.
func TestTheGradientThroughDroppedCoefficientsIsTheDifferenceQuotient(t *testing.T) {
	err := onThread(t, func() error {
		at := func(x []float32) (value float64, grad []float32) {
			s := torch.NewScope()
			defer s.Close()
			torch.ManualSeed(3)
			a := newAttention(1, 0.5)
			defer a.close()
			conv := NewGATv2Conv(&Init{owner: s, device: torch.CPU}, 6, a.channels, a.heads, false)
			conv.Dropout = 0.5
			leaf := torch.RequireGrad(s.Float32s(x, 50, 6))
			b := NewBatch(leaf, a.graphs, torch.CPU)
			defer b.Close()
			out := conv.Forward(s, leaf, b, true)
			upstream := s.Uniform(-1, 1, out.Shape()...)
			torch.BackwardFrom(out, upstream)
			up, values := torch.ReadFloat32s(upstream), torch.ReadFloat32s(out)
			for i := range up {
				value += float64(up[i]) * float64(values[i])
			}
			return value, torch.ReadFloat32s(s.Grad(leaf))
		}
		x := sample(50, 6).Sample.X
		for i := range x {
			x[i] /= 10
		}
		_, grad := at(x)
		const step = 1e-2
		for _, i := range []int{0, 7, 100, 299} {
			up, down := slices.Clone(x), slices.Clone(x)
			up[i] += step
			down[i] -= step
			high, _ := at(up)
			low, _ := at(down)
			if got, want := float64(grad[i]), (high-low)/(2*step); math.Abs(got-want) > 0.02*max(1, math.Abs(want)) {
				t.Errorf("the gradient of x[%d] is %.4f, the quotient %.4f", i, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAttentionOverTensorsThatDoNotFitIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		offsets         []int
		nodes, channels int64
	}{
		"blocks that end early":    {[]int{0, 2}, 3, 4},
		"blocks that do not rise":  {[]int{0, 3, 2, 3}, 3, 4},
		"no blocks":                {[]int{0}, 3, 4},
		"features of other nodes":  {[]int{0, 3}, 4, 4},
		"features of other widths": {[]int{0, 3}, 3, 5},
	} {
		err := onThread(t, func() error {
			s := torch.NewScope()
			defer s.Close()
			a := torch.NewAdjacency(3, []int64{0, 1, 2, 0, 1, 2}, nil)
			defer a.Close()
			x := s.Uniform(-1, 1, c.nodes, c.channels)
			s.GATv2(a, c.offsets, x, x, s.Uniform(-1, 1, 2, 2), s.Uniform(-1, 1, 4, 1), 0.2, 0)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "GATv2") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestHeadsThatDoNotDivideHiddenAreRejected(t *testing.T) {
	_, err := New(torch.CPU, Config{Type: "gatv2", Features: 7, Hidden: 10, Heads: 4, Layers: 1, Outputs: 3})
	if err == nil || !strings.Contains(err.Error(), "HIDDEN=10 is no multiple of HEADS=4") {
		t.Errorf("got %v", err)
	}
}
