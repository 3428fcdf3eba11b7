package nn

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Export compares model.pt, as TorchScript runs it, with the ensemble itself.
func TestAnEnsembleIsExportedAsOneModel(t *testing.T) {
	for name, c := range map[string]Config{
		"of logits":        {Type: "gcn", Outputs: 6, Classes: 3},
		"of values":        {Type: "sage", Outputs: 2},
		"of centred value": {Type: "gcn", Outputs: 2, Centred: true},
	} {
		t.Run(name, func(t *testing.T) {
			err := onThread(t, func() error {
				c.Features, c.Hidden, c.Layers, c.Members = 4, 8, 2, 3
				m, err := NewSeeded(torch.CPU, c, 1)
				if err != nil {
					return err
				}
				defer m.Close()
				var numbers int
				for i, p := range m.Parameters() {
					if i == 0 && !strings.HasPrefix(p.Name, "members.0.") {
						t.Errorf("the first parameter is %s", p.Name)
					}
					size := 1
					for _, d := range p.Shape {
						size *= d
					}
					numbers += size
				}
				if want := c.Parameters(); numbers != want {
					t.Errorf("it has %d numbers, and the catalogue says %d", numbers, want)
				}
				o := sample(9, 4)
				o.Horizons = 2
				_, err = Export(m, o)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAnEnsemblesOutputsAreTheLogOfTheMeanProbability(t *testing.T) {
	err := onThread(t, func() error {
		c := Config{Type: "gcn", Features: 3, Hidden: 4, Layers: 1, Outputs: 3, Classes: 3, Members: 2}
		m, err := NewSeeded(torch.CPU, c, 7)
		if err != nil {
			return err
		}
		defer m.Close()
		s := torch.NewScope()
		defer s.Close()
		g := NewGraph(2, nil, nil)
		defer g.Close()
		b := NewBatch(s.Float32s([]float32{1, 2, 3, -3, 0, 40}, 2, 3), []*Graph{g}, torch.CPU)
		defer b.Close()
		sum := make([]float64, 6)
		for i, member := range Members(m) {
			single, err := NewSeeded(torch.CPU, Config{Type: "gcn", Features: 3, Hidden: 4, Layers: 1, Outputs: 3}, 7+int64(i))
			if err != nil {
				return err
			}
			own := torch.ReadFloat32s(single.Forward(s, b, false))
			single.Close()
			if !slices.Equal(own, torch.ReadFloat32s(member.Forward(s, b, false))) {
				t.Errorf("member %d is not the model of its seed", i)
			}
			for k, p := range torch.ReadFloat32s(s.Softmax(s.Float32s(own, 2, 3))) {
				sum[k] += float64(p) / 2
			}
		}
		for k, got := range torch.ReadFloat32s(m.Forward(s, b, false)) {
			if math.Abs(math.Exp(float64(got))-sum[k]) > 1e-6 {
				t.Errorf("output %d is %v, want the log of %v", k, got, sum[k])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
