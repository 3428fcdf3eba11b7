package catalog

import (
	"fmt"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// NoEncoder is the ENCODER of a model that reads the newest bar alone.
const NoEncoder = "none"

// DefaultWindow is how many bars an encoder reads unless ENCODER_WINDOW is set.
const DefaultWindow = 27

// RunLength is how many consecutive snapshots are trained on together where a model
// looks back: its encoder computes what their windows share once.
const RunLength = 32

// MaxWindow is the longest ENCODER_WINDOW.
const MaxWindow = 6561

// Encoder is one ENCODER.
type Encoder struct {
	Name  string
	About string // a noun phrase, for the table of variables

	// Check says what is wrong with a window of at least 2 bars; nil: any will do.
	Check func(window int) error
	// Weights is the number of parameters.
	Weights func(channels, window int) int
	// Bar is how many values of a step a bar takes, Window how many each window
	// takes beside them.
	Bar, Window func(channels, window int) int
}

// encoders is the list that registers an encoder: one line each. Package nn has a
// file of the same name for each.
var encoders = []Encoder{
	{Name: "tcn", About: "temporal convolutions dilated by 1, 3, 9 and so on (Bai, Kolter and Koltun, 2018)", Check: powerOfThree, Weights: tcnWeights, Bar: tcnBar, Window: noWindow},
	{Name: "gru", About: "gated recurrent unit (Cho et al., 2014)", Weights: gruWeights, Bar: noWindow, Window: gruWindow},
	{Name: "mlp", About: "perceptron over all bars of the window", Weights: mlpWeights, Bar: noWindow, Window: mlpWindow},
	{Name: "mixer", About: "perceptrons over the bars and over the channels by turns (Tolstikhin et al., 2021; Chen et al., 2023)", Weights: mixerWeights, Bar: noWindow, Window: mixerWindow},
}

// Encoders are the values of ENCODER, the default first.
func Encoders() []string {
	names := []string{NoEncoder}
	for _, e := range encoders {
		names = append(names, e.Name)
	}
	return names
}

// LookupEncoder finds the encoder of an ENCODER; none is not one.
func LookupEncoder(name string) (Encoder, bool) {
	i := slices.IndexFunc(encoders, func(e Encoder) bool { return e.Name == name })
	if i < 0 {
		return Encoder{}, false
	}
	return encoders[i], true
}

// CheckEncoder tells what no encoder can be built of, with its variable.
func (c Config) CheckEncoder() error {
	if !c.Encoded() {
		return nil
	}
	e, known := LookupEncoder(c.Encoder)
	m, _ := Lookup(c.Type)
	switch {
	case m.Unencoded:
		return fault.Input("ENCODER is %q, and MODEL_TYPE=%s has no encoder", c.Encoder, c.Type).At("ENCODER").Fix("set ENCODER=none, or MODEL_TYPE to %s", OneOf(encodedTypes()))
	case !known:
		return fault.Input("ENCODER is %q", c.Encoder).At("ENCODER").Fix("set %s", OneOf(Encoders()))
	case c.Window < 2 || c.Window > MaxWindow:
		return fault.Input("ENCODER_WINDOW is %d", c.Window).At("ENCODER_WINDOW").Fix("set a number of bars from 2 to %d", MaxWindow)
	case e.Check == nil:
		return nil
	}
	return e.Check(c.Window)
}

// powerOfThree is the check of convolutions whose dilations are 1, 3, 9 and so on.
func powerOfThree(window int) error {
	reach := 3
	for reach < window {
		reach *= 3
	}
	if reach == window {
		return nil
	}
	return fault.Input("ENCODER_WINDOW is %d, and the convolutions of ENCODER=tcn reach over 3, 9, 27, 81 bars and so on", window).
		At("ENCODER_WINDOW").Fix("set %s", fmt.Sprintf("%d or %d", max(3, reach/3), reach))
}

func noWindow(int, int) int { return 0 }

func tcnBlocks(window int) int {
	blocks := 0
	for reach := 1; reach < window; reach *= 3 {
		blocks++
	}
	return blocks
}

func tcnWeights(channels, window int) int {
	return tcnBlocks(window) * (2*channels + 3*channels*channels + channels)
}

// tcnBar: of each block the norm, the products of the taps and their sum, GELU,
// dropout and the block's result; the gradient of the taps.
func tcnBar(channels, window int) int { return tcnBlocks(window)*8*channels + 4*channels }

func gruWeights(channels, _ int) int { return 6 * channels * (channels + 1) }

// gruWindow: the window itself, and of each of its bars the gates and the state.
func gruWindow(channels, window int) int { return 12 * channels * window }

func mlpWeights(channels, window int) int {
	return (window*channels+1)*channels + (channels+1)*channels
}

// mlpWindow: the window, its gradient, and three hidden layers.
func mlpWindow(channels, window int) int { return 2*channels*window + 4*channels }

// MixerBlocks is how many blocks a mixer has. The last gives the newest bar alone.
const MixerBlocks = 2

func mixerWeights(channels, window int) int {
	whole, last := (window+1)*window, window+1 // the second layer over the bars
	return MixerBlocks*(4*channels+(window+1)*window+2*(channels+1)*channels) + (MixerBlocks-1)*whole + last
}

// mixerWindow: the window; of each block but the last both norms, the transposed one,
// three layers over the bars and their sum, four over the channels and theirs, and
// the mask of dropout; of the last the norm, the transposed one and two layers; the
// gradients of three of these. The last block's rest is of one bar.
func mixerWindow(channels, window int) int {
	return ((MixerBlocks-1)*13+8)*channels*window + 8*channels
}

// encodedTypes are the values of MODEL_TYPE that have a network with an encoder.
func encodedTypes() []string {
	var names []string
	for _, m := range models {
		if !m.Unencoded {
			names = append(names, m.Type)
		}
	}
	return names
}
