package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/store"
)

// walking is short with a walk-forward.
func walking(changes map[string]string) map[string]string {
	vars := maps.Clone(short)
	vars["FOLDS"], vars["EPOCHS"] = "3", "4"
	maps.Copy(vars, changes)
	return vars
}

func readMetrics(t *testing.T, dir string) (m result.Metrics, metadata result.Metadata) {
	t.Helper()
	for name, into := range map[string]any{"metrics.json": &m, "metadata.json": &metadata} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = json.Unmarshal(content, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return m, metadata
}

// pandas, pyarrow and scikit-learn come to the figures of metrics.json.
func TestPythonReadsTheFoldsOfAWalkForward(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]map[string]string{
		"one horizon":      {"LOOKBACK": "6d"},
		"two horizons":     {"HORIZON": "6,1", "FOLDS": "4"},
		"a length":         {"FOLD_TRAIN": "30h", "FOLD_WARM": "true"},
		"close to close":   {"TARGET": "close", "FOLDS": "2", "HORIZON": "3"},
		"twelve test days": {"INTERVAL": "1h", "LOOKBACK": "60d", "FOLDS": "5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vars, result := environment(t, walking(changes))
			run(t, vars).mustEnd(t, "finished", 0)
			out, err := runPython(t, "walkforward.py", result)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(strings.TrimSpace(out))
			if !strings.Contains(vars["HORIZON"], ",") {
				consume(t, result)
			}
		})
	}
}

// awaitCheckpoint waits until the run has stored a checkpoint of that kind, or has
// ended.
func (p *process) awaitCheckpoint(result, kind string) {
	p.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		if files, _ := filepath.Glob(filepath.Join(result, "checkpoints", kind+"-*")); len(files) > 0 {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("no checkpoint of %s:\n%s", kind, p.stderr.String())
		}
		time.Sleep(time.Millisecond)
	}
}

func TestARunKilledInALaterFoldResumesThereWithTheSameBits(t *testing.T) {
	t.Parallel()
	for _, warm := range []string{"false", "true"} {
		settings := walking(map[string]string{"EPOCHS": "12", "FOLD_WARM": warm})
		vars, result := environment(t, settings)
		run(t, vars).mustEnd(t, "finished", 0)
		want := learned(t, result)
		wanted, _ := readMetrics(t, result)

		vars, result = environment(t, settings)
		for _, kind := range []string{"model-fold002", "model-fold003", "baseline-fold002"} {
			p := start(t, vars)
			p.awaitCheckpoint(result, kind)
			_ = p.cmd.Process.Signal(syscall.SIGKILL)
			p.reading.Wait()
			_ = p.cmd.Wait()
			if p.cmd.ProcessState.Exited() {
				t.Fatalf("FOLD_WARM=%s: the run ended before it was killed in %s:\n%s", warm, kind, p.stderr.String())
			}
		}
		e := run(t, vars)
		e.mustEnd(t, "finished", 0)
		for _, kind := range []string{"model-fold001", "model-fold002", "model-fold003", "baseline-fold001", "baseline-fold002"} {
			if !strings.Contains(e.stderr, fmt.Sprintf("%q:%q", "training", kind)) {
				t.Errorf("FOLD_WARM=%s: %s did not resume:\n%s", warm, kind, e.stderr)
			}
		}
		if strings.Contains(e.stderr, "trained anew") {
			t.Errorf("FOLD_WARM=%s: a fold was trained anew:\n%s", warm, e.stderr)
		}
		if got := learned(t, result); !maps.Equal(got, want) {
			t.Errorf("FOLD_WARM=%s: %v, want %v", warm, got, want)
		}
		got, _ := readMetrics(t, result)
		got.Timing = wanted.Timing
		a, err := got.JSON()
		if err != nil {
			t.Fatal(err)
		}
		b, err := wanted.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("FOLD_WARM=%s: metrics.json has\n%s\nwant\n%s", warm, a, b)
		}
		if left, _ := filepath.Glob(filepath.Join(result, "checkpoints", "*")); len(left) != 0 {
			t.Errorf("FOLD_WARM=%s: a finished run leaves %v", warm, left)
		}
	}
}

