package test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

// timeout signals its child and then the group that both are in.
func TestTheTwoSignalsOfTimeoutAreOneStop(t *testing.T) {
	t.Parallel()
	vars, _ := environment(t, map[string]string{"EPOCHS": "100000", "PATIENCE": "0"})
	p := start(t, vars, "setsid")
	p.await("an epoch", func(e event) bool { return e.Epoch > 0 })
	for _, to := range []int{p.cmd.Process.Pid, -p.cmd.Process.Pid} {
		if err := syscall.Kill(to, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if e := p.end(); e.code != 143 || e.events[len(e.events)-1].Status != "interrupted" || e.events[len(e.events)-1].ModelPath == "" {
		t.Errorf("exit code %d, events %+v\n%s", e.code, e.events, e.stderr)
	}
}

func TestARecorderThatTimeoutStopsEndsWell(t *testing.T) {
	t.Parallel()
	needBinary(t)
	symbols := usdt(2)
	depth := exchange.NewDepth(exchange.DepthOptions{Market: "spot", Symbols: symbols, Seed: 3, Start: time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC).UnixMilli()})
	t.Cleanup(depth.Close)
	e := exchange.New(exchange.Options{Symbols: symbols, Now: time.Date(2024, 5, 2, 0, 0, 0, 0, time.UTC), Depth: depth})
	depth.Streams(e.Mux)
	e.Serve(t)
	p := recorder(t, map[string]string{
		"SYMBOL": "BTCUSDT", "SYMBOLS": "top:2", "BINANCE_BASE_URL": e.URL, "BINANCE_WS_URL": strings.Replace(e.URL, "http", "ws", 1), "CACHE_DIR": t.TempDir(),
	})
	if err := depth.AwaitConnections(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	_ = p.cmd.Wait()
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.stderr.String())
	}
}
