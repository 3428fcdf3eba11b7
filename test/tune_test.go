package test

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// searching is a search of a few seconds.
var searching = map[string]string{
	"SYMBOLS": "top:8", "LOOKBACK": "3d", "EPOCHS": "9", "PATIENCE": "0", "OMP_NUM_THREADS": "1", "BASELINES": "prior",
	"TUNE_TRIALS": "7", "TUNE_HIDDEN": "8..48", "TUNE_LEARNING_RATE": "0.0003..0.03", "TUNE_MODEL_TYPE": "gcn,gatv2", "TUNE_HEADS": "1..4",
}

// tuned starts a search.
func tuned(t *testing.T, vars map[string]string) *process {
	t.Helper()
	return startProgram(t, "sh", vars, "env", "PROGRAM="+binary, "sh", "-c", `exec "$PROGRAM" tune`)
}

func TestASearchKilledAtAnyMomentEndsInTheSameChoiceAndBits(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, searching)
	begin := time.Now()
	tuned(t, vars).end().mustEnd(t, "finished", 0)
	length := time.Since(begin)
	want := learned(t, result)
	if want["best.env"] == "" || want["tune.json"] == "" {
		t.Fatalf("the result has %v", want)
	}
	random := rand.New(rand.NewPCG(11, 11))
	for range 2 {
		vars, result := environment(t, searching)
		resumed := false
		for range 4 {
			p := tuned(t, vars)
			time.Sleep(length/8 + time.Duration(random.Int64N(int64(length/2))))
			_ = p.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
			p.reading.Wait()
			_ = p.cmd.Wait()
			resumed = resumed || strings.Contains(p.stderr.String(), "going on with the trials of an earlier start")
		}
		e := tuned(t, vars).end()
		e.mustEnd(t, "finished", 0)
		if got := learned(t, result); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if !resumed && !strings.Contains(e.stderr, "going on with the trials") {
			t.Errorf("it never went on with earlier trials:\n%s", e.stderr)
		}
	}
}

func TestAStopEndsASearchWithItsTrialsKept(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, searching)
	p := tuned(t, vars)
	p.awaitLog("trial validated")
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.end().mustEnd(t, "interrupted", 143)
	if kept, err := filepath.Glob(filepath.Join(result, "checkpoints", "tune-*")); err != nil || len(kept) == 0 {
		t.Errorf("no trials are kept: %v", err)
	}
	e := tuned(t, vars).end()
	e.mustEnd(t, "finished", 0)
	if !strings.Contains(e.stderr, "going on with the trials of an earlier start") {
		t.Errorf("it searched from the start:\n%s", e.stderr)
	}
	for _, want := range []string{" of 7 for ", "HIDDEN="} { // of the events of a second the newest leaves
		told := strings.Contains(e.stderr, want)
		for _, one := range append(p.all, e.events...) {
			told = told || strings.Contains(one.Message, want)
		}
		if !told {
			t.Errorf("nothing tells %q", want)
		}
	}
}

func TestAWrongSearchEndsWithWhatToSet(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"TUNE_HIDEN=8..64":    "HIDEN is no variable: set TUNE_HIDDEN",
		"TUNE_QUEUE_ID=a,b":   "QUEUE_ID is not searched",
		"TUNE_HIDDEN=64..8":   "the range is empty",
		"TUNE_HIDDEN=0..64":   "search values that HIDDEN takes",
		"TUNE_DROPOUT=0.1":    "one choice leaves nothing to search",
		"TUNE_TRIALS=0":       "TUNE_TRIALS is",
		"TUNE_KAFKA_USER=a,b": "KAFKA_USER is not searched",
	} {
		name, value, _ := strings.Cut(setting, "=")
		vars, result := environment(t, map[string]string{name: value})
		e := tuned(t, vars).end()
		e.mustEnd(t, "error", 2)
		if !strings.Contains(e.stderr, want) {
			t.Errorf("%s: %s", setting, e.stderr)
		}
		if _, err := os.Stat(result); err == nil {
			t.Errorf("%s: something is stored", setting)
		}
	}
	// A training has no use for ranges.
	vars, _ := environment(t, map[string]string{"TUNE_HIDDEN": "8..64", "TUNE_TRIALS": "3", "BASELINES": "none"})
	e := run(t, vars)
	e.mustEnd(t, "finished", 0)
	if strings.Contains(e.stderr, "unknown variable TUNE_") {
		t.Errorf("%s", e.stderr)
	}
}
