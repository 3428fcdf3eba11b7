package source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

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

// candles are lines of CSV from may on, a bar each.
func candles(from, to int, close string) string {
	var lines strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&lines, "%d,1,1,1,%s,1\n", may.UnixMilli()+int64(i)*300_000, close)
	}
	return lines.String()
}

const columns = "open_time,open,high,low,close,volume\n"

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestALookAtAFolderTellsItsSymbolsItsBarsAndAboutHowManyCandles(t *testing.T) {
	dir := t.TempDir()
	long := columns + candles(0, 20_000, "1")
	write(t, dir, map[string]string{"AUSDT.csv": long, "BTCUSDT.csv": columns + candles(10, 20, "1"), "notes.txt": "x"})
	cfg := source.Config{Source: source.Files, Dir: dir, Symbol: "BTCUSDT", Interval: "5m"}
	f, err := source.LookAtFiles(t.Context(), cfg)
	if err != nil || !slices.Equal(f.Symbols, []string{"AUSDT", "BTCUSDT"}) || f.Rows < 19_900 || f.Rows > 20_100 || f.Bars != 20_000 || f.Whole || f.Wrong != nil {
		t.Errorf("%+v, %v", f, err)
	}
	cfg.Lookback = "1d"
	if f, err = source.LookAtFiles(t.Context(), cfg); err != nil || f.Bars != 288 || f.Whole {
		t.Errorf("of a day: %+v, %v", f, err)
	}
	cfg.Lookback, cfg.Symbols = "", "BTCUSDT"
	if f, err = source.LookAtFiles(t.Context(), cfg); err != nil || f.Rows != 10 || f.Bars != 10 || !f.Whole {
		t.Errorf("of a short file: %+v, %v", f, err)
	}
	cfg.Symbol = "CUSDT"
	if _, err := source.LookAtFiles(t.Context(), cfg); !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), "has no file of CUSDT: add it") {
		t.Errorf("a symbol without a file: %v", err)
	}
}

// A look tells of each wrong file what a load would, which tells one of them.
func TestALookAtAFolderTellsEveryWrongFileAsALoadDoes(t *testing.T) {
	right, long := columns+candles(0, 300, "1"), columns+candles(0, 20_000, "1")
	for name, c := range map[string]struct{ file, content, says string }{
		"a misspelt column":         {"X.csv", strings.Replace(right, "close", "clsoe", 1), `there is no column close among "open_time,open,high,low,clsoe,volume" (is clsoe meant?): add it`},
		"a header only":             {"X.csv", columns, "has a header and no candle"},
		"nothing":                   {"X.csv", "", "is empty"},
		"a first candle":            {"X.csv", columns + candles(0, 1, "x") + candles(1, 20_000, "1"), `close "x" is not a number`},
		"a short file's last":       {"X.csv", right + candles(300, 301, "2"), "close is 2, above high 1"},
		"another interval":          {"X.csv", columns + thirdOf(candles(0, 30_000, "1")), "does not fit INTERVAL=5m, its bars are 15m apart"},
		"a torn Parquet file":       {"X.parquet", "PAR1", "cannot be read as Parquet"},
		"an open time off the grid": {"X.csv", long + "1900000000001,1,1,1,1,1\n", "not a whole multiple of INTERVAL=5m"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string]string{"A.csv": right, "B.csv": columns, "C.csv": right, c.file: c.content})
			cfg := source.Config{Source: source.Files, Dir: dir, Symbol: "A", Interval: "5m"}
			f, err := source.LookAtFiles(t.Context(), cfg)
			if err != nil || !slices.Equal(f.Files, []string{"B.csv", c.file}) || len(f.Wrong) != 2 || !strings.Contains(f.Wrong[1].Error(), c.says) || !errors.Is(f.Wrong[1], data.ErrInput) {
				t.Fatalf("it tells %v of %v, %v; want %q", f.Wrong, f.Files, err, c.says)
			}
			if _, _, err := source.Load(t.Context(), cfg); err == nil || !strings.HasSuffix(err.Error(), "(1 more files have errors: "+c.file+")") {
				t.Errorf("a load tells %v", err)
			}
			cfg.Symbols = "A," + strings.TrimSuffix(c.file, filepath.Ext(c.file))
			if _, _, err := source.Load(t.Context(), cfg); err == nil || err.Error() != f.Wrong[1].Error() && name != "an open time off the grid" && name != "another interval" {
				t.Errorf("a load tells %v, and the look %v", err, f.Wrong[1])
			}
		})
	}
}

