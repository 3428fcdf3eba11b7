package nn

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/pyg"
)

// ExportTolerance is how far an exported output may be from the trained
// model's, relative to the largest of those (at least 1): the sums run in another
// order, nothing else may differ.
const ExportTolerance = 1e-5

// ExportOptions is what goes into model.pt beside the weights.
type ExportOptions struct {
	Device   torch.Device // of the model
	Horizons int          // H; the model's Outputs are H times as many as the task's
	Scaler   data.Scaler  // of F features, so that the model takes raw ones
	Metadata []byte       // metadata.json, carried as an extra file
	Sample   pyg.Data     // a graph that both models are compared on
	Isolated bool         // the model was trained without edges: the file takes them and ignores them
}

// presenceReader is a network whose Script takes, after edge_weight, which nodes are
// present [N] bool. The file has no mask: present are the nodes with a raw feature
// that is not 0, since masked ones have none.
type presenceReader interface{ readsPresence() bool }

func readsPresence(m Model) bool {
	one, ok := Members(m)[0].(*model)
	if !ok {
		return false
	}
	r, ok := one.Network.(presenceReader)
	return ok && r.readsPresence()
}

// Present are the nodes of x [N, F], or of the newest bar of x [N, W, F], that have a
// raw feature that is not 0, of those that mask has; nil: all.
func Present(x []float32, mask []bool, nodes, features int) []bool {
	present := make([]bool, nodes)
	stride := len(x) / max(nodes, 1)
	for i := range present {
		newest := x[(i+1)*stride-features : (i+1)*stride]
		some := slices.ContainsFunc(newest, func(v float32) bool { return v != 0 })
		present[i] = some && (mask == nil || mask[i])
	}
	return present
}

const modelScript = `
def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor] = None) -> Tensor:%s
    x = (x - self.feature_mean) / self.feature_std
    y = self.net.forward(x, %s)%s
    return y
`

const clipScript = `
    x = torch.minimum(torch.maximum(x, self.feature_low), self.feature_high)`

// A masked node's raw features are 0, and no present node's all are: that is how
// model.pt, which takes no mask, knows whose outputs have a mean of 0.
const presentScript = `
    newest = x if x.dim() == 2 else x[:, -1]
    present = (newest != 0).any(1).to(x.dtype).unsqueeze(1)`

const centreScript = `
    y = y - (y * present).sum(0, keepdim=True) / present.sum().clamp(min=1.0)`

// Export gives model.pt, which torch.jit.load reads: forward(x, edge_index,
// edge_weight = None) on raw x [N, F], or [N, W, F] with an encoder, gives [N,
// outputs], and [N, H, outputs] with several horizons; of a task with one output a
// horizon it gives [N, H]. The file is loaded back and compared with the trained
// model on the sample; a difference is an error.
func Export(m Model, o ExportOptions) ([]byte, error) {
	c := m.Config()
	if len(o.Scaler.Mean) != c.Features || len(o.Scaler.Std) != c.Features {
		return nil, fmt.Errorf("exporting a model of %d features with %d means and %d deviations", c.Features, len(o.Scaler.Mean), len(o.Scaler.Std))
	}
	if low, high := len(o.Scaler.Low), len(o.Scaler.High); low != high || low != 0 && low != c.Features {
		return nil, fmt.Errorf("exporting a model of %d features with %d lower and %d upper limits", c.Features, low, high)
	}
	if o.Horizons < 1 || c.Outputs%o.Horizons != 0 {
		return nil, fmt.Errorf("exporting a model of %d outputs for %d horizons", c.Outputs, o.Horizons)
	}
	s := torch.NewScope()
	defer s.Close()
	before, after, inputs := "", "", ""
	if readsPresence(m) {
		inputs = ", present"
	}
	if o.Scaler.Low != nil {
		before = clipScript
	}
	exported := script("MarketGNN", func(module *torch.Module) {
		if o.Scaler.Low != nil {
			module.Buffer("feature_low", s.Float32s(o.Scaler.Low, int64(c.Features)))
			module.Buffer("feature_high", s.Float32s(o.Scaler.High, int64(c.Features)))
		}
		module.Buffer("feature_mean", s.Float32s(o.Scaler.Mean, int64(c.Features)))
		module.Buffer("feature_std", s.Float32s(o.Scaler.Std, int64(c.Features)))
		child(module, "net", m.Script())
		edges := "edge_index, edge_weight"
		if o.Isolated {
			edges = "edge_index[:, :0], None"
		}
		edges += inputs
		if c.Centred || inputs != "" {
			before = presentScript + before
		}
		if c.Centred {
			after = centreScript
		}
		if outputs := c.Outputs / o.Horizons; o.Horizons > 1 && outputs > 1 {
			after += fmt.Sprintf("\n    y = y.view(x.size(0), %d, %d)", o.Horizons, outputs)
		}
		module.Define(fmt.Sprintf(modelScript, before, edges, after))
	})
	defer exported.Close()
	file := exported.Save("metadata.json", o.Metadata)
	return file, compare(m, file, o)
}

// compare runs the file and the trained model on the sample.
func compare(m Model, file []byte, o ExportOptions) error {
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
	if g.Window > 0 {
		shape = []int64{int64(g.NumNodes), int64(g.Window), int64(g.NumFeatures)}
	}
	got := torch.ReadFloat32s(s.Forward(loaded, s.Float32s(g.X, shape...), s.Int64s(g.EdgeIndex, 2, edges), weight))

	trained := func() Edges { return NewEdges(g.NumNodes, g.EdgeIndex, g.EdgeWeight) }
	if o.Isolated {
		trained = nil
	}
	graph := NewGraph(g.NumNodes, Present(g.X, g.NodeMask, g.NumNodes, g.NumFeatures), trained)
	defer graph.Close()
	x := s.To(s.Float32s(o.Scaler.Scale(g.X), shape...), o.Device)
	batch := NewBatch(x, []*Graph{graph}, o.Device)
	if g.Window > 0 {
		runs := NewBatch(x, []*Graph{graph}, o.Device)
		batch = NewWindowed(&Windows{Runs: runs, Width: g.Window, Places: []Place{{}}}, []*Graph{graph}, o.Device)
	}
	defer batch.Close()
	var want []float32
	torch.NoGrad(func() { want = torch.ReadFloat32s(m.Forward(s, batch, false)) })
	largest := 1.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	if len(got) != len(want) {
		return fmt.Errorf("the exported model gives %d values where the trained one gives %d", len(got), len(want))
	}
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= ExportTolerance*largest) {
			outputs := m.Config().Outputs
			return fmt.Errorf("the exported model gives %g for node %d and output %d where the trained one gives %g", got[i], i/outputs, i%outputs, want[i])
		}
	}
	return nil
}

// StateDict is weights.pt: the parameters by PyG's names and in its order,
// which torch.load opens with its defaults and PyG's model loads strictly.
func StateDict(m Model) *pyg.Dict {
	state := &pyg.Dict{}
	for _, p := range m.Parameters() {
		state.Set(p.Name, pyg.NewTensor(torch.ReadFloat32s(p.Tensor), p.Shape...))
	}
	return state
}
