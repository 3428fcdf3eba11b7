package kafka

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// recorder is a Sink that keeps what it gets. hold, where set, runs before an
// event is taken and may refuse it.
type recorder struct {
	mu     sync.Mutex
	events [][]byte
	busy   bool
	hold   func(ctx context.Context, event []byte) error
}

func (r *recorder) Send(ctx context.Context, event []byte) error {
	r.mu.Lock()
	if r.busy {
		r.mu.Unlock()
		panic("two events at a time")
	}
	r.busy = true
	r.mu.Unlock()
	defer func() { r.mu.Lock(); r.busy = false; r.mu.Unlock() }()
	if r.hold != nil {
		if err := r.hold(ctx, event); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, slices.Clone(event))
	return nil
}

// told lists the events as "status message @ timestamp - second of the start".
func (r *recorder) told(t *testing.T, start time.Time) []string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []string
	for _, line := range r.events {
		m := fields(t, line)
		list = append(list, fmt.Sprintf("%s %v @%.3f", m["status"], m["message"], m["timestamp"].(float64)-float64(start.Unix())))
	}
	return list
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("told\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// bubble runs f on a clock of its own, which starts at a whole second.
func bubble(t *testing.T, sink *recorder, f func(t *testing.T, tm *Telemetry, start time.Time)) {
	synctest.Test(t, func(t *testing.T) {
		tm := NewTelemetry(ids, English, sink, nil)
		f(t, tm, time.Now())
		must(t, tm.Close())
	})
}

func TestARunIsToldAsTheGoldenFileSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.UnixMilli(1722500000123)))
		var out bytes.Buffer
		ctx := t.Context()
		for _, lang := range []Lang{Russian, English} {
			for _, end := range []Status{Finished, Interrupted, Failed} {
				tm := NewTelemetry(ids, lang, Lines(&out), nil)
				must(t, tm.Started())
				time.Sleep(2 * time.Second)
				must(t, tm.Loading(LoadingData))
				time.Sleep(1500 * time.Millisecond)
				must(t, tm.Epoch(50, 100, 0.0123, map[string]float64{"valid_loss": 1.0986, "valid_auc": math.NaN()}))
				synctest.Wait()
				var won Status
				var err error
				switch end {
				case Finished:
					won, err = tm.Finished(ctx, "s3://models/market_gnn_v1/gnn-train-btcusdt-20240801-abc/model.pt",
						map[string]any{"test": map[string]any{"accuracy": 0.41, "auc": nil}})
				case Interrupted:
					won, err = tm.Interrupted(ctx, "")
				case Failed:
					won, err = tm.Error(ctx, fault.Input("close is <nil> & \"0\"\nor less").At("BTCUSDT.csv, line 7").Fix("correct it"))
				}
				must(t, err)
				if won != end {
					t.Errorf("%s won over %s", won, end)
				}
				must(t, tm.Close())
				time.Sleep(10 * time.Second)
			}
		}
		golden := filepath.Join("testdata", "events.golden.jsonl")
		if *update {
			must(t, os.WriteFile(golden, out.Bytes(), 0o644))
		}
		want, err := os.ReadFile(golden)
		must(t, err)
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("the events are\n%sbut %s (go test ./kafka -update rewrites it) says\n%s", out.Bytes(), golden, want)
		}
	})
}

func TestOfManyEpochsInASecondTheNewestIsTold(t *testing.T) {
	var sink recorder
	bubble(t, &sink, func(t *testing.T, tm *Telemetry, start time.Time) {
		must(t, tm.Started())
		for epoch := range 25 {
			time.Sleep(110 * time.Millisecond)
			must(t, tm.Epoch(epoch+1, 100, 1, nil))
		}
		time.Sleep(5 * time.Second)
		expect(t, sink.told(t, start),
			"started Training started @0.000",
			"loading Epoch 9 finished, loss: 1.0000 @1.000",
			"loading Epoch 18 finished, loss: 1.0000 @2.000",
			"loading Epoch 25 finished, loss: 1.0000 @3.000")
	})
}

func TestTheLastEventNeverWaitsAndTakesTheNextFreeSecond(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, tm *Telemetry)
		want []string
	}{
		{"in a free second it bears its own time", func(t *testing.T, tm *Telemetry) {
			must(t, tm.Started())
			time.Sleep(1250 * time.Millisecond)
		}, []string{"started Training started @0.000", "interrupted Training interrupted @1.250"}},
		{"in the second of started it bears the next", func(t *testing.T, tm *Telemetry) {
			time.Sleep(300 * time.Millisecond)
			must(t, tm.Started())
			time.Sleep(300 * time.Millisecond)
		}, []string{"started Training started @0.300", "interrupted Training interrupted @1.000"}},
		{"an epoch that waits is dropped", func(t *testing.T, tm *Telemetry) {
			must(t, tm.Started())
			must(t, tm.Epoch(1, 2, 1, nil))
		}, []string{"started Training started @0.000", "interrupted Training interrupted @1.000"}},
		{
			"nothing came before it", func(*testing.T, *Telemetry) {},
			[]string{"interrupted Training interrupted @0.000"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sink recorder
			bubble(t, &sink, func(t *testing.T, tm *Telemetry, start time.Time) {
				c.run(t, tm)
				before := time.Now()
				_, err := tm.Interrupted(t.Context(), "")
				must(t, err)
				if waited := time.Since(before); waited != 0 {
					t.Errorf("it waited %v", waited)
				}
				time.Sleep(5 * time.Second)
				expect(t, sink.told(t, start), c.want...)
			})
		})
	}
}

