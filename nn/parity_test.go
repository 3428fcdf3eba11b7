package nn

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/torch/torchtest"
)

// A layer's test file appends what its layer is compared with.
var (
	layerParity []layerCase
	modelParity []modelCase
)

// layerCase is a layer and the class of torch_geometric.nn that it must equal.
type layerCase struct {
	Name   string         `json:"name"`
	Class  string         `json:"class"`
	Kwargs map[string]any `json:"kwargs"`
	Edge   string         `json:"edge"`  // the argument that takes edge_weight; "": none
	Sizes  [][2]int       `json:"sizes"` // in and out, as the class takes them

	tolerance float64 // of a tensor's largest magnitude
	build     func(i *Init, in, out int) Conv
	form      func(*Batch) *torch.Adjacency // nil: the layer has one kernel
}

// modelCase is a MODEL_TYPE and the class of torch_geometric.nn.models that
// weights.pt loads into.
type modelCase struct {
	Type   string         `json:"type"`
	Class  string         `json:"class"`
	Kwargs map[string]any `json:"kwargs"`
	Edge   string         `json:"edge"`
	Jump   any            `json:"jk"`     // jk of BasicGNN: nil is "last", none is None
	Layers int            `json:"layers"` // 0: 2

	// FirstLayer has its parameters alone decay.
	FirstLayer bool `json:"first_layer"`
	// Once: it is trained by Adam without weight decay alone.
	Once bool `json:"once"`

	change func(*Config) // of the network; nil: none
	// steps is how many are as PyG's to 1e-5; 0: ten.
	steps int
	// late, where set, is how far a loss may be from PyG's after ten steps, in
	// place of 1e-5: Adam makes a whole step of a first gradient however small, so
	// a unit that comes to life a step earlier by rounding shows. PyG itself with
	// its edges in another order comes to 3e-5 by step 20.
	late float64
}

type layerResult struct {
	Layer      int
	Name       string
	Parts      []int // nodes of each snapshot
	In, Out    int
	X          []float32
	EdgeIndex  []int64   `json:"edge_index"`
	EdgeWeight []float32 `json:"edge_weight"`
	Upstream   []float32
	Parameters map[string][]float32
	Output     []float32
	GradX      []float32 `json:"grad_x"`
	Grads      map[string][]float32
}

type trainingResult struct {
	Model                            int
	Type, Name                       string
	Nodes, Features, Hidden, Classes int
	Layers                           int
	Decoupled                        bool
	WeightDecay                      float64 `json:"weight_decay"`
	Clip                             float64
	X                                []float32
	Y                                []int64
	EdgeIndex                        []int64   `json:"edge_index"`
	EdgeWeight                       []float32 `json:"edge_weight"`
	Names                            []string
	Start                            map[string][]float32
	Losses                           []float64
}

type parity struct {
	Layers    []layerResult
	Trainings []trainingResult
}

// pygResults runs PyTorch Geometric itself, in this very test run, once.
func pygResults(t *testing.T) parity {
	t.Helper()
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
	return p
}

