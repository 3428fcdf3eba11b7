// Package catalog is what is known of the models without libtorch: their names,
// the settings that they read and check, and their sizes. Configuration, the
// table of variables and doctor read it; package nn builds what it names. It
// imports nothing native, and knows nothing of tensors or markets.
package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Config is the shape of a network.
type Config struct {
	Type     string // MODEL_TYPE, one of Types
	Features int    // F, columns of x
	Hidden   int    // channels of a hidden layer
	Layers   int    // graph layers
	Heads    int    // attention heads of a layer, where the model reads HEADS
	Dropout  float64
	Outputs  int // values per node: those of the task x horizons

	Encoder string // ENCODER; "" and none: there is none
	Window  int    // W, bars of x that an encoder reads
	Members int    // networks of an ensemble, whose outputs are averaged; 0 and 1: the model is one
	Classes int    // of an ensemble's outputs, in groups of so many logits; 0: they are values
	Centred bool   // outputs are less their mean over a snapshot's present nodes
}

// Encoded tells whether there is an encoder: x is [N, W, F] then.
func (c Config) Encoded() bool { return c.Encoder != "" && c.Encoder != NoEncoder }

// Model is one MODEL_TYPE.
type Model struct {
	Type  string
	About string // a noun phrase, for the table of variables

	// Reads are the variables that it reads beside HIDDEN, LAYERS and DROPOUT,
	// which every model reads. Others have no effect on it.
	Reads []string
	// Check says what is wrong with settings that are each in their range; nil:
	// nothing can be.
	Check func(Config) error

	// BeforeEncoder: its layers see each bar of a window, before the encoder does.
	BeforeEncoder bool
	// Weights is the number of parameters of a layer.
	Weights func(in, out int) int
	// Signed: the layer means something with negative edge weights.
	Signed bool
	// Loops: each node receives messages from itself, too.
	Loops bool
	// Step is what a layer of in channels holds in a training step on the CPU.
	Step func(in int, c Config) Step
	// DeviceEdge is how many values [HIDDEN] an edge takes beside that on CUDA.
	DeviceEdge int
}

// PredictNodes is about how many nodes are predicted at once: enough to keep the
// threads busy, few enough that a stop is not held up.
const PredictNodes = 4096

// Step is what a layer holds in a training step, in values of four bytes: a
// scope keeps all that a forward pass makes until the step ends.
type Step struct {
	Kept     int // of a node, from the forward pass on
	Backward int // of a node, beside those, as the gradient passes
	Entry    int // of an edge
}

// tail are the values that follow each layer: ReLU, and the mask and the result
// of dropout.
func (c Config) tail() int {
	if c.Dropout == 0 {
		return c.Hidden
	}
	return 3 * c.Hidden
}

// Types are the values of MODEL_TYPE, the default first.
func Types() []string {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.Type
	}
	return names
}

// Lookup finds the model of a MODEL_TYPE.
func Lookup(modelType string) (Model, bool) {
	i := slices.IndexFunc(models, func(m Model) bool { return m.Type == modelType })
	if i < 0 {
		return Model{}, false
	}
	return models[i], true
}

// Readers are the values of MODEL_TYPE that read a variable.
func Readers(variable string) []string {
	var types []string
	for _, m := range models {
		if slices.Contains(m.Reads, variable) {
			types = append(types, m.Type)
		}
	}
	return types
}

// SignedTypes are the values of MODEL_TYPE that take negative edge weights.
func SignedTypes() []string {
	var types []string
	for _, m := range models {
		if m.Signed {
			types = append(types, m.Type)
		}
	}
	return types
}

// Ineffective are the variables that some model reads and this one does not.
func (m Model) Ineffective() []string {
	var names []string
	for _, other := range models {
		for _, name := range other.Reads {
			if !slices.Contains(m.Reads, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Parameters is how many numbers the model learns: of each network its layers' and
// those of the linear head.
func (c Config) Parameters() int {
	m, known := Lookup(c.Type)
	if !known {
		return 0
	}
	n, in := c.Outputs*(c.Hidden+1), c.Features
	if c.Encoded() || m.BeforeEncoder { // the first linear layer, the last norm, the head's first
		n += (c.Features+1)*c.Hidden + 2*c.Hidden + (c.Hidden+1)*c.Hidden
		in = c.Hidden
	}
	if e, ok := LookupEncoder(c.Encoder); ok && c.Encoded() {
		n += e.Weights(c.Hidden, c.Window)
	}
	for range c.Layers {
		n += m.Weights(in, c.Hidden)
		in = c.Hidden
	}
	return n * max(1, c.Members)
}

// Validate tells what no network can be built of, with its variable.
func (c Config) Validate() error {
	m, known := Lookup(c.Type)
	switch {
	case !known:
		return fault.Input("MODEL_TYPE is %q", c.Type).At("MODEL_TYPE").Fix("set %s", OneOf(Types()))
	case c.Features < 1 || c.Hidden < 1 || c.Layers < 1 || c.Outputs < 1:
		return fmt.Errorf("a network of %d features, %d layers of %d and %d outputs: each must be 1 or more", c.Features, c.Layers, c.Hidden, c.Outputs)
	case c.Dropout < 0 || c.Dropout >= 1:
		return fault.Input("DROPOUT is %v", c.Dropout).At("DROPOUT").Fix("set a number from 0, below 1")
	}
	if err := c.CheckEncoder(); err != nil || m.Check == nil {
		return err
	}
	return m.Check(c)
}

// OneOf writes names as a choice: a, b or c.
func OneOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
