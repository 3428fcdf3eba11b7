package nn

import "github.com/streamforge/gnn-trainer/nn/torch"

func init() {
	Register("gcn", Stack(func(i *Init, _ Config, p Slot) Conv { return NewGCNConv(i, p.In, p.Out) }))
}

// GCNConv is the graph convolution of Kipf and Welling (ICLR 2017) with the
// exact semantics of torch_geometric.nn.GCNConv:
//
//	x'_i = W sum_j  e_ji / sqrt(deg(j) deg(i))  x_j  +  b
//
// over the neighbours j that i receives messages from and i itself.
type GCNConv struct {
	In, Out int
	Weight  Tensor // lin.weight [Out, In]
	Bias    Tensor // bias [Out], added after aggregation
}

// NewGCNConv draws the weight by Glorot and starts the bias at 0, as PyG does.
func NewGCNConv(i *Init, in, out int) *GCNConv {
	return &GCNConv{In: in, Out: out, Weight: i.Uniform(glorot(in, out), out, in), Bias: i.Uniform(0, out)}
}

// gcnAdjacency is D^-1/2 (A + I) D^-1/2, PyG's gcn_norm.
var gcnAdjacency = &Form[*torch.Adjacency]{
	Derive: func(g *Graph) *torch.Adjacency {
		e := g.Edges()
		return torch.NewGCNAdjacency(g.Nodes, e.Index(), e.Weight)
	},
	Join:   torch.CatAdjacency,
	Select: (*torch.Adjacency).Select,
}

// Forward takes x [N, In] to [N, Out]. The two products commute, so the sparse
// one is done on the narrower side.
func (c *GCNConv) Forward(s *Scope, x Tensor, b *Batch, _ bool) Tensor {
	adjacency := gcnAdjacency.Of(b)
	if c.In <= c.Out {
		return s.Linear(s.Matmul(adjacency, x), c.Weight, c.Bias)
	}
	return s.Add(s.Matmul(adjacency, s.Linear(x, c.Weight, Tensor{})), c.Bias)
}

// activated is dropout(relu(Forward)).
func (c *GCNConv) activated(s *Scope, x Tensor, b *Batch, dropout float64, d torch.Draw) Tensor {
	adjacency := gcnAdjacency.Of(b)
	if c.In <= c.Out {
		return s.Layer(adjacency, x, c.Weight, c.Bias, dropout, d)
	}
	return s.ReluDropout(s.Add(s.Matmul(adjacency, s.Linear(x, c.Weight, Tensor{})), c.Bias), dropout, d)
}

// Prepare derives the adjacency of a graph.
func (c *GCNConv) Prepare(g *Graph) { gcnAdjacency.Prepare(g) }

// Parameters are in PyG's order.
func (c *GCNConv) Parameters() []Parameter {
	return []Parameter{
		{"bias", []int{c.Out}, c.Bias},
		{"lin.weight", []int{c.Out, c.In}, c.Weight},
	}
}

// The TorchScript repeats gcn_norm for edges as they come in Python: a node's
// own loop keeps its weight, every other node gets one of 1.
const gcnNormScript = `    n = x.size(0)
    source = edge_index[0]
    target = edge_index[1]
    weight = torch.ones([edge_index.size(1)], dtype=x.dtype, device=x.device)
    if edge_weight is not None:
        weight = edge_weight.to(x.dtype)
    own = source == target
    loop_weight = torch.ones([n], dtype=x.dtype, device=x.device)
    loop_weight[source[own]] = weight[own]
    loop = torch.arange(n, device=x.device)
    others = torch.logical_not(own)
    source = torch.cat([source[others], loop])
    target = torch.cat([target[others], loop])
    weight = torch.cat([weight[others], loop_weight])
    degree = torch.zeros([n], dtype=x.dtype, device=x.device).index_add(0, target, weight)
    scale = degree.pow(-0.5)
    scale = scale.masked_fill(scale == float('inf'), 0.0)
    weight = scale[source] * weight * scale[target]
`

const gcnConvScript = `
def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor] = None) -> Tensor:
` + gcnNormScript + `    h = torch.matmul(x, self.lin.weight.t())
    return torch.zeros_like(h).index_add(0, target, h[source] * weight.unsqueeze(1)) + self.bias
`

// Script repeats it in TorchScript.
func (c *GCNConv) Script() *torch.Module {
	return scriptModule("GCNConv", gcnConvScript, c.Parameters())
}