func TestAfterTheLastEventNothingIsTold(t *testing.T) {
	var sink recorder
	bubble(t, &sink, func(t *testing.T, tm *Telemetry, start time.Time) {
		won, err := tm.Error(t.Context(), errors.New("boom"))
		must(t, err)
		must(t, tm.Started())
		must(t, tm.Loading(LoadingData))
		must(t, tm.Epoch(1, 2, 1, nil))
		again, err := tm.Finished(t.Context(), "model.pt", nil)
		must(t, err)
		if won != Failed || again != Failed {
			t.Errorf("error won as %q, and finished was told that %q did", won, again)
		}
		time.Sleep(5 * time.Second)
		expect(t, sink.told(t, start), "error Error: boom @0.000")
	})
}

func TestOfTwoEndsAtOnceOneWinsAndBothLearnItsFate(t *testing.T) {
	refused := errors.New("broker is gone")
	sink := recorder{hold: func(_ context.Context, _ []byte) error { time.Sleep(time.Second); return refused }}
	bubble(t, &sink, func(t *testing.T, tm *Telemetry, _ time.Time) {
		type fate struct {
			won Status
			err error
		}
		fates := make(chan fate, 2)
		go func() { won, err := tm.Finished(t.Context(), "model.pt", nil); fates <- fate{won, err} }()
		go func() { won, err := tm.Interrupted(t.Context(), ""); fates <- fate{won, err} }()
		a, b := <-fates, <-fates
		if a.won != b.won || !a.won.Terminal() || !errors.Is(a.err, refused) || !errors.Is(b.err, refused) {
			t.Errorf("one learnt %v, the other %v", a, b)
		}
	})
}

func TestARefusedEpochIsReportedByTheNextCallAndStopsNothing(t *testing.T) {
	refused := errors.New("broker is gone")
	var down bool
	sink := recorder{hold: func(context.Context, []byte) error {
		if down {
			return refused
		}
		return nil
	}}
	bubble(t, &sink, func(t *testing.T, tm *Telemetry, start time.Time) {
		down = true
		must(t, tm.Epoch(1, 3, 1, nil))
		synctest.Wait()
		time.Sleep(2 * time.Second)
		down = false
		if err := tm.Epoch(2, 3, 1, nil); !errors.Is(err, refused) {
			t.Errorf("the next call returned %v", err)
		}
		time.Sleep(2 * time.Second)
		must(t, tm.Epoch(3, 3, 1, nil)) // reported once only
		time.Sleep(2 * time.Second)
		expect(t, sink.told(t, start), "loading Epoch 2 finished, loss: 1.0000 @2.000", "loading Epoch 3 finished, loss: 1.0000 @4.000")
		if s := tm.Stats(); s.Undelivered != 1 || s.Delivered[Loading] != 2 || s.Dropped != 0 {
			t.Errorf("it counted %+v", s)
		}
	})
}

func TestOfRefusalsInARowOneIsReported(t *testing.T) {
	refused := errors.New("broker is gone")
	var down atomic.Bool
	sink := recorder{hold: func(context.Context, []byte) error {
		if down.Load() {
			return refused
		}
		return nil
	}}
	bubble(t, &sink, func(t *testing.T, tm *Telemetry, _ time.Time) {
		reported := 0
		for epoch := range 40 {
			down.Store(epoch%20 < 15) // twice
			if tm.Epoch(epoch+1, 40, 1, nil) != nil {
				reported++
			}
			time.Sleep(time.Second)
		}
		if reported != 2 {
			t.Errorf("%d reports of two series of refusals", reported)
		}
	})
}

