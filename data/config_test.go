package data

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestEachWrongValueIsNamedWithItsVariable(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	for _, test := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Horizons = Horizons{0} }, "HORIZON is 0"},
		{func(c *Config) { c.Horizons = Horizons{math.MaxInt} }, "HORIZON is 9223372036854775807"},
		{func(c *Config) { c.GraphWindow = 1_000_001 }, "GRAPH_WINDOW is 1000001"},
		{func(c *Config) { c.Task = "nodal" }, `TASK is "nodal"`},
		{func(c *Config) { c.GraphWindow = 2 }, "GRAPH_WINDOW is 2"},
		{func(c *Config) { c.EdgeTopK = 0 }, "EDGE_TOP_K is 0"},
		{func(c *Config) { c.EdgeThreshold = number(1.01) }, "EDGE_THRESHOLD is 1.01"},
		{func(c *Config) { c.EdgeThreshold = number(math.NaN()) }, "EDGE_THRESHOLD is NaN"},
		{func(c *Config) { c.EdgeReturns = "Raw" }, `EDGE_RETURNS is "Raw"`},
		{func(c *Config) { c.TrainFraction = 0 }, "TRAIN_FRACTION is 0"},
		{func(c *Config) { c.TrainFraction = math.NaN() }, "TRAIN_FRACTION is NaN"},
		{func(c *Config) { c.ValidFraction = -0.1 }, "VALID_FRACTION is -0.1"},
		{func(c *Config) { c.TrainFraction, c.ValidFraction = 0.7, 0.3 }, "set them to a sum below 1"},
		{func(c *Config) { c.TrainFraction, c.ValidFraction = 0.9, 0.1 }, "set them to a sum below 1"},
		{func(c *Config) { c.TrainEnd = testStart }, "TRAIN_END is set but VALID_END is not"},
		{func(c *Config) { c.ValidEnd = testStart }, "VALID_END is set but TRAIN_END is not"},
		{func(c *Config) { c.TrainEnd, c.ValidEnd = testStart, testStart }, "TRAIN_END 2024-06-01T21:15:00Z is not before"},
	} {
		t.Run(test.want, func(t *testing.T) {
			cfg := defaultConfig()
			test.change(&cfg)
			err := cfg.Validate()
			if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error is %v, want %q", err, test.want)
			}
			for line := range strings.Lines(err.Error()) {
				if !strings.Contains(line, ": set ") {
					t.Errorf("%q does not say what to set", line)
				}
			}
		})
	}
}

func TestAllWrongValuesAreToldTogether(t *testing.T) {
	err := Config{}.Validate()
	for _, name := range []string{"HORIZON", "TASK", "GRAPH_WINDOW", "EDGE_TOP_K", "EDGE_RETURNS", "TRAIN_FRACTION", "VALID_FRACTION"} {
		if err == nil || !strings.Contains(err.Error(), name+" is") {
			t.Errorf("%s is not in %v", name, err)
		}
	}
}

func TestAValidConfigurationPasses(t *testing.T) {
	threshold := -1.0
	for name, change := range map[string]func(*Config){
		"the defaults":    func(*Config) {},
		"a threshold":     func(c *Config) { c.EdgeThreshold = &threshold },
		"both ends":       func(c *Config) { c.TrainEnd, c.ValidEnd = testStart, testStart.Add(time.Hour) },
		"other fractions": func(c *Config) { c.TrainFraction, c.ValidFraction = 0.8, 0.15 },
	} {
		cfg := defaultConfig()
		change(&cfg)
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
