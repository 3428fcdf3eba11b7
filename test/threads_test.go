package test

import (
	"fmt"
	"maps"
	"testing"
)

// What is learned depends on seed and data alone: sums have an order of their own,
// whatever the number of threads.
func TestARunLearnsTheSameBitsOnAnyNumberOfThreads(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]map[string]string{
		"classes by a graph":        {"TASK": "direction"},
		"ranks by a graph and past": {"TASK": "rank", "HORIZON": "1,3", "GRAPH_WINDOW": "48", "ENSEMBLE": "2", "EPOCHS": "2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want map[string]string
			for _, threads := range []int{1, 2, 4} {
				changes := maps.Clone(settings)
				changes["OMP_NUM_THREADS"], changes["BASELINES"] = fmt.Sprint(threads), "none"
				vars, result := environment(t, changes)
				run(t, vars).mustEnd(t, "finished", 0)
				got := learned(t, result)
				if want == nil {
					want = got
				}
				if !maps.Equal(got, want) {
					t.Errorf("on %d threads it learned %v, on one %v", threads, got, want)
				}
			}
		})
	}
}
