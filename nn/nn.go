// Package nn holds the layers, models and tasks: Go that composes tensors. A
// model takes a batch of snapshots, with scaled features, to outputs per node;
// it names its parameters as PyTorch Geometric does, and exports itself as
// TorchScript. A task says what the outputs mean. README.md is the recipe for
// the next one of either.
//
// It runs on the libtorch thread, inside torch.Thread.Do, where a failed
// operation becomes an error. It knows nothing of markets or files.
package nn

import (
	"math"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Tensor is a handle owned by a scope.
type Tensor = torch.Tensor

// Scope owns the tensors that a forward pass makes.
type Scope = torch.Scope

// Parameter is a learned tensor under the name that PyG's state_dict has for it.
type Parameter struct {
	Name   string // such as convs.0.lin.weight
	Shape  []int
	Tensor Tensor
}

// InFirstLayer reports whether a parameter of a model belongs to its first layer,
// which alone Kipf and Welling (2017) give weight decay.
func InFirstLayer(parameter string) bool {
	if rest, member := strings.CutPrefix(parameter, "members."); member { // of an ensemble
		_, parameter, _ = strings.Cut(rest, ".")
	}
	// GCNII's first layer is lins.0.
	return strings.HasPrefix(parameter, "lins.0.") || strings.HasPrefix(parameter, "convs.0.") && !strings.HasSuffix(parameter, ".weight1")
}

// Init draws the parameters of a model that is being built, from the seeded
// generator, and owns them.
type Init struct {
	owner  *Scope
	device torch.Device
}

// Uniform draws a parameter from U(-bound, bound); it is drawn on the CPU, so
// that the same seed gives the same weights on every device.
func (i *Init) Uniform(bound float64, shape ...int) Tensor {
	step := torch.NewScope()
	defer step.Close()
	return torch.RequireGrad(i.owner.Clone(step.To(step.Uniform(-bound, bound, dims(shape)...), i.device)))
}

// Normal draws a parameter from N(0, 1), as Uniform draws.
func (i *Init) Normal(shape ...int) Tensor {
	step := torch.NewScope()
	defer step.Close()
	return torch.RequireGrad(i.owner.Clone(step.To(step.Normal(dims(shape)...), i.device)))
}

// Constant is a parameter that begins with one value everywhere.
func (i *Init) Constant(value float64, shape ...int) Tensor {
	t := i.Uniform(0, shape...)
	torch.NoGrad(func() { torch.Fill(t, value) })
	return t
}

// glorot is the bound of Glorot and Bengio (2010), as in PyG's inits.glorot.
func glorot(in, out int) float64 { return math.Sqrt(6 / float64(in+out)) }

// prefixed puts a module's name before those of its parameters.
func prefixed(prefix string, parameters []Parameter) []Parameter {
	named := make([]Parameter, len(parameters))
	for i, p := range parameters {
		p.Name = prefix + "." + p.Name
		named[i] = p
	}
	return named
}

func dims(shape []int) []int64 {
	d := make([]int64, len(shape))
	for i, size := range shape {
		d[i] = int64(size)
	}
	return d
}