// A run that is stopped in its second fold has the folds so far, and resumes.
func TestARunStoppedInALaterFoldHasTheFoldsSoFar(t *testing.T) {
	t.Parallel()
	settings := walking(map[string]string{"EPOCHS": "400"})
	vars, result := environment(t, settings)
	p := start(t, vars)
	p.awaitCheckpoint(result, "model-fold002")
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	e := p.end()
	e.mustEnd(t, "interrupted", 143)
	if m, err := store.Verify(result); err != nil || m.Status != store.Interrupted {
		t.Fatalf("%v, %v", m.Status, err)
	}
	m, metadata := readMetrics(t, result)
	if len(m.Folds) != 2 || metadata.Fold != 2 || m.Baselines != nil {
		t.Errorf("%d folds, the model is of fold %d, and there are %d baselines", len(m.Folds), metadata.Fold, len(m.Baselines))
	}
	if sum := m.Folds[0].Splits.Test.ReturnCount + m.Folds[1].Splits.Test.ReturnCount; m.Splits.Test.ReturnCount != sum {
		t.Errorf("the test split has %d rows, and its folds %d", m.Splits.Test.ReturnCount, sum)
	}
	consume(t, result)

	settings["EPOCHS"] = "12"
	plain, whole := environment(t, settings)
	run(t, plain).mustEnd(t, "finished", 0)

	// Stopped before the first epoch of fold 2 ends: fold 1 is the result.
	vars, result = environment(t, settings)
	vars["CHECKPOINT_EVERY"] = "1h"
	p = start(t, vars)
	p.awaitCheckpoint(result, "model-fold001") // its last
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.end().mustEnd(t, "interrupted", 143)
	m, metadata = readMetrics(t, result)
	if len(m.Folds) != metadata.Fold || metadata.Fold < 1 || metadata.Fold > 2 {
		t.Errorf("%d folds, and the model is of fold %d", len(m.Folds), metadata.Fold)
	}
	run(t, vars).mustEnd(t, "finished", 0)
	if got, want := learned(t, result), learned(t, whole); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What happens after a fold's test window changes none of its predictions.
func TestTheFutureOfATestWindowChangesNoneOfItsPredictions(t *testing.T) {
	t.Parallel()
	const bars, changed = 1200, 1120 // of 1,100 snapshots the first window is 880 to 990, bars 980 to 1,089
	write := func(change bool) string {
		dir := t.TempDir()
		for s := range 4 {
			var b strings.Builder
			b.WriteString("open_time,open,high,low,close,volume\n")
			r := rand.New(rand.NewPCG(uint64(s), 5))
			last := 100.0
			for i := range bars {
				step := 0.002 * r.NormFloat64()
				if change && i >= changed {
					step = 0.003 * r.ExpFloat64()
				}
				next := last * (1 + step)
				fmt.Fprintf(&b, "%d,%v,%v,%v,%v,%d\n", 1704067200000+int64(i)*300_000, last, max(last, next), min(last, next), next, 10+i%7)
				last = next
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("S%d.csv", s)), []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	var results []string
	for _, change := range []bool{false, true} {
		vars, result := environment(t, map[string]string{
			"SYMBOL": "S0", "SYMBOLS": "", "LOOKBACK": "", "DATA_SOURCE": "files", "DATA_DIR": write(change), "EPOCHS": "4", "FOLDS": "2",
			"OMP_NUM_THREADS": "1", "BASELINES": "none",
		})
		run(t, vars).mustEnd(t, "finished", 0)
		results = append(results, result)
	}
	out, err := runPython(t, append([]string{"-c", `
import sys, pandas as pd
a, b = [pd.read_parquet(f + "/predictions.parquet") for f in sys.argv[1:]]
first = [f[(f.fold == 1)].reset_index(drop=True) for f in (a, b)]
assert len(first[0]) > 400, len(first[0])
pd.testing.assert_frame_equal(*first, check_exact=True)
assert not a[a.fold == 2].score.equals(b[b.fold == 2].score)
print(len(first[0]))`}, results...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("rows of the first window: " + strings.TrimSpace(out))
}
