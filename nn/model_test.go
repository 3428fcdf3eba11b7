package nn

import (
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

func TestEveryModelOfTheCatalogIsBuiltWithAsManyParametersAsItSays(t *testing.T) {
	ofEachType(t, func(t *testing.T, c Config) {
		c.Layers, c.Hidden = 3, 12
		err := onThread(t, func() error {
			m := newModel(t, c)
			defer m.Close()
			n := 0
			for _, p := range m.Parameters() {
				size := 1
				for _, d := range p.Shape {
					size *= d
				}
				n += size
				if got := int64(len(torch.ReadFloat32s(p.Tensor))); got != int64(size) {
					t.Errorf("%s has shape %v and %d values", p.Name, p.Shape, got)
				}
			}
			if n != c.Parameters() {
				t.Errorf("it has %d parameters, and the catalog says %d", n, c.Parameters())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestEveryTaskOfTheCatalogIsRegistered(t *testing.T) {
	for _, name := range catalog.Tasks() {
		if _, err := NewTask(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := NewTask("weather"); err == nil || !strings.Contains(err.Error(), "set direction") {
		t.Errorf("got %v", err)
	}
}

func TestAConstructorThatFailsHalfwayLeaksNothing(t *testing.T) {
	err := onThread(t, func() error {
		build := constructors["gcn"]
		defer func() { constructors["gcn"] = build }()
		constructors["gcn"] = func(i *Init, _ Config) Network {
			i.Uniform(1, 3, 3)
			i.Uniform(1, -3)
			return nil
		}
		_, err := New(torch.CPU, Config{Type: "gcn", Features: 7, Hidden: 4, Layers: 1, Outputs: 3})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "drawing weights") {
		t.Errorf("got %v", err)
	}
}

func TestAScriptThatDoesNotCompileLeaksNothing(t *testing.T) {
	err := onThread(t, func() error {
		s := torch.NewScope()
		defer s.Close()
		scriptModule("Broken", "\ndef forward(self, x):\n", []Parameter{{"lin.weight", []int{1}, s.Float32s([]float32{1}, 1)}})
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "compiling TorchScript") {
		t.Errorf("got %v", err)
	}
}

func TestAnUnknownModelIsRejectedWithTheKnownOnes(t *testing.T) {
	_, err := New(torch.CPU, Config{Type: "gat", Features: 7, Hidden: 4, Layers: 1, Outputs: 3})
	if err == nil || !strings.Contains(err.Error(), `MODEL_TYPE is "gat": set `+catalog.OneOf(catalog.Types())) {
		t.Errorf("got %v", err)
	}
}
