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

	// NodeEmbedding is how many values each node's learned vector has, beside its
	// features; 0: there is none. Nodes is N then, those of a snapshot.
	NodeEmbedding, Nodes int

	Residual bool   // h + the layer's output, where both are as wide
	Norm     string // after each layer, before ReLU: one of Norms; "" is none
	Jump     string // what of the layers the head reads: one of Jumps; "" is last

	Alpha, Theta float64 // of GCNII

	// Headless has the last of the layers give the outputs, without a linear head,
	// where the model is a stack and Jump is last: PyG's jk=None.
	Headless bool
	// InputDropout drops values of x too.
	InputDropout bool
}

// Encoded tells whether there is an encoder: x is [N, W, F] then.
func (c Config) Encoded() bool { return c.Encoder != "" && c.Encoder != NoEncoder }

// The values of NORM and JK.
const (
	NormNone  = "none"
	NormLayer = "layer" // of each node's channels (Ba, Kiros and Hinton, 2016)

	JumpLast = "last"
	JumpCat  = "cat" // all layers' outputs side by side (Xu et al., 2018)
	JumpMax  = "max" // the largest of them at each place
)

// Norms and Jumps are the values of NORM and JK, the defaults first.
var (
	Norms = []string{NormNone, NormLayer}
	Jumps = []string{JumpLast, JumpCat, JumpMax}
)

// LayerNorm reports whether layers are normalised.
func (c Config) LayerNorm() bool { return c.Norm == NormLayer }

// Jumps reports whether the head reads all layers.
func (c Config) Jumps() bool { return c.Jump == JumpCat || c.Jump == JumpMax }

// DirectOutputs reports whether the last layer of a stack gives the outputs.
func (c Config) DirectOutputs() bool { return c.Headless && !c.Jumps() }

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
	// Weights is the number of parameters of a layer, and Last that of one that gives
	// the outputs; nil: Weights says it.
	Weights func(in, out int) int
	Last    func(in int, c Config) int
	// Whole is the number of parameters of a model that is no stack.
	Whole func(Config) int
	// Unencoded: it has no network with an encoder.
	Unencoded bool
	// EdgeFree: it reads no edges.
	EdgeFree bool
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
	Pair     int // of two nodes of a snapshot
}

// tail are the values that follow each layer: ReLU, and the mask and the result
// of dropout.
func (c Config) tail() int {
	values := c.Hidden
	if c.Dropout > 0 {
		values = 3 * c.Hidden
	}
	if c.LayerNorm() {
		values += c.Hidden
	}
	if c.Residual {
		values += c.Hidden
	}
	return values
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

// Parameters is how many numbers the model learns: of each network its layers', their
// norms' and those of the linear head.
func (c Config) Parameters() int {
	m, known := Lookup(c.Type)
	if !known {
		return 0
	}
	table := c.Nodes * c.NodeEmbedding
	c.Features += c.NodeEmbedding
	return (table + c.one(m)) * max(1, c.Members)
}

// one is Parameters of one network.
func (c Config) one(m Model) int {
	if m.Whole != nil && !c.Encoded() {
		return m.Whole(c)
	}
	if c.Encoded() || m.BeforeEncoder {
		return c.encodedParameters(m)
	}
	n, in := 0, c.Features
	for i := range c.Layers {
		if i == c.Layers-1 && c.DirectOutputs() {
			if m.Last != nil {
				return n + m.Last(in, c)
			}
			return n + m.Weights(in, c.Outputs)
		}
		n += m.Weights(in, c.Hidden)
		if c.LayerNorm() {
			n += 2 * c.Hidden
		}
		in = c.Hidden
	}
	if c.Jump == JumpCat {
		in *= c.Layers
	}
	return n + c.Outputs*(in+1)
}

// encodedParameters are those of a network with an encoder, or with peer layers.
func (c Config) encodedParameters(m Model) int {
	n := c.Outputs * (c.Hidden + 1)
	n += (c.Features+1)*c.Hidden + 2*c.Hidden + (c.Hidden+1)*c.Hidden // the first linear layer, the last norm, the head's first
	if e, ok := LookupEncoder(c.Encoder); ok && c.Encoded() {
		n += e.Weights(c.Hidden, c.Window)
	}
	if m.Weights != nil {
		n += c.Layers * m.Weights(c.Hidden, c.Hidden)
	}
	return n
}

// Validate tells what no network can be built of, with its variable.
func (c Config) Validate() error {
	m, known := Lookup(c.Type)
	switch {
	case !known:
		return fault.Input("MODEL_TYPE is %q", c.Type).At("MODEL_TYPE").Fix("set %s", OneOf(Types()))
	case c.Features < 1 || c.Hidden < 1 || c.Layers < 1 || c.Outputs < 1:
		return fmt.Errorf("a network of %d features, %d layers of %d and %d outputs: each must be 1 or more", c.Features, c.Layers, c.Hidden, c.Outputs)
	case c.NodeEmbedding < 0 || c.NodeEmbedding > 0 && c.Nodes < 1:
		return fmt.Errorf("a vector of %d values for each of %d nodes: both must be 1 or more", c.NodeEmbedding, c.Nodes)
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
