package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/internal/tune"
	"github.com/streamforge/gnn-trainer/store"
)

// newTune is a small run that searches.
func newTune(t *testing.T, dir string, more ...string) (*job.Job, *sink, string) {
	t.Helper()
	environ := append([]string{
		"QUEUE_ID=q1", "SYMBOL=BTCUSDT", "TYPE=gnn_trainer", "TELEMETRY_PRODUCER_ID=p", "DATA_SOURCE=simulated", "SYMBOLS=top:6", "LOOKBACK=2d",
		"EPOCHS=3", "GRAPH_WINDOW=50", "BASELINES=prior", "STORE_DIR=" + dir, "TUNE_TRIALS=4", "TUNE_HIDDEN=4..32", "TUNE_LEARNING_RATE=0.0003..0.03",
	}, more...)
	j, events, path := newJob(t, never, environ...)
	space, err := j.Config.Space(environ)
	if err != nil {
		t.Fatal(err)
	}
	j.Search = &job.Search{Space: space, Environ: environ}
	return j, events, path
}

// mustTune runs a search to its end.
func mustTune(t *testing.T, dir string, more ...string) (s *tune.State, path string) {
	t.Helper()
	j, events, path := newTune(t, dir, more...)
	if code := j.Run(t.Context()); code != 0 {
		t.Fatalf("exit code %d: %s", code, events.last)
	}
	events.mustEnd(t, "finished")
	return trialsOf(t, path), path
}