func TestAStuckSinkHoldsUpNeitherTrainingNorTheLastEvent(t *testing.T) {
	sink := recorder{hold: func(ctx context.Context, event []byte) error {
		if bytes.Contains(event, []byte(`"status":"loading"`)) {
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return nil
	}}
	bubble(t, &sink, func(t *testing.T, tm *Telemetry, start time.Time) {
		for epoch := range 5 {
			must(t, tm.Epoch(epoch+1, 5, 1, nil))
			synctest.Wait()
		}
		if time.Since(start) != 0 {
			t.Errorf("training waited %v", time.Since(start))
		}
		if s := tm.Stats(); s.Waiting != 2 || s.Dropped != 3 || s.Last != Loading { // one in hand, one pending
			t.Errorf("meanwhile %+v", s)
		}
		time.Sleep(90 * time.Second)
		won, err := tm.Finished(t.Context(), "model.pt", nil)
		must(t, err)
		if won != Finished || time.Since(start) != 90*time.Second {
			t.Errorf("%s after %v", won, time.Since(start))
		}
		expect(t, sink.told(t, start), "finished Training finished @90.000")
		if s := tm.Stats(); s.Waiting != 0 || s.Dropped != 5 || s.Undelivered != 0 || s.Delivered[Finished] != 1 || s.Delivered[Loading] != 0 || s.Last != Finished {
			t.Errorf("at the end %+v", s)
		}
	})
}

func TestALastEventThatCannotBeSentInTimeSaysSo(t *testing.T) {
	// a sink that does not obey its context, such as a full pipe
	stuck := make(chan struct{})
	sink := recorder{hold: func(context.Context, []byte) error { <-stuck; return nil }}
	synctest.Test(t, func(t *testing.T) {
		stuck = make(chan struct{})
		tm := NewTelemetry(ids, English, &sink, nil)
		must(t, tm.Loading(LoadingData))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		won, err := tm.Interrupted(ctx, "")
		if won != Interrupted || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", won, err)
		}
		close(stuck)
		must(t, tm.Close())
	})
}

func TestMetricsThatDoNotEncodeCostTheEventOnlyItsMetrics(t *testing.T) {
	var sink recorder
	bubble(t, &sink, func(t *testing.T, tm *Telemetry, _ time.Time) {
		won, err := tm.Finished(t.Context(), "out/model.pt", map[string]float64{"auc": math.NaN()})
		if won != Finished || err == nil || !strings.Contains(err.Error(), "metrics") {
			t.Errorf("%s: %v", won, err)
		}
		m := fields(t, sink.events[0])
		if m["model_path"] != "out/model.pt" || m["metrics"] != nil || m["finished"] != true {
			t.Errorf("%v", m)
		}
	})
}

func TestCloseDropsWhatWaitsAndTellsWhatWasLost(t *testing.T) {
	refused := errors.New("broker is gone")
	sink := recorder{hold: func(context.Context, []byte) error { return refused }}
	synctest.Test(t, func(t *testing.T) {
		tm := NewTelemetry(ids, English, &sink, nil)
		must(t, tm.Epoch(1, 2, 1, nil))
		synctest.Wait()
		if err := tm.Close(); !errors.Is(err, refused) {
			t.Errorf("Close returned %v", err)
		}
		must(t, tm.Close())
	})
	var quiet recorder
	synctest.Test(t, func(t *testing.T) {
		tm := NewTelemetry(ids, English, &quiet, nil)
		must(t, tm.Started())
		synctest.Wait()
		must(t, tm.Epoch(1, 2, 1, nil))
		must(t, tm.Close())
		time.Sleep(5 * time.Second)
		if len(quiet.events) != 1 {
			t.Errorf("%d events were sent", len(quiet.events))
		}
	})
}

// Many goroutines, all at once: seconds stay unique and ordered, one event
// ends the run, and it is the last.
func TestUnderConcurrencyNoTwoEventsShareASecond(t *testing.T) {
	var sink recorder
	bubble(t, &sink, func(t *testing.T, tm *Telemetry, _ time.Time) {
		must(t, tm.Started())
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := range 200 {
					time.Sleep(time.Duration(37+worker) * time.Millisecond)
					if err := tm.Epoch(i+1, 200, 1, nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Go(func() {
			time.Sleep(6500 * time.Millisecond)
			for range 3 {
				wg.Go(func() {
					if _, err := tm.Interrupted(t.Context(), ""); err != nil {
						t.Error(err)
					}
				})
			}
		})
		wg.Wait()
		last := int64(0)
		for i, line := range sink.events {
			m := fields(t, line)
			second := int64(m["timestamp"].(float64))
			if second <= last {
				t.Errorf("event %d is in second %d, the one before in %d", i, second, last)
			}
			last = second
			if terminal := i == len(sink.events)-1; m["finished"] != terminal {
				t.Errorf("event %d of %d: %s", i, len(sink.events), line)
			}
		}
		if len(sink.events) != 8 {
			t.Errorf("%d events in 6.5 seconds, want started, 6 epochs and the end", len(sink.events))
		}
	})
}

// countingWriter fails after the first writes.
type countingWriter struct {
	writes [][]byte
	err    error
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.writes = append(w.writes, slices.Clone(p))
	return len(p), w.err
}

func TestALineIsWrittenInOneWriteAndAFailureIsReturned(t *testing.T) {
	w := &countingWriter{}
	event := append(make([]byte, 0, 64), `{"a":1}`...)
	must(t, Lines(w).Send(t.Context(), event))
	if len(w.writes) != 1 || string(w.writes[0]) != "{\"a\":1}\n" {
		t.Errorf("written: %q", w.writes)
	}
	if spare := event[:cap(event)]; spare[len(event)] == '\n' {
		t.Error("the sink wrote into its caller's buffer")
	}
	w.err = os.ErrClosed
	if err := Lines(w).Send(t.Context(), event); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the failure became %v", err)
	}
}
