package nn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/torch/torchtest"
)

// encodedCase is a network with an encoder, as testdata/encoded.py makes it too.
type encodedCase struct {
	Type      string `json:"type"`
	Encoder   string `json:"encoder"`
	Window    int    `json:"window"`
	Features  int    `json:"features"`
	Hidden    int    `json:"hidden"`
	Layers    int    `json:"layers"`
	Outputs   int    `json:"outputs"`
	Nodes     int    `json:"nodes"`
	Seed      int    `json:"seed"`
	Embedding int    `json:"embedding"`
}

func (c encodedCase) config() Config {
	return Config{Type: c.Type, Features: c.Features, Hidden: c.Hidden, Layers: c.Layers, Heads: 1, Outputs: c.Outputs, Encoder: c.Encoder, Window: c.Window, NodeEmbedding: c.Embedding, Nodes: c.Nodes}
}

var encodedCases = []encodedCase{
	{"peer", "tcn", 27, 5, 8, 1, 3, 7, 1, 0},
	{"peer", "tcn", 9, 5, 8, 2, 1, 6, 2, 0},
	{"peer", "tcn", 27, 5, 32, 1, 3, 7, 8, 0}, // 16 channels and multiples are one pass
	{"peer", "tcn", 9, 5, 48, 2, 3, 9, 9, 0},
	{"peer", "none", 0, 5, 16, 2, 3, 7, 10, 0},
	{"peer", "gru", 6, 5, 8, 1, 2, 7, 3, 0},
	{"peer", "mlp", 4, 5, 8, 1, 2, 7, 4, 0},
	{"peer", "none", 0, 5, 8, 2, 3, 7, 5, 0},
	{"gcn", "tcn", 9, 5, 8, 2, 3, 7, 6, 0},
	{"sage", "gru", 5, 5, 8, 1, 3, 7, 7, 0},
	{"peer", "mixer", 6, 5, 8, 1, 2, 7, 8, 0},
	{"gcn", "mixer", 27, 5, 8, 1, 3, 7, 9, 0},
	{"peer", "tcn", 9, 5, 8, 1, 3, 7, 10, 4},
	{"sage", "mixer", 4, 5, 8, 1, 2, 7, 11, 2},
	{"peer", "none", 0, 5, 8, 1, 2, 7, 12, 3},
	{"gcn", "none", 0, 5, 8, 2, 3, 7, 13, 3},
}

type encodedResult struct {
	X          []float32
	EdgeIndex  []int64   `json:"edge_index"`
	EdgeWeight []float32 `json:"edge_weight"`
	Output     []float32
	Upstream   []float32
	GradX      []float32 `json:"grad_x"`
	Parameters map[string][]float32
	Grads      map[string][]float32
}

