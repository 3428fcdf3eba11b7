package nn

import (
	"math"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Linear is x W^T + b, torch.nn.Linear.
type Linear struct {
	In, Out int
	Weight  Tensor // [Out, In]
	Bias    Tensor // [Out]
}

// NewLinear draws both from U(-1/sqrt(in), 1/sqrt(in)), PyTorch's default.
func NewLinear(i *Init, in, out int) *Linear {
	bound := 1 / math.Sqrt(float64(in))
	return &Linear{In: in, Out: out, Weight: i.Uniform(bound, out, in), Bias: i.Uniform(bound, out)}
}

// Forward takes x [N, In] to [N, Out].
func (l *Linear) Forward(s *Scope, x Tensor) Tensor { return s.Linear(x, l.Weight, l.Bias) }

// Parameters are weight and bias.
func (l *Linear) Parameters() []Parameter {
	return []Parameter{
		{"weight", []int{l.Out, l.In}, l.Weight},
		{"bias", []int{l.Out}, l.Bias},
	}
}

const linearScript = `
def forward(self, x: Tensor) -> Tensor:
    return torch.matmul(x, self.weight.t()) + self.bias
`

// Script is forward(x) in TorchScript.
func (l *Linear) Script() *torch.Module {
	return scriptModule("Linear", linearScript, l.Parameters())
}
