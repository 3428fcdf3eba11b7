package test

import (
	"maps"
	"strings"
	"syscall"
	"testing"
)

// The consumer loads weights.pt into as many models of PyG, and compares the mean of
// their probabilities with model.pt and predictions.parquet.
func TestAnEnsembleIsOneModelInPythonAndResumesToTheSameBits(t *testing.T) {
	t.Parallel()
	changes := maps.Clone(short)
	changes["ENSEMBLE"], changes["BASELINE"], changes["EPOCHS"] = "3", "none", "60"
	changes["SCHEDULE"], changes["EMA"], changes["CLASS_WEIGHTS"] = "one_cycle", "0.9", "balanced"
	vars, result := environment(t, changes)
	run(t, vars).mustEnd(t, "finished", 0)
	consume(t, result)
	want := learned(t, result)

	vars, result = environment(t, changes)
	p := start(t, vars)
	p.awaitCheckpoint(result, "model")
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
	p.reading.Wait()
	_ = p.cmd.Wait()
	e := run(t, vars)
	e.mustEnd(t, "finished", 0)
	if !strings.Contains(e.stderr, "resuming from checkpoint") {
		t.Errorf("it did not resume, so this test shows nothing:\n%s", e.stderr)
	}
	if got := learned(t, result); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
