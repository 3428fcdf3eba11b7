package nn

import (
	"math"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() {
	RegisterEncoder("gru", func(i *Init, channels, window int) Encoder { return NewGRU(i, channels, window) })
}

// GRU is torch.nn.GRU of one layer (Cho et al., 2014), which begins anew with each
// window: what it gives is its state after the window's last bar. So it computes a
// bar as often as there are windows that it lies in.
type GRU struct {
	Channels, Window           int
	Input, Hidden              Tensor // weight_ih_l0, weight_hh_l0 [3 C, C]
	InputBias, HiddenStateBias Tensor // bias_ih_l0, bias_hh_l0 [3 C]
}

// NewGRU draws the weights as PyTorch does.
func NewGRU(i *Init, channels, window int) *GRU {
	bound := 1 / math.Sqrt(float64(channels))
	return &GRU{
		Channels: channels, Window: window,
		Input: i.Uniform(bound, 3*channels, channels), Hidden: i.Uniform(bound, 3*channels, channels),
		InputBias: i.Uniform(bound, 3*channels), HiddenStateBias: i.Uniform(bound, 3*channels),
	}
}

// Forward takes x [R, bars, C] to [R, bars - W + 1, C].
func (g *GRU) Forward(s *Scope, x Tensor, n *noise) Tensor {
	last := s.GRU(s.Windows(x, g.Window), g.Input, g.Hidden, g.InputBias, g.HiddenStateBias)
	return n.drop(s, s.Reshape(last, x.Shape()[0], -1, int64(g.Channels)))
}

// Parameters are those of torch.nn.GRU.
func (g *GRU) Parameters() []Parameter {
	three := 3 * g.Channels
	return []Parameter{
		{"weight_ih_l0", []int{three, g.Channels}, g.Input},
		{"weight_hh_l0", []int{three, g.Channels}, g.Hidden},
		{"bias_ih_l0", []int{three}, g.InputBias},
		{"bias_hh_l0", []int{three}, g.HiddenStateBias},
	}
}

const gruScript = `
def forward(self, x: Tensor) -> Tensor:
    start = torch.zeros([1, x.size(0), x.size(2)], dtype=x.dtype, device=x.device)
    weights = [self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0]
    return torch.gru(x, start, weights, True, 1, 0.0, False, False, True)[1][0]
`

// Script is forward in TorchScript.
func (g *GRU) Script() *torch.Module { return scriptModule("GRU", gruScript, g.Parameters()) }
