package test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/store"
)

// short is a run of a second or two whose every epoch is a checkpoint.
var short = map[string]string{
	"SYMBOLS": "top:8", "LOOKBACK": "3d", "EPOCHS": "12", "PATIENCE": "0", "CHECKPOINT_EVERY": "1", "OMP_NUM_THREADS": "1",
}

// learned are the hashes of what a run learned.
func learned(t *testing.T, result string) map[string]string {
	t.Helper()
	sums := bits(t, result)
	maps.DeleteFunc(sums, func(name, _ string) bool { return name == "metadata.json" })
	return sums
}

// A run that is killed at any moment, as often as you like, ends with the bits
// of one that was left alone. GNN_KILLS says how often (make kills: 200).
func TestARunKilledAtAnyMomentAndStartedAgainEndsInTheSameBits(t *testing.T) {
	t.Parallel()
	kills := 10
	if text := os.Getenv("GNN_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	vars, result := environment(t, short)
	begin := time.Now()
	run(t, vars).mustEnd(t, "finished", 0)
	length := time.Since(begin)
	want := learned(t, result)

	random := rand.New(rand.NewPCG(7, 7))
	resumed, starts := 0, 0
	for killed := 0; killed < kills; {
		vars, result := environment(t, short)
		done := false
		for attempts := 0; !done; attempts++ {
			starts++
			p := start(t, vars)
			if killed < kills && attempts < 6 {
				time.Sleep(time.Duration(random.Int64N(int64(length))))
				_ = p.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
			}
			p.reading.Wait()
			_ = p.cmd.Wait()
			if done = p.cmd.ProcessState.Exited(); done {
				if code := p.cmd.ProcessState.ExitCode(); code != 0 {
					t.Fatalf("exit code %d:\n%s", code, p.stderr.String())
				}
			} else {
				killed++
			}
			if strings.Contains(p.stderr.String(), "resuming from checkpoint") {
				resumed++
			}
			// What there is, is whole: each file that has its final name, and all of them under a manifest.
			if m, err := store.Verify(result); err == nil && m.Status != store.Finished {
				t.Errorf("status %s", m.Status)
			} else if _, there := os.Stat(filepath.Join(result, store.ManifestName)); there == nil && err != nil {
				t.Errorf("a manifest over what is not whole: %v", err)
			}
		}
		if got := learned(t, result); !maps.Equal(got, want) {
			t.Errorf("after %d kills: %v, want %v", killed, got, want)
		}
		if left, _ := filepath.Glob(filepath.Join(result, "checkpoints", "*")); len(left) != 0 {
			t.Errorf("a finished run leaves %v", left)
		}
	}
	t.Logf("%d kills, %d starts, of which %d went on from a checkpoint; a whole run takes %v", kills, starts, resumed, length.Round(time.Millisecond))
	if resumed == 0 {
		t.Error("no start went on from a checkpoint, so this test shows nothing")
	}
}

func TestARunThatWasStoppedGoesOnToTheSameBits(t *testing.T) {
	t.Parallel()
	long := maps.Clone(short)
	long["EPOCHS"] = "300" // so that there is time to stop it
	vars, result := environment(t, long)
	run(t, vars).mustEnd(t, "finished", 0)
	want := learned(t, result)

	vars, result = environment(t, long)
	vars["CHECKPOINT_EVERY"] = "1h" // so that the stop's own is the one
	left := 0
	for i := 1; ; i++ {
		p := start(t, vars)
		p.await("the model's training", func(e event) bool { return e.Message == "Training the model" || e.Epoch > 0 || e.Status == "finished" })
		time.Sleep(time.Duration(i) * 60 * time.Millisecond) // each time a bit further
		_ = p.cmd.Process.Signal(syscall.SIGTERM)            // it may have ended
		e := p.end()
		if e.last(t).Status == "finished" {
			break
		}
		e.mustEnd(t, "interrupted", 143)
		_, there := os.Stat(filepath.Join(result, store.ManifestName))
		switch m, err := store.Verify(result); {
		case err == nil && m.Status == store.Interrupted:
			left++
		case errors.Is(there, fs.ErrNotExist): // no batch was trained yet
		default:
			t.Errorf("status %s, %v", m.Status, err)
		}
		if i > 60 {
			t.Fatal("it does not get anywhere")
		}
	}
	if got := learned(t, result); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if left == 0 {
		t.Error("no stop left a model, so this test shows nothing")
	}
}

func TestAnotherTrainingsCheckpointIsRefusedByWhatDiffers(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, short)
	vars["EPOCHS"] = "1000000"
	p := start(t, vars)
	p.await("an epoch", func(e event) bool { return e.Epoch > 2 })
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	p.end().mustEnd(t, "interrupted", 143)
	before := learned(t, result)
	for _, c := range []struct{ name, value, says string }{
		{"HIDDEN", "32", "HIDDEN was 64 and is 32"},
		{"LEARNING_RATE", "0.01", "LEARNING_RATE was 0.001 and is 0.01"},
		{"LOOKBACK", "4d", "LOOKBACK was 3d and is 4d"},
	} {
		other := maps.Clone(vars)
		other[c.name] = c.value
		e := run(t, other)
		e.mustEnd(t, "error", 2)
		if m := e.last(t).Message; !strings.Contains(m, c.says) || !strings.Contains(m, "RESUME=never") {
			t.Errorf("%s=%s: %q", c.name, c.value, m)
		}
		if !maps.Equal(learned(t, result), before) {
			t.Errorf("%s=%s: the result was touched", c.name, c.value)
		}
	}
	vars["EPOCHS"] = "3" // fewer than were trained: it ends with what there is
	run(t, vars).mustEnd(t, "finished", 0)
	vars["EPOCHS"], vars["HIDDEN"], vars["RESUME"] = "2", "32", "never"
	run(t, vars).mustEnd(t, "finished", 0)
}

