package test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

// recorder starts the built program's record.
func recorder(t *testing.T, vars map[string]string) *process {
	t.Helper()
	needBinary(t)
	vars["PATH"] = os.Getenv("PATH")
	p := &process{t: t, cmd: exec.CommandContext(t.Context(), binary, "record")}
	for name, value := range vars {
		p.cmd.Env = append(p.cmd.Env, name+"="+value)
	}
	p.cmd.Stderr = &p.stderr
	t.Cleanup(p.mustNotRace)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// An hour and a half of the exchange's time is recorded in seconds, by two
// recorders one after the other, and trained on.
func TestWhatWasRecordedIsTrainedOn(t *testing.T) {
	t.Parallel()
	for _, market := range []string{"spot", "usdm"} {
		t.Run(market, func(t *testing.T) {
			begin := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
			symbols := usdt(3)
			depth := exchange.NewDepth(exchange.DepthOptions{Market: market, Symbols: symbols, Seed: 3, Start: begin.UnixMilli()})
			t.Cleanup(depth.Close)
			e := exchange.New(exchange.Options{Symbols: symbols, Now: begin.Add(24 * time.Hour), Depth: depth})
			depth.Streams(e.Mux)
			e.Serve(t)
			vars, result := environment(t, ofExchange(e, market, t.TempDir()))
			recording := map[string]string{
				"SYMBOL": "BTCUSDT", "SYMBOLS": "top:3", "BINANCE_MARKET": market, "BINANCE_BASE_URL": e.URL, "BINANCE_FUTURES_BASE_URL": e.URL,
				"BINANCE_WS_URL": strings.Replace(e.URL, "http", "ws", 1), "CACHE_DIR": vars["CACHE_DIR"], "RECORD_EVERY": "5s",
			}
			play := func(minutes int) {
				t.Helper()
				if err := depth.AwaitConnections(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
				// The exchange's time must not run away before there are books to record.
				deadline := time.Now().Add(time.Minute)
				for have := depth.Snapshots(); depth.Snapshots() < have+len(symbols); time.Sleep(20 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatal("no recorder asks for the books")
					}
					for _, s := range symbols {
						depth.Publish(s)
					}
				}
				for range minutes * 600 { // an update each 100 ms
					for _, s := range symbols {
						depth.Publish(s)
					}
				}
				if err := depth.AwaitRead(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			first := recorder(t, recording)
			play(40)
			second := recorder(t, recording)
			if err := second.cmd.Wait(); second.cmd.ProcessState.ExitCode() != 2 || !strings.Contains(second.stderr.String(), "another gnn-trainer record is running in ") {
				t.Errorf("a second recorder beside the first: %v\n%s", err, second.stderr.String())
			}
			stop := func(p *process, s syscall.Signal, code int) {
				t.Helper()
				if err := p.cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
				_ = p.cmd.Wait()
				if got := p.cmd.ProcessState.ExitCode(); got != code {
					t.Fatalf("the recorder ended with %d\n%s", got, p.stderr.String())
				}
			}
			stop(first, syscall.SIGTERM, 0)
			if !strings.Contains(first.stderr.String(), `"message":"recorded"`) {
				t.Errorf("the first recorder says\n%s", first.stderr.String())
			}
			again := recorder(t, recording)
			play(60)
			stop(again, syscall.SIGINT, 0)

			rows := recordedRows(t, filepath.Join(vars["CACHE_DIR"], strings.ReplaceAll(strings.TrimPrefix(e.URL, "http://"), ":", "_"), market, "book"))
			for _, s := range symbols {
				if n := rows[s]; n < 95*60/5 {
					t.Errorf("%d rows of %s were recorded of 100 minutes", n, s)
				}
			}
			vars["INTERVAL"], vars["GRAPH_WINDOW"], vars["SYMBOLS"] = "1m", "10", "top:3"
			vars["LOOKBACK"] = begin.Add(2*time.Minute).Format(time.RFC3339) + ":" + begin.Add(95*time.Minute).Format(time.RFC3339)
			run(t, vars).mustEnd(t, "finished", 0)
			if _, features := metadata(t, result); !slices.Contains(features, "spread") || !slices.Contains(features, "order_book_imbalance") {
				t.Errorf("the features are %v", features)
			}
		})
	}
}

// recordedRows counts a cache's rows by symbol, as pandas reads them, after it
// has checked each.
func recordedRows(t *testing.T, folder string) (rows map[string]int) {
	t.Helper()
	script := `
import json, sys, pandas as pd
d = pd.read_parquet(sys.argv[1])
assert list(d.columns) == ["time", "best_bid", "best_ask", "bid_size", "ask_size", "symbol"], list(d.columns)
assert (d.best_ask > d.best_bid).all() and (d.bid_size > 0).all() and (d.ask_size > 0).all()
for _, s in d.groupby("symbol", observed=True):
    assert s.time.is_monotonic_increasing and s.time.is_unique
print(json.dumps({k: int(v) for k, v in d.symbol.value_counts().items()}))
`
	out, err := runPython(t, "-c", script, folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}
