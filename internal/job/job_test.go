package job_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/job"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/store"
)

// gates is a store that calls before at each write and may refuse it.
type gates struct {
	*store.Folder
	before func(name string) error
}

func (g *gates) Put(ctx context.Context, name string, write func(io.Writer) error) (store.FileInfo, error) {
	if err := g.before(name); err != nil {
		return store.FileInfo{}, fmt.Errorf("storing %s: %w", name, err)
	}
	return g.Folder.Put(ctx, name, write)
}

func (g *gates) PutManifest(ctx context.Context, m store.Manifest) error {
	if err := g.before(store.ManifestName); err != nil {
		return fmt.Errorf("storing %s: %w", store.ManifestName, err)
	}
	return g.Folder.PutManifest(ctx, m)
}

// sink keeps the states of its events, and rejects events where refuse is set.
type sink struct {
	states  []string
	last    []byte
	refuse  bool
	onEpoch func() // called at the first event about an epoch
}

func (s *sink) Send(_ context.Context, event []byte) error {
	var e struct {
		Status string
		Epoch  int
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return err
	}
	if e.Epoch > 0 && s.onEpoch != nil {
		s.onEpoch()
		s.onEpoch = nil
	}
	s.states, s.last = append(s.states, e.Status), bytes.Clone(event)
	if s.refuse {
		return errors.New("no broker")
	}
	return nil
}

// newJob is a small run on the simulated market.
func newJob(t *testing.T, before func(string) error, more ...string) (*job.Job, *sink, string) {
	t.Helper()
	dir := t.TempDir()
	c, err := config.Load(append([]string{
		"QUEUE_ID=q1", "SYMBOL=BTCUSDT", "TYPE=gnn_trainer", "TELEMETRY_PRODUCER_ID=p", "DATA_SOURCE=simulated",
		"SYMBOLS=top:6", "LOOKBACK=2d", "EPOCHS=2", "GRAPH_WINDOW=50", "STORE_DIR=" + dir,
	}, more...)) // of two values the later one counts
	if err != nil {
		t.Fatal(err)
	}
	folder, err := store.NewFolder(c.Store, c.IDs.QueueID)
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{}
	console := progress.NewConsole(&bytes.Buffer{}, false)
	handles := torch.LiveHandles()
	t.Cleanup(func() {
		if left := torch.LiveHandles() - handles; left != 0 {
			t.Errorf("%d native handles are left", left)
		}
	})
	return &job.Job{Config: c, Store: job.Storage{Access: folder, Artefacts: &gates{folder, before}, Results: folder, Checkpoints: folder, Trials: folder}, Events: s, Console: console, Log: zerolog.New(console)}, s, folder.Path()
}

func (s *sink) mustEnd(t *testing.T, status string) {
	t.Helper()
	terminal := 0
	for _, state := range s.states {
		if kafka.Status(state).Terminal() {
			terminal++
		}
	}
	if terminal != 1 || s.states[len(s.states)-1] != status {
		t.Errorf("the events were %v, want one terminal one, %s, at the end", s.states, status)
	}
}

func never(string) error { return nil }

func TestARunEndsFinishedWithAManifestThatHolds(t *testing.T) {
	j, events, path := newJob(t, never)
	if code := j.Run(t.Context()); code != 0 {
		t.Errorf("exit code %d", code)
	}
	events.mustEnd(t, "finished")
	if m, err := store.Verify(path); err != nil || m.Status != store.Finished {
		t.Errorf("status %s, %v", m.Status, err)
	}
}

func TestAFinishedRunStartedAgainOnlyTellsItsEndAgain(t *testing.T) {
	puts := 0
	j, events, path := newJob(t, func(string) error { puts++; return nil }, "BASELINE=none")
	if code := j.Run(t.Context()); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	before, err := store.Verify(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		again func(*config.Config)
		runs  bool
	}{
		{"with the same settings", func(*config.Config) {}, false},
		{"with another log level", func(c *config.Config) { c.Log.Level = "error" }, false},
		{"with RESUME=never", func(c *config.Config) { c.Train.Resume = config.ResumeNever }, true},
		{"with other settings", func(c *config.Config) { c.Train.Resume = config.ResumeAuto; c.Train.Epochs++ }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.again(&j.Config)
			var log bytes.Buffer
			j.Log = zerolog.New(&log)
			puts, events.states = 0, nil
			latest := filepath.Join(filepath.Dir(path), store.LatestName)
			if err := os.Remove(latest); err != nil { // as a kill right after the manifest leaves it
				t.Error(err)
			}
			if code := j.Run(t.Context()); code != 0 {
				t.Errorf("exit code %d", code)
			}
			events.mustEnd(t, "finished")
			if ran := puts > 0; ran != c.runs {
				t.Errorf("it wrote %d files", puts)
			}
			const replaced = `"level":"warn","message":"this QUEUE_ID has a result of other settings: it is replaced when this run is stored"`
			if strings.Contains(log.String(), replaced) != (c.name == "with other settings") {
				t.Errorf("it logged %s", log.String())
			}
			if !c.runs && len(events.states) != 1 {
				t.Errorf("it emitted %v", events.states)
			}
			if _, err := os.Stat(latest); err != nil {
				t.Error(err)
			}
			after, err := store.Verify(path)
			if err != nil || !c.runs && !after.Created.Equal(before.Created) {
				t.Errorf("%v; created %v, then %v", err, before.Created, after.Created)
			}
		})
	}
}

