package test

import (
	"strings"
	"testing"
)

// What does not end a run, and whoever started it should know.
func TestARunWarnsOf(t *testing.T) {
	t.Parallel()
	const complete, single, misspelt = "nearly every node is joined with every other", "a graph of one node", "is no variable of gnn-trainer"
	for name, c := range map[string]struct {
		changes map[string]string
		says    string // "": none of them
	}{
		"nothing":                         {map[string]string{}, ""},
		"a name that is nearly one":       {map[string]string{"EPOCS": "7"}, "unknown variable EPOCS; did you mean EPOCHS?"},
		"a graph of all pairs":            {map[string]string{"SYMBOLS": "top:6"}, complete + " at each bar, so all receive the same messages, which mostly does harm: set EDGE_TOP_K below 5"},
		"a graph of all pairs but for K":  {map[string]string{"SYMBOLS": "top:6", "EDGE_TOP_K": "4"}, ""},
		"a graph of all pairs of its own": {map[string]string{"EDGE_THRESHOLD": "-1"}, complete},
		"a graph of one node":             {map[string]string{"SYMBOLS": "BTCUSDT"}, single},
	} {
		t.Run(name, func(t *testing.T) {
			vars, _ := environment(t, c.changes)
			vars["EPOCHS"], vars["BASELINE"] = "1", "none"
			e := run(t, vars)
			e.mustEnd(t, "finished", 0)
			if c.says != "" && strings.Count(e.stderr, c.says) != 1 {
				t.Errorf("it does not say %q once:\n%s", c.says, e.stderr)
			}
			for _, other := range []string{complete, single, misspelt} {
				if strings.Contains(e.stderr, other) && !strings.Contains(c.says, other) {
					t.Errorf("it says %q", other)
				}
			}
		})
	}
}
