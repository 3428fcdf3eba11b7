package nn

import (
	"fmt"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/catalog"
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

// stack is torch_geometric.nn.models.BasicGNN: graph layers, each with a norm where
// there is one, ReLU and dropout, then a linear head of the last layer's output
// (jk='last'), of all layers' side by side ('cat') or of the largest of them
// ('max'). Headless it is BasicGNN with jk=None: the last layer gives the outputs.
// With residuals, which BasicGNN lacks, a layer's output is added to its input
// where both are as wide. Parameter names are the ones of BasicGNN's state_dict.
type stack struct {
	convs    []Conv
	norms    []*LayerNorm // of each layer that ReLU follows; nil: none
	head     *Linear      // nil: the last layer gives the outputs
	dropout  float64
	input    bool   // x is dropped too
	jump     string // of catalog.Jumps
	residual []bool // of each layer
}

// Slot is where a layer of a stack stands.
type Slot struct {
	In, Out int  // channels
	Last    bool // it gives the outputs, which no ReLU follows
}

// Stack is the constructor of the model whose layers are made by layer: PyG's
// GCN, GraphSAGE and GAT are such stacks.
func Stack(layer func(i *Init, c Config, p Slot) Conv) func(*Init, Config) Network {
	return func(i *Init, c Config) Network {
		if c.Encoded() {
			return newEncodedStack(i, c, layer)
		}
		m := &stack{dropout: c.Dropout, input: c.InputDropout, jump: c.Jump}
		in := c.Features
		for k := range c.Layers {
			p := Slot{In: in, Out: c.Hidden}
			if k == c.Layers-1 && c.DirectOutputs() {
				p = Slot{In: in, Out: c.Outputs, Last: true}
			}
			m.convs = append(m.convs, layer(i, c, p))
			m.residual = append(m.residual, c.Residual && p.In == p.Out && !p.Last)
			if c.LayerNorm() && !p.Last {
				m.norms = append(m.norms, NewLayerNorm(i, p.Out))
			}
			in = p.Out
		}
		if c.DirectOutputs() {
			return m
		}
		if c.Jump == catalog.JumpCat {
			in *= c.Layers
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
	if m.input && training && m.dropout > 0 {
		x = s.KeyedDropout(x, m.dropout, b.Draws.Of(len(m.convs)))
	}
	var all []Tensor
	for i, conv := range m.convs {
		if m.head == nil && i == len(m.convs)-1 {
			return conv.Forward(s, x, b, training)
		}
		y := m.layer(s, i, x, b, training)
		if m.residual[i] {
			y = s.Add(x, y)
		}
		x = y
		all = append(all, x)
	}
	switch m.jump {
	case catalog.JumpCat:
		x = s.Concatenate(all)
	case catalog.JumpMax:
		x = s.Largest(all)
	}
	return m.head.Forward(s, x)
}

// layer is layer i with what follows it.
func (m *stack) layer(s *Scope, i int, x Tensor, b *Batch, training bool) Tensor {
	conv := m.convs[i]
	if fused, ok := conv.(activated); ok && training && m.norms == nil {
		return fused.activated(s, x, b, m.dropout, b.Draws.Of(i))
	}
	x = conv.Forward(s, x, b, training)
	if m.norms != nil {
		x = m.norms[i].Forward(s, x)
	}
	if training && m.dropout > 0 {
		return s.ReluDropout(x, m.dropout, b.Draws.Of(i))
	}
	return s.Relu(x)
}

// Prepare implements Model.
func (m *stack) Prepare(g *Graph) {
	for _, conv := range m.convs {
		if p, ok := conv.(preparer); ok {
			p.Prepare(g)
		}
	}
}

// Parameters are convs.0.*, convs.1.*, ..., norms.0.*, ..., lin.weight, lin.bias.
func (m *stack) Parameters() []Parameter {
	var all []Parameter
	for i, conv := range m.convs {
		all = append(all, prefixed(fmt.Sprintf("convs.%d", i), conv.Parameters())...)
	}
	for i, norm := range m.norms {
		all = append(all, prefixed(fmt.Sprintf("norms.%d", i), norm.Parameters())...)
	}
	if m.head == nil {
		return all
	}
	return append(all, prefixed("lin", m.head.Parameters())...)
}

// list is a module of numbered children. A TorchScript attribute cannot be a
// number; PyG's list can.
func list[M interface{ Script() *torch.Module }](parent *torch.Module, name string, members []M) {
	child(parent, name, script("GNN_"+name, func(all *torch.Module) {
		for i, member := range members {
			child(all, fmt.Sprint(i), member.Script())
		}
	}))
}

// networkScript begins forward of a network.
const networkScript = "\ndef forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor] = None) -> Tensor:\n"

func (m *stack) Script() *torch.Module {
	var forward strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&forward, "    "+format+"\n", a...) }
	forward.WriteString(networkScript)
	return script("GNN", func(net *torch.Module) {
		list(net, "convs", m.convs)
		if m.norms != nil {
			list(net, "norms", m.norms)
		}
		var all []string
		for i := range m.convs {
			y := fmt.Sprintf("getattr(self.convs, %q).forward(x, edge_index, edge_weight)", fmt.Sprint(i))
			if m.head == nil && i == len(m.convs)-1 {
				line("return %s", y)
				break
			}
			if m.norms != nil {
				y = fmt.Sprintf("getattr(self.norms, %q).forward(%s)", fmt.Sprint(i), y)
			}
			if y = "torch.relu(" + y + ")"; m.residual[i] {
				y = "x + " + y
			}
			line("x = %s", y)
			if m.jump == catalog.JumpCat || m.jump == catalog.JumpMax {
				line("x%d = x", i)
				all = append(all, fmt.Sprintf("x%d", i))
			}
		}
		switch m.jump {
		case catalog.JumpCat:
			line("x = torch.cat([%s], -1)", strings.Join(all, ", "))
		case catalog.JumpMax:
			line("x = torch.stack([%s], -1).max(-1)[0]", strings.Join(all, ", "))
		}
		if m.head != nil {
			child(net, "lin", m.head.Script())
			line("return self.lin.forward(x)")
		}
		net.Define(forward.String())
	})
}
