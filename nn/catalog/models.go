package catalog

// models is the list that registers a model: one line each. The first is the
// default of MODEL_TYPE. Package nn has a file of the same name for each.
var models = []Model{
	{Type: "gcn", About: "graph convolution (Kipf and Welling, 2017)", LayerTensors: 9, Weights: func(in, out int) int { return (in + 1) * out }},
}
