package job

import (
	"math"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/tune"
)

func TestTheTableOfTrialsHasTheChosenOneFirstAndFits(t *testing.T) {
	run := func(epochs int, value float64) tune.Run {
		return tune.Run{Epochs: epochs, Value: evaluation.Float(value)}
	}
	failed := run(1, math.NaN())
	failed.Failed = "the training diverged"
	s := &tune.State{Metric: "valid_loss", Rungs: 2, Chosen: 3, Trials: []tune.Trial{
		{Number: 1, Settings: tune.Settings{"HIDDEN": "8", "HEADS": ""}, Epochs: 3, Runs: []tune.Run{run(1, -1.09)}},
		{Number: 2, Settings: tune.Settings{"HIDDEN": "16"}, Epochs: 3, Runs: []tune.Run{run(1, -1.05), run(3, -1.04)}},
		{Number: 3, Settings: tune.Settings{"HIDDEN": "24", "MODEL_TYPE": strings.Repeat("x", 60)}, Epochs: 3, Runs: []tune.Run{run(1, -1.05), run(3, -1.03)}},
		{Number: 4, Settings: tune.Settings{"HIDDEN": "32"}, Epochs: 3, Runs: []tune.Run{failed}},
		{Number: 5, Settings: tune.Settings{"HIDDEN": "40"}, Epochs: 3, Runs: []tune.Run{run(1, -1.08)}},
	}}
	var b strings.Builder
	if err := writeTrials(&b, 60, s); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.Trim(b.String(), "\n"), "\n")
	want := []string{
		"trials  trial  epochs  valid loss  settings",
		"chosen      3       3     1.03000  HIDDEN=24 MODEL_TYPE=xx",
		"            2       3     1.04000  HIDDEN=16",
		"            5       1     1.08000  HIDDEN=40",
		"            1       1     1.09000  HIDDEN=8",
		"            4       1      failed  HIDDEN=32",
	}
	if len(lines) != len(want) {
		t.Fatalf("%s", b.String())
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) || len([]rune(line)) >= 60 {
			t.Errorf("%q, want %q", line, want[i])
		}
	}
}
