package nn

import (
	"fmt"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// encoded is a network that reads each node's past:
//
//	a linear layer on each bar; peer layers on each bar; the encoder over the bars;
//	graph layers on what it gives for the newest; a head of two linear layers.
//
// With ENCODER=none there is the newest bar alone.
type encoded struct {
	input   *Linear
	peers   []*PeerLayer
	encoder Encoder // nil: none
	convs   []Conv
	norm    *LayerNorm
	head    [2]*Linear
	dropout float64
}

// newEncoded is the network of peer layers.
func newEncoded(i *Init, c Config) Network {
	m := beginEncoded(i, c)
	for range c.Layers {
		m.peers = append(m.peers, NewPeerLayer(i, c.Hidden))
	}
	return m.finish(i, c)
}

// newEncodedStack is the network whose graph layers are made by layer.
func newEncodedStack(i *Init, c Config, layer func(i *Init, c Config, p Slot) Conv) Network {
	m := beginEncoded(i, c)
	m.encode(i, c)
	for range c.Layers {
		m.convs = append(m.convs, layer(i, c, Slot{In: c.Hidden, Out: c.Hidden}))
	}
	return m.finish(i, c)
}

func beginEncoded(i *Init, c Config) *encoded {
	return &encoded{input: NewLinear(i, c.Features, c.Hidden), dropout: c.Dropout}
}

func (m *encoded) encode(i *Init, c Config) {
	if build := encoders[c.Encoder]; build != nil && m.encoder == nil {
		m.encoder = build(i, c.Hidden, c.Window)
	}
}

func (m *encoded) finish(i *Init, c Config) *encoded {
	m.encode(i, c)
	m.norm = NewLayerNorm(i, c.Hidden)
	m.head = [2]*Linear{NewLinear(i, c.Hidden, c.Hidden), NewLinear(i, c.Hidden, c.Outputs)}
	return m
}

func (m *encoded) Forward(s *Scope, b *Batch, training bool) Tensor {
	n := newNoise(b, m.dropout, training)
	bars := b // whose features are those of each bar
	if b.Windows != nil {
		bars = b.Windows.Runs
	}
	h := m.input.Forward(s, bars.X)
	for _, peers := range m.peers {
		h = peers.Forward(s, h, bars)
	}
	if b.Windows != nil {
		h = b.Windows.newest(s, m.encoder.Forward(s, h, n))
	}
	for _, conv := range m.convs {
		h = s.Add(h, n.relu(s, conv.Forward(s, h, b, training)))
	}
	h = s.GELU(m.head[0].Forward(s, m.norm.Forward(s, h)))
	return m.head[1].Forward(s, n.drop(s, h))
}

// Prepare implements Model.
func (m *encoded) Prepare(g *Graph) {
	for _, peers := range m.peers {
		peers.Prepare(g)
	}
	for _, conv := range m.convs {
		if p, ok := conv.(preparer); ok {
			p.Prepare(g)
		}
	}
}

// Parameters are input.*, peers.0.*, ..., encoder.*, convs.0.*, ..., norm.*, lin1.*
// and lin2.*.
func (m *encoded) Parameters() []Parameter {
	all := prefixed("input", m.input.Parameters())
	for i, peers := range m.peers {
		all = append(all, prefixed(fmt.Sprintf("peers.%d", i), peers.Parameters())...)
	}
	if m.encoder != nil {
		all = append(all, prefixed("encoder", m.encoder.Parameters())...)
	}
	for i, conv := range m.convs {
		all = append(all, prefixed(fmt.Sprintf("convs.%d", i), conv.Parameters())...)
	}
	all = append(all, prefixed("norm", m.norm.Parameters())...)
	all = append(all, prefixed("lin1", m.head[0].Parameters())...)
	return append(all, prefixed("lin2", m.head[1].Parameters())...)
}

// Script takes x [N, W, F], or [N, F] without an encoder.
func (m *encoded) Script() *torch.Module {
	var forward strings.Builder
	forward.WriteString("\ndef forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor] = None) -> Tensor:\n")
	forward.WriteString("    x = self.input.forward(x)\n")
	return script("GNN", func(net *torch.Module) {
		child(net, "input", m.input.Script())
		child(net, "peers", script("GNN_peers", func(list *torch.Module) {
			for i, peers := range m.peers {
				child(list, fmt.Sprint(i), peers.Script())
				fmt.Fprintf(&forward, "    x = getattr(self.peers, \"%d\").forward(x, edge_index, edge_weight)\n", i)
			}
		}))
		if m.encoder != nil {
			child(net, "encoder", m.encoder.Script())
			forward.WriteString("    x = self.encoder.forward(x)\n")
		}
		child(net, "convs", script("GNN_convs", func(list *torch.Module) {
			for i, conv := range m.convs {
				child(list, fmt.Sprint(i), conv.Script())
				fmt.Fprintf(&forward, "    x = x + torch.relu(getattr(self.convs, \"%d\").forward(x, edge_index, edge_weight))\n", i)
			}
		}))
		child(net, "norm", m.norm.Script())
		child(net, "lin1", m.head[0].Script())
		child(net, "lin2", m.head[1].Script())
		forward.WriteString("    return self.lin2.forward(torch.gelu(self.lin1.forward(self.norm.forward(x))))\n")
		net.Define(forward.String())
	})
}
