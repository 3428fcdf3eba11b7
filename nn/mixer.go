package nn

import (
	"fmt"
	"strings"

	"github.com/streamforge/gnn-trainer/nn/catalog"
	"github.com/streamforge/gnn-trainer/nn/torch"
)

func init() {
	RegisterEncoder("mixer", func(i *Init, channels, window int) Encoder { return NewMixer(i, channels, window) })
}

// Mixer mixes the bars of a window, and each bar's channels, by turns (MLP-Mixer,
// Tolstikhin et al., 2021; over time TSMixer, Chen et al., 2023):
//
//	h = h + W_2 GELU(W_1 LayerNorm(h))             over the bars, of each channel
//	h = h + V_2 dropout(GELU(V_1 LayerNorm(h)))    over the channels, of each bar
//
// It gives the newest bar's row, not the mean over bars: the residual paths then
// carry the newest bar itself, as those of tcn and mlp do, and no trained weight of
// the other bars is left without effect, since W_2 of the last block has that row
// alone. It computes each window by itself.
type Mixer struct {
	Channels, Window int
	Blocks           []*MixerBlock
}

// MixerBlock is one of its blocks: [K, W, C] to [K, Kept, C].
type MixerBlock struct {
	Kept                  int // of the newest bars: W, or 1 in the last block
	TimeNorm, ChannelNorm *LayerNorm
	Time1, Time2          *Linear // over the bars: W to W, W to Kept
	Channel1, Channel2    *Linear
}

// NewMixer draws the weights as torch.nn.Linear does.
func NewMixer(i *Init, channels, window int) *Mixer {
	m := &Mixer{Channels: channels, Window: window}
	for block := range catalog.MixerBlocks {
		kept := window
		if block == catalog.MixerBlocks-1 {
			kept = 1
		}
		m.Blocks = append(m.Blocks, &MixerBlock{
			Kept: kept, TimeNorm: NewLayerNorm(i, channels), Time1: NewLinear(i, window, window), Time2: NewLinear(i, window, kept),
			ChannelNorm: NewLayerNorm(i, channels), Channel1: NewLinear(i, channels, channels), Channel2: NewLinear(i, channels, channels),
		})
	}
	return m
}

// Forward takes x [R, bars, C] to [R, bars - W + 1, C].
func (m *Mixer) Forward(s *Scope, x Tensor, n *noise) Tensor {
	runs := x.Shape()[0]
	h := s.Windows(x, m.Window)
	for _, b := range m.Blocks {
		h = b.forward(s, h, n)
	}
	return s.Reshape(h, runs, -1, int64(m.Channels))
}

func (b *MixerBlock) forward(s *Scope, x Tensor, n *noise) Tensor {
	mixed := s.GELU(b.Time1.Forward(s, s.Transpose(b.TimeNorm.Forward(s, x)))) // [K, C, W]
	mixed = s.Transpose(b.Time2.Forward(s, mixed))
	h := s.Add(s.Narrow(x, 1, int(x.Shape()[1])-b.Kept, b.Kept), mixed)
	channels := n.drop(s, s.GELU(b.Channel1.Forward(s, b.ChannelNorm.Forward(s, h))))
	return s.Add(h, b.Channel2.Forward(s, channels))
}

// Parameters are 0.time_norm.*, 0.time1.*, 0.time2.*, 0.channel_norm.*,
// 0.channel1.*, 0.channel2.*, 1.time_norm.*, and so on.
func (m *Mixer) Parameters() []Parameter {
	var all []Parameter
	for i, b := range m.Blocks {
		for _, part := range b.parts() {
			all = append(all, prefixed(fmt.Sprintf("%d.%s", i, part.name), part.Parameters())...)
		}
	}
	return all
}

// mixerPart is a named layer of a block.
type mixerPart struct {
	name string
	layer
}

type layer interface {
	Parameters() []Parameter
	Script() *torch.Module
}

func (b *MixerBlock) parts() []mixerPart {
	return []mixerPart{
		{"time_norm", b.TimeNorm},
		{"time1", b.Time1},
		{"time2", b.Time2},
		{"channel_norm", b.ChannelNorm},
		{"channel1", b.Channel1},
		{"channel2", b.Channel2},
	}
}

// Script is forward in TorchScript.
func (m *Mixer) Script() *torch.Module {
	var forward strings.Builder
	forward.WriteString("\ndef forward(self, x: Tensor) -> Tensor:\n")
	return script("Mixer", func(module *torch.Module) {
		for i, b := range m.Blocks {
			child(module, fmt.Sprint(i), b.script())
			fmt.Fprintf(&forward, "    x = getattr(self, \"%d\").forward(x)\n", i)
		}
		forward.WriteString("    return x[:, -1]\n")
		module.Define(forward.String())
	})
}

const mixerScript = `
def forward(self, x: Tensor) -> Tensor:
    h = self.time_norm.forward(x).transpose(1, 2)
    h = self.time2.forward(torch.gelu(self.time1.forward(h))).transpose(1, 2)
    x = x[:, -h.size(1):] + h
    return x + self.channel2.forward(torch.gelu(self.channel1.forward(self.channel_norm.forward(x))))
`

func (b *MixerBlock) script() *torch.Module {
	return script("MixerBlock", func(m *torch.Module) {
		for _, part := range b.parts() {
			child(m, part.name, part.Script())
		}
		m.Define(mixerScript)
	})
}
