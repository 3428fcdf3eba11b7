package source

import (
	"slices"
	"testing"
)

func TestEXCLUDELeavesSymbolsOutOfTheSourcesChoice(t *testing.T) {
	files := map[string]string{"A.csv": wave(0, 40, 10), "B.csv": wave(0, 40, 14), "C.csv": wave(0, 40, 13), "D.csv": wave(0, 40, 12)}
	for _, c := range []struct {
		exclude, symbols string
		want             []string
		warns            string
	}{
		{"", "", []string{"A", "B", "C", "D"}, ""},
		{"B", "", []string{"A", "C", "D"}, ""},
		{" B, C ,", "", []string{"A", "D"}, ""},
		{"B", "top:2", []string{"C", "A"}, ""},
		{"C,D", "top:2", []string{"B", "A"}, ""},
		{"B", "A,C", []string{"A", "C"}, ""},
		{"X,B", "", []string{"A", "C", "D"}, "EXCLUDE names X, which DATA_DIR="},
	} {
		m, err := loadFrom(t, files, func(cfg *Config) { cfg.Exclude, cfg.Symbols = c.exclude, c.symbols })
		if err != nil || !slices.Equal(m.symbols, c.want) || (len(m.report.Warnings) > 0) != (c.warns != "") || c.warns != "" && !m.warned(c.warns) {
			t.Errorf("EXCLUDE=%s SYMBOLS=%s: %+v, %v", c.exclude, c.symbols, m, err)
		}
	}
	for _, c := range []struct {
		exclude, symbols string
		tells            []string
	}{
		{"A", "", []string{"EXCLUDE=A leaves out SYMBOL=A", "another SYMBOL"}},
		{"B,A", "top:2", []string{"leaves out SYMBOL=A"}},
		{"b", "", []string{"EXCLUDE names b", "write B for b"}},
		{"X,C/", "", []string{"EXCLUDE=X,C/", "no symbol does"}},
		{"B", "A,B", []string{"SYMBOLS names B, and EXCLUDE leaves it out", "remove it from one"}},
		{"B C", "", []string{"EXCLUDE=B C", "no symbol does", "commas between symbols"}},
		{"B;C", "", []string{"EXCLUDE=B;C", "commas between symbols"}},
		{"B", "top:4", []string{"top:4", "3 symbols", "set top:3 or less"}},
	} {
		_, err := loadFrom(t, files, func(cfg *Config) { cfg.Exclude, cfg.Symbols = c.exclude, c.symbols })
		rejected(t, err, c.tells...)
	}
	m, _, err := Load(t.Context(), Config{Source: Simulated, Symbol: "ETHUSDT", Symbols: "top:3", Exclude: "BTCUSDT,SOLUSDT", Interval: "1h", Lookback: "1d", Seed: 1})
	if err != nil || !slices.Equal(m.Symbols, []string{"ETHUSDT", "BNBUSDT", "XRPUSDT"}) {
		t.Errorf("simulated: %v, %v", m, err)
	}
}

func TestTopOfFilesPassesOverSymbolsWithTooFewBars(t *testing.T) {
	files := map[string]string{"A.csv": wave(0, 40, 10), "B.csv": wave(0, 40, 11), "NEW.csv": bars(30, 10, 1e6), "THIN.csv": openings(10, every(0, 3, 14)...), "C.csv": wave(0, 40, 10.5)}
	for _, c := range []struct {
		least   int
		symbols string
		want    []string
		warned  []string
	}{
		{30, "top:3", []string{"B", "C", "A"}, []string{"NEW is not among top:3: it has 10 bars, and a run needs 30"}},
		{12, "top:2", []string{"B", "A"}, []string{"NEW is not among top:2: it has 10 bars"}},
		{0, "top:2", []string{"NEW", "A"}, nil},
		{1000, "top:2", []string{"NEW", "A"}, nil}, // the market is too short, which the run reports
	} {
		delete(files, "THIN.csv")
		m, err := loadFrom(t, files, func(cfg *Config) { cfg.LeastBars, cfg.Symbols = c.least, c.symbols })
		if err != nil || !slices.Equal(m.symbols, c.want) || len(m.report.Warnings) != len(c.warned) {
			t.Fatalf("%+v: %+v, %v", c, m, err)
		}
		for _, line := range c.warned {
			if !m.warned(line) {
				t.Errorf("%v lacks %q", m.report.Warnings, line)
			}
		}
	}
	_, err := loadFrom(t, files, func(cfg *Config) { cfg.LeastBars, cfg.Symbols = 30, "top:4" })
	rejected(t, err, "only 3 symbols have the 30 bars that a run needs", "set top:3 or less")
	m, err := loadFrom(t, files, func(cfg *Config) { cfg.LeastBars, cfg.Symbols, cfg.Symbol = 30, "top:2", "NEW" })
	if err != nil || !slices.Equal(m.symbols, []string{"NEW", "B"}) {
		t.Errorf("SYMBOL is a node in any case: %+v, %v", m, err)
	}
}
