package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

// bars are the candles of a symbol from bar first on, each of the volume.
func bars(first, count int, volume float64) string {
	var text strings.Builder
	text.WriteString(plainHeader)
	for t := first; t < first+count; t++ {
		text.WriteString(strings.Replace(line(t, 10), ",100\n", fmt.Sprintf(",%v\n", volume), 1))
	}
	return text.String()
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// threeSymbols is a folder in which B trades most, and C lists later.
func threeSymbols(t *testing.T) string {
	return folder(t, map[string]string{
		"A.csv":     bars(0, 12, 10),
		"B.parquet": string(parquetFile(t, plainRows(10))), // of volume 100
		"C.csv":     bars(6, 6, 30),
		"notes.txt": "no candles",
		".D.csv":    "hidden",
	})
}

func TestFilesBecomeTheMarketThatWasAskedFor(t *testing.T) {
	dir := threeSymbols(t)
	for _, c := range []struct {
		name    string
		cfg     Config
		symbols []string
		start   int64 // bar
		bars    int
	}{
		{"every file by name", Config{Symbol: "A"}, []string{"A", "B", "C"}, 0, 12},
		{"a list in its order", Config{Symbol: "A", Symbols: "C,A"}, []string{"C", "A"}, 0, 12},
		{"a list without SYMBOL", Config{Symbol: "A", Symbols: "C"}, []string{"C", "A"}, 0, 12},
		{"the most traded", Config{Symbol: "B", Symbols: "top:2"}, []string{"B", "C"}, 0, 12},
		{"the most traded and SYMBOL", Config{Symbol: "A", Symbols: "top:2"}, []string{"B", "A"}, 0, 12},
		{"as many as there are", Config{Symbol: "A", Symbols: "top:3"}, []string{"B", "C", "A"}, 0, 12},
		{"the most traded early", Config{Symbol: "A", Symbols: "top:2", End: "2024-01-01T00:15:00Z"}, []string{"B", "A"}, 0, 3},
		{"from a start", Config{Symbol: "A", Start: "2024-01-01T00:30:00Z"}, []string{"A", "B", "C"}, 6, 6},
		{"to an end", Config{Symbol: "A", Symbols: "A,B", End: "2024-01-01T00:10:00Z"}, []string{"A", "B"}, 0, 2},
		{"back from the newest close", Config{Symbol: "A", Lookback: "15m"}, []string{"A", "B", "C"}, 9, 3},
		{"back from an end", Config{Symbol: "A", Symbols: "A,B", Lookback: "10m", End: "2024-01-01T00:20:00Z"}, []string{"A", "B"}, 2, 2},
		{"a time range", Config{Symbol: "A", Lookback: "2024-01-01T00:35:00Z:2024-01-01T00:45:00Z"}, []string{"A", "B", "C"}, 7, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cfg.Source, c.cfg.Dir, c.cfg.Interval = Files, dir, "5m"
			m, _, err := Load(context.Background(), c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(m.Symbols, c.symbols) {
				t.Errorf("symbols are %v, not %v", m.Symbols, c.symbols)
			}
			if m.Start != t0+c.start*fiveMinutes || m.Bars != c.bars || m.Interval != 5*time.Minute {
				t.Errorf("%d bars of %v from %d, not %d from %d", m.Bars, m.Interval, m.Start, c.bars, t0+c.start*fiveMinutes)
			}
		})
	}
}

func TestFilesThatDoNotFitTheRequestAreRejected(t *testing.T) {
	dir := threeSymbols(t)
	for _, c := range []struct {
		name  string
		cfg   Config
		tells []string
	}{
		{"another source", Config{Source: "pyg"}, []string{"DATA_SOURCE=pyg is not a candle source"}},
		{"an unknown source", Config{Source: "csv"}, []string{"DATA_SOURCE=csv is not a candle source"}},
		{"no folder", Config{Source: Files, Interval: "5m"}, []string{"needs DATA_DIR: set it to the folder"}},
		{"no such folder", Config{Source: Files, Interval: "5m", Dir: filepath.Join(dir, "x")}, []string{"listing DATA_DIR", "set it to the folder"}},
		{"an empty folder", Config{Source: Files, Interval: "5m", Dir: t.TempDir()}, []string{"no .csv or .parquet file"}},
		{"a symbol without file", Config{Source: Files, Interval: "5m", Dir: dir, Symbol: "A", Symbols: "A,X,Y"}, []string{"no file of X, Y", "A, B, C"}},
		{"SYMBOL without file", Config{Source: Files, Interval: "5m", Dir: dir, Symbol: "X"}, []string{"no file of X", "A, B, C"}},
		{"SYMBOL without file among the top", Config{Source: Files, Interval: "5m", Dir: dir, Symbol: "X", Symbols: "top:2"}, []string{"no file of X"}},
		{"a name in other letters", Config{Source: Files, Interval: "5m", Dir: dir, Symbol: "a"}, []string{"no file of a"}},
		{"too many", Config{Source: Files, Interval: "5m", Dir: dir, Symbol: "A", Symbols: "top:4"}, []string{"top:4", "3 symbols"}},
		{"too many in the range", Config{Source: Files, Interval: "5m", Dir: dir, Symbol: "A", Symbols: "top:3", End: "2024-01-01T00:15:00Z"}, []string{"only 2 symbols", "top:2"}},
		{"none in the range", Config{Source: Files, Interval: "5m", Dir: dir, Symbol: "A", End: "2024-01-01T00:30:00Z"}, []string{"C.csv has no candle with END=2024-01-01T00:30:00Z", "EXCLUDE=C"}},
		{"SYMBOL not in the range", Config{Source: Files, Interval: "5m", Dir: dir, Symbol: "C", Symbols: "top:1", End: "2024-01-01T00:30:00Z"}, []string{"C.csv has no candle"}},
		{"another interval", Config{Source: Files, Interval: "1m", Dir: dir, Symbol: "A", Symbols: "A"}, []string{"A.csv", "set INTERVAL=5m"}},
		{"two wrong files", Config{Source: Files, Interval: "1m", Dir: dir, Symbol: "A"}, []string{"A.csv", "(2 more files have errors: B.parquet, C.csv)"}},
		{"a file twice", Config{Source: Files, Interval: "5m", Symbol: "A", Dir: folder(t, map[string]string{"A.csv": bars(0, 2, 1), "A.parquet": ""})}, []string{"A.csv", "A.parquet", "for A", "remove one"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Load(context.Background(), c.cfg)
			rejected(t, err, c.tells...)
		})
	}
}

func TestAFolderNamedAsAFileIsRejected(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "A.parquet"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, _, err := Load(context.Background(), Config{Source: Files, Dir: dir, Symbol: "A", Interval: "5m"})
	rejected(t, err, "A.parquet is a folder")
}

func TestOnlyPathsThatTheUserMendsAreInputErrors(t *testing.T) {
	for _, c := range []struct {
		err   error
		input bool
	}{{fs.ErrNotExist, true}, {fs.ErrPermission, true}, {errors.New("input/output error"), false}} {
		if err := pathError("opening", "look", c.err); errors.Is(err, data.ErrInput) != c.input || !errors.Is(err, c.err) {
			t.Errorf("%v becomes %v", c.err, err)
		}
	}
}

func TestLoadingFilesStopsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, err := Load(ctx, Config{Source: Files, Dir: threeSymbols(t), Symbol: "A", Interval: "5m"})
	if !errors.Is(err, context.Canceled) || errors.Is(err, data.ErrInput) {
		t.Errorf("error is %v, not a cancellation", err)
	}
}

// Candles of ten pairs as an exchange served them lie beside the repository on
// developers' machines.
func TestRealCandlesAreReadWithTheirGaps(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "market", "5m")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the recorded candles of ../shared/market/5m are not on this machine")
	}
	m, report, err := Load(context.Background(), Config{Source: Files, Dir: dir, Symbol: "ETHBTC", Interval: "5m"})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Symbols) != 10 || m.Symbols[0] != "ADABTC" || m.Bars != 4032 {
		t.Errorf("%d bars of %v", m.Bars, m.Symbols)
	}
	ada := 0
	for b := range m.Bars {
		if m.Present(0, b) {
			ada++
		}
	}
	if ada != 3992 {
		t.Errorf("ADABTC has %d bars, not 3992", ada)
	}
	if report.Rows != 40279 || report.Missing == 0 || report.Duplicates != 0 {
		t.Errorf("report is %+v", report)
	}
}
