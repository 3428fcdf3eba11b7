package source_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/binance"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/test/exchange"
)

// childVariable marks the process that loads: its memory is measured apart from
// the exchange's, and it can be killed.
const childVariable = "GNN_SOURCE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		loadAsChild()
		return
	}
	os.Exit(m.Run())
}

// wanted is what the child is to load.
type wanted struct{ URL, Market, CacheDir, Symbol, Symbols, Start, End string }

func (w wanted) config() source.Config {
	return source.Config{
		Source: source.Binance, Symbol: w.Symbol, Symbols: w.Symbols, Interval: "5m", Start: w.Start, End: w.End,
		Binance: binance.Config{Market: w.Market, BaseURL: w.URL, FuturesBaseURL: w.URL, CacheDir: w.CacheDir, RecordEvery: time.Second},
	}
}

// loaded is what the child tells.
type loaded struct {
	Rows, Symbols, Bars, Features int
	Load, Build, Waited           float64 // seconds
	PeakMB                        float64 // resident
	Fetched, Read                 int     // pages and files told of
}

func loadAsChild() {
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	var w wanted
	check(json.Unmarshal([]byte(os.Getenv(childVariable)), &w))
	cfg := w.config()
	var l loaded
	var waiting time.Time
	cfg.Watch = func(step data.Step) {
		switch step.Phase {
		case data.Waiting:
			if waiting.IsZero() {
				waiting = time.Now()
			}
			return
		case data.Fetching:
			l.Fetched = step.Done
		case data.ReadingCache:
			l.Read = step.Done
		}
		if !waiting.IsZero() {
			l.Waited += time.Since(waiting).Seconds()
			waiting = time.Time{}
		}
	}
	begun := time.Now()
	m, report, err := source.Load(context.Background(), cfg)
	check(err)
	l.Load, l.Rows, l.Symbols, l.Bars = time.Since(begun).Seconds(), report.Rows, len(m.Symbols), m.Bars
	begun = time.Now()
	d, err := data.BuildReleasing(m, data.Config{
		Recipe:       data.Recipe{GraphWindow: 100, EdgeTopK: 10, EdgeReturns: data.EdgeReturnsRaw},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetClose, Horizons: data.Horizons{1}},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	})
	check(err)
	l.Build, l.Features = time.Since(begun).Seconds(), len(d.Features)
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	l.PeakMB = float64(usage.Maxrss) / 1024
	check(json.NewEncoder(os.Stdout).Encode(l))
}

// asChild loads in a process of its own.
func asChild(t *testing.T, w wanted) loaded {
	t.Helper()
	encoded, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), childVariable+"="+string(encoded))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var l loaded
	if err := json.Unmarshal(out, &l); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return l
}

func TestAWholeMarketIsFetchedOnceAndFitsTheMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a whole market")
	}
	symbols, days := 40, 7
	if os.Getenv("GNN_SCALE") != "" {
		symbols, days = 400, 31
	}
	names := []string{"BTCUSDT"}
	for i := range symbols - 1 {
		names = append(names, fmt.Sprintf("S%03dUSDT", i))
	}
	begin := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	e := exchange.Start(t, exchange.Options{Symbols: names, Now: begin.AddDate(0, 0, days+40)})
	cfg := wanted{
		URL: e.URL, Market: binance.Spot, CacheDir: t.TempDir(), Symbol: "BTCUSDT", Symbols: fmt.Sprintf("top:%d", symbols),
		Start: begin.Format(time.RFC3339), End: begin.AddDate(0, 0, days).Format(time.RFC3339),
	}
	first := asChild(t, cfg)
	pages := len(e.Pages())
	second := asChild(t, cfg)
	t.Logf("first:  %+v", first)
	t.Logf("second: %+v", second)
	if want := symbols * days * 288; first.Rows != want || second.Rows != want || first.Symbols != symbols {
		t.Errorf("%d and %d rows, want %d", first.Rows, second.Rows, want)
	}
	if pages != first.Fetched || len(e.Pages()) != pages || second.Fetched != 0 {
		t.Errorf("the first run fetched %d pages and told of %d, the second fetched %d", pages, first.Fetched, len(e.Pages())-pages)
	}
	if seen := e.Seen(); seen.TooMany > 0 || seen.Banned > 0 {
		t.Errorf("the budget was overdrawn: %+v", seen)
	}
	for _, l := range []loaded{first, second} {
		if l.PeakMB > 800 {
			t.Errorf("it took %.0f MB", l.PeakMB)
		}
	}
}
