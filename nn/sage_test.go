package nn

func init() {
	layerParity = append(layerParity, layerCase{
		Name: "SAGEConv", Class: "SAGEConv", Sizes: [][2]int{{5, 16}, {16, 5}}, tolerance: 1e-5,
		build: func(i *Init, in, out int) Conv { return NewSAGEConv(i, in, out) },
		form:  meanAdjacency.Of,
	})
	modelParity = append(modelParity, modelCase{Type: "sage", Class: "GraphSAGE"})
}
