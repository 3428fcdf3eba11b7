package nn

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

type convCase struct {
	Name       string
	Nodes      int
	In, Out    int
	X          []float32
	EdgeIndex  []int64   `json:"edge_index"`
	EdgeWeight []float32 `json:"edge_weight"`
	Weight     []float32
	Bias       []float32
	Upstream   []float32
	Output     []float32
	GradX      []float32 `json:"grad_x"`
	GradWeight []float32 `json:"grad_weight"`
	GradBias   []float32 `json:"grad_bias"`
}

type trainingCase struct {
	Name                             string
	Nodes, Features, Hidden, Classes int
	Layers                           int
	Decoupled                        bool
	WeightDecay                      float64 `json:"weight_decay"`
	Clip                             float64
	X                                []float32
	Y                                []int64
	EdgeIndex                        []int64   `json:"edge_index"`
	EdgeWeight                       []float32 `json:"edge_weight"`
	Start, End                       map[string][]float32
	Losses                           []float64
}

type parity struct {
	Convs     []convCase
	Trainings []trainingCase
}

// pygSays runs PyTorch Geometric itself, in this very test run, once.
func pygSays(t *testing.T) parity {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts Python")
	}
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "../.venv/bin/python"
	}
	if _, err := exec.LookPath(python); err != nil {
		t.Skipf("no Python with PyG to compare with (make setup): %v", err)
	}
	p, err := runPyG(python)
	if err != nil {
		t.Fatalf("running PyG: %v", err)
	}
	if len(p.Convs) == 0 || len(p.Trainings) == 0 {
		t.Fatal("PyG gave nothing to compare with")
	}
	return p
}

var runPyG = func() func(string) (parity, error) {
	var once sync.Once
	var p parity
	var err error
	return func(python string) (parity, error) {
		once.Do(func() {
			cmd := exec.Command(python, "testdata/parity.py")
			cmd.Stderr = os.Stderr
			var text []byte
			if text, err = cmd.Output(); err == nil {
				err = json.Unmarshal(text, &p)
			}
		})
		return p, err
	}
}()

func newThread(t *testing.T) *torch.Thread {
	t.Helper()
	before := torch.LiveHandles()
	thread, err := torch.NewThread()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		thread.Close()
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("%d native handles are left", left)
		}
	})
	return thread
}

// near fails unless got is want to 1e-6 of want's largest magnitude.
func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d values, PyG's %d", what, len(got), len(want))
	}
	largest, worst := 0.0, 0.0
	for i := range want {
		largest = max(largest, math.Abs(float64(want[i])))
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		worst = max(worst, d)
	}
	if worst > 1e-6*largest {
		t.Errorf("%s is off by %.3g, where PyG's largest value is %.3g", what, worst, largest)
	}
}

func TestGCNConvAndItsGradientsAreThoseOfPyG(t *testing.T) {
	says := pygSays(t)
	thread := newThread(t)
	for _, c := range says.Convs {
		for _, kernel := range []string{"our product", "libtorch's product"} {
			t.Run(c.Name+", "+kernel, func(t *testing.T) {
				err := thread.Do(func() error {
					s := torch.NewScope()
					defer s.Close()
					conv := &GCNConv{
						In: c.In, Out: c.Out,
						Weight: torch.RequireGrad(s.Float32s(c.Weight, int64(c.Out), int64(c.In))),
						Bias:   torch.RequireGrad(s.Float32s(c.Bias, int64(c.Out))),
					}
					x := torch.RequireGrad(s.Float32s(c.X, int64(c.Nodes), int64(c.In)))
					b, closeBatch := oneGraph(x, c.Nodes, c.EdgeIndex, c.EdgeWeight)
					defer closeBatch()
					if kernel == "libtorch's product" {
						gcnAdjacency.Of(b).UseLibtorch()
					}
					out := conv.Forward(s, x, b, true)
					near(t, "the output", torch.ReadFloat32s(out), c.Output)
					torch.BackwardFrom(out, s.Float32s(c.Upstream, int64(c.Nodes), int64(c.Out)))
					near(t, "the gradient of x", torch.ReadFloat32s(s.Grad(x)), c.GradX)
					near(t, "the gradient of the weight", torch.ReadFloat32s(s.Grad(conv.Weight)), c.GradWeight)
					near(t, "the gradient of the bias", torch.ReadFloat32s(s.Grad(conv.Bias)), c.GradBias)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func TestTwentyStepsFromTheSameWeightsGiveTheLossesOfPyG(t *testing.T) {
	says := pygSays(t)
	thread := newThread(t)
	for _, c := range says.Trainings {
		t.Run(c.Name, func(t *testing.T) {
			err := thread.Do(func() error {
				s := torch.NewScope()
				defer s.Close()
				m := newModel(t, Config{Type: "gcn", Features: c.Features, Hidden: c.Hidden, Layers: c.Layers, Outputs: c.Classes})
				defer m.Close()
				var parameters []torch.Tensor
				var names []string
				for _, p := range m.Parameters() {
					torch.Copy(p.Tensor, s.Float32s(c.Start[p.Name], dims(p.Shape)...))
					parameters = append(parameters, p.Tensor)
					names = append(names, p.Name)
				}
				if len(names) != len(c.Start) {
					t.Errorf("our parameters are %v, PyG has %d", names, len(c.Start))
				}
				adam := torch.NewAdam(parameters, torch.AdamConfig{LearningRate: 1e-2, WeightDecay: c.WeightDecay, Decoupled: c.Decoupled})
				defer adam.Close()
				b, closeBatch := oneGraph(s.Float32s(c.X, int64(c.Nodes), int64(c.Features)), c.Nodes, c.EdgeIndex, c.EdgeWeight)
				defer closeBatch()
				y := s.Int64s(c.Y, int64(c.Nodes))
				for i, want := range c.Losses {
					loss := s.CrossEntropy(m.Forward(s, b, true), y, torch.Tensor{})
					if got := torch.Item(loss); math.Abs(got-want) > 1e-5 {
						t.Errorf("the loss of step %d is %.8f, PyG's is %.8f", i, got, want)
					}
					torch.Backward(loss)
					adam.Step(torch.Tensor{}, c.Clip)
				}
				if c.Losses[19] >= c.Losses[0] {
					t.Error("PyG itself did not learn: the case compares nothing")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// oneGraph is a batch of one graph, and what frees it.
func oneGraph(x Tensor, nodes int, edgeIndex []int64, edgeWeight []float32) (*Batch, func()) {
	g := NewGraph(nodes, nil, func() Edges { return NewEdges(nodes, edgeIndex, edgeWeight) })
	b := NewBatch(x, []*Graph{g}, torch.CPU)
	return b, func() { b.Close(); g.Close() }
}