var runPyG = func() func(string) (parity, error) {
	var once sync.Once
	var p parity
	var err error
	return func(python string) (parity, error) {
		once.Do(func() {
			asked, failed := json.Marshal(map[string]any{"layers": layerParity, "models": modelParity})
			cmd := exec.Command(python, "testdata/parity.py")
			cmd.Stdin, cmd.Stderr = bytes.NewReader(asked), os.Stderr
			text, ran := cmd.Output()
			if err = errors.Join(failed, ran); err == nil {
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
		if leaked := torch.LiveHandles() - before; leaked != 0 {
			t.Errorf("%d native handles are leaked", leaked)
		}
	})
	return thread
}

// near fails unless got is want to a tolerance of want's largest magnitude.
func near(t *testing.T, what string, tolerance float64, got, want []float32) {
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
	if largest < 1e-6 { // nothing but rounding, where inputs are about 1
		largest = 1e-6 / tolerance
	}
	const lastPlaces = 0x1p-22 // two of a sum of inputs that are about 1, most of which may cancel
	if worst > max(tolerance*largest, lastPlaces) {
		t.Errorf("%s is off by %.3g, where PyG's largest value is %.3g", what, worst, largest)
	}
}

func TestEachLayerAndItsGradientsAreThoseOfPyG(t *testing.T) {
	results := pygResults(t).Layers
	thread := newThread(t)
	device := torchtest.Device(t, thread)
	for _, r := range results {
		layer := layerParity[r.Layer]
		for _, kernel := range []string{"ours", "libtorch's"} {
			if kernel != "ours" && (device != torch.CPU || layer.form == nil) {
				continue // ours is the only one
			}
			t.Run(layer.Name+", "+r.Name+", "+kernel, func(t *testing.T) {
				err := thread.Do(func() error {
					s := torch.NewScope()
					defer s.Close()
					b, free := batchOf(s, r, device)
					defer free()
					if kernel == "libtorch's" {
						layer.form(b).UseLibtorch()
					}
					conv := layer.build(&Init{owner: s, device: device}, r.In, r.Out)
					setParameters(t, s, conv.Parameters(), r.Parameters)
					out := conv.Forward(s, b.X, b, true)
					near(t, "the output", layer.tolerance, torch.ReadFloat32s(out), r.Output)
					torch.BackwardFrom(out, s.To(s.Float32s(r.Upstream, out.Shape()...), device))
					near(t, "the gradient of x", layer.tolerance, torch.ReadFloat32s(s.Grad(b.X)), r.GradX)
					for _, p := range conv.Parameters() {
						near(t, "the gradient of "+p.Name, layer.tolerance, torch.ReadFloat32s(s.Grad(p.Tensor)), r.Grads[p.Name])
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// batchOf is the batch of a case's snapshots, and what frees it.
func batchOf(s *Scope, r layerResult, d torch.Device) (*Batch, func()) {
	var graphs []*Graph
	first, edges := 0, len(r.EdgeIndex)/2
	for _, nodes := range r.Parts {
		var sources, targets []int64
		var weight []float32
		for k := range edges {
			target := int(r.EdgeIndex[edges+k]) - first
			if target < 0 || target >= nodes {
				continue
			}
			sources, targets = append(sources, r.EdgeIndex[k]-int64(first)), append(targets, int64(target))
			if r.EdgeWeight != nil {
				weight = append(weight, r.EdgeWeight[k])
			}
		}
		mask := Present(r.X[first*r.In:(first+nodes)*r.In], nil, nodes, r.In)
		graphs = append(graphs, NewGraph(nodes, mask, func() Edges { return NewEdges(nodes, append(sources, targets...), weight) }))
		first += nodes
	}
	b := NewBatch(torch.RequireGrad(s.To(s.Float32s(r.X, int64(first), int64(r.In)), d)), graphs, d)
	return b, func() {
		b.Close()
		for _, g := range graphs {
			g.Close()
		}
	}
}

// setParameters copies PyG's weights, whose names must be ours.
func setParameters(t *testing.T, s *Scope, parameters []Parameter, values map[string][]float32) {
	t.Helper()
	if len(parameters) != len(values) {
		t.Errorf("%d parameters, PyG has %d", len(parameters), len(values))
	}
	for _, p := range parameters {
		if values[p.Name] == nil {
			t.Fatalf("PyG has no parameter %s", p.Name)
		}
		torch.Copy(p.Tensor, s.Float32s(values[p.Name], dims(p.Shape)...))
	}
}

func TestTwentyStepsFromTheSameWeightsGiveTheLossesOfPyG(t *testing.T) {
	results := pygResults(t).Trainings
	thread := newThread(t)
	device := torchtest.Device(t, thread)
	compared := map[string]bool{}
	for _, c := range results {
		compared[c.Type] = true
		t.Run(c.Name, func(t *testing.T) {
			err := thread.Do(func() error {
				s := torch.NewScope()
				defer s.Close()
				asked := modelParity[c.Model]
				shape := Config{Type: c.Type, Features: c.Features, Hidden: c.Hidden, Layers: c.Layers, Heads: 4, Outputs: c.Classes, Alpha: 0.1, Theta: 0.5}
				if asked.change != nil {
					asked.change(&shape)
				}
				m := newModelOn(t, device, shape)
				defer m.Close()
				var parameters []torch.Tensor
				var names []string
				for _, p := range m.Parameters() {
					parameters, names = append(parameters, p.Tensor), append(names, p.Name)
				}
				if !slices.Equal(names, c.Names) {
					t.Errorf("our parameters are %v, PyG's %v", names, c.Names)
				}
				setParameters(t, s, m.Parameters(), c.Start)
				adam := torch.NewAdam(parameters, torch.AdamConfig{LearningRate: 1e-2, WeightDecay: c.WeightDecay, Decoupled: c.Decoupled})
				defer adam.Close()
				for i, name := range names {
					if asked.FirstLayer && !InFirstLayer(name) {
						adam.SetWeightDecay(i, 0)
					}
				}
				g := NewGraph(c.Nodes, nil, func() Edges { return NewEdges(c.Nodes, c.EdgeIndex, c.EdgeWeight) })
				defer g.Close()
				b := NewBatch(s.To(s.Float32s(c.X, int64(c.Nodes), int64(c.Features)), device), []*Graph{g}, device)
				defer b.Close()
				y := s.To(s.Int64s(c.Y, int64(c.Nodes)), device)
				for i, want := range c.Losses {
					loss := s.CrossEntropy(m.Forward(s, b, true), y, torch.Tensor{})
					if got := torch.Item(loss); math.Abs(got-want) > 1e-5 && (i < cmp.Or(asked.steps, 10) || math.Abs(got-want) > asked.late) {
						t.Errorf("the loss of step %d is %.8f, PyG's is %.8f", i, got, want)
					}
					torch.Backward(loss)
					adam.Step(loss, c.Clip)
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
	for _, name := range catalog.Types() {
		if !compared[name] && !slices.ContainsFunc(encodedCases, func(c encodedCase) bool { return c.Type == name }) {
			t.Errorf("MODEL_TYPE=%s is compared with no model of PyG", name)
		}
	}
}
