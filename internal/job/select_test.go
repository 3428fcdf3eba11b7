package job_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/store"
)

// stored runs a job and gives its metrics and the folder of its result, which is
// whole.
func stored(t *testing.T, more ...string) (result.Metrics, string) {
	t.Helper()
	j, events, path := newJob(t, never, more...)
	if code := j.Run(t.Context()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	events.mustEnd(t, "finished")
	if _, err := store.Verify(path); err != nil {
		t.Error(err)
	}
	return readMetrics(t, path), path
}

func file(t *testing.T, path ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestTheTwinIsStoredAndTheBestOfBothCanBeTheModel(t *testing.T) {
	selected := map[string]int{}
	for _, seed := range []string{"SEED=1", "SEED=2", "SEED=3", "SEED=4"} {
		m, model := stored(t, "BASELINES=no_edges", seed)
		if s := m.Selection; s.Select != config.SelectModel || s.Selected != result.WithEdges || s.ValidLoss != nil || m.Baseline == nil {
			t.Errorf("SELECT=model: %+v", s)
		}
		b, best := stored(t, "BASELINES=no_edges", seed, "SELECT=best")
		s := b.Selection
		lower := result.WithEdges
		if s.ValidLoss["no_edges"] < s.ValidLoss[result.WithEdges] {
			lower = "no_edges"
		}
		if s.Selected != lower || len(s.ValidLoss) != 2 {
			t.Errorf("%s: %+v", seed, s)
		}
		selected[s.Selected]++
		root, other := filepath.Join(model, "baselines", "no_edges"), "with_edges"
		if lower == result.WithEdges {
			root, other = model, "no_edges"
		}
		if !bytes.Equal(file(t, best, "weights.pt"), file(t, root, "weights.pt")) {
			t.Errorf("%s: the weights are not those of %s", seed, lower)
		}
		if !bytes.Equal(file(t, best, "predictions.parquet"), file(t, root, "predictions.parquet")) {
			t.Errorf("%s: the predictions are not those of %s", seed, lower)
		}
		of := map[string]string{"with_edges": model, "no_edges": filepath.Join(model, "baselines", "no_edges")}[other]
		for _, name := range []string{"weights.pt", "predictions.parquet"} {
			if !bytes.Equal(file(t, best, "baselines", other, name), file(t, of, name)) {
				t.Errorf("%s: %s of %s is another one", seed, name, other)
			}
		}
		// Both runs measure both networks alike, by whichever name.
		twin, plain := b.Splits, b.Baselines[other].Splits
		if lower == result.WithEdges {
			twin, plain = plain, twin
		}
		if encoded(t, twin) != encoded(t, m.Baselines["no_edges"].Splits) || encoded(t, plain) != encoded(t, m.Splits) {
			t.Errorf("%s: the metrics differ between the two runs", seed)
		}
		if b.Comparisons[0].Against != other || (b.Baseline == nil) != (other == "with_edges") {
			t.Errorf("%s: compared with %+v", seed, b.Comparisons)
		}
	}
	if len(selected) != 2 {
		t.Errorf("only %v was ever selected, which shows nothing", selected)
	}
}

func TestANetworkWithShuffledEdgesIsCompared(t *testing.T) {
	m, path := stored(t, "BASELINES=no_edges,shuffled_edges")
	b, ok := m.Baselines["shuffled_edges"]
	if !ok || len(m.Comparisons) != 2 || m.Timing.ShuffledSeconds <= 0 || m.Timing.BaselineSeconds <= 0 {
		t.Fatalf("%+v", m.Comparisons)
	}
	if encoded(t, b.Splits) == encoded(t, m.Splits) || encoded(t, b.Splits) == encoded(t, m.Baseline.Splits) {
		t.Error("it is one of the others")
	}
	if _, err := os.Stat(filepath.Join(path, "baselines", "shuffled_edges")); err == nil {
		t.Error("it is stored")
	}
	if none, _ := stored(t, "BASELINES=shuffled_edges", "EDGES=none"); none.Baselines != nil || none.Selection.Selected != "no_edges" {
		t.Errorf("without edges: %+v, %+v", none.Baselines, none.Selection)
	}
}

// The baseline is, to the bit, the model of a run that asks for it.
func TestAMixerOfTheSameWindowsIsComparedAndStored(t *testing.T) {
	same := []string{"ENCODER_WINDOW=9", "ENSEMBLE=2"}
	want, model := stored(t, append(same, "BASELINES=mixer", "MODEL_TYPE=none", "ENCODER=mixer")...)
	if want.Baselines != nil || want.Timing.MixerSeconds != 0 {
		t.Errorf("it is compared with itself: %+v", want.Baselines)
	}
	m, path := stored(t, append(same, "BASELINES=no_edges,mixer", "MODEL_TYPE=gcn", "ENCODER=tcn")...)
	folder := filepath.Join(path, "baselines", "mixer")
	for _, name := range []string{"weights.pt", "predictions.parquet"} {
		if !bytes.Equal(file(t, folder, name), file(t, model, name)) {
			t.Errorf("%s is another one", name)
		}
	}
	if b := m.Baselines["mixer"]; encoded(t, b.Splits) != encoded(t, want.Splits) || len(m.Comparisons) != 2 || m.Timing.MixerSeconds <= 0 || m.Baseline == nil {
		t.Errorf("%+v, compared %+v", b, m.Comparisons)
	}
	// It does not begin with weights of another shape.
	_, path = stored(t, append(same, "BASELINES=mixer", "MODEL_TYPE=gcn", "ENCODER=tcn", "INIT_FROM="+filepath.Join(path, "weights.pt"))...)
	if !bytes.Equal(file(t, path, "baselines", "mixer", "weights.pt"), file(t, model, "weights.pt")) {
		t.Error("INIT_FROM changes it")
	}
}

// A stop while a twin is trained leaves the model, and the run resumes it.
func TestAStopWhileATwinIsTrainedIsResumed(t *testing.T) {
	for name, more := range map[string][]string{"shuffled": {"BASELINES=shuffled_edges"}, "mixer": {"BASELINES=mixer", "ENCODER=gru", "ENCODER_WINDOW=5"}} {
		t.Run(name, func(t *testing.T) { stoppedTwin(t, name, more) })
	}
}

// stoppedTwin is of checkpoints named by kind, with a run's further settings, the
// baseline first.
func stoppedTwin(t *testing.T, kind string, more []string) {
	more = append(more, "EPOCHS=3", "CHECKPOINT_EVERY=1")
	set, baseline := append(more, "STORE_DIR="+t.TempDir()), strings.TrimPrefix(more[0], "BASELINES=")
	whole, _ := stored(t, more...)
	j, _, path := newJob(t, never, set...)
	kept := &stopping{CheckpointStore: j.Store.Checkpoints, name: kind + "-000000002-"}
	ctx, cancel := kept.context(t.Context())
	defer cancel()
	j.Store.Checkpoints = kept
	j.Run(ctx)
	if _, ok := readMetrics(t, path).Baselines[baseline]; ok || !kept.stopped {
		t.Fatalf("stopped: %v, and it is reported", kept.stopped)
	}
	j, _, _ = newJob(t, never, set...)
	var names []string
	j.Store.Checkpoints = &reading{j.Store.Checkpoints, &names}
	if code := j.Run(t.Context()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, kind+"-") }) {
		t.Errorf("it resumed from %v", names)
	}
	if encoded(t, readMetrics(t, path).Baselines[baseline].Splits) != encoded(t, whole.Baselines[baseline].Splits) {
		t.Error("the resumed twin is another one")
	}
}

var _ job.CheckpointStore = (*stopping)(nil)
