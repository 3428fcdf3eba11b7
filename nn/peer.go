package nn

import (
	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() { Register("peer", newEncoded) }

// PeerLayer adds to each node what its peers do not explain of it: with B the
// matrix of signed edge weights, row by target, at each bar
//
//	h = h + W_out GELU(W_self LN(h) + (I - B) W_peers LN(h))
//
// With B_ij = -P_ij / P_ii of a precision matrix P, as EDGES=partial has it, B v is
// the regression of each node on the others, and v - B v its residual. Without
// edges it is the same layer of the node alone.
type PeerLayer struct {
	Channels         int
	Norm             *LayerNorm
	Self, Peers, Out *Linear
}

// NewPeerLayer draws the weights as torch.nn.Linear does.
func NewPeerLayer(i *Init, channels int) *PeerLayer {
	return &PeerLayer{
		Channels: channels, Norm: NewLayerNorm(i, channels),
		Self: NewLinear(i, channels, channels), Peers: NewLinear(i, channels, channels), Out: NewLinear(i, channels, channels),
	}
}

// edgeWeights is the matrix of the edge weights as they are.
var edgeWeights = &Form[*torch.Adjacency]{
	Derive: func(g *Graph) *torch.Adjacency {
		e := g.Edges()
		return torch.NewAdjacency(g.Nodes, e.Index(), e.weights())
	},
	Join:   torch.CatAdjacency,
	Select: (*torch.Adjacency).Select,
}

// Forward takes x [N, ..., C] to the same shape, over the graphs of b, of N nodes in
// all: a node's bars receive messages alike.
func (l *PeerLayer) Forward(s *Scope, x Tensor, b *Batch) Tensor {
	return s.PeerLayer(edgeWeights.Of(b), b.Offsets, x, []Tensor{
		l.Norm.Weight, l.Norm.Bias, l.Self.Weight, l.Self.Bias, l.Peers.Weight, l.Peers.Bias, l.Out.Weight, l.Out.Bias,
	})
}

// Prepare derives the matrix of a graph.
func (l *PeerLayer) Prepare(g *Graph) { edgeWeights.Prepare(g) }

// Parameters are norm.*, lin_self.*, lin_peers.* and lin_out.*.
func (l *PeerLayer) Parameters() []Parameter {
	all := prefixed("norm", l.Norm.Parameters())
	all = append(all, prefixed("lin_self", l.Self.Parameters())...)
	all = append(all, prefixed("lin_peers", l.Peers.Parameters())...)
	return append(all, prefixed("lin_out", l.Out.Parameters())...)
}

const peerScript = `
def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor] = None) -> Tensor:
    weight = torch.ones([edge_index.size(1)], dtype=x.dtype, device=x.device)
    if edge_weight is not None:
        weight = edge_weight
    h = self.norm.forward(x)
    own = self.lin_peers.forward(h)
    flat = own.flatten(1)
    explained = torch.zeros_like(flat).index_add(0, edge_index[1], flat[edge_index[0]] * weight.unsqueeze(1)).view_as(own)
    return x + self.lin_out.forward(torch.gelu(self.lin_self.forward(h) + own - explained))
`

// Script is forward in TorchScript.
func (l *PeerLayer) Script() *torch.Module {
	return script("PeerLayer", func(m *torch.Module) {
		child(m, "norm", l.Norm.Script())
		child(m, "lin_self", l.Self.Script())
		child(m, "lin_peers", l.Peers.Script())
		child(m, "lin_out", l.Out.Script())
		m.Define(peerScript)
	})
}
