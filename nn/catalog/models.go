package catalog

import "github.com/streamforge/gnn-trainer/internal/fault"

// models is the list that registers a model: one line each. The first is the
// default of MODEL_TYPE. Package nn has a file of the same name for each.
var models = []Model{
	{Type: "gcn", About: "graph convolution (Kipf and Welling, 2017)", Weights: gcnWeights, Step: gcnStep, Loops: true},
	{Type: "gatv2", About: "attention with edge features (Brody, Alon and Yahav, 2022)", Reads: []string{"HEADS"}, Check: headsDivideHidden, Weights: gatv2Weights, Step: gatv2Step, Loops: true, Signed: true, DeviceEdge: 6},
	{Type: "sage", About: "GraphSAGE, the mean of neighbours (Hamilton, Ying and Leskovec, 2017)", Weights: sageWeights, Step: sageStep},
	{Type: "peer", About: "signed residuals of a node's peers, for EDGES=partial", Weights: peerWeights, Step: peerStep, Signed: true, BeforeEncoder: true},
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

// headsDivideHidden is the check of layers whose heads lie side by side.
func headsDivideHidden(c Config) error {
	if c.Heads < 1 || c.Hidden%c.Heads != 0 {
		return fault.Input("HIDDEN=%d is no multiple of HEADS=%d", c.Hidden, c.Heads).At("HIDDEN").Fix("set HIDDEN to a multiple of HEADS, or HEADS to a divisor of HIDDEN")
	}
	return nil
}
