package test

import "testing"

func TestWhatDatasetKeepsIsReadByPyTorchAndPyG(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"test", "newest:50", "none"} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			vars, result := environment(t, map[string]string{"DATASET": value})
			run(t, vars).mustEnd(t, "finished", 0)
			kept := consume(t, result)["snapshots"].(float64)
			if want := map[string]bool{"test": kept > 50, "newest:50": kept == 50, "none": kept == 0}; !want[value] {
				t.Errorf("Python read %v snapshots", kept)
			}
		})
	}
}

func TestAnUnknownDatasetEndsARunWithTheRemedy(t *testing.T) {
	t.Parallel()
	vars, _ := environment(t, map[string]string{"DATASET": "newest"})
	e := run(t, vars)
	e.mustEnd(t, "error", 2)
}
