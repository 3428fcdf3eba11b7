package source_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
)

func TestAPinnedConfigGivesTheSameMarketAfterMoreHasArrived(t *testing.T) {
	dir := t.TempDir()
	candles := func(symbol string, bars int) {
		var b strings.Builder
		b.WriteString("open_time,open,high,low,close,volume\n")
		for i := range bars {
			price := 100 + float64(i%7)
			fmt.Fprintf(&b, "%d,%v,%v,%v,%v,1\n", 1704067200000+int64(i)*300_000, price, price, price, price)
		}
		if err := os.WriteFile(filepath.Join(dir, symbol+".csv"), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func(c source.Config) *data.Market {
		t.Helper()
		m, _, err := source.Load(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, first := range []source.Config{
		{Source: source.Files, Dir: dir, Symbol: "A", Interval: "5m"},
		{Source: source.Files, Dir: dir, Symbol: "A", Interval: "5m", Lookback: "1h"},
		{Source: source.Files, Dir: dir, Symbol: "A", Interval: "5m", Symbols: "top:2"},
	} {
		candles("A", 50)
		candles("B", 48)
		_ = os.Remove(filepath.Join(dir, "C.csv"))
		want := load(first)
		pin := first.Pin(want)

		candles("A", 90)
		candles("B", 90)
		candles("C", 90)
		got := load(first.Pinned(pin))
		if strings.Join(got.Symbols, ",") != strings.Join(want.Symbols, ",") || got.Start != want.Start || got.Bars != want.Bars {
			t.Errorf("%+v: %v from %d, %d bars; want %v from %d, %d bars", first, got.Symbols, got.Start, got.Bars, want.Symbols, want.Start, want.Bars)
		}
		if free := load(first); free.Bars == want.Bars && len(free.Symbols) == len(want.Symbols) && free.Start == want.Start {
			t.Errorf("%+v: what arrived makes no difference, so this test shows nothing", first)
		}
	}
}

func TestASimulatedMarketNeedsNoPin(t *testing.T) {
	c := source.Config{Source: source.Simulated, Symbol: "BTCUSDT", Symbols: "top:3", Interval: "5m", Lookback: "1d"}
	m, _, err := source.Load(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if pin := c.Pin(m); pin != nil {
		t.Errorf("it is pinned to %+v", pin)
	}
	if !reflect.DeepEqual(c.Pinned(nil), c) {
		t.Error("no pin changes it")
	}
}