func TestColumnsThatFewSymbolsLackAreWarnedOf(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ symbol, column string }{{"BTCUSDT", "taker_buy_volume"}, {"AUSDT", "taker_buy_volume"}, {"BUSDT", "taker_by_volume"}} {
		text := "open_time,open,high,low,close,volume," + c.column + "\n"
		for i := range 300 {
			price := 10 + float64(i*len(c.symbol)%7)
			text += fmt.Sprintf("%d,%v,%v,%v,%v,1,1\n", 1717200000000+int64(i)*300_000, price, price, price, price)
		}
		if err := os.WriteFile(filepath.Join(dir, c.symbol+".csv"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j, _, _ := newJob(t, never, "DATA_SOURCE=files", "DATA_DIR="+dir, "SYMBOLS=", "LOOKBACK=", "BASELINE=none", "EPOCHS=1")
	var log bytes.Buffer
	j.Log = zerolog.New(&log)
	if code := j.Run(t.Context()); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{
		`"level":"warn","message":"BUSDT.csv has a column taker_by_volume, which is not read: taker_buy_volume is"`,
		`"level":"warn","lacking":"BUSDT","features":"spread, order_book_imbalance, funding_rate, taker_imbalance","reasons":"`,
		`; BUSDT has taker_buy_volume on 0.0 % of its bars, and 90 % are needed of every symbol"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log.String())
		}
	}
	if n := strings.Count(log.String(), "features left out"); n != 1 {
		t.Errorf("%d lines say which features are left out:\n%s", n, log.String())
	}
}

func TestAStoreThatFailsAtAnyFileIsAnErrorAndLeavesNoManifest(t *testing.T) {
	for _, name := range []string{"dataset.pt", "graph.pt", "model.pt", "weights.pt", "metadata.json", "predictions.parquet", "report.html", "metrics.json", "manifest.json"} {
		t.Run(name, func(t *testing.T) {
			j, events, path := newJob(t, func(at string) error {
				if at == name {
					return syscall.ENOSPC
				}
				return nil
			}, "BASELINE=none")
			if code := j.Run(t.Context()); code != job.ExitFailure {
				t.Errorf("exit code %d", code)
			}
			events.mustEnd(t, "error")
			if _, err := store.ReadManifest(path); err == nil {
				t.Error("a manifest vouches for a result that is not whole")
			}
		})
	}
}

func TestAStopAtAnyFileIsToldOnceAndLeavesAWholeResultOrNone(t *testing.T) {
	for _, c := range []struct {
		at    string
		state string
		code  int
		whole bool
	}{
		{"dataset.pt", "interrupted", 143, false}, // before training
		{"graph.pt", "interrupted", 143, false},
		{"model.pt", "interrupted", 143, true}, // the baseline is still to come
		{"predictions.parquet", "interrupted", 143, true},
		{"metrics.json", "finished", 0, true}, // nothing is left to stop
		{"manifest.json", "finished", 0, true},
	} {
		t.Run(c.at, func(t *testing.T) {
			ctx, stop := context.WithCancelCause(t.Context())
			j, events, path := newJob(t, func(at string) error {
				if at == c.at {
					stop(job.Stopped{Signal: syscall.SIGTERM})
				}
				return nil
			})
			if code := j.Run(ctx); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			events.mustEnd(t, c.state)
			m, err := store.Verify(path)
			if c.whole != (err == nil) {
				t.Errorf("a whole result is %v, and verifying says %v", c.whole, err)
			}
			if c.whole && string(m.Status) != c.state {
				t.Errorf("the manifest says %s, the event %s", m.Status, c.state)
			}
		})
	}
}

func TestAFullDiskAfterAStopIsAnErrorNotAQuietStop(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	j, events, _ := newJob(t, func(at string) error {
		switch at {
		case "model.pt":
			stop(job.Stopped{Signal: syscall.SIGTERM})
		case "weights.pt":
			return syscall.ENOSPC
		}
		return nil
	})
	if code := j.Run(ctx); code != job.ExitFailure {
		t.Errorf("exit code %d", code)
	}
	events.mustEnd(t, "error")
}

func TestATerminalEventThatIsNotDeliveredIsAFailure(t *testing.T) {
	j, events, path := newJob(t, never, "BASELINE=none")
	events.refuse = true
	if code := j.Run(t.Context()); code != job.ExitFailure {
		t.Errorf("exit code %d", code)
	}
	events.mustEnd(t, "finished")
	if _, err := store.Verify(path); err != nil {
		t.Errorf("the model is stored all the same: %v", err)
	}
}

func TestARefusedConfigurationIsToldWhereTheIDsAreKnown(t *testing.T) {
	for _, known := range []bool{true, false} {
		ids := kafka.IDs{QueueID: "q", Symbol: "S", Type: "t"}
		if known {
			ids.Producer = "p"
		}
		var lines strings.Builder
		code := job.Reject(ids, kafka.English, kafka.Lines(&lines), zerolog.Nop(), fault.Input("EPOCHS is bad"))
		if code != job.ExitInput {
			t.Errorf("exit code %d", code)
		}
		if emitted := strings.Contains(lines.String(), "EPOCHS is bad"); emitted != known {
			t.Errorf("ids known: %v; events: %q", known, lines.String())
		}
	}
}
