package nn

import (
	"fmt"
	"math"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() {
	RegisterEncoder("tcn", func(i *Init, channels, window int) Encoder { return NewTCN(i, channels, window) })
}

// tcnTaps is the length of a convolution's kernel. Dilations that grow as fast
// make each bar of a window of 3^k bars reach the last of k convolutions by one
// path.
const tcnTaps = 3

// TCN is a temporal convolutional network (Bai, Kolter and Koltun, 2018): residual
// blocks of causal convolutions, dilated by 1, 3, 9, and so on,
//
//	h = h + dropout(GELU(conv(LayerNorm(h))))
//
// of as many blocks as it takes to see a window of 3^blocks bars.
type TCN struct {
	Channels int
	Blocks   []*TCNBlock
}

// TCNBlock is one of its residual blocks.
type TCNBlock struct {
	Dilation int
	Norm     *LayerNorm
	Weight   Tensor // conv.weight [C, C, 3]
	Bias     Tensor // conv.bias [C]
}

// NewTCN draws the weights as torch.nn.Conv1d does.
func NewTCN(i *Init, channels, window int) *TCN {
	t := &TCN{Channels: channels}
	bound := 1 / math.Sqrt(float64(tcnTaps*channels))
	for dilation := 1; dilation < window; dilation *= tcnTaps {
		t.Blocks = append(t.Blocks, &TCNBlock{
			Dilation: dilation, Norm: NewLayerNorm(i, channels),
			Weight: i.Uniform(bound, channels, channels, tcnTaps), Bias: i.Uniform(bound, channels),
		})
	}
	return t
}

// Forward takes x [R, bars, C] to [R, bars - 3^blocks + 1, C]. A block gives nothing
// for the bars that it lacks the past of.
func (t *TCN) Forward(s *Scope, x Tensor, n *noise) Tensor {
	for _, b := range t.Blocks {
		x = s.ConvBlock(x, b.Norm.Weight, b.Norm.Bias, b.Weight, b.Bias, b.Dilation, n.p, n.draw())
	}
	return x
}

// Parameters are 0.norm.*, 0.conv.*, 1.norm.*, and so on.
func (t *TCN) Parameters() []Parameter {
	var all []Parameter
	for i, b := range t.Blocks {
		block := append(prefixed("norm", b.Norm.Parameters()),
			Parameter{"conv.weight", []int{t.Channels, t.Channels, tcnTaps}, b.Weight}, Parameter{"conv.bias", []int{t.Channels}, b.Bias})
		all = append(all, prefixed(fmt.Sprint(i), block)...)
	}
	return all
}

// Script is forward in TorchScript.
func (t *TCN) Script() *torch.Module {
	var forward strings.Builder
	forward.WriteString("\ndef forward(self, x: Tensor) -> Tensor:\n")
	return script("TCN", func(m *torch.Module) {
		for i, b := range t.Blocks {
			child(m, fmt.Sprint(i), b.script(t.Channels))
			fmt.Fprintf(&forward, "    x = getattr(self, \"%d\").forward(x)\n", i)
		}
		forward.WriteString("    return x[:, -1]\n")
		m.Define(forward.String())
	})
}

const tcnScript = `
def forward(self, x: Tensor) -> Tensor:
    h = self.norm.forward(x).transpose(1, 2)
    h = torch.conv1d(h, self.conv.weight, self.conv.bias, [1], [0], [%d])
    h = torch.gelu(h).transpose(1, 2)
    return x[:, -h.size(1):] + h
`

func (b *TCNBlock) script(channels int) *torch.Module {
	return script("TCNBlock", func(m *torch.Module) {
		child(m, "norm", b.Norm.Script())
		child(m, "conv", scriptModule("Conv1d", "", []Parameter{
			{"weight", []int{channels, channels, tcnTaps}, b.Weight}, {"bias", []int{channels}, b.Bias},
		}))
		m.Define(fmt.Sprintf(tcnScript, b.Dilation))
	})
}
