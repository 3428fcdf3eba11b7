package nn

import (
	"fmt"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Conv is a graph layer.
type Conv interface {
	// Forward takes x [N, in] to [N, out] over the edges of b.
	Forward(s *Scope, x Tensor, b *Batch, training bool) Tensor
	// Parameters are by PyG's names and in PyG's order.
	Parameters() []Parameter
	// Script is the layer as TorchScript, forward(x, edge_index, edge_weight)
	// in evaluation mode. The caller closes it.
	Script() *torch.Module
}

// stack is torch_geometric.nn.models.BasicGNN with jk='last': graph layers with
// ReLU and dropout after each, then a linear head. Parameter names are the ones
// of its state_dict.
type stack struct {
	convs   []Conv
	head    *Linear
	dropout float64
}

// Stack is the constructor of the model whose layers are made by layer: PyG's
// GCN, GraphSAGE and GAT are such stacks.
func Stack(layer func(i *Init, c Config, in int) Conv) func(*Init, Config) Network {
	return func(i *Init, c Config) Network {
		if c.Encoded() {
			return newEncodedStack(i, c, layer)
		}
		m := &stack{dropout: c.Dropout}
		in := c.Features
		for range c.Layers {
			m.convs = append(m.convs, layer(i, c, in))
			in = c.Hidden
		}
		m.head = NewLinear(i, in, c.Outputs)
		return m
	}
}

// activated is a layer that gives dropout(relu(Forward)) at once.
type activated interface {
	activated(s *Scope, x Tensor, b *Batch, dropout float64, d torch.Draw) Tensor
}

func (m *stack) Forward(s *Scope, b *Batch, training bool) Tensor {
	x := b.X
	for i, conv := range m.convs {
		if fused, ok := conv.(activated); ok && training {
			x = fused.activated(s, x, b, m.dropout, b.Draws.Of(i))
			continue
		}
		x = conv.Forward(s, x, b, training)
		if training && m.dropout > 0 {
			x = s.ReluDropout(x, m.dropout, b.Draws.Of(i))
		} else {
			x = s.Relu(x)
		}
	}
	return m.head.Forward(s, x)
}

// Prepare implements Model.
func (m *stack) Prepare(g *Graph) {
	for _, conv := range m.convs {
		if p, ok := conv.(preparer); ok {
			p.Prepare(g)
		}
	}
}

// Parameters are convs.0.*, convs.1.*, ..., lin.weight, lin.bias.
func (m *stack) Parameters() []Parameter {
	var all []Parameter
	for i, conv := range m.convs {
		all = append(all, prefixed(fmt.Sprintf("convs.%d", i), conv.Parameters())...)
	}
	return append(all, prefixed("lin", m.head.Parameters())...)
}

func (m *stack) Script() *torch.Module {
	var forward strings.Builder
	forward.WriteString("\ndef forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor] = None) -> Tensor:\n")
	return script("GNN", func(net *torch.Module) {
		child(net, "convs", script("GNN_convs", func(convs *torch.Module) {
			for i, conv := range m.convs {
				// A TorchScript attribute cannot be a number; PyG's list can.
				child(convs, fmt.Sprint(i), conv.Script())
				fmt.Fprintf(&forward, "    x = torch.relu(getattr(self.convs, \"%d\").forward(x, edge_index, edge_weight))\n", i)
			}
		}))
		child(net, "lin", m.head.Script())
		forward.WriteString("    return self.lin.forward(x)\n")
		net.Define(forward.String())
	})
}
