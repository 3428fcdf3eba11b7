package catalog

import "github.com/streamforge/gnn-trainer/internal/fault"

// models is the list that registers a model: one line each. The first is the
// default of MODEL_TYPE. Package nn has a file of the same name for each.
var models = []Model{
	{Type: "gcn", About: "graph convolution (Kipf and Welling, 2017)", LayerTensors: 9, Weights: func(in, out int) int { return (in + 1) * out }},
	{Type: "gatv2", About: "attention with edge features (Brody, Alon and Yahav, 2022)", Reads: []string{"HEADS"}, Check: headsDivideHidden, LayerTensors: 14, Weights: func(in, out int) int { return 2*(in+1)*out + 3*out }},
	{Type: "sage", About: "GraphSAGE, the mean of neighbours (Hamilton, Ying and Leskovec, 2017)", LayerTensors: 11, Weights: func(in, out int) int { return (2*in + 1) * out }},
}

// headsDivideHidden is the check of layers whose heads lie side by side.
func headsDivideHidden(c Config) error {
	if c.Heads < 1 || c.Hidden%c.Heads != 0 {
		return fault.Input("HIDDEN=%d is no multiple of HEADS=%d", c.Hidden, c.Heads).At("HIDDEN").Fix("set HIDDEN to a multiple of HEADS, or HEADS to a divisor of HIDDEN")
	}
	return nil
}