func TestATornCheckpointIsPassedOverForTheOneBefore(t *testing.T) {
	t.Parallel()
	vars, result := environment(t, short)
	run(t, vars).mustEnd(t, "finished", 0)
	want := learned(t, result)

	vars, result = environment(t, short)
	vars["EPOCHS"] = "1000000"
	p := start(t, vars)
	p.await("an epoch", func(e event) bool { return e.Epoch > 4 })
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	p.reading.Wait()
	_ = p.cmd.Wait()
	kept, err := filepath.Glob(filepath.Join(result, "checkpoints", "model-*"))
	if err != nil || len(kept) < 2 {
		t.Fatalf("%v, %v", kept, err)
	}
	slices.Sort(kept)
	if err := os.Truncate(kept[len(kept)-1], 1000); err != nil {
		t.Fatal(err)
	}
	vars["EPOCHS"] = fmt.Sprint(short["EPOCHS"])
	e := run(t, vars)
	e.mustEnd(t, "finished", 0)
	if !strings.Contains(e.stderr, "skipping a torn checkpoint") || !strings.Contains(e.stderr, "resuming from checkpoint") {
		t.Errorf("the log says\n%s", e.stderr)
	}
	if !strings.Contains(e.stderr, `"epochs_run":12`) {
		t.Skip("the killed run was past the twelfth epoch") // nothing to compare then
	}
	if got := learned(t, result); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestARunOnAFolderThatGrowsGoesOnWithTheDataOfItsFirstStart(t *testing.T) {
	t.Parallel()
	candles := t.TempDir()
	write := func(bars int) {
		for s, symbol := range []string{"AAA", "BBB", "CCC"} {
			var b strings.Builder
			b.WriteString("open_time,open,high,low,close,volume\n")
			price := rand.New(rand.NewPCG(uint64(s), 1))
			last := 100.0
			for i := range bars {
				next := last * (1 + 0.002*price.NormFloat64())
				fmt.Fprintf(&b, "%d,%v,%v,%v,%v,%d\n", 1704067200000+int64(i)*300_000, last, max(last, next), min(last, next), next, 10+i%7)
				last = next
			}
			if err := os.WriteFile(filepath.Join(candles, symbol+".csv"), []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	settings := map[string]string{
		"SYMBOL": "AAA", "SYMBOLS": "", "LOOKBACK": "2d", "DATA_SOURCE": "files", "DATA_DIR": candles,
		"EPOCHS": "12", "PATIENCE": "0", "CHECKPOINT_EVERY": "1", "OMP_NUM_THREADS": "1",
	}
	write(700)
	vars, result := environment(t, settings)
	run(t, vars).mustEnd(t, "finished", 0)
	want := learned(t, result)

	vars, result = environment(t, settings)
	vars["EPOCHS"] = "1000000"
	p := start(t, vars)
	p.await("an epoch", func(e event) bool { return e.Epoch > 0 })
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	p.reading.Wait()
	_ = p.cmd.Wait()
	write(900) // time goes on
	vars["EPOCHS"] = "12"
	e := run(t, vars)
	e.mustEnd(t, "finished", 0)
	if !strings.Contains(e.stderr, "resuming from checkpoint") {
		t.Errorf("it began anew:\n%s", e.stderr)
	}
	if !strings.Contains(e.stderr, `"epochs_run":12`) {
		t.Skip("the killed run was past the twelfth epoch") // nothing to compare then
	}
	if got := learned(t, result); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
