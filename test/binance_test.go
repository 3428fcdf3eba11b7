package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

// usdt names symbols, the most traded first.
func usdt(n int) []string {
	names := []string{"BTCUSDT"}
	for i := range n - 1 {
		names = append(names, fmt.Sprintf("S%02dUSDT", i))
	}
	return names
}

// ofExchange makes a run's market the exchange's.
func ofExchange(e *exchange.Exchange, market, cache string) map[string]string {
	return map[string]string{
		"DATA_SOURCE": "", "BINANCE_MARKET": market, "BINANCE_BASE_URL": e.URL, "BINANCE_FUTURES_BASE_URL": e.URL,
		"CACHE_DIR": cache, "SYMBOLS": "top:8", "LOOKBACK": "4d",
	}
}

// metadata reads what a result says of its nodes and features.
func metadata(t *testing.T, result string) (symbols, features []string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(result, "metadata.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Symbols, FeatureNames []string }
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(content), "feature_names", "FeatureNames")), &m); err != nil {
		t.Fatal(err)
	}
	return m.Symbols, m.FeatureNames
}

func TestAModelIsTrainedOnTheExchangesMarket(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		market   string
		features []string // beside those of candles
	}{
		{"spot", []string{"taker_imbalance"}},
		{"usdm", []string{"taker_imbalance", "funding_rate"}},
	} {
		t.Run(c.market, func(t *testing.T) {
			e := exchange.Start(t, exchange.Options{Symbols: append([]string{"FIRSTBTC", "OLDUSDT"}, usdt(12)...), Delay: 30 * time.Millisecond})
			vars, result := environment(t, ofExchange(e, c.market, "cache"))
			vars["WORK_DIR"] = t.TempDir()
			r := run(t, vars)
			r.mustEnd(t, "finished", 0)
			consume(t, result)
			symbols, features := metadata(t, result)
			if want := usdt(8); !slices.Equal(symbols, want) {
				t.Errorf("the nodes are %v, want %v", symbols, want)
			}
			for _, f := range c.features {
				if !slices.Contains(features, f) {
					t.Errorf("there is no %s among %v", f, features)
				}
			}
			for _, f := range []string{"spread", "order_book_imbalance"} { // there is no history of them
				if slices.Contains(features, f) {
					t.Errorf("there is %s among %v", f, features)
				}
			}
			pages := len(e.Pages())
			vars["QUEUE_ID"] = "q2"
			run(t, vars).mustEnd(t, "finished", 0)
			if more := len(e.Pages()) - pages; more > 8 { // the newest bars, where one has closed since
				t.Errorf("a second run fetched %d pages more than the %d of the first", more, pages)
			}
			if seen := e.Seen(); seen.TooMany+seen.Banned > 0 {
				t.Errorf("%+v", seen)
			}
			if _, err := os.Stat(filepath.Join(vars["WORK_DIR"], "cache")); err != nil {
				t.Error(err)
			}
		})
	}
}

// The run is stopped in the middle of the fetch, and the ranking turns over
// before it goes on: the nodes and the range stay.
func TestAFetchThatWasStoppedGoesOnWithTheSameSymbols(t *testing.T) {
	t.Parallel()
	e := exchange.Start(t, exchange.Options{Symbols: usdt(12), Delay: 200 * time.Millisecond})
	vars, result := environment(t, ofExchange(e, "spot", t.TempDir()))
	vars["LOOKBACK"] = "25d"
	first := start(t, vars)
	for deadline := time.Now().Add(time.Minute); len(e.Pages()) == 0; {
		if time.Now().After(deadline) {
			t.Fatalf("no page was fetched:\n%s", first.stderr.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := first.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	first.end().mustEnd(t, "interrupted", 143)
	kept := len(e.Pages())
	e.Reverse()
	run(t, vars).mustEnd(t, "finished", 0)
	if symbols, _ := metadata(t, result); !slices.Equal(symbols, usdt(8)) {
		t.Errorf("the nodes are %v", symbols)
	}
	again := 0
	for _, n := range e.Pages() {
		again += n - 1
	}
	if kept == 0 || again > 12 {
		t.Errorf("of %d pages of the first start %d were fetched again", kept, again)
	}
}

func TestTheExchangesRefusalsEndTheRunWithWhatToMend(t *testing.T) {
	t.Parallel()
	e := exchange.Start(t, exchange.Options{Symbols: usdt(3)})
	for name, c := range map[string]struct {
		set  map[string]string
		fail []int
		code int
		want string
	}{
		"no such symbol":         {map[string]string{"SYMBOLS": "BTCUSDT,XUSDT"}, nil, 2, "has no symbol XUSDT: correct SYMBOL or SYMBOLS, or set BINANCE_MARKET=usdm"},
		"too many":               {map[string]string{"SYMBOLS": "top:9"}, nil, 2, "SYMBOLS=top:9, and only 3 symbols against USDT trade on the spot market"},
		"no such market":         {map[string]string{"BINANCE_MARKET": "coinm"}, nil, 2, `BINANCE_MARKET is "coinm": set spot or usdm`},
		"no address":             {map[string]string{"BINANCE_BASE_URL": "api.binance.com"}, nil, 2, `BINANCE_BASE_URL="api.binance.com" is no address: write it as https://api.binance.com`},
		"no bar":                 {map[string]string{"LOOKBACK": "", "START": "2100-01-01"}, nil, 2, "no bar of 5m has closed within START=2100-01-01T00:00:00Z, and it is "},
		"another location":       {nil, []int{451}, 2, "does not serve this location (451): set BINANCE_BASE_URL"},
		"a cache that is a file": {map[string]string{"CACHE_DIR": "/dev/null"}, nil, 2, "not a directory: set CACHE_DIR to a folder that can be written"},
		"a key that is none":     {map[string]string{"BINANCE_API_KEY": "canary-8d"}, []int{401}, 2, "rejects BINANCE_API_KEY (401): correct it, or unset it, since public data need none"},
	} {
		t.Run(name, func(t *testing.T) {
			e.Fail(c.fail...)
			vars, _ := environment(t, ofExchange(e, "spot", t.TempDir()))
			vars["SYMBOLS"] = "top:3"
			for k, v := range c.set {
				vars[k] = v
				if v == "" {
					delete(vars, k)
				}
			}
			r := run(t, vars)
			r.mustEnd(t, "error", c.code)
			if !strings.Contains(r.last(t).Message, c.want) || strings.Contains(r.stderr, "canary-8d") {
				t.Errorf("it says %q\n%s", r.last(t).Message, r.stderr)
			}
		})
	}
}
