package nn

import (
	"fmt"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() { Register("attention", newTransformer) }

// TransformerLayer is a layer of self-attention over all present nodes of a snapshot
// (Vaswani et al., NIPS 2017) with the exact semantics of
// torch.nn.TransformerEncoderLayer(channels, heads, 2 * channels, norm_first=True):
//
//	h = x + O Attention(norm1(x)),  x' = h + W2 relu(W1 norm2(h))
//
// Nobody attends to a masked node. Dropout follows the attention, the ReLU and W2;
// the coefficients of attention are not dropped.
type TransformerLayer struct {
	Channels, Heads int
	In              *Linear // self_attn.in_proj_weight [3 * Channels, Channels] and in_proj_bias: queries, keys, values
	Out             *Linear // self_attn.out_proj
	First, Second   *Linear // linear1 and linear2
	Norm1, Norm2    *LayerNorm
	Dropout         float64

	place int // of its draws
}

// NewTransformerLayer draws the weights as PyTorch does.
func NewTransformerLayer(i *Init, channels, heads int) *TransformerLayer {
	square := func(rows int) *Linear { // Glorot's bound of the whole, and a bias of 0
		return &Linear{In: channels, Out: rows, Weight: i.Uniform(glorot(channels, rows), rows, channels), Bias: i.Uniform(0, rows)}
	}
	out := NewLinear(i, channels, channels)
	torch.Fill(out.Bias, 0)
	wide := catalog.FeedForward * channels
	return &TransformerLayer{
		Channels: channels, Heads: heads, In: square(3 * channels), Out: out,
		First: NewLinear(i, channels, wide), Second: NewLinear(i, wide, channels),
		Norm1: NewLayerNorm(i, channels), Norm2: NewLayerNorm(i, channels),
	}
}

// presence is which nodes of a graph are present [N], float32, 1 or 0.
type presence struct {
	host  []bool
	owner *torch.Scope // of whole; nil: it is one graph's
	whole Tensor
}

func (p *presence) Close() {
	if p.owner != nil {
		p.owner.Close()
	}
}

// present is the mask of the batch's nodes.
var present = &Form[*presence]{
	Derive: func(g *Graph) *presence { return &presence{host: g.present()} },
	Join: func(parts []*presence, d torch.Device) *presence {
		var marks []float32
		for _, p := range parts {
			for _, ok := range p.host {
				mark := float32(0)
				if ok {
					mark = 1
				}
				marks = append(marks, mark)
			}
		}
		build, host := torch.NewScope(), torch.NewScope()
		defer build.Close()
		defer host.Close()
		whole := build.To(host.Float32s(marks, int64(len(marks))), d)
		if d == torch.CPU {
			whole = build.Clone(whole) // it is the host's own
		}
		return &presence{whole: whole, owner: build.Release()}
	},
}

// Forward takes x [N, Channels] to the same shape.
func (l *TransformerLayer) Forward(s *Scope, x Tensor, b *Batch, training bool) Tensor {
	drop := func(x Tensor, k int) Tensor {
		if training && l.Dropout > 0 {
			return s.KeyedDropout(x, l.Dropout, b.Draws.Of(3*l.place+k))
		}
		return x
	}
	qkv := l.In.Forward(s, l.Norm1.Forward(s, x))
	part := func(k int) Tensor { return s.Narrow(qkv, 1, k*l.Channels, l.Channels) }
	h := s.SelfAttention(part(0), part(1), part(2), present.Of(b).whole, b.Offsets, l.Heads)
	x = s.Add(x, drop(l.Out.Forward(s, h), 0))
	h = l.First.Forward(s, l.Norm2.Forward(s, x))
	if training && l.Dropout > 0 {
		h = s.ReluDropout(h, l.Dropout, b.Draws.Of(3*l.place+1))
	} else {
		h = s.Relu(h)
	}
	return s.Add(x, drop(l.Second.Forward(s, h), 2))
}

// Prepare keeps the mask of a graph.
func (l *TransformerLayer) Prepare(g *Graph) { present.Prepare(g) }

// Parameters are in PyTorch's order.
func (l *TransformerLayer) Parameters() []Parameter {
	all := []Parameter{
		{"self_attn.in_proj_weight", []int{3 * l.Channels, l.Channels}, l.In.Weight},
		{"self_attn.in_proj_bias", []int{3 * l.Channels}, l.In.Bias},
	}
	all = append(all, prefixed("self_attn.out_proj", l.Out.Parameters())...)
	all = append(all, prefixed("linear1", l.First.Parameters())...)
	all = append(all, prefixed("linear2", l.Second.Parameters())...)
	all = append(all, prefixed("norm1", l.Norm1.Parameters())...)
	return append(all, prefixed("norm2", l.Norm2.Parameters())...)
}

// The TorchScript takes one graph, whose present [N] marks the nodes that take part.
const transformerScript = `
def forward(self, x: Tensor, present: Tensor) -> Tensor:
    n = x.size(0)
    c = x.size(1)
    heads = HEADS
    h = torch.layer_norm(x, [c], self.norm1.weight, self.norm1.bias, 1e-5)
    h = torch.matmul(h, self.self_attn.in_proj_weight.t()) + self.self_attn.in_proj_bias
    q = h[:, :c].reshape(n, heads, c // heads).transpose(0, 1)
    k = h[:, c:2 * c].reshape(n, heads, c // heads).transpose(0, 1)
    v = h[:, 2 * c:].reshape(n, heads, c // heads).transpose(0, 1)
    score = torch.matmul(q, k.transpose(1, 2)) / float(c // heads) ** 0.5
    score = score.masked_fill(torch.logical_not(present).view(1, 1, n), -1e30)
    h = torch.matmul(torch.softmax(score, -1), v).transpose(0, 1).reshape(n, c)
    x = x + torch.matmul(h, self.self_attn.out_proj.weight.t()) + self.self_attn.out_proj.bias
    h = torch.layer_norm(x, [c], self.norm2.weight, self.norm2.bias, 1e-5)
    h = torch.relu(torch.matmul(h, self.linear1.weight.t()) + self.linear1.bias)
    return x + torch.matmul(h, self.linear2.weight.t()) + self.linear2.bias
`

// Script is forward(x, present) in TorchScript.
func (l *TransformerLayer) Script() *torch.Module {
	return scriptModule("TransformerLayer", strings.ReplaceAll(transformerScript, "HEADS", fmt.Sprint(l.Heads)), l.Parameters())
}

// transformer is a linear layer, LAYERS of attention, and a linear layer. It reads
// no edges.
type transformer struct {
	first, last *Linear // lins.0 and lins.1
	layers      []*TransformerLayer
	dropout     float64
	input       bool // x is dropped too
}

func newTransformer(i *Init, c Config) Network {
	m := &transformer{first: NewLinear(i, c.Features, c.Hidden), dropout: c.Dropout, input: c.InputDropout}
	for k := range c.Layers {
		l := NewTransformerLayer(i, c.Hidden, c.Heads)
		l.Dropout, l.place = c.Dropout, k
		m.layers = append(m.layers, l)
	}
	m.last = NewLinear(i, c.Hidden, c.Outputs)
	return m
}

func (m *transformer) Forward(s *Scope, b *Batch, training bool) Tensor {
	x := b.X
	if m.input && training && m.dropout > 0 {
		x = s.KeyedDropout(x, m.dropout, b.Draws.Of(3*len(m.layers)))
	}
	x = m.first.Forward(s, x)
	for _, l := range m.layers {
		x = l.Forward(s, x, b, training)
	}
	return m.last.Forward(s, x)
}

// Prepare keeps the mask of a graph.
func (m *transformer) Prepare(g *Graph) { present.Prepare(g) }

// Parameters are lins.0.*, lins.1.*, layers.0.*, ...
func (m *transformer) Parameters() []Parameter {
	all := append(prefixed("lins.0", m.first.Parameters()), prefixed("lins.1", m.last.Parameters())...)
	for i, l := range m.layers {
		all = append(all, prefixed(fmt.Sprintf("layers.%d", i), l.Parameters())...)
	}
	return all
}

// readsPresence is a network whose Script takes, after edge_weight, which nodes are
// present [N] bool: those with a raw feature that is not 0.
func (m *transformer) readsPresence() bool { return true }

func (m *transformer) Script() *torch.Module {
	var forward strings.Builder
	forward.WriteString("\ndef forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor], present: Tensor) -> Tensor:\n")
	return script("Transformer", func(net *torch.Module) {
		list(net, "lins", []*Linear{m.first, m.last})
		list(net, "layers", m.layers)
		forward.WriteString("    x = getattr(self.lins, \"0\").forward(x)\n")
		for i := range m.layers {
			fmt.Fprintf(&forward, "    x = getattr(self.layers, %q).forward(x, present)\n", fmt.Sprint(i))
		}
		forward.WriteString("    return getattr(self.lins, \"1\").forward(x)\n")
		net.Define(forward.String())
	})
}
