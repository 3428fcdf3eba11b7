package job_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/internal/result"
)

// begins is a job that begins with the weights of another result in its store.
func begins(t *testing.T, dir string, more ...string) (*job.Job, *sink, string) {
	t.Helper()
	j, events, _ := newJob(t, never, append([]string{"BASELINES=none", "STORE_DIR=" + dir, "QUEUE_ID=q2"}, more...)...)
	return j, events, filepath.Join(dir, "market_gnn_v1", "q2")
}

func TestATrainingBeginsWithTheWeightsOfAnotherResult(t *testing.T) {
	_, first := stored(t, "BASELINES=none", "EPOCHS=3")
	dir := filepath.Dir(filepath.Dir(first))
	weights := filepath.Join(first, "weights.pt")
	for name, from := range map[string]string{"by its QUEUE_ID": "q1", "by a path": weights} {
		t.Run(name, func(t *testing.T) {
			// Steps so small that no weight moves.
			j, events, path := begins(t, dir, "INIT_FROM="+from, "LEARNING_RATE=1e-30", "EPOCHS=1")
			if code := j.Run(t.Context()); code != 0 {
				t.Fatalf("exit code %d: %s", code, events.last)
			}
			if !bytes.Equal(file(t, path, "weights.pt"), file(t, weights)) {
				t.Error("it does not begin with those weights")
			}
			var m result.Metadata
			if err := json.Unmarshal(file(t, path, "metadata.json"), &m); err != nil {
				t.Fatal(err)
			}
			if m.InitFrom != from || len(m.InitSHA256) != 64 {
				t.Errorf("metadata.json says %q, %q", m.InitFrom, m.InitSHA256)
			}
		})
	}
}

func TestWeightsThatDoNotFitAreRejectedWithBothShapes(t *testing.T) {
	_, first := stored(t, "BASELINES=none", "EPOCHS=1")
	dir := filepath.Dir(filepath.Dir(first))
	for name, c := range map[string]struct {
		set  []string
		says []string
	}{
		"another width":      {[]string{"INIT_FROM=q1", "HIDDEN=32"}, []string{"convs.0.bias has shape [64] where the model has [32]"}},
		"fewer layers":       {[]string{"INIT_FROM=q1", "LAYERS=1"}, []string{"it has convs.1.bias, which the model lacks"}},
		"an ensemble":        {[]string{"INIT_FROM=q1", "ENSEMBLE=2"}, []string{"members.0.convs.0.bias"}},
		"other features":     {[]string{"INIT_FROM=q1", "FEATURES=log_return_1"}, []string{"was trained on the features", "and this run has log_return_1"}},
		"no such run":        {[]string{"INIT_FROM=q7"}, []string{"INIT_FROM=q7 has no model", "the QUEUE_ID of a finished run of MODEL_NAME=market_gnn_v1"}},
		"no such file":       {[]string{"INIT_FROM=./nothing.pt"}, []string{"reading the weights of INIT_FROM", "nothing.pt"}},
		"no file of tensors": {[]string{"INIT_FROM=" + filepath.Join(first, "metrics.json")}, []string{"INIT_FROM do not fit"}},
	} {
		t.Run(name, func(t *testing.T) {
			j, events, _ := begins(t, dir, c.set...)
			if code := j.Run(t.Context()); code != 2 {
				t.Errorf("exit code %d", code)
			}
			events.mustEnd(t, "error")
			for _, want := range c.says {
				if !strings.Contains(string(events.last), want) {
					t.Errorf("%s does not say %q", events.last, want)
				}
			}
		})
	}
}
