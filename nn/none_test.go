package nn

func init() {
	modelParity = append(modelParity,
		modelCase{Type: "none", Class: "MLP", late: 1e-4},
		modelCase{Type: "none", Class: "MLP", Kwargs: map[string]any{"headless": true}, late: 1e-4, change: func(c *Config) { c.Headless = true }})
}
