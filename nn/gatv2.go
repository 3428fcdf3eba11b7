package nn

import (
	"fmt"
	"math"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() {
	Register("gatv2", Stack(func(i *Init, c Config, p Slot) Conv {
		var conv *GATv2Conv
		if p.Last {
			conv = NewGATv2Mean(i, p.In, p.Out, c.Heads)
		} else {
			conv = NewGATv2Conv(i, p.In, p.Out/c.Heads, c.Heads, false)
		}
		conv.Dropout = c.Dropout // as torch_geometric.nn.models.GAT has it
		return conv
	}))
}

// negativeSlope of the leaky ReLU, PyG's default.
const negativeSlope = 0.2

// GATv2Conv is the attention layer of Brody, Alon and Yahav (ICLR 2022) with the
// exact semantics of torch_geometric.nn.GATv2Conv(in, channels, heads, edge_dim=1):
//
//	x'_i = sum_j softmax_j(a . leaky_relu(W_r x_i + W_l x_j + w_e e_ji))  W_l x_j  +  b
//
// for each head, side by side, over the neighbours j that i receives messages
// from and i itself. The one feature e of an edge is its weight; self-loops are
// taken out, and each node gets one that has the mean of its incoming edges'.
// Without edge weights e is 0, which leaves the term out as PyG does.
type GATv2Conv struct {
	In, Channels, Heads int     // the layer gives Heads * Channels
	Dropout             float64 // of the coefficients

	Att         Tensor // att [1, Heads, Channels]
	Bias        Tensor // bias [Heads * Channels], added after aggregation
	Left, Right *Linear
	Edge        Tensor // lin_edge.weight [Heads * Channels, 1]

	// Mean gives the mean of the heads, [N, Channels], in place of all side by side:
	// PyG's concat=False. mean [Channels, Heads * Channels] is 1 / Heads at a
	// channel of each head; the bias is then [Channels].
	Mean bool
	mean Tensor
}

// NewGATv2Conv draws the weights as PyG does. With shareWeights one matrix takes
// both sources and targets: Right is Left.
func NewGATv2Conv(i *Init, in, channels, heads int, shareWeights bool) *GATv2Conv {
	out := heads * channels
	linear := func() *Linear {
		return &Linear{In: in, Out: out, Weight: i.Uniform(glorot(in, out), out, in), Bias: i.Uniform(1/math.Sqrt(float64(in)), out)}
	}
	c := &GATv2Conv{In: in, Channels: channels, Heads: heads, Left: linear()}
	c.Right = c.Left
	if !shareWeights {
		c.Right = linear()
	}
	c.Att = i.Uniform(glorot(heads, channels), 1, heads, channels)
	c.Edge = i.Uniform(glorot(1, out), out, 1)
	c.Bias = i.Uniform(0, out)
	return c
}

// NewGATv2Mean is a layer that gives the mean of its heads, as PyG's last one has it.
func NewGATv2Mean(i *Init, in, channels, heads int) *GATv2Conv {
	c := NewGATv2Conv(i, in, channels, heads, false)
	c.Mean, c.Bias = true, i.Uniform(0, channels)
	share := make([]float32, channels*heads*channels)
	for k := range channels {
		for h := range heads {
			share[k*heads*channels+h*channels+k] = 1 / float32(heads)
		}
	}
	step := torch.NewScope()
	defer step.Close()
	c.mean = i.owner.Clone(step.To(step.Float32s(share, int64(channels), int64(heads*channels)), i.device))
	return c
}

// selfLooped is A with the edges' feature as its values, after PyG's
// remove_self_loops and add_self_loops(fill_value='mean').
var selfLooped = &Form[*torch.Adjacency]{
	Derive: func(g *Graph) *torch.Adjacency {
		e := withMeanLoops(g.Edges())
		return torch.NewAdjacency(g.Nodes, e.Index(), e.Weight)
	},
	Join: torch.CatAdjacency,
}

// withMeanLoops gives each node one self-loop, its last edge, in place of those
// it has. Its weight is the mean of the other edges' of the node, and 0 without
// any.
func withMeanLoops(e Edges) Edges {
	looped := Edges{RowPtr: make([]int32, 1, len(e.RowPtr))}
	for i := range int32(len(e.RowPtr) - 1) {
		var sum, count float32
		for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
			if e.Source[k] == i {
				continue
			}
			var weight float32
			if e.Weight != nil {
				weight = e.Weight[k]
			}
			looped.Source, looped.Weight = append(looped.Source, e.Source[k]), append(looped.Weight, weight)
			sum += weight
			count++
		}
		looped.Source, looped.Weight = append(looped.Source, i), append(looped.Weight, sum/max(count, 1))
		looped.RowPtr = append(looped.RowPtr, int32(len(looped.Source)))
	}
	return looped
}

