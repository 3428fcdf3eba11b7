package binance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/test/exchange"
)

// leaked is the goroutines that run this package's code, tests apart. One that
// has just reported its end may still be on its last instructions, so what ends
// by itself within a minute is not leaked.
func leaked() string {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if found := running(); found == "" || time.Now().After(deadline) {
			return found
		}
	}
}

func running() string {
	stacks := make([]byte, 1<<22)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var found strings.Builder
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "data/binance.") && !strings.Contains(stack, "_test.go") {
			found.WriteString(stack + "\n\n")
		}
	}
	return found.String()
}

func TestReconnectsAndTheEndLeaveNoGoroutine(t *testing.T) {
	o := feedOptions(Spot, "BTCUSDT", "ETHUSDT", "SOLUSDT")
	o.Faults = map[exchange.Fault]float64{exchange.CutLine: 0.1, exchange.Drop: 0.05, exchange.BusySnapshot: 0.2}
	r := record(t, o, func(r *Recorder) { r.pace.streams, r.NotifyEvery, r.Notify = 1, time.Millisecond, func(Stats) {} })
	r.play(200, map[int]exchange.Fault{50: exchange.Shutdown})
	if err := r.end(); err != nil {
		t.Error(err)
	}
	if left := leaked(); left != "" {
		t.Errorf("leaked after the end:\n%s", left)
	}
	if r.Stats().Reconnects == 0 {
		t.Error("no connection was lost")
	}
}

func TestAStopEndsARecordingWhateverItWaitsFor(t *testing.T) {
	// reached is called where the recording is to be stopped.
	for _, c := range []struct {
		name   string
		change func(r *Recorder, reached func())
	}{
		{"a server that does not answer the handshake", func(r *Recorder, reached func()) {
			r.URL = mute(t, reached)
		}},
		{"the next attempt to connect", func(r *Recorder, reached func()) {
			r.URL, r.pace.first, r.pace.most = "ws://127.0.0.1:1", time.Hour, time.Hour
			r.Warn = func(string) { reached() }
		}},
		{"a snapshot", func(r *Recorder, reached func()) {
			r.Rest = waiting(reached)
		}},
		{"the next attempt at a snapshot", func(r *Recorder, reached func()) {
			r.pace.first, r.pace.most = time.Hour, time.Hour
			r.Rest = failing{errors.New("503")}
			r.Warn = func(_ string) { reached() }
		}},
		{"the next message", func(r *Recorder, reached func()) {
			tested := r.handled
			r.handled = func(what handled, k *keeper) { tested(what, k); reached() }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			there := make(chan struct{}, 1000)
			r := record(t, feedOptions(USDM, "BTCUSDT"), func(r *Recorder) {
				c.change(r, func() { there <- struct{}{} })
			})
			go publish(t.Context(), r.depth)
			<-there
			if err := r.end(); err != nil {
				t.Error(err)
			}
			if left := leaked(); left != "" {
				t.Errorf("leaked after the end:\n%s", left)
			}
		})
	}
}

// publish sends one update as soon as somebody listens.
func publish(ctx context.Context, d *exchange.Depth) {
	if d.AwaitConnections(ctx, 1) == nil {
		d.Publish("BTCUSDT")
	}
}

// mute is the address of a server that takes connections and says nothing.
func mute(t *testing.T, reached func()) string {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(release); server.Close() })
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

type waiting func()

func (w waiting) Depth(ctx context.Context, _ string, _ int) (Snapshot, error) {
	w()
	<-ctx.Done()
	return Snapshot{}, context.Cause(ctx)
}

type failing struct{ err error }

func (f failing) Depth(context.Context, string, int) (Snapshot, error) { return Snapshot{}, f.err }

func TestASinkThatFailsEndsTheRecording(t *testing.T) {
	full := errors.New("no space left on device")
	r := record(t, feedOptions(Spot, "BTCUSDT", "ETHUSDT"), func(r *Recorder) { r.Every = 100 * time.Millisecond })
	r.sink.mu.Lock()
	r.sink.err = full
	r.sink.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // the recording may end at any of these
		for ctx.Err() == nil {
			r.depth.Publish("BTCUSDT")
			runtime.Gosched()
		}
	}()
	if err := <-r.ended; !errors.Is(err, full) || !strings.Contains(err.Error(), "BTCUSDT") {
		t.Errorf("%v", err)
	}
}

func TestASymbolThatTheExchangeDoesNotKnowEndsTheRecording(t *testing.T) {
	unknown := fmt.Errorf("%w: BTCUSDT is no symbol", data.ErrInput)
	r := record(t, feedOptions(Spot, "BTCUSDT"), func(r *Recorder) { r.Rest = failing{unknown} })
	publish(t.Context(), r.depth)
	if err := <-r.ended; !errors.Is(err, unknown) {
		t.Errorf("%v", err)
	}
}

func TestAStreamThatTellsNothingIsWarnedOfOnceAndAtTheEnd(t *testing.T) {
	warned := make(chan struct{}, 2)
	r := record(t, feedOptions(Spot, "BTCUSDT"), func(r *Recorder) {
		warn := r.Warn
		r.pace.quiet, r.Warn = time.Millisecond, func(line string) { warn(line); warned <- struct{}{} }
	})
	<-warned
	if err := r.end(); err != nil {
		t.Error(err)
	}
	host := strings.TrimPrefix(r.URL, "ws://")
	const mend = ": see that BINANCE_WS_URL is a stream server that can be reached from here, or set HTTPS_PROXY to a proxy that leads there"
	want := []string{"nothing has been received from " + host + " for 1ms" + mend, "no row was written, since nothing was received from " + host + mend}
	if !slices.Equal(r.warnings, want) {
		t.Errorf("%q, want %q", r.warnings, want)
	}
}

func TestARecordingWithoutARowSaysSo(t *testing.T) {
	for market, rest := range map[string]string{Spot: "BINANCE_BASE_URL", USDM: "BINANCE_FUTURES_BASE_URL"} {
		r := record(t, feedOptions(market, "BTCUSDT"), nil)
		publish(t.Context(), r.depth)
		r.await("a message", func() bool { return r.messages == 1 })
		if err := r.end(); err != nil {
			t.Error(err)
		}
		want := []string{"no row was written of 1 updates: record for longer, and see that BINANCE_WS_URL and " + rest + " are of one exchange"}
		if !slices.Equal(r.warnings, want) {
			t.Errorf("%q, want %q", r.warnings, want)
		}
	}
}
