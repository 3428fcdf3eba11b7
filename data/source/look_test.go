package source_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/test/exchange"
)

func TestALookAtTheExchangeTellsWhatALoadWouldAskAndFetchesNothing(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT", "BUSDT"}, Now: may.AddDate(0, 1, 0)})
	cfg := fromMay(e, "spot", t.TempDir(), "AUSDT,BTCUSDT", 3)
	e.Use(1000)
	got, err := source.LookAtExchange(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"AUSDT", "BTCUSDT"}; !slices.Equal(got.Symbols, want) || got.Bars != 3*288 || got.Held {
		t.Errorf("it tells %+v, want %v over %d bars", got, want, 3*288)
	}
	if off := time.Until(may.AddDate(0, 1, 0)) - got.Skew; off < -time.Minute || off > time.Minute {
		t.Errorf("the exchange's clock is %v from ours, off by %v", got.Skew, off)
	}
	if got.Used < 1000 || got.Used > 1100 || got.Limit != 6000 {
		t.Errorf("%d of %d are used", got.Used, got.Limit)
	}
	if n := len(e.Pages()); n != 0 {
		t.Errorf("a look fetched %d pages", n)
	}
	if extent := cfg.Extent(time.Now()); extent != (source.Extent{Symbols: 2, Bars: 3 * 288}) {
		t.Errorf("before it the extent is %+v", extent)
	}

	mustLoad(t, cfg)
	if got, err = source.LookAtExchange(t.Context(), cfg); err != nil || !got.Held {
		t.Errorf("what the cache holds is not known to be there: %+v, %v", got, err)
	}

	cfg.Symbols = "AUSDT,NONEUSDT"
	if _, err := source.LookAtExchange(t.Context(), cfg); !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), "has no symbol NONEUSDT: correct SYMBOL or SYMBOLS") {
		t.Errorf("an unknown symbol: %v", err)
	}

	e.BanNow()
	var told []data.Step
	cfg = fromMay(e, "spot", t.TempDir(), "AUSDT", 3)
	cfg.Watch = func(s data.Step) { told = append(told, s) }
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := source.LookAtExchange(ctx, cfg); !errors.Is(err, context.DeadlineExceeded) || len(told) == 0 || !strings.Contains(told[0].Why, "banned") {
		t.Errorf("during a ban: %v, told %v", err, told)
	}
}

func TestALookAtAFolderTellsItsSymbolsAndAboutHowManyCandles(t *testing.T) {
	dir := t.TempDir()
	var csv strings.Builder
	csv.WriteString("open_time,open,high,low,close,volume\n")
	for i := range 20_000 {
		csv.WriteString(time.UnixMilli(may.UnixMilli()+int64(i)*300_000).UTC().Format("2006-01-02T15:04:05Z") + ",1,1,1,1,1\n")
	}
	for name, content := range map[string]string{"AUSDT.csv": csv.String(), "BTCUSDT.csv": "open_time,open\n1,2\n", "notes.txt": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := source.Config{Source: source.Files, Dir: dir, Symbol: "BTCUSDT", Interval: "5m"}
	symbols, rows, err := source.LookAtFiles(cfg)
	if err != nil || !slices.Equal(symbols, []string{"AUSDT", "BTCUSDT"}) || rows < 19_900 || rows > 20_100 {
		t.Errorf("%v, %d rows, %v", symbols, rows, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "BTCUSDT.parquet"), []byte("PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "BTCUSDT.csv")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := source.LookAtFiles(cfg); !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), "cannot be read as Parquet") {
		t.Errorf("a torn file: %v", err)
	}
	cfg.Symbol = "CUSDT"
	if _, _, err := source.LookAtFiles(cfg); !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), "has no file of CUSDT: add it") {
		t.Errorf("a symbol without a file: %v", err)
	}
}
