package nn

import (
	"fmt"
	"math"

	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
)

// ExportTolerance is how far an exported logit may be from the eager one,
// relative to the largest eager logit (at least 1): the sums run in another
// order, nothing else may differ.
const ExportTolerance = 1e-5

// ExportOptions is what goes into model.pt beside the weights.
type ExportOptions struct {
	Mean, Std []float32 // [F], so that the model takes raw features
	Metadata  []byte    // metadata.json, carried as an extra file
	Sample    pyg.Data  // a graph that both models are compared on
}

const modelScript = `
def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor] = None) -> Tensor:
    x = (x - self.feature_mean) / self.feature_std
    return self.gcn.forward(x, edge_index, edge_weight)
`

// Export gives model.pt, which torch.jit.load reads: forward(x, edge_index,
// edge_weight = None) on raw x [N, F] gives logits [N, classes]. The file is
// loaded back and compared with the eager model on the sample; a difference is
// an error.
func (m *GCN) Export(o ExportOptions) ([]byte, error) {
	if len(o.Mean) != m.Config.Features || len(o.Std) != m.Config.Features {
		return nil, fmt.Errorf("exporting a model of %d features with %d means and %d deviations", m.Config.Features, len(o.Mean), len(o.Std))
	}
	s := torch.NewScope()
	defer s.Close()
	net := m.script()
	defer net.Close()
	model := torch.NewModule("MarketGNN")
	defer model.Close()
	mean := s.Float32s(o.Mean, int64(len(o.Mean)))
	std := s.Float32s(o.Std, int64(len(o.Std)))
	model.Buffer("feature_mean", mean)
	model.Buffer("feature_std", std)
	model.Child("gcn", net)
	model.Define(modelScript)
	file := model.Save("metadata.json", o.Metadata)
	return file, m.compare(file, o)
}

// compare runs the file and the eager model on the sample.
func (m *GCN) compare(file []byte, o ExportOptions) error {
	g := o.Sample
	if err := g.Validate(); err != nil {
		return fmt.Errorf("checking the exported model: %w", err)
	}
	s := torch.NewScope()
	defer s.Close()
	loaded := torch.LoadModule(file)
	defer loaded.Close()
	edges := int64(g.NumEdges())
	var weight Tensor
	if g.EdgeWeight != nil {
		weight = s.Float32s(g.EdgeWeight, edges)
	}
	shape := []int64{int64(g.NumNodes), int64(g.NumFeatures)}
	got := torch.ReadFloat32s(s.Forward(loaded, s.Float32s(g.X, shape...), s.Int64s(g.EdgeIndex, 2, edges), weight))

	adjacency := m.Adjacency(g.NumNodes, g.EdgeIndex, g.EdgeWeight)
	defer adjacency.Close()
	onDevice := torch.CatAdjacency([]*torch.Adjacency{adjacency}, m.device)
	defer onDevice.Close()
	var want []float32
	torch.NoGrad(func() {
		x := s.To(s.Float32s(Normalise(g.X, o.Mean, o.Std), shape...), m.device)
		want = torch.ReadFloat32s(m.Forward(s, x, onDevice, false))
	})
	largest := 1.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= ExportTolerance*largest) {
			return fmt.Errorf("the exported model gives %g for node %d and class %d where the trained one gives %g", got[i], i/m.Config.Classes, i%m.Config.Classes, want[i])
		}
	}
	return nil
}

// Normalise is (x - mean) / std by feature, for x [N, F] row-major.
func Normalise(x, mean, std []float32) []float32 {
	scaled := make([]float32, len(x))
	for i, v := range x {
		f := i % len(mean)
		scaled[i] = (v - mean[f]) / std[f]
	}
	return scaled
}

// StateDict is weights.pt: the parameters by PyG's names and in its order,
// which torch.load opens with its defaults and PyG's GCN loads strictly.
func (m *GCN) StateDict() *pyg.Dict {
	state := &pyg.Dict{}
	for _, p := range m.Parameters() {
		state.Set(p.Name, pyg.NewTensor(torch.ReadFloat32s(p.Tensor), p.Shape...))
	}
	return state
}
