package nn

import (
	"fmt"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

// identified is a network that knows which node is which: a learned vector of each
// node, torch.nn.Embedding(N, D), is beside its features, on each bar of a window.
// The network itself is that of F + D features. It knows its own N nodes alone, in
// their order.
type identified struct {
	Network
	nodes, size int
	table       Tensor // [N, D]
}

// identify builds a network beside a table that is drawn before it from N(0, 1), as
// PyTorch does.
func identify(i *Init, c Config, build func(*Init, Config) Network) Network {
	m := &identified{nodes: c.Nodes, size: c.NodeEmbedding, table: i.Normal(c.Nodes, c.NodeEmbedding)}
	c.Features += c.NodeEmbedding
	m.Network = build(i, c)
	return m
}

func (m *identified) Forward(s *Scope, b *Batch, training bool) Tensor {
	features := b // where they are
	if b.Windows != nil {
		features = b.Windows.Runs
	}
	x := features.X
	defer func() { features.X = x }()
	features.X = s.BesideRows(x, m.table)
	return m.Network.Forward(s, b, training)
}

// Prepare implements Model.
func (m *identified) Prepare(g *Graph) {
	if p, ok := m.Network.(preparer); ok {
		p.Prepare(g)
	}
}

// Parameters are node_embedding.weight and those of the network, by their own names.
func (m *identified) Parameters() []Parameter {
	return append([]Parameter{{"node_embedding.weight", []int{m.nodes, m.size}, m.table}}, m.Network.Parameters()...)
}

func (m *identified) readsPresence() bool {
	r, ok := m.Network.(presenceReader)
	return ok && r.readsPresence()
}

const identifiedScript = `
def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor]%s) -> Tensor:
    table = self.node_embedding.weight
    assert x.size(0) == table.size(0), "the model knows the %d symbols that it was trained on, by NODE_EMBEDDING, and x has " + str(x.size(0)) + " nodes"
    if x.dim() == 3:
        table = table.unsqueeze(1).expand(-1, x.size(1), -1)
    return self.net.forward(torch.cat([x, table], -1), edge_index, edge_weight%s)
`

// Script takes x of the table's nodes alone.
func (m *identified) Script() *torch.Module {
	parameter, argument := " = None", ""
	if m.readsPresence() {
		parameter, argument = ", present: Tensor", ", present"
	}
	return script("Identified", func(module *torch.Module) {
		child(module, "node_embedding", scriptModule("Embedding", "", []Parameter{{"weight", []int{m.nodes, m.size}, m.table}}))
		child(module, "net", m.Network.Script())
		module.Define(fmt.Sprintf(identifiedScript, parameter, m.nodes, argument))
	})
}
