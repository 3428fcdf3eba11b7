package nn

import (
	"maps"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Each option of a stack is compared with BasicGNN's, of each kind of layer.
func init() {
	classes := map[string]modelCase{
		"gcn":   {Class: "GCN", Edge: "edge_weight"},
		"gatv2": {Class: "GAT", Edge: "edge_attr", Kwargs: map[string]any{"v2": true, "heads": 4, "edge_dim": 1}},
		"sage":  {Class: "GraphSAGE"},
	}
	norm := map[string]any{"norm": "LayerNorm", "norm_kwargs": map[string]any{"mode": "node"}}
	for _, name := range []string{"gcn", "gatv2", "sage"} {
		for _, option := range []struct {
			jump   any
			layers int
			kwargs map[string]any
			change func(*Config)
		}{
			{kwargs: norm, change: func(c *Config) { c.Norm = catalog.NormLayer }},
			{jump: "cat", layers: 3, change: func(c *Config) { c.Jump = catalog.JumpCat }},
			{jump: "max", layers: 3, kwargs: norm, change: func(c *Config) { c.Jump, c.Norm = catalog.JumpMax, catalog.NormLayer }},
			{jump: "none", change: func(c *Config) { c.Headless = true }},
			{jump: "none", layers: 3, kwargs: norm, change: func(c *Config) { c.Headless, c.Norm = true, catalog.NormLayer }},
			{jump: "cat", change: func(c *Config) { c.Headless, c.Jump = true, catalog.JumpCat }},
		} {
			m := classes[name]
			m.Type, m.Jump, m.Layers, m.change = name, option.jump, option.layers, option.change
			m.Once, m.steps, m.late = true, 1, 0.03
			m.Kwargs = maps.Clone(m.Kwargs)
			if m.Kwargs == nil {
				m.Kwargs = map[string]any{}
			}
			maps.Copy(m.Kwargs, option.kwargs)
			modelParity = append(modelParity, m)
		}
	}
	modelParity = append(modelParity, modelCase{
		Type: "gcn", Class: "ResidualGCN", Edge: "edge_weight", Layers: 4, Kwargs: norm, Once: true, steps: 4, late: 0.03,
		change: func(c *Config) { c.Residual, c.Norm = true, catalog.NormLayer },
	}, modelCase{
		Type: "gcn", Class: "GCN", Edge: "edge_weight", Jump: "none", FirstLayer: true, late: 1e-4,
		change: func(c *Config) { c.Headless = true },
	})
}

func TestThePartsOfAStackAreTheOnesThatItsOptionsAskFor(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"the defaults": {func(*Config) {}, []string{"convs.0.bias", "convs.0.lin.weight", "convs.1.bias", "convs.1.lin.weight", "lin.weight", "lin.bias"}},
		"headless": {func(c *Config) { c.Headless, c.Norm = true, catalog.NormLayer }, []string{
			"convs.0.bias", "convs.0.lin.weight", "convs.1.bias", "convs.1.lin.weight", "norms.0.weight", "norms.0.bias",
		}},
		"a head of all layers stays": {func(c *Config) { c.Headless, c.Jump = true, catalog.JumpMax }, []string{
			"convs.0.bias", "convs.0.lin.weight", "convs.1.bias", "convs.1.lin.weight", "lin.weight", "lin.bias",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			err := onThread(t, func() error {
				shape := Config{Type: "gcn", Features: 5, Hidden: 8, Layers: 2, Outputs: 3}
				c.change(&shape)
				m := newModel(t, shape)
				defer m.Close()
				var names []string
				values := 0
				for _, p := range m.Parameters() {
					names = append(names, p.Name)
					values += len(torch.ReadFloat32s(p.Tensor))
				}
				if !slices.Equal(names, c.want) {
					t.Errorf("got %v, want %v", names, c.want)
				}
				if values != shape.Parameters() {
					t.Errorf("it has %d values, and the catalog says %d", values, shape.Parameters())
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Each option, of each kind of layer, as the export's comparison has it.
func TestEachOptionOfAStackIsExported(t *testing.T) {
	for _, m := range modelParity {
		if m.change == nil {
			continue
		}
		shape := Config{Type: m.Type, Features: 7, Hidden: 16, Layers: max(m.Layers, 2), Heads: 4, Outputs: 3, Dropout: 0.5}
		m.change(&shape)
		err := onThread(t, func() error {
			model := newModel(t, shape)
			defer model.Close()
			n := 0
			for _, p := range model.Parameters() {
				n += len(torch.ReadFloat32s(p.Tensor))
			}
			if n != shape.Parameters() {
				t.Errorf("%+v has %d parameters, and the catalog says %d", shape, n, shape.Parameters())
			}
			_, err := Export(model, sample(30, 7))
			return err
		})
		if err != nil {
			t.Errorf("%+v: %v", shape, err)
		}
	}
}

func TestWeightDecayIsForTheFirstLayerWhereItIsAskedTo(t *testing.T) {
	for name, want := range map[string]bool{
		"convs.0.bias": true, "convs.0.lin.weight": true, "lins.0.weight": true, "members.3.convs.0.bias": true,
		"convs.1.bias": false, "convs.0.weight1": false, "lin.weight": false, "norms.0.weight": false, "members.0.lin.bias": false,
	} {
		if InFirstLayer(name) != want {
			t.Errorf("%s: got %v", name, !want)
		}
	}
}

// A node without features, as masked ones are, takes no part in attention, in the
// file as in the model.
func TestAMaskedNodeChangesNothingForTheOthers(t *testing.T) {
	err := onThread(t, func() error {
		m := newModel(t, Config{Type: "attention", Features: 7, Hidden: 16, Layers: 2, Heads: 4, Outputs: 3})
		defer m.Close()
		o := sample(30, 7)
		few := o
		few.Sample.NumNodes, few.Sample.X = 20, o.Sample.X[:20*7]
		few.Sample.EdgeIndex, few.Sample.EdgeWeight = nil, nil
		masked := o
		masked.Sample.X = append(slices.Clone(few.Sample.X), make([]float32, 10*7)...)
		outputs := func(o ExportOptions) []float32 {
			file, err := Export(m, o)
			if err != nil {
				t.Fatal(err)
			}
			s := torch.NewScope()
			defer s.Close()
			loaded := torch.LoadModule(file)
			defer loaded.Close()
			n := int64(o.Sample.NumNodes)
			return torch.ReadFloat32s(s.Forward(loaded, s.Float32s(o.Sample.X, n, 7), s.Int64s(nil, 2, 0), Tensor{}))
		}
		near(t, "the others' output", 1e-6, outputs(masked)[:20*3], outputs(few))
		if slices.Equal(outputs(o)[:20*3], outputs(few)) {
			t.Error("present nodes make no difference: this shows nothing")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
