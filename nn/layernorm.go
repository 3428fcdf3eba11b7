package nn

import "github.com/streamforge/gnn-trainer/nn/torch"

// LayerNorm is torch.nn.LayerNorm over the channels (Ba, Kiros and Hinton, 2016).
type LayerNorm struct {
	Channels     int
	Weight, Bias Tensor // [Channels]
}

// NewLayerNorm begins with weights of 1 and biases of 0, PyTorch's default.
func NewLayerNorm(i *Init, channels int) *LayerNorm {
	return &LayerNorm{Channels: channels, Weight: i.Constant(1, channels), Bias: i.Constant(0, channels)}
}

// Forward takes x [..., Channels] to the same shape.
func (l *LayerNorm) Forward(s *Scope, x Tensor) Tensor { return s.LayerNorm(x, l.Weight, l.Bias) }

// Parameters are weight and bias.
func (l *LayerNorm) Parameters() []Parameter {
	return []Parameter{{"weight", []int{l.Channels}, l.Weight}, {"bias", []int{l.Channels}, l.Bias}}
}

const layerNormScript = `
def forward(self, x: Tensor) -> Tensor:
    return torch.layer_norm(x, [x.size(-1)], self.weight, self.bias, 1e-5)
`

// Script is forward(x) in TorchScript.
func (l *LayerNorm) Script() *torch.Module {
	return scriptModule("LayerNorm", layerNormScript, l.Parameters())
}
