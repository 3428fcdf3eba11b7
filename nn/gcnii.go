package nn

import (
	"fmt"
	"math"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() { Register("gcnii", newGCNII) }

// GCN2Conv is a layer of GCNII (Chen et al., ICML 2020) with the exact semantics of
// torch_geometric.nn.GCN2Conv(channels, alpha, theta, layer):
//
//	x' = (1 - beta) m + beta m W,  m = (1 - alpha) A x + alpha x_0
//
// with GCN's normalised A, the input x_0 of the first layer, and beta = ln(1 +
// theta / layer), so that a deep layer is nearly the identity.
type GCN2Conv struct {
	Channels    int
	Alpha, Beta float64
	Weight      Tensor // weight1 [Channels, Channels]
}

// NewGCN2Conv draws the weight by Glorot, as PyG does. layer counts from 1.
func NewGCN2Conv(i *Init, channels int, alpha, theta float64, layer int) *GCN2Conv {
	return &GCN2Conv{Channels: channels, Alpha: alpha, Beta: math.Log1p(theta / float64(layer)), Weight: i.Uniform(glorot(channels, channels), channels, channels)}
}

// Forward takes x and x0 [N, Channels] to the same shape.
func (c *GCN2Conv) Forward(s *Scope, x, x0 Tensor, b *Batch) Tensor {
	m := s.Combine(s.Matmul(gcnAdjacency.Of(b), x), 1-c.Alpha, x0, c.Alpha)
	return s.Combine(m, 1-c.Beta, s.Product(m, c.Weight), c.Beta)
}

// Parameters are the one weight.
func (c *GCN2Conv) Parameters() []Parameter {
	return []Parameter{{"weight1", []int{c.Channels, c.Channels}, c.Weight}}
}

const gcn2Script = `
def forward(self, x: Tensor, x_0: Tensor, source: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    m = torch.zeros_like(x).index_add(0, target, x[source] * weight.unsqueeze(1)) * KEPT + x_0 * ALPHA
    return m * IDENTITY + torch.matmul(m, self.weight1) * BETA
`

// Script is forward(x, x_0, source, target, weight) in TorchScript, of normalised
// edges.
func (c *GCN2Conv) Script() *torch.Module {
	number := func(v float64) string { return fmt.Sprintf("%.17g", v) }
	source := strings.NewReplacer("KEPT", number(1-c.Alpha), "ALPHA", number(c.Alpha), "IDENTITY", number(1-c.Beta), "BETA", number(c.Beta)).Replace(gcn2Script)
	return scriptModule("GCN2Conv", source, c.Parameters())
}

// gcnii is the model of PyG's examples/gcn2_cora.py: a linear layer, LAYERS graph
// layers between dropouts, and a linear layer.
type gcnii struct {
	first, last *Linear // lins.0 and lins.1
	convs       []*GCN2Conv
	dropout     float64
	input       bool // x is dropped too
}

func newGCNII(i *Init, c Config) Network {
	m := &gcnii{first: NewLinear(i, c.Features, c.Hidden), dropout: c.Dropout, input: c.InputDropout}
	for k := range c.Layers {
		m.convs = append(m.convs, NewGCN2Conv(i, c.Hidden, c.Alpha, c.Theta, k+1))
	}
	m.last = NewLinear(i, c.Hidden, c.Outputs)
	return m
}

func (m *gcnii) Forward(s *Scope, b *Batch, training bool) Tensor {
	activated := func(x Tensor, layer int) Tensor {
		if training && m.dropout > 0 {
			return s.ReluDropout(x, m.dropout, b.Draws.Of(layer))
		}
		return s.Relu(x)
	}
	x := b.X
	if m.input && training && m.dropout > 0 {
		x = s.KeyedDropout(x, m.dropout, b.Draws.Of(len(m.convs)+1))
	}
	h := m.first.Forward(s, x)
	x0 := s.Relu(h) // without dropout, as in the example
	x = activated(h, len(m.convs))
	for i, conv := range m.convs {
		x = activated(conv.Forward(s, x, x0, b), i)
	}
	return m.last.Forward(s, x)
}

// Prepare derives the adjacency of a graph.
func (m *gcnii) Prepare(g *Graph) { gcnAdjacency.Prepare(g) }

// Parameters are convs.0.weight1, ..., lins.0.*, lins.1.*, in the order of the
// example's state_dict.
func (m *gcnii) Parameters() []Parameter {
	all := append(prefixed("lins.0", m.first.Parameters()), prefixed("lins.1", m.last.Parameters())...)
	for i, conv := range m.convs {
		all = append(all, prefixed(fmt.Sprintf("convs.%d", i), conv.Parameters())...)
	}
	return all
}

func (m *gcnii) Script() *torch.Module {
	forward := strings.Builder{}
	line := func(format string, a ...any) { fmt.Fprintf(&forward, "    "+format+"\n", a...) }
	forward.WriteString(networkScript)
	forward.WriteString(gcnNormScript)
	return script("GCNII", func(net *torch.Module) {
		list(net, "lins", []*Linear{m.first, m.last})
		list(net, "convs", m.convs)
		line(`x = torch.relu(getattr(self.lins, "0").forward(x))`)
		line("x_0 = x")
		for i := range m.convs {
			line("x = torch.relu(getattr(self.convs, %q).forward(x, x_0, source, target, weight))", fmt.Sprint(i))
		}
		line(`return getattr(self.lins, "1").forward(x)`)
		net.Define(forward.String())
	})
}
