package nn

import (
	"math"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() {
	Register("sage", Stack(func(i *Init, _ Config, p Slot) Conv { return NewSAGEConv(i, p.In, p.Out) }))
}

// SAGEConv is the layer of GraphSAGE (Hamilton, Ying and Leskovec, NIPS 2017)
// with the exact semantics of torch_geometric.nn.SAGEConv(aggr='mean'):
//
//	x'_i = W_l mean_j x_j  +  b  +  W_r x_i
//
// over the neighbours j that i receives messages from, each edge counted once
// whatever its weight. A node without any has a mean of 0.
type SAGEConv struct {
	In, Out   int
	Neighbour *Linear // lin_l, with the bias
	Root      Tensor  // lin_r.weight [Out, In]
}

// NewSAGEConv draws the weights by PyTorch's default, as PyG does.
func NewSAGEConv(i *Init, in, out int) *SAGEConv {
	c := &SAGEConv{In: in, Out: out, Neighbour: NewLinear(i, in, out)}
	c.Root = i.Uniform(1/math.Sqrt(float64(in)), out, in)
	return c
}

// meanAdjacency is A with 1 / in-degree as the values of each row.
var meanAdjacency = &Form[*torch.Adjacency]{
	Derive: func(g *Graph) *torch.Adjacency {
		e := g.Edges()
		share := make([]float32, len(e.Source))
		for i := range g.Nodes {
			row := share[e.RowPtr[i]:e.RowPtr[i+1]]
			for k := range row {
				row[k] = 1 / float32(len(row))
			}
		}
		return torch.NewAdjacency(g.Nodes, e.Index(), share)
	},
	Join:   torch.CatAdjacency,
	Select: (*torch.Adjacency).Select,
}

// Forward takes x [N, In] to [N, Out]. The mean and its product commute, so the
// mean is taken on the narrower side.
func (c *SAGEConv) Forward(s *Scope, x Tensor, b *Batch, _ bool) Tensor {
	mean := meanAdjacency.Of(b)
	own := s.Linear(x, c.Root, c.Neighbour.Bias)
	if c.In <= c.Out {
		return s.Add(s.Linear(s.Matmul(mean, x), c.Neighbour.Weight, Tensor{}), own)
	}
	return s.Add(s.Matmul(mean, s.Linear(x, c.Neighbour.Weight, Tensor{})), own)
}

// Prepare derives the adjacency of a graph.
func (c *SAGEConv) Prepare(g *Graph) { meanAdjacency.Prepare(g) }

// Parameters are in PyG's order.
func (c *SAGEConv) Parameters() []Parameter {
	return append(prefixed("lin_l", c.Neighbour.Parameters()), Parameter{"lin_r.weight", []int{c.Out, c.In}, c.Root})
}

const sageScript = `
def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor] = None) -> Tensor:
    source = edge_index[0]
    target = edge_index[1]
    ones = torch.ones([source.size(0)], dtype=x.dtype, device=x.device)
    count = torch.zeros([x.size(0)], dtype=x.dtype, device=x.device).index_add(0, target, ones)
    mean = torch.zeros_like(x).index_add(0, target, x[source]) / count.clamp(min=1.0).unsqueeze(1)
    return torch.matmul(mean, self.lin_l.weight.t()) + self.lin_l.bias + torch.matmul(x, self.lin_r.weight.t())
`

// Script is forward in TorchScript.
func (c *SAGEConv) Script() *torch.Module {
	return scriptModule("SAGEConv", sageScript, c.Parameters())
}
