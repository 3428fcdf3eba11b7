package job

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/store"
)

// newStream is a stream over the simulated market, which ends in 2024, with the
// model of a short training.
func newStream(t *testing.T, log *bytes.Buffer) (*stream, *bytes.Buffer) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	environ := []string{
		"QUEUE_ID=q1", "SYMBOL=BTCUSDT", "TYPE=gnn_trainer", "TELEMETRY_PRODUCER_ID=p", "STORE_DIR=" + t.TempDir(), "DEVICE=cpu",
		"DATA_SOURCE=simulated", "SYMBOLS=top:5", "LOOKBACK=2d", "EPOCHS=1", "BASELINES=none", "HIDDEN=8", "PREDICTIONS_STORE=false",
	}
	if code := Train(t.Context(), environ, "test", null, null); code != ExitDone {
		t.Fatalf("the training ends with %d", code)
	}
	c, err := config.LoadPredict(environ)
	if err != nil {
		t.Fatal(err)
	}
	lines := &bytes.Buffer{}
	p := &prediction{
		config: c, source: Cached(c), console: progress.NewConsole(null, false), log: zerolog.New(log), lines: lines,
		telemetry: kafka.NewTelemetry(c.IDs, kafka.English, kafka.Discard, nil),
	}
	if p.thread, p.device, err = openDevice("cpu", newMetricsOf(c, "test", 1), p.log); err != nil {
		t.Fatal(err)
	}
	stored, err := readModel(t.Context(), c, p.log)
	if err == nil {
		p.model, err = stored.serve(p.thread, p.device)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.model.predictor.Close()
		p.thread.Close()
		_ = p.telemetry.Close()
	})
	return &stream{prediction: p, step: 5 * time.Minute}, lines
}

// barsOf are the open times of the bars in lines, each once, in their order.
func barsOf(t *testing.T, lines *bytes.Buffer) (times []int64) {
	t.Helper()
	for line := range strings.Lines(lines.String()) {
		var row struct {
			OpenTime int64 `json:"open_time"`
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		times = append(times, row.OpenTime)
	}
	return slices.Compact(times)
}

func TestBarsThatWereMissedArePredictedInOrderAndOlderOnesSkippedTogether(t *testing.T) {
	var log bytes.Buffer
	p, lines := newStream(t, &log)
	s := newShutdown(t.Context())
	defer s.over()
	if err := p.turn(s); err != nil {
		t.Fatal(err)
	}
	const step = 300_000
	newest := p.next - step
	if got := barsOf(t, lines); !slices.Equal(got, []int64{newest}) {
		t.Fatalf("the bars %v are predicted", got)
	}
	lines.Reset()
	p.next = newest - 3*step
	if err := p.turn(s); err != nil {
		t.Fatal(err)
	}
	if got, want := barsOf(t, lines), []int64{newest - 3*step, newest - 2*step, newest - step, newest}; !slices.Equal(got, want) || p.next != newest+step {
		t.Errorf("the bars %v are predicted, want %v", got, want)
	}
	if strings.Contains(log.String(), "bar skipped") {
		t.Errorf("one is skipped:\n%s", log.String())
	}
	lines.Reset()
	p.next = newest - 40*step
	if err := p.turn(s); err != nil {
		t.Fatal(err)
	}
	if got := barsOf(t, lines); len(got) != caughtUp+1 || got[0] != newest-caughtUp*step {
		t.Errorf("the bars %v are predicted", got)
	}
	want := `"from":"` + rfc3339(newest-40*step) + `","to":"` + rfc3339(newest-(caughtUp+1)*step) + `"`
	if !strings.Contains(log.String(), want) || strings.Count(log.String(), "bar skipped") != 1 {
		t.Errorf("the log does not say %s once:\n%s", want, log.String())
	}

	// What does not come, since the market has ended, is skipped up to now, as one.
	log.Reset()
	lines.Reset()
	if err := p.turn(s); err != nil {
		t.Fatal(err)
	}
	behind := time.Since(time.UnixMilli(p.next))
	if lines.Len() > 0 || strings.Count(log.String(), "bar skipped") != 1 || !strings.Contains(log.String(), "the source does not have it") || (p.next-newest)%step != 0 ||
		behind < p.step+closing || behind > 2*p.step+closing+time.Minute {
		t.Errorf("the next bar opened %v ago:\n%s", behind, log.String())
	}
}

// A stream goes on for weeks.
func TestAStreamKeepsNothingOfTheBarsBefore(t *testing.T) {
	p, lines := newStream(t, &bytes.Buffer{})
	s := newShutdown(t.Context())
	defer s.over()
	turns := func(n int) (handles int64, goroutines int, heap uint64) {
		t.Helper()
		for range n {
			p.next = 0
			lines.Reset()
			if err := p.turn(s); err != nil || lines.Len() == 0 {
				t.Fatal(err)
			}
			p.other = time.Time{}
			p.follow(s)
			if err := p.replace(s, "q1"); err != nil { // a newer model at every bar
				t.Fatal(err)
			}
		}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return torch.LiveHandles(), runtime.NumGoroutine(), m.HeapAlloc
	}
	handles, goroutines, heap := turns(20)
	moreHandles, moreGoroutines, moreHeap := turns(100)
	if moreHandles != handles || moreGoroutines > goroutines+2 || moreHeap > heap+heap/4+1<<20 {
		t.Errorf("after 20 bars %d handles, %d goroutines and %d bytes; after 100 more %d, %d and %d", handles, goroutines, heap, moreHandles, moreGoroutines, moreHeap)
	}
}

func TestAStreamGoesOnWithItsModelWhereANewerOneCannotBeUsed(t *testing.T) {
	var log bytes.Buffer
	p, lines := newStream(t, &log)
	s := newShutdown(t.Context())
	defer s.over()
	if p.follow(s); log.Len() > 0 && strings.Contains(log.String(), "newer") {
		t.Errorf("its own model is taken for a newer one:\n%s", log.String())
	}
	// A run that is being written again: latest.json names it, and its result is gone.
	f, err := store.NewFolder(store.Config{Dir: StoreDir(p.config), ModelName: p.config.Store.ModelName}, "q2")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.MoveLatest(t.Context(), store.Manifest{Status: store.Finished, Created: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p.follow(s)
	}
	if got := log.String(); strings.Count(got, "a newer model cannot be used") != 1 || !strings.Contains(got, "the run q2 has no result") {
		t.Errorf("the log does not say it once:\n%s", got)
	}
	if err := p.turn(s); err != nil || !strings.Contains(lines.String(), `"model_queue_id":"q1"`) {
		t.Errorf("%v, it predicts %s", err, lines.String())
	}
	p.config.Predict.Model = "q1"
	p.other = time.Time{}
	log.Reset()
	if p.follow(s); log.Len() > 0 {
		t.Errorf("a model that is named is not kept:\n%s", log.String())
	}
}