// Forward takes x [N, In] to [N, Heads * Channels], or [N, Channels] of a mean.
func (c *GATv2Conv) Forward(s *Scope, x Tensor, b *Batch, training bool) Tensor {
	left := c.Left.Forward(s, x)
	right := left
	if c.Right != c.Left {
		right = c.Right.Forward(s, x)
	}
	dropout := 0.0
	if training {
		dropout = c.Dropout
	}
	att := s.Reshape(c.Att, int64(c.Heads), int64(c.Channels))
	out := s.GATv2(selfLooped.Of(b), b.Offsets, left, right, att, c.Edge, negativeSlope, dropout)
	if c.Mean {
		return s.Linear(out, c.mean, c.Bias)
	}
	return s.Add(out, c.Bias)
}

// Prepare derives the adjacency of a graph.
func (c *GATv2Conv) Prepare(g *Graph) { selfLooped.Prepare(g) }

// Parameters are in PyG's order.
func (c *GATv2Conv) Parameters() []Parameter {
	out := c.Heads * c.Channels
	bias := out
	if c.Mean {
		bias = c.Channels
	}
	all := []Parameter{{"att", []int{1, c.Heads, c.Channels}, c.Att}, {"bias", []int{bias}, c.Bias}}
	all = append(all, prefixed("lin_l", c.Left.Parameters())...)
	if c.Right != c.Left {
		all = append(all, prefixed("lin_r", c.Right.Parameters())...)
	}
	return append(all, Parameter{"lin_edge.weight", []int{out, 1}, c.Edge})
}

// The TorchScript repeats PyG's steps, which TorchScript itself cannot script.
const gatv2Script = `
def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Optional[Tensor] = None) -> Tensor:
    n = x.size(0)
    heads = self.att.size(1)
    channels = self.att.size(2)
    others = edge_index[0] != edge_index[1]
    loop = torch.arange(n, device=x.device)
    source = edge_index[0][others]
    target = edge_index[1][others]
    weight = torch.zeros([source.size(0)], dtype=x.dtype, device=x.device)
    if edge_weight is not None:
        weight = edge_weight.to(x.dtype)[others]
    count = torch.zeros([n], dtype=x.dtype, device=x.device).index_add(0, target, torch.ones_like(weight))
    mean = torch.zeros([n], dtype=x.dtype, device=x.device).index_add(0, target, weight) / count.clamp(min=1.0)
    source = torch.cat([source, loop])
    target = torch.cat([target, loop])
    weight = torch.cat([weight, mean])
    x_l = (torch.matmul(x, self.lin_l.weight.t()) + self.lin_l.bias).view(n, heads, channels)
    x_r = (torch.matmul(x, self.LIN_R.weight.t()) + self.LIN_R.bias).view(n, heads, channels)
    messages = x_l[source]
    s = messages + x_r[target] + (weight.unsqueeze(1) * self.lin_edge.weight.t()).view(-1, heads, channels)
    score = (torch.where(s > 0, s, SLOPE * s) * self.att).sum(-1)
    index = target.unsqueeze(1).expand_as(score)
    most = torch.zeros([n, heads], dtype=x.dtype, device=x.device).scatter_reduce(0, index, score, "amax", include_self=False)
    exponent = (score - most[target]).exp()
    total = torch.zeros([n, heads], dtype=x.dtype, device=x.device).index_add(0, target, exponent) + 1e-16
    alpha = exponent / total[target]
    out = torch.zeros_like(x_l).index_add(0, target, messages * alpha.unsqueeze(-1))
    return out.HEADS + self.bias
`

// Script is forward in TorchScript.
func (c *GATv2Conv) Script() *torch.Module {
	right := "lin_r"
	if c.Right == c.Left {
		right = "lin_l"
	}
	heads := "view(n, heads * channels)"
	if c.Mean {
		heads = "mean(1)"
	}
	source := strings.NewReplacer("HEADS", heads, "LIN_R", right, "SLOPE", fmt.Sprint(negativeSlope)).Replace(gatv2Script)
	return scriptModule("GATv2Conv", source, c.Parameters())
}
