package nn

import (
	"fmt"

	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

// Config is the shape of a network.
type Config = catalog.Config

// Network is what the file of a model writes.
type Network interface {
	// Forward takes a batch of N nodes to outputs [N, Outputs].
	Forward(s *Scope, b *Batch, training bool) Tensor
	// Parameters are the learned tensors, by PyG's names and in PyG's order.
	Parameters() []Parameter
	// Script is the network without dropout as a TorchScript module:
	// forward(x, edge_index, edge_weight: Optional[Tensor] = None) on scaled x
	// gives [N, Outputs]. The caller closes it.
	Script() *torch.Module
}

// Model is a network that owns its parameters.
type Model interface {
	Network
	Config() Config
	// Prepare derives of a graph what the layers compute on, as the first batch
	// with it would. Made for all graphs before the first batch, what stays lies
	// together, and does not break up the memory that each batch takes anew.
	Prepare(*Graph)
	Close()
}

// constructors of the networks by MODEL_TYPE.
var constructors = map[string]func(*Init, Config) Network{}

// Register names the constructor of a model that package catalog lists. It is
// for init.
func Register(modelType string, build func(*Init, Config) Network) {
	if _, listed := catalog.Lookup(modelType); !listed || constructors[modelType] != nil {
		panic(fmt.Sprintf("model %q is registered twice, or is not in nn/catalog/models.go", modelType))
	}
	constructors[modelType] = build
}

// New draws a model's weights from the seeded generator.
func New(d torch.Device, c Config) (Model, error) {
	if c.Members > 1 {
		return newEnsemble(d, c, func(int) {})
	}
	return newSingle(d, c)
}

// NewSeeded is New with the generator seeded; member i of an ensemble is drawn by
// seed + i.
func NewSeeded(d torch.Device, c Config, seed int64) (Model, error) {
	if c.Members > 1 {
		return newEnsemble(d, c, func(member int) { torch.ManualSeed(seed + int64(member)) })
	}
	torch.ManualSeed(seed)
	return newSingle(d, c)
}

// newSingle makes a model of one network.
func newSingle(d torch.Device, c Config) (Model, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	build := constructors[c.Type]
	if build == nil {
		return nil, fmt.Errorf("MODEL_TYPE=%s is in nn/catalog/models.go, but no file of package nn registers it", c.Type)
	}
	m := &model{config: c, owner: torch.NewScope()}
	defer func() {
		if m.Network == nil { // it panicked: what was drawn so far is freed
			m.Close()
		}
	}()
	i := &Init{owner: m.owner, device: d}
	if c.NodeEmbedding > 0 {
		m.Network = identify(i, c, build)
	} else {
		m.Network = build(i, c)
	}
	return m, nil
}

type model struct {
	Network
	config Config
	owner  *Scope // of the parameters
}

func (m *model) Config() Config { return m.config }

// Forward is the network's, less the mean over each snapshot's present nodes where
// the task asks for it.
func (m *model) Forward(s *Scope, b *Batch, training bool) Tensor {
	outputs := m.Network.Forward(s, b, training)
	if m.config.Centred {
		outputs = b.centre(s, outputs)
	}
	return outputs
}

func (m *model) Prepare(g *Graph) {
	if p, ok := m.Network.(preparer); ok {
		p.Prepare(g)
	}
}

// preparer is a network or a layer that derives something of a graph.
type preparer interface{ Prepare(*Graph) }

func (m *model) Close() { m.owner.Close() }
