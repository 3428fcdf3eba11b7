package nn

import (
	"fmt"

	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Encoder is a network that reads each node's own past.
type Encoder interface {
	// Forward takes x [R, bars, C] to [R, bars - W + 1, C] for windows of W bars:
	// what it gives for a bar depends on that bar and the W-1 before.
	Forward(s *Scope, x Tensor, n *noise) Tensor
	Parameters() []Parameter
	// Script is forward(x) in TorchScript without dropout: x [N, W, C] gives [N, C].
	// The caller closes it.
	Script() *torch.Module
}

// encoders are constructors by ENCODER.
var encoders = map[string]func(i *Init, channels, window int) Encoder{}

// RegisterEncoder names the constructor of an encoder that package catalog lists.
// It is for init.
func RegisterEncoder(name string, build func(i *Init, channels, window int) Encoder) {
	if _, listed := catalog.LookupEncoder(name); !listed || encoders[name] != nil {
		panic(fmt.Sprintf("encoder %q is registered twice, or is not in nn/catalog/encoders.go", name))
	}
	encoders[name] = build
}
