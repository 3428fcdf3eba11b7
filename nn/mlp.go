package nn

import "github.com/streamforge/gnn-trainer/nn/torch"

func init() {
	RegisterEncoder("mlp", func(i *Init, channels, window int) Encoder { return NewMLP(i, channels, window) })
}

// MLP is a perceptron over all bars of a window at once:
//
//	W_2 dropout(GELU(W_1 [h_1 ... h_W] + b_1)) + b_2 + h_W
type MLP struct {
	Channels, Window int
	Lin1, Lin2       *Linear
}

// NewMLP draws the weights as torch.nn.Linear does.
func NewMLP(i *Init, channels, window int) *MLP {
	return &MLP{Channels: channels, Window: window, Lin1: NewLinear(i, window*channels, channels), Lin2: NewLinear(i, channels, channels)}
}

// Forward takes x [R, bars, C] to [R, bars - W + 1, C].
func (m *MLP) Forward(s *Scope, x Tensor, n *noise) Tensor {
	shape := x.Shape()
	kept := int(shape[1]) - m.Window + 1
	windows := s.Reshape(s.Windows(x, m.Window), shape[0]*int64(kept), -1)
	h := m.Lin2.Forward(s, n.drop(s, s.GELU(m.Lin1.Forward(s, windows))))
	return s.Add(s.Reshape(h, shape[0], int64(kept), -1), s.Narrow(x, 1, m.Window-1, kept))
}

// Parameters are lin1.* and lin2.*.
func (m *MLP) Parameters() []Parameter {
	return append(prefixed("lin1", m.Lin1.Parameters()), prefixed("lin2", m.Lin2.Parameters())...)
}

const mlpScript = `
def forward(self, x: Tensor) -> Tensor:
    return self.lin2.forward(torch.gelu(self.lin1.forward(x.flatten(1)))) + x[:, -1]
`

// Script is forward in TorchScript.
func (m *MLP) Script() *torch.Module {
	return script("MLP", func(module *torch.Module) {
		child(module, "lin1", m.Lin1.Script())
		child(module, "lin2", m.Lin2.Script())
		module.Define(mlpScript)
	})
}
