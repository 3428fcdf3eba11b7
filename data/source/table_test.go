package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
)

// loadFrom is a load of the files in their folder, with SYMBOL=A.
func loadFrom(t *testing.T, files map[string]string, change func(*Config)) (m *loadedMarket, err error) {
	t.Helper()
	cfg := Config{Source: Files, Dir: folder(t, files), Symbol: "A", Interval: "5m"}
	if change != nil {
		change(&cfg)
	}
	market, report, err := Load(context.Background(), cfg)
	if err != nil {
		checkMessage(t, err, cfg.Dir)
		return nil, err
	}
	m = &loadedMarket{market, report, market.Symbols, map[string][]float64{}, market.Start, market.Bars}
	for i, symbol := range market.Symbols {
		m.closes[symbol] = market.Close[i]
	}
	return m, nil
}

type loadedMarket struct {
	*data.Market
	report  Report
	symbols []string
	closes  map[string][]float64
	start   int64
	bars    int
}

func (m *loadedMarket) warned(text string) bool {
	return slices.ContainsFunc(m.report.Warnings, func(line string) bool { return strings.Contains(line, text) })
}

// checkMessage fails where an error is longer than a line of a log should be, or
// has no remedy.
func checkMessage(t *testing.T, err error, dir string) {
	t.Helper()
	text := err.Error()
	if dir != "" {
		text = strings.ReplaceAll(text, dir, "data")
	}
	if len(text) > 300 {
		t.Errorf("the message has %d characters: %s", len(text), text)
	}
	if !strings.Contains(text, ": ") {
		t.Errorf("the message has no remedy: %s", text)
	}
}

// rowsOf are lines of a symbol from bar first on, with the symbol behind them.
func rowsOf(symbol string, first, count int, close float64) (lines []string) {
	for t := first; t < first+count; t++ {
		lines = append(lines, strings.TrimSuffix(line(t, close+float64(t%5)), "\n")+","+symbol+"\n")
	}
	return lines
}

func longHeader(column string) string {
	return strings.TrimSuffix(plainHeader, "\n") + "," + column + "\n"
}

