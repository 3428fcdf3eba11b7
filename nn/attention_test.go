package nn

func init() {
	for _, heads := range []int{1, 4} {
		layerParity = append(layerParity, layerCase{
			Name: "TransformerLayer", Class: "TransformerLayer", Edge: "parts", Sizes: [][2]int{{8, 8}}, tolerance: 1e-5,
			Kwargs: map[string]any{"heads": heads},
			build:  func(i *Init, in, _ int) Conv { return NewTransformerLayer(i, in, heads) },
		})
	}
	modelParity = append(modelParity, modelCase{Type: "attention", Class: "Transformer", Kwargs: map[string]any{"heads": 4}, late: 1e-3})
}
