package nn

import (
	"fmt"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// GCNConfig is the shape of a GCN.
type GCNConfig struct {
	Features int // F, columns of x
	Hidden   int
	Layers   int // graph convolutions
	Classes  int
	Dropout  float64 // probability, after each convolution
}

// GCN is torch_geometric.nn.models.GCN(F, hidden, layers, classes, jk='last'):
// convolutions with ReLU and dropout after each, then a linear head. Parameter
// names are the ones of its state_dict.
type GCN struct {
	Config GCNConfig
	Convs  []*GCNConv
	Head   *Linear

	device torch.Device
	owner  *Scope // of the parameters
}

// NewGCN draws the weights from the seeded generator. Close frees them.
func NewGCN(d torch.Device, c GCNConfig) *GCN {
	m := &GCN{Config: c, device: d, owner: torch.NewScope()}
	in := c.Features
	for range c.Layers {
		m.Convs = append(m.Convs, NewGCNConv(m.owner, d, in, c.Hidden))
		in = c.Hidden
	}
	m.Head = NewLinear(m.owner, d, in, c.Classes)
	return m
}

// Close frees the weights.
func (m *GCN) Close() { m.owner.Close() }

// Forward takes normalised x [N, F] to logits [N, classes].
func (m *GCN) Forward(s *Scope, x Tensor, adjacency *torch.Adjacency, training bool) Tensor {
	for _, conv := range m.Convs {
		x = s.Relu(conv.Forward(s, x, adjacency))
		x = s.Dropout(x, m.Config.Dropout, training)
	}
	return m.Head.Forward(s, x)
}

// Classes is the number of logits of a node.
func (m *GCN) Classes() int { return m.Config.Classes }

// Adjacency is the form of a graph's edges that the convolutions multiply by.
func (m *GCN) Adjacency(nodes int, edgeIndex []int64, edgeWeight []float32) *torch.Adjacency {
	return torch.NewGCNAdjacency(nodes, edgeIndex, edgeWeight)
}

// Parameters are convs.0.bias, convs.0.lin.weight, ..., lin.weight, lin.bias.
func (m *GCN) Parameters() []Parameter {
	var all []Parameter
	for i, conv := range m.Convs {
		all = append(all, prefixed(fmt.Sprintf("convs.%d", i), conv.Parameters())...)
	}
	return append(all, prefixed("lin", m.Head.Parameters())...)
}

// script is the network on normalised features, dropout left out: the exported
// model is for prediction.
func (m *GCN) script() *torch.Module {
	convs := torch.NewModule("GCN_convs")
	defer convs.Close()
	var forward strings.Builder
	forward.WriteString("\ndef forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor] = None) -> Tensor:\n")
	for i, conv := range m.Convs {
		c := conv.script()
		// A TorchScript attribute cannot be a number; PyG's list can.
		convs.Child(fmt.Sprint(i), c)
		c.Close()
		fmt.Fprintf(&forward, "    x = torch.relu(getattr(self.convs, \"%d\").forward(x, edge_index, edge_weight))\n", i)
	}
	forward.WriteString("    return self.lin.forward(x)\n")
	head := m.Head.script()
	defer head.Close()
	net := torch.NewModule("GCN")
	net.Child("convs", convs)
	net.Child("lin", head)
	net.Define(forward.String())
	return net
}