func TestAFileInLongFormatIsSplitIntoItsSymbols(t *testing.T) {
	a, b, c := rowsOf("A", 0, 20, 10), rowsOf("B", 0, 20, 11), rowsOf("C", 12, 8, 12)
	var byTime []string
	for i := range 20 {
		byTime = append(byTime, a[i], b[i])
		if i >= 12 {
			byTime = append(byTime, c[i-12])
		}
	}
	for name, lines := range map[string][]string{
		"symbol by symbol": slices.Concat(a, b, c), "by time": byTime, "the youngest first": slices.Concat(c, b, a),
	} {
		for _, column := range []string{"symbol", "Ticker", "pair", "tic", "Name"} {
			m, err := loadFrom(t, map[string]string{"all of them.csv": longHeader(column) + strings.Join(lines, "")}, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !slices.Equal(m.symbols, []string{"A", "B", "C"}) || m.bars != 20 || m.closes["B"][0] != 11 || m.closes["A"][6] != 11 || m.closes["C"][12] != 14 || m.closes["C"][0] == m.closes["C"][0] {
				t.Errorf("%s, by %s: %v over %d bars, B closes at %v", name, column, m.symbols, m.bars, m.closes["B"][:3])
			}
		}
	}
}

func TestOfALongFileTheSymbolsThatAreNamedAreRead(t *testing.T) {
	all := strings.Join(slices.Concat(rowsOf("A", 0, 20, 10), rowsOf("B", 0, 20, 11), rowsOf("BTC/USDT", 0, 20, 12), rowsOf("X", 0, 1, 10)), "")
	alone := bars(0, 20, 10)
	for _, c := range []struct {
		name    string
		files   map[string]string
		change  func(*Config)
		symbols []string
	}{
		{"a list", map[string]string{"all.csv": longHeader("symbol") + all}, func(c *Config) { c.Symbols = "BTCUSDT,A" }, []string{"BTCUSDT", "A"}},
		{"a list of files and of the long one", map[string]string{"all.csv": longHeader("symbol") + all, "D.csv": alone}, func(c *Config) { c.Symbols = "D,B,A" }, []string{"D", "B", "A"}},
		{"the files beside it", map[string]string{"all.csv": longHeader("symbol") + all, "A.csv": alone, "D.csv": alone}, func(c *Config) { c.Symbols = "A,D" }, []string{"A", "D"}},
		{"all but some", map[string]string{"all.csv": longHeader("symbol") + all}, func(c *Config) { c.Exclude = "X,B" }, []string{"A", "BTCUSDT"}},
		{"the file of one of them", map[string]string{"A.csv": longHeader("symbol") + all}, func(c *Config) { c.Exclude = "X" }, []string{"A", "B", "BTCUSDT"}},
		{"the most traded", map[string]string{"A.csv": longHeader("symbol") + all}, func(c *Config) { c.Symbols, c.LeastBars = "top:3", 5 }, []string{"BTCUSDT", "B", "A"}},
		{"two long files", map[string]string{
			"2024-01.csv": longHeader("symbol") + strings.Join(slices.Concat(rowsOf("A", 0, 10, 10), rowsOf("B", 0, 10, 11)), ""),
			"2024-02.csv": longHeader("symbol") + strings.Join(slices.Concat(rowsOf("A", 10, 10, 10), rowsOf("B", 10, 10, 11)), ""),
		}, nil, []string{"A", "B"}},
	} {
		m, err := loadFrom(t, c.files, c.change)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !slices.Equal(m.symbols, c.symbols) || m.bars != 20 {
			t.Errorf("%s: %v over %d bars, want %v", c.name, m.symbols, m.bars, c.symbols)
		}
	}
}

func TestSymbolsThatDisagreeWithTheFileAreRejected(t *testing.T) {
	good := bars(0, 20, 10)
	for _, c := range []struct {
		name, file, text string
		tells            []string
	}{
		{"another symbol", "B.csv", longHeader("symbol") + strings.Join(rowsOf("C", 0, 20, 10), ""), []string{"B.csv, line 2", "symbol is C", "named after B", "name the file C"}},
		{"another ticker", "B.csv", longHeader("TICKER") + strings.Join(rowsOf("A", 0, 20, 10), ""), []string{"ticker is A"}},
		{"a change midway", "B.csv", longHeader("symbol") + strings.Join(slices.Concat(rowsOf("B", 0, 10, 10), rowsOf("C", 10, 10, 10)), ""), []string{"B.csv, line 12", "symbol changes from B to C", "a file of its own"}},
		{"some rows of another", "B.csv", longHeader("pair") + strings.Join(slices.Concat(rowsOf("B", 0, 8, 10), rowsOf("C/USDT", 8, 3, 10), rowsOf("B", 11, 9, 10)), ""), []string{"line 10", "from B to CUSDT"}},
		{"a change in a long file", "all.csv", longHeader("symbol") + strings.Join(slices.Concat(rowsOf("B", 0, 20, 10), rowsOf("C", 0, 20, 10), rowsOf("OLD", 20, 20, 10)), ""), []string{"OLD"}},
		{"an empty symbol", "B.csv", longHeader("symbol") + strings.Join(slices.Concat(rowsOf("B", 0, 8, 10), rowsOf("", 8, 1, 10)), ""), []string{"line 10", `symbol ""`}},
		{"a symbol of a file too", "all.csv", longHeader("symbol") + strings.Join(slices.Concat(rowsOf("A", 0, 20, 10), rowsOf("B", 0, 20, 10)), ""), []string{"A.csv", "all.csv", "for A", "remove one"}},
	} {
		_, err := loadFrom(t, map[string]string{"A.csv": good, c.file: c.text}, nil)
		t.Run(c.name, func(t *testing.T) { rejected(t, err, c.tells...) })
	}
	for _, name := range []string{"part-00000-7f3a.csv", "candles.csv", "data_1.csv", "OHLCV.csv.gz"} {
		text := longHeader("symbol") + strings.Join(rowsOf("B", 0, 20, 10), "")
		if m, err := loadFrom(t, map[string]string{"A.csv": good, name: text}, nil); err != nil || !slices.Equal(m.symbols, []string{"A", "B"}) {
			t.Errorf("%s of one symbol: %v", name, err)
		}
	}
	for _, text := range []string{
		longHeader("symbol") + strings.Join(rowsOf("A", 0, 20, 10), ""),
		longHeader("Pair") + strings.Join(rowsOf("a", 0, 20, 10), ""),
		longHeader("name") + strings.Join(rowsOf("Alphabet", 0, 20, 10), ""),
		longHeader("name") + strings.Join(slices.Concat(rowsOf("Facebook", 0, 10, 10), rowsOf("Meta", 10, 10, 10)), ""),
	} {
		if m, err := loadFrom(t, map[string]string{"A.csv": text}, nil); err != nil || m.bars != 20 || !slices.Equal(m.symbols, []string{"A"}) {
			t.Errorf("%.80s: %v", text, err)
		}
	}
}

func TestALongParquetFileIsSplitToo(t *testing.T) {
	type row struct {
		Ticker                         string `parquet:"ticker,dict"`
		Time                           int64  `parquet:"open_time"`
		Open, High, Low, Close, Volume float64
	}
	var rows []row
	for i := range 21 {
		for k, symbol := range []string{"A", "B", "C/USDT"} {
			rows = append(rows, row{symbol, t0 + int64(i)*fiveMinutes, 10, 20, 5, 10 + float64(k), 100})
		}
	}
	m, err := loadFrom(t, map[string]string{"market.parquet": string(parquetFile(t, rows))}, func(c *Config) { c.Exclude = "B" })
	if err != nil || !slices.Equal(m.symbols, []string{"A", "CUSDT"}) || m.bars != 21 || m.closes["CUSDT"][20] != 12 {
		t.Errorf("%+v, %v", m, err)
	}
	rows = rows[:0]
	for i := range 20 {
		rows = append(rows, row{[]string{"A", "B"}[i/10], t0 + int64(i)*fiveMinutes, 10, 20, 5, 10, 100})
	}
	_, err = loadFrom(t, map[string]string{"A.parquet": string(parquetFile(t, rows))}, nil)
	rejected(t, err, "A.parquet, row 11", "ticker changes from A to B")
	for i := range rows {
		rows[i].Ticker = "B"
	}
	_, err = loadFrom(t, map[string]string{"A.parquet": string(parquetFile(t, rows))}, nil)
	rejected(t, err, "A.parquet, row 1", "ticker is B", "name the file B")
}

func TestALongFileIsLookedAtAsItIsLoaded(t *testing.T) {
	var lines []string
	for k := range 30 {
		lines = append(lines, rowsOf(fmt.Sprintf("S%02d", k), 0, 300, 10+float64(k)/10)...)
	}
	cfg := Config{Source: Files, Dir: folder(t, map[string]string{"all.csv": longHeader("symbol") + strings.Join(lines, "")}), Symbol: "S00", Interval: "5m"}
	f, err := LookAtFiles(context.Background(), cfg)
	if err != nil || len(f.Symbols) != 30 || f.Bars != 300 || f.Rows != 300 || !f.Whole {
		t.Errorf("%d symbols, %d bars, %d rows, %v", len(f.Symbols), f.Bars, f.Rows, err)
	}
}
