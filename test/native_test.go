package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The one batch of an epoch takes longer than a second, so that a checkpoint
// follows it at once: its step has made every weight infinite, from a loss that
// was finite. Such a checkpoint could never be resumed.
func TestADivergedTrainingLeavesNoCheckpoint(t *testing.T) {
	vars, result := environment(t, map[string]string{
		"LEARNING_RATE": "1e39", "CHECKPOINT_EVERY": "1s", "LOOKBACK": "12d", "HIDDEN": "1024", "BATCH_SIZE": "100000", "BASELINE": "none",
	})
	e := run(t, vars)
	e.mustEnd(t, "error", 2)
	if message := e.last(t).Message; !strings.Contains(message, "diverged") || !strings.Contains(message, "lower LEARNING_RATE") {
		t.Errorf("the event says %q", message)
	}
	checkpoints, err := filepath.Glob(filepath.Join(result, "checkpoints", "model-*"))
	if err != nil || len(checkpoints) > 0 {
		t.Errorf("it leaves %v: %v", checkpoints, err)
	}
}

// A limit on processes holds for every user but root, so the run is nobody's.
func TestALimitOfProcessesEndsTheRunWithAnErrorThatNamesIt(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become a user without other processes")
	}
	nobody := []string{"setpriv", "--reuid=65534", "--clear-groups"}
	if out, err := exec.CommandContext(t.Context(), nobody[0], append(nobody[1:], "test", "-x", binary)...).CombinedOutput(); err != nil {
		t.Skipf("nobody cannot start %s: %v %s", binary, err, out)
	}
	// 8 threads of OpenMP need 34 in all. Below about 10 Go's own runtime, which
	// has one more with the race detector, may not start.
	for _, limit := range []string{"16", "24", "32"} {
		vars, _ := environment(t, map[string]string{"OMP_NUM_THREADS": "8"})
		e := run(t, vars, append(nobody, "prlimit", "--nproc="+limit)...)
		e.mustEnd(t, "error", 2)
		if message := e.last(t).Message; !strings.Contains(message, "ulimit -u is "+limit) || !strings.Contains(message, "raise the limit of processes") {
			t.Errorf("with ulimit -u %s the event says %q", limit, message)
		}
	}
}

// libcuda.so.1 of the test says that it serves CUDA 12.4, as driver 550 does.
func TestADriverTooOldIsNamedWithWhatIsNeeded(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "cuda.c")
	text := "int cuInit(unsigned f) { return 0; }\nint cuDriverGetVersion(int *v) { *v = 12040; return 0; }\n"
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "cc", "-shared", "-fPIC", "-o", filepath.Join(dir, "libcuda.so.1"), source).CombinedOutput(); err != nil {
		t.Skipf("no C compiler: %v %s", err, out)
	}
	const found = "serves CUDA 12.4, and libtorch 2.11.0 needs CUDA 13.0, which driver 580 and later serve"
	vars, _ := environment(t, map[string]string{"DEVICE": "cuda", "LD_LIBRARY_PATH": dir})
	e := run(t, vars)
	e.mustEnd(t, "error", 2)
	if message := e.last(t).Message; !strings.Contains(message, found) || !strings.Contains(message, "or set DEVICE=cpu") {
		t.Errorf("with DEVICE=cuda the event says %q", message)
	}
	vars, _ = environment(t, map[string]string{"DEVICE": "auto", "LD_LIBRARY_PATH": dir, "EPOCHS": "1", "BASELINE": "none"})
	e = run(t, vars)
	e.mustEnd(t, "finished", 0)
	for line := range strings.Lines(e.stderr) {
		if strings.Contains(line, `"level":"warn"`) && strings.Contains(line, found) {
			return
		}
	}
	t.Errorf("with DEVICE=auto no warning says why it trains on the CPU:\n%s", e.stderr)
}
