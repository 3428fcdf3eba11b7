package catalog

import "github.com/streamforge/gnn-trainer/internal/fault"

// models is the list that registers a model: one line each. The first is the
// default of MODEL_TYPE. Package nn has a file of the same name for each.
var models = []Model{
	{Type: "gcn", About: "graph convolution (Kipf and Welling, 2017)", Reads: []string{"RESIDUAL", "NORM", "JK"}, Weights: gcnWeights, Step: gcnStep, Loops: true},
	{Type: "gatv2", About: "attention with edge features (Brody, Alon and Yahav, 2022)", Reads: []string{"HEADS", "RESIDUAL", "NORM", "JK"}, Check: headsDivideHidden, Weights: gatv2Weights, Last: gatv2Last, Step: gatv2Step, Loops: true, Signed: true, DeviceEdge: 6},
	{Type: "sage", About: "GraphSAGE, the mean of neighbours (Hamilton, Ying and Leskovec, 2017)", Reads: []string{"RESIDUAL", "NORM", "JK"}, Weights: sageWeights, Step: sageStep},
	{Type: "peer", About: "signed residuals of a node's peers, for EDGES=partial", Weights: peerWeights, Step: peerStep, BeforeEncoder: true, Signed: true},
	{Type: "gcnii", About: "graph convolution with initial residual and identity mapping, for many layers (Chen et al., 2020)", Reads: []string{"GCNII_ALPHA", "GCNII_THETA"}, Unencoded: true, Whole: gcniiWeights, Step: gcniiStep, Loops: true},
	{Type: "attention", About: "self-attention over all nodes of a snapshot, without edges (Vaswani et al., 2017)", Reads: []string{"HEADS"}, Check: headsDivideHidden, Unencoded: true, Whole: attentionWeights, Step: attentionStep, EdgeFree: true, Signed: true},
	{Type: "none", About: "a multilayer perceptron of each node, without edges", Whole: perceptronWeights, Step: perceptronStep, EdgeFree: true, Signed: true},
}

func gcnWeights(in, out int) int { return (in + 1) * out }

// gcnStep: A x and W A x, or, where in is the wider side, W x, A W x and the sum
// with the bias.
func gcnStep(in int, c Config) Step {
	kept := in + c.Hidden
	if in > c.Hidden {
		kept = 3 * c.Hidden
	}
	return Step{Kept: kept + c.tail(), Backward: 2 * max(in, c.Hidden)}
}

func gatv2Weights(in, out int) int { return 2*(in+1)*out + 3*out }

// gatv2Step: both transformed features, what the attention gives, and the sum
// with the bias; of each edge the coefficients, and those that dropout keeps.
func gatv2Step(in int, c Config) Step {
	entry := c.Heads
	if c.Dropout > 0 {
		entry *= 2
	}
	return Step{Kept: 4*c.Hidden + c.tail(), Backward: 3 * max(in, c.Hidden), Entry: entry}
}

// gatv2Last: the heads' mean gives the outputs.
func gatv2Last(in int, c Config) int {
	wide := c.Heads * c.Outputs
	return 2*(in+1)*wide + 2*wide + c.Outputs
}

func sageWeights(in, out int) int { return (2*in + 1) * out }

// sageStep: the node's own part, the mean, its product, and their sum.
func sageStep(in int, c Config) Step {
	return Step{Kept: min(in, c.Hidden) + 3*c.Hidden + c.tail(), Backward: 3 * max(in, c.Hidden)}
}

func peerWeights(in, _ int) int { return 2*in + 3*(in+1)*in }

// peerStep: the norm, three products, what the peers explain, the residual, their
// sum, GELU, and the layer's result.
func peerStep(_ int, c Config) Step {
	return Step{Kept: 9 * c.Hidden, Backward: 4 * c.Hidden}
}

func gcniiWeights(c Config) int {
	return (c.Features+1)*c.Hidden + c.Layers*c.Hidden*c.Hidden + (c.Hidden+1)*c.Outputs
}

// gcniiStep: A x, its sum with the initial residual, and the two of the identity
// mapping; and what follows the initial layer, spread over all.
func gcniiStep(_ int, c Config) Step {
	return Step{Kept: 6*c.Hidden + c.tail(), Backward: 3 * c.Hidden}
}

func attentionWeights(c Config) int {
	h, wide := c.Hidden, FeedForward*c.Hidden
	layer := 4*h*(h+1) + (h+1)*wide + (wide+1)*h + 4*h
	return (c.Features+1)*h + c.Layers*layer + (h+1)*c.Outputs
}

// FeedForward is how many times as wide as HIDDEN the middle of an attention
// layer's perceptron is.
const FeedForward = 2

// attentionStep: queries, keys, values and what is made of them, the perceptron and
// two norms; of each pair the scores, with the mask, and their softmax.
func attentionStep(_ int, c Config) Step {
	return Step{Kept: (9+3*FeedForward)*c.Hidden + 2*c.tail(), Backward: (3 + FeedForward) * c.Hidden, Pair: 4 * c.Heads}
}

func perceptronWeights(c Config) int {
	n, in, hidden := 0, c.Features, c.Layers
	if c.Headless {
		hidden--
	}
	for range hidden {
		n += (in + 1) * c.Hidden
		in = c.Hidden
	}
	return n + (in+1)*c.Outputs
}

func perceptronStep(in int, c Config) Step {
	return Step{Kept: c.Hidden + c.tail(), Backward: 2 * max(in, c.Hidden)}
}

// headsDivideHidden is the check of layers whose heads lie side by side.
func headsDivideHidden(c Config) error {
	if c.Heads < 1 || c.Hidden%c.Heads != 0 {
		return fault.Input("HIDDEN=%d is no multiple of HEADS=%d", c.Hidden, c.Heads).At("HIDDEN").Fix("set HIDDEN to a multiple of HEADS, or HEADS to a divisor of HIDDEN")
	}
	return nil
}
