package nn

import (
	"fmt"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() { Register("none", newPerceptron) }

// perceptron is torch_geometric.nn.models.MLP without a norm: no node receives
// messages from another. LAYERS linear layers with ReLU and dropout are followed by
// a linear head; headless the last of LAYERS gives the outputs.
type perceptron struct {
	lins    []*Linear
	dropout float64
	input   bool // x is dropped too
}

func newPerceptron(i *Init, c Config) Network {
	if c.Encoded() { // the encoder alone
		return beginEncoded(i, c).finish(i, c)
	}
	m := &perceptron{dropout: c.Dropout, input: c.InputDropout}
	hidden, in := c.Layers, c.Features
	if c.Headless {
		hidden--
	}
	for range hidden {
		m.lins = append(m.lins, NewLinear(i, in, c.Hidden))
		in = c.Hidden
	}
	m.lins = append(m.lins, NewLinear(i, in, c.Outputs))
	return m
}

func (m *perceptron) Forward(s *Scope, b *Batch, training bool) Tensor {
	x, last := b.X, len(m.lins)-1
	if m.input && training && m.dropout > 0 {
		x = s.KeyedDropout(x, m.dropout, b.Draws.Of(last))
	}
	for i, lin := range m.lins[:last] {
		if x = lin.Forward(s, x); training && m.dropout > 0 {
			x = s.ReluDropout(x, m.dropout, b.Draws.Of(i))
		} else {
			x = s.Relu(x)
		}
	}
	return m.lins[last].Forward(s, x)
}

// Parameters are lins.0.*, lins.1.*, ...
func (m *perceptron) Parameters() []Parameter {
	var all []Parameter
	for i, lin := range m.lins {
		all = append(all, prefixed(fmt.Sprintf("lins.%d", i), lin.Parameters())...)
	}
	return all
}

func (m *perceptron) Script() *torch.Module {
	var forward strings.Builder
	forward.WriteString(networkScript)
	return script("MLP", func(net *torch.Module) {
		list(net, "lins", m.lins)
		for i := range m.lins {
			y := fmt.Sprintf("getattr(self.lins, %q).forward(x)", fmt.Sprint(i))
			if i < len(m.lins)-1 {
				y = "torch.relu(" + y + ")"
			}
			fmt.Fprintf(&forward, "    x = %s\n", y)
		}
		forward.WriteString("    return x\n")
		net.Define(forward.String())
	})
}
