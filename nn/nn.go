// Package nn holds the layers and models: Go that composes tensors. A model
// takes normalised features and an adjacency and gives logits; it names its
// parameters as PyTorch Geometric does, and exports itself as TorchScript.
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

// newParameter draws a leaf from U(-bound, bound) on the CPU, so that the same
// seed gives the same weights on every device, and moves it to the device.
func newParameter(owner *Scope, d torch.Device, bound float64, shape ...int64) Tensor {
	step := torch.NewScope()
	defer step.Close()
	return torch.RequireGrad(owner.Clone(step.To(step.Uniform(-bound, bound, shape...), d)))
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

// scriptModule builds a TorchScript module that holds the given parameters,
// with one level of submodules for each dot in their names.
func scriptModule(class, source string, parameters []Parameter) *torch.Module {
	m := torch.NewModule(class)
	var children []string
	nested := map[string][]Parameter{}
	for _, p := range parameters {
		child, rest, dotted := strings.Cut(p.Name, ".")
		if !dotted {
			m.Parameter(p.Name, p.Tensor)
			continue
		}
		if nested[child] == nil {
			children = append(children, child)
		}
		p.Name = rest
		nested[child] = append(nested[child], p)
	}
	for _, child := range children {
		c := scriptModule(class+"_"+child, "", nested[child])
		m.Child(child, c)
		c.Close()
	}
	if source != "" {
		m.Define(source)
	}
	return m
}