func thirdOf(lines string) string {
	var kept strings.Builder
	for i, line := range strings.SplitAfter(lines, "\n") {
		if i%3 == 0 {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestALookFindsWhatIsWrongAtTheEndOfALongFile(t *testing.T) {
	dir := t.TempDir()
	long := columns + candles(0, 20_000, "1")
	write(t, dir, map[string]string{"A.csv": long + candles(20_000, 20_001, "") + candles(20_001, 20_003, "1"), "B.csv": long + "1,2\n", "C.csv": long})
	f, err := source.LookAtFiles(t.Context(), source.Config{Source: source.Files, Dir: dir, Symbol: "A", Interval: "5m"})
	if err != nil || len(f.Wrong) != 2 || !strings.HasPrefix(f.Wrong[0].Error(), "close is empty, ") || !strings.Contains(f.Wrong[0].Error(), "A.csv, line 3 from the end: ") || !strings.HasPrefix(f.Wrong[1].Error(), "there are 2 fields") || !strings.Contains(f.Wrong[1].Error(), "B.csv, line 1 from the end: ") {
		t.Errorf("%v, %v", f.Wrong, err)
	}
}

func TestALookAtALongParquetFileReadsBothItsEnds(t *testing.T) {
	type row struct {
		Time                           int64 `parquet:"open_time"`
		Open, High, Low, Close, Volume float64
	}
	rows := make([]row, 9000)
	for i := range rows {
		rows[i] = row{may.UnixMilli() + int64(i)*300_000, 1, 1, 1, 1, 1}
	}
	for name, options := range map[string][]parquet.WriterOption{
		"one group": nil, "many groups": {parquet.MaxRowsPerRowGroup(100)}, "small pages": {parquet.PageBufferSize(512), parquet.Compression(&parquet.Snappy)},
	} {
		for _, wrong := range []int{-1, 0, 500, 8999} {
			dir := t.TempDir()
			is := slices.Clone(rows)
			if wrong >= 0 {
				is[wrong].Close = 2
			}
			var b bytes.Buffer
			if err := parquet.Write(&b, is, options...); err != nil {
				t.Fatal(err)
			}
			write(t, dir, map[string]string{"A.parquet": b.String()})
			f, err := source.LookAtFiles(t.Context(), source.Config{Source: source.Files, Dir: dir, Symbol: "A", Interval: "5m"})
			seen := wrong >= 0 && (wrong < 100 || wrong >= 8900 || name != "many groups")
			if err != nil || f.Whole || (len(f.Wrong) == 1) != seen || seen && !strings.Contains(f.Wrong[0].Error(), fmt.Sprintf("A.parquet, row %d: correct or remove this row", wrong+1)) {
				t.Errorf("%s, row %d is wrong: %+v, %v", name, wrong+1, f, err)
			}
			if !seen && (f.Rows != 9000 || f.Bars != 9000) {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

func TestAColumnThatIsNearlyAnOptionalOneIsTold(t *testing.T) {
	dir := t.TempDir()
	with := func(name string) string {
		return strings.TrimSuffix(columns, "\n") + "," + name + "\n" + strings.ReplaceAll(candles(0, 300, "1"), "\n", ",1\n")
	}
	write(t, dir, map[string]string{"A.csv": with("taker_by_volume"), "B.csv": with("Taker_by_volume"), "C.csv": with("taker_buy_quote_asset_volume"), "D.csv": with("best_bids"), "E.csv": with("note")})
	cfg := source.Config{Source: source.Files, Dir: dir, Symbol: "A", Interval: "5m"}
	want := []string{"A.csv and 1 more have a column taker_by_volume, which is not read: taker_buy_volume is", "D.csv has a column best_bids, which is not read: best_bid is"}
	if f, err := source.LookAtFiles(t.Context(), cfg); err != nil || !slices.Equal(f.Unread, want) {
		t.Errorf("a look tells %q, %v", f.Unread, err)
	}
	if _, report, err := source.Load(t.Context(), cfg); err != nil || !slices.Equal(report.Unread, want) {
		t.Errorf("a load tells %q, %v", report.Unread, err)
	}
}
