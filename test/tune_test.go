package test

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
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

// tuneJSON runs a search whose trials go to stdout.
func tuneJSON(t *testing.T, vars map[string]string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), plainBinary, "tune", "--json")
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, log strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), log.String()
}

func TestTheTrialsOfASearchGoToStdoutInPlaceOfEvents(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, searching)
	vars["TUNE_TRIALS"], vars["EPOCHS"] = "3", "2"
	code, stdout, stderr := tuneJSON(t, vars)
	if code != 0 || !json.Valid([]byte(stdout)) {
		t.Fatalf("exit code %d, %q\n%s", code, stdout, stderr)
	}
	stored, err := os.ReadFile(filepath.Join(result, "tune.json"))
	if err != nil || string(stored) != stdout {
		t.Errorf("%v: stdout has\n%s\nand tune.json\n%s", err, stdout, stored)
	}
	if code, again, stderr := tuneJSON(t, vars); code != 0 || again != stdout { // the run has finished
		t.Errorf("a second start: exit code %d, %q\n%s", code, again, stderr)
	}
	vars["EVENTS"] = "stdout"
	if code, stdout, stderr := tuneJSON(t, vars); code != 2 || stdout != "" || !strings.Contains(stderr, "EVENTS=stdout and gnn-trainer tune --json write to stdout both: unset EVENTS, or leave out --json") {
		t.Errorf("beside EVENTS=stdout: exit code %d, %q\n%s", code, stdout, stderr)
	}
	vars["EVENTS"], vars["TUNE_HIDDEN"] = "none", "0..8"
	if code, stdout, _ := tuneJSON(t, vars); code != 2 || stdout != "" {
		t.Errorf("a wrong range: exit code %d, %q", code, stdout)
	}
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
	vars["EPOCHS"] = "60" // of the events of a second one is sent: it takes some
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