func trialsOf(t *testing.T, path string) *tune.State {
	t.Helper()
	s, err := tune.ParseState(file(t, path, "tune.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sums are those of what a run learned.
func sums(t *testing.T, path string) map[string]string {
	t.Helper()
	m, err := store.Verify(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range m.Files {
		if f.Name != "metrics.json" && f.Name != "report.html" {
			all[f.Name] = f.SHA256
		}
	}
	return all
}

func TestASearchLeavesTheResultOfItsBestTrialAndSaysWhatItTried(t *testing.T) {
	dir := t.TempDir()
	s, path := mustTune(t, dir)
	m := readMetrics(t, path)
	chosen := s.Trials[s.Chosen-1]
	if m.Tuning == nil || m.Tuning.Trials != 4 || m.Tuning.Trainings != 6 || m.Tuning.TestConfigurations != 1 || m.Backtest.Trials.Count != 4 || m.Backtest.Trials.Searched != 3 ||
		m.Tuning.Metric != "valid_loss" || m.Timing.TuneSeconds <= 0 || !maps.Equal(m.Tuning.Chosen, map[string]string(chosen.Settings)) {
		t.Errorf("%+v, %+v", m.Tuning, m.Backtest.Trials)
	}
	for _, trial := range s.Trials {
		if chosen.Runs[0].Value < trial.Runs[0].Value && len(trial.Runs) == len(chosen.Runs) && chosen.Runs[len(chosen.Runs)-1].Value < trial.Runs[len(trial.Runs)-1].Value {
			t.Errorf("trial %d is better than the chosen one", trial.Number)
		}
	}
	if last := chosen.Runs[len(chosen.Runs)-1]; last.Epochs == 3 && math.Abs(float64(last.Value)+float64(m.History.ValidLoss[m.BestEpoch-1])) > 1e-12 {
		t.Errorf("the final training comes to %v, and the trial came to %v", m.History.ValidLoss[m.BestEpoch-1], last.Value)
	}
	// Its environment file trains the same model.
	again, _, other := newJob(t, never, append([]string{"QUEUE_ID=q1", "EPOCHS=3", "GRAPH_WINDOW=50", "BASELINES=prior"}, strings.Fields(string(file(t, path, "best.env")))...)...)
	if code := again.Run(t.Context()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	want := sums(t, path)
	delete(want, "tune.json")
	delete(want, "best.env")
	if got := sums(t, other); !maps.Equal(got, want) {
		t.Errorf("best.env trains another model: %v, want %v", got, want)
	}
	// A later run of the model counts what was searched.
	later, _, path := newJob(t, never, "STORE_DIR="+dir, "QUEUE_ID=q2", "BASELINES=prior")
	if code := later.Run(t.Context()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if trials := readMetrics(t, path).Backtest.Trials; trials.Count != 5 || trials.Searched != 3 {
		t.Errorf("the later run counts %+v", trials)
	}
}

// killing is a store of checkpoints that ends the run once so many trials are kept.
type killing struct {
	job.CheckpointStore
	left int
	kill func()
}

func (k *killing) PutCheckpoint(ctx context.Context, name string, write func(io.Writer) error) (store.FileInfo, error) {
	info, err := k.CheckpointStore.PutCheckpoint(ctx, name, write)
	if strings.HasPrefix(name, "tune-") {
		if k.left--; k.left == 0 {
			k.kill()
		}
	}
	return info, err
}

func TestASearchStoppedAfterAnyTrialGoesOnToTheSameChoiceAndBits(t *testing.T) {
	want, path := mustTune(t, t.TempDir())
	wantSums := sums(t, path)
	dir := t.TempDir()
	for after := 1; ; after++ {
		j, events, path := newTune(t, dir)
		ctx, cancel := context.WithCancelCause(t.Context())
		j.Store.Checkpoints = &killing{j.Store.Checkpoints, 1, func() { cancel(job.Stopped{Signal: syscall.SIGTERM}) }}
		code := j.Run(ctx)
		cancel(nil)
		if code == 0 {
			t.Fatalf("after %d trials the run was not stopped", after)
		}
		if code != 143 {
			t.Fatalf("exit code %d: %s", code, events.last)
		}
		events.mustEnd(t, "interrupted")
		if after == 6 { // its trainings
			break
		}
		if _, err := os.Stat(filepath.Join(path, "manifest.json")); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("a search that was stopped leaves a result: %v", err)
		}
	}
	got, path := mustTune(t, dir)
	if !reflect.DeepEqual(encoded(t, got), encoded(t, want)) {
		t.Errorf("%s, want %s", encoded(t, got), encoded(t, want))
	}
	if got := sums(t, path); !maps.Equal(got, wantSums) {
		t.Errorf("%v, want %v", got, wantSums)
	}
	// Started again it only tells its end again.
	before := file(t, path, "manifest.json")
	j, events, path := newTune(t, dir)
	if code := j.Run(t.Context()); code != 0 || len(events.states) != 1 {
		t.Errorf("exit code %d, events %v", code, events.states)
	}
	if string(file(t, path, "manifest.json")) != string(before) {
		t.Error("it was trained again")
	}
	// More trials go on with those that there are.
	more, _ := mustTune(t, dir, "TUNE_TRIALS=5")
	if len(more.Trials) != 5 || encoded(t, more.Trials[0].Runs[0]) != encoded(t, want.Trials[0].Runs[0]) {
		t.Errorf("%s", encoded(t, more))
	}
}

func TestTrialsOfAnotherSearchAreRejected(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := newTune(t, dir)
	ctx, cancel := context.WithCancelCause(t.Context())
	j.Store.Checkpoints = &killing{j.Store.Checkpoints, 1, func() { cancel(job.Stopped{Signal: syscall.SIGTERM}) }}
	j.Run(ctx)
	for change, want := range map[string]string{
		"TUNE_HIDDEN=4..16": "TUNE_HIDDEN was 4..32 and is 4..16", "DROPOUT=0.5": "DROPOUT was 0.1 and is 0.5",
	} {
		j, events, _ := newTune(t, dir, change)
		if code := j.Run(t.Context()); code != 2 || !strings.Contains(string(events.last), "this QUEUE_ID has the trials of another search: "+want) || !strings.Contains(string(events.last), "RESUME=never") {
			t.Errorf("%s: exit code %d: %s", change, code, events.last)
		}
	}
	if s, _ := mustTune(t, dir, "TUNE_HIDDEN=4..16", "RESUME=never"); s.Origin.Ranges["HIDDEN"] != "4..16" {
		t.Errorf("%v", s.Origin)
	}
}

// writeWalk writes hourly candles of six symbols, which drift otherwise from a bar on.
func writeWalk(t *testing.T, bars, otherFrom int) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 6 {
		r := rand.New(rand.NewPCG(5, uint64(i)))
		other := rand.New(rand.NewPCG(6, uint64(i)))
		var b strings.Builder
		b.WriteString("open_time,open,high,low,close,volume\n")
		price := 100.0
		for bar := range bars {
			open, by := price, r
			if bar >= otherFrom {
				by = other
			}
			price *= math.Exp(0.004 * by.NormFloat64())
			fmt.Fprintf(&b, "%d,%g,%g,%g,%g,%g\n", 1_704_067_200_000+int64(bar)*3_600_000, open, max(open, price)*1.001, min(open, price)*0.999, price, 1+by.Float64())
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("S%d.csv", i)), []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The test split does not choose: other candles from its first bar on leave every
// trial and the choice as they were, to the bit.
func TestWhatTheTestSplitHoldsChangesNoTrial(t *testing.T) {
	const bars = 500
	for name, more := range map[string][]string{
		"settings of the model": nil,
		"settings of the graph": {"TUNE_GRAPH_WINDOW=20..60", "TUNE_EDGE_TOP_K=1..4"},
		"a walk-forward":        {"FOLDS=2"},
	} {
		t.Run(name, func(t *testing.T) {
			of := func(candles string) (*tune.State, string) {
				return mustTune(t, t.TempDir(), append([]string{"DATA_SOURCE=files", "SYMBOLS=", "LOOKBACK=", "SYMBOL=S0", "INTERVAL=1h", "DATA_DIR=" + candles}, more...)...)
			}
			want, path := of(writeWalk(t, bars, bars))
			var metadata struct {
				Splits struct {
					Test struct{ First int64 }
				}
			}
			if err := json.Unmarshal(file(t, path, "metadata.json"), &metadata); err != nil {
				t.Fatal(err)
			}
			first := metadata.Splits.Test.First
			if m := readMetrics(t, path); len(m.Folds) > 0 {
				first = m.Folds[0].Ranges.Test.First
			}
			from := int((first - 1_704_067_200_000) / 3_600_000)
			if from < bars/2 || from > bars-20 {
				t.Fatalf("the test begins at bar %d", from)
			}
			got, other := of(writeWalk(t, bars, from))
			if encoded(t, got.Trials) != encoded(t, want.Trials) || got.Chosen != want.Chosen || !maps.Equal(got.Fixed, want.Fixed) {
				t.Errorf("%s,\nwant %s", encoded(t, got.Trials), encoded(t, want.Trials))
			}
			if readMetrics(t, path).Splits.Test.AUC == readMetrics(t, other).Splits.Test.AUC {
				t.Error("the test candles are the same")
			}
			if len(more) == 2 && want.Fixed["TRAIN_END"] == "" {
				t.Errorf("the splits are not fixed: %v", want.Fixed)
			}
		})
	}
}

func TestATrialThatDivergesIsLeftForTheOthers(t *testing.T) {
	s, _ := mustTune(t, t.TempDir(), "TUNE_LEARNING_RATE=0.001,1e39", "TUNE_HIDDEN=4,8", "TUNE_TRIALS=4")
	failed := 0
	for _, trial := range s.Trials {
		if trial.Settings["LEARNING_RATE"] == "1e39" {
			failed++
			if !strings.Contains(trial.Runs[0].Failed, "diverged") || trial.Number == s.Chosen {
				t.Errorf("%+v", trial)
			}
		}
	}
	if failed != 2 {
		t.Errorf("%d trials failed: %s", failed, encoded(t, s))
	}
}

func TestSettingsOfTheGraphAreNotSearchedInFolds(t *testing.T) {
	j, events, _ := newTune(t, t.TempDir(), "FOLDS=2", "LOOKBACK=3d", "TUNE_GRAPH_WINDOW=20..60")
	if code := j.Run(t.Context()); code != 2 || !strings.Contains(string(events.last), "unset FOLDS, or search variables of the model and the training alone") {
		t.Errorf("exit code %d: %s", code, events.last)
	}
}

func TestTrialsOfATaskWithAMetricOfItsOwnAreComparedByThat(t *testing.T) {
	s, path := mustTune(t, t.TempDir(), "TASK=rank", "TUNE_LEARNING_RATE=0.001,0.01", "TUNE_HIDDEN=8,16", "TUNE_LOSS=huber,ic", "TUNE_TRIALS=3", "EPOCHS=2")
	m := readMetrics(t, path)
	if s.Metric != "valid_rank_ic" || m.Tuning.Metric != "valid_rank_ic" {
		t.Fatalf("compared by %s", s.Metric)
	}
	best := math.Inf(-1)
	for _, trial := range s.Trials {
		best = max(best, float64(trial.Runs[0].Value))
	}
	if got := float64(m.Tuning.Value); got != best || math.Abs(got) > 1 || math.Abs(got-float64(m.Splits.Valid.RankIC)) > 1e-6 {
		t.Errorf("chosen by %v of at most %v; the model's rank IC of the validation split is %v", got, best, m.Splits.Valid.RankIC)
	}
}