func TestNetworksWithEncodersAndTheirGradientsAreThoseOfPyTorch(t *testing.T) {
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "../.venv/bin/python"
	}
	if _, err := exec.LookPath(python); err != nil {
		t.Skipf("no Python with PyTorch to compare with (make setup): %v", err)
	}
	asked, err := json.Marshal(encodedCases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "testdata/encoded.py")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(asked), os.Stderr
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var results []encodedResult
	if err := json.Unmarshal(text, &results); err != nil {
		t.Fatal(err)
	}
	thread := newThread(t)
	device := torchtest.Device(t, thread)
	for i, r := range results {
		c := encodedCases[i]
		t.Run(fmt.Sprintf("%s after %s of %d bars", c.Type, c.Encoder, c.Window), func(t *testing.T) {
			err := thread.Do(func() error {
				s := torch.NewScope()
				defer s.Close()
				m := newModelOn(t, device, c.config())
				defer m.Close()
				setParameters(t, s, m.Parameters(), r.Parameters)
				g := NewGraph(c.Nodes, nil, func() Edges { return NewEdges(c.Nodes, r.EdgeIndex, r.EdgeWeight) })
				defer g.Close()
				shape := []int64{int64(c.Nodes), int64(c.Features)}
				if c.Window > 0 {
					shape = []int64{int64(c.Nodes), int64(c.Window), int64(c.Features)}
				}
				x := torch.RequireGrad(s.To(s.Float32s(r.X, shape...), device))
				b := NewBatch(x, []*Graph{g}, device)
				if c.Window > 0 {
					b = NewWindowed(&Windows{Runs: b, Width: c.Window, Places: []Place{{}}}, []*Graph{g}, device)
				}
				defer b.Close()
				out := m.Forward(s, b, true)
				near(t, "the output", 1e-5, torch.ReadFloat32s(out), r.Output)
				torch.BackwardFrom(out, s.To(s.Float32s(r.Upstream, out.Shape()...), device))
				near(t, "the gradient of x", 1e-5, torch.ReadFloat32s(s.Grad(x)), r.GradX)
				for _, p := range m.Parameters() {
					near(t, "the gradient of "+p.Name, 2e-5, torch.ReadFloat32s(s.Grad(p.Tensor)), r.Grads[p.Name])
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestEveryEncoderHasAsManyParametersAsTheCatalogSays(t *testing.T) {
	err := onThread(t, func() error {
		for _, name := range catalog.Encoders() {
			m := newModel(t, encodedCase{Type: "peer", Encoder: name, Window: 9, Features: 5, Hidden: 8, Layers: 2, Outputs: 3, Nodes: 6, Embedding: 2}.config())
			defer m.Close()
			n := 0
			for _, p := range m.Parameters() {
				n += len(torch.ReadFloat32s(p.Tensor))
			}
			if want := m.Config().Parameters(); n != want {
				t.Errorf("%s has %d parameters, and the catalog says %d", name, n, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Runs share what windows overlap in: each snapshot gets what it gets alone.
func TestARunGivesEachSnapshotWhatItsWindowAloneGives(t *testing.T) {
	err := onThread(t, func() error {
		s := torch.NewScope()
		defer s.Close()
		const nodes, length, window = 4, 6, 9
		random := rand.New(rand.NewPCG(1, 2))
		bars := length + window - 1
		x := make([]float32, nodes*bars*5) // [N, bars, F]
		for i := range x {
			x[i] = float32(random.NormFloat64())
		}
		graph := NewGraph(nodes, nil, func() Edges { return NewEdges(nodes, []int64{0, 1, 2, 3, 1, 0, 1, 2}, []float32{0.5, -1, 2, 1}) })
		defer graph.Close()
		for _, c := range []encodedCase{{Type: "peer", Encoder: "tcn"}, {Type: "peer", Encoder: "gru"}, {Type: "peer", Encoder: "mlp"}, {Type: "peer", Encoder: "mixer"}, {Type: "gatv2", Encoder: "tcn"}} {
			c.Features, c.Hidden, c.Layers, c.Outputs, c.Window = 5, 8, 1, 2, window
			m := newModel(t, c.config())
			defer m.Close()
			var places []Place
			var graphs []*Graph
			for k := length - 1; k >= 0; k-- { // in another order than the bars'
				places, graphs = append(places, Place{Bar: k}), append(graphs, graph)
			}
			run := NewBatch(s.Float32s(x, nodes, int64(bars), 5), []*Graph{graph}, torch.CPU)
			b := NewWindowed(&Windows{Runs: run, Width: window, Places: places}, graphs, torch.CPU)
			got := torch.ReadFloat32s(m.Forward(s, b, false))
			b.Close()
			var want []float32
			for k := length - 1; k >= 0; k-- {
				var alone []float32
				for i := range nodes {
					alone = append(alone, x[(i*bars+k)*5:(i*bars+k+window)*5]...)
				}
				run := NewBatch(s.Float32s(alone, nodes, window, 5), []*Graph{graph}, torch.CPU)
				b := NewWindowed(&Windows{Runs: run, Width: window, Places: []Place{{}}}, []*Graph{graph}, torch.CPU)
				want = append(want, torch.ReadFloat32s(m.Forward(s, b, false))...)
				b.Close()
			}
			near(t, c.Type+" with "+c.Encoder, 1e-6, got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWindowedModelsAreExported(t *testing.T) {
	err := onThread(t, func() error {
		for _, c := range []encodedCase{{Type: "peer", Encoder: "tcn", Window: 9}, {Type: "gcn", Encoder: "gru", Window: 5}, {Type: "sage", Encoder: "mlp", Window: 3}, {Type: "none", Encoder: "mixer", Window: 4, Embedding: 3}, {Type: "gcn", Encoder: "none", Embedding: 2}, {Type: "peer", Encoder: "none"}} {
			for _, centred := range []bool{false, true} {
				o := sample(20, 5)
				o.Sample.NodeMask = make([]bool, 20)
				o.Sample.Window = c.Window
				bars := max(c.Window, 1)
				o.Sample.X = make([]float32, 20*bars*5)
				random := rand.New(rand.NewPCG(3, 4))
				for i := range 20 {
					o.Sample.NodeMask[i] = i%4 != 0
					for k := range bars * 5 {
						if o.Sample.NodeMask[i] || k < (bars-1)*5 { // masked now, and not before
							o.Sample.X[i*bars*5+k] = float32(random.NormFloat64())
						}
					}
				}
				o.Scaler = data.Scaler{Mean: []float32{0.1, 0.2, 0.3, 0.4, 0.5}, Std: []float32{1, 2, 1, 0.5, 1}}
				c.Features, c.Hidden, c.Layers, c.Outputs, c.Nodes = 5, 8, 1, 2, 20
				config := c.config()
				config.Centred = centred
				m := newModel(t, config)
				o.Horizons = 2
				if _, err := Export(m, o); err != nil {
					t.Errorf("%s with %s: %v", c.Type, c.Encoder, err)
				}
				m.Close()
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAModelThatKnowsItsNodesTakesNoOthers(t *testing.T) {
	err := onThread(t, func() error {
		for _, modelType := range []string{"gcn", "attention"} {
			m, err := New(torch.CPU, Config{Type: modelType, Features: 5, Hidden: 8, Layers: 2, Heads: 2, Outputs: 3, NodeEmbedding: 3, Nodes: 20, Members: 2, Classes: 3})
			if err != nil {
				return err
			}
			defer m.Close()
			if first := m.Parameters()[0]; first.Name != "members.0.node_embedding.weight" || !slices.Equal(first.Shape, []int{20, 3}) {
				t.Errorf("the first parameter is %s %v", first.Name, first.Shape)
			}
			file, err := Export(m, sample(20, 5))
			if err != nil {
				return err
			}
			loaded := torch.LoadModule(file)
			defer loaded.Close()
			const want = "the model knows the 20 symbols that it was trained on, by NODE_EMBEDDING, and x has 19 nodes"
			func() {
				defer func() {
					if e := fmt.Sprint(recover()); !strings.Contains(e, want) {
						t.Errorf("%s takes 19 nodes: %s", modelType, e)
					}
				}()
				s := torch.NewScope()
				defer s.Close()
				s.Forward(loaded, s.Float32s(make([]float32, 19*5), 19, 5), s.Int64s([]int64{0, 1}, 2, 1), Tensor{})
			}()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
