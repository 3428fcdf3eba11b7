package source

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wave are the candles of a symbol from bar first on, unlike those of another.
func wave(first, count int, level float64) string {
	var text strings.Builder
	text.WriteString(plainHeader)
	for t := first; t < first+count; t++ {
		text.WriteString(line(t, level+float64(t%7)/10))
	}
	return text.String()
}

func TestAFilesNameShowsItsSymbolItsIntervalAndItsMonth(t *testing.T) {
	for name, want := range map[string]fileName{
		"BTCUSDT":                   {"BTCUSDT", "", ""},
		"BTC-USDT":                  {"BTC-USDT", "", ""},
		"BTC_USDT-5m":               {"BTC_USDT", "5m", ""},
		"BTCUSDT_5min":              {"BTCUSDT", "5min", ""},
		"BTCUSDT-5m-2024-01":        {"BTCUSDT", "5m", "2024-01"},
		"BTCUSDT-1h-2024-01-31":     {"BTCUSDT", "1h", "2024-01-31"},
		"BTCUSDT_240628-1d-2024-01": {"BTCUSDT_240628", "1d", "2024-01"},
		"BTC_USDT_USDT-1h-futures":  {"BTC_USDT_USDT", "1h", ""},
		"1000SHIBUSDT":              {"1000SHIBUSDT", "", ""},
		"BTCUSDT_240628":            {"BTCUSDT_240628", "", ""},
		"BTCUSDT-trades-2024-01":    {"BTCUSDT-trades-2024-01", "", ""},
		"5m":                        {"5m", "", ""},
	} {
		if got := parseFileName(name); got != want {
			t.Errorf("%s shows %+v, not %+v", name, got, want)
		}
	}
}

func TestPublishedMonthsOfASymbolAreJoined(t *testing.T) {
	january, february := wave(0, 20, 10), wave(20, 20, 10)
	for name, files := range map[string]map[string]string{
		"CSV":                       {"A-5m-2024-01.csv": january, "A-5m-2024-02.csv": february},
		"packed":                    {"A-5m-2024-01.zip": zipped(t, "A-5m-2024-01.csv", january), "A-5m-2024-02.csv.gz": gzipped(t, february)},
		"days":                      {"A-5m-2024-01-01.csv": january, "A-5m-2024-01-02.csv": february},
		"a day of the month too":    {"A-5m-2024-01.csv": january, "A-5m-2024-02.csv": february, "A-5m-2024-01-01.csv": wave(15, 10, 10)},
		"with and without a header": {"A-5m-2024-01.csv": january, "A-5m-2024-02.csv": strings.ReplaceAll(strings.TrimPrefix(february, plainHeader), "\n", ",1,1,1,1,1,0\n")},
		"beside other files":        {"A-5m-2024-01.csv": january, "A-5m-2024-02.csv": february, "A-5m-2024-02.zip.CHECKSUM": "x", "readme.txt": "y"},
	} {
		m, err := loadFrom(t, files, nil)
		if err != nil || !slices.Equal(m.symbols, []string{"A"}) || m.bars != 40 || m.closes["A"][39] != 10.4 {
			t.Errorf("%s: %+v, %v", name, m, err)
		} else if len(m.report.Warnings) > 0 || name == "a day of the month too" && (m.report.Duplicates != 10 || m.report.Rows != 50) {
			t.Errorf("%s: %+v", name, m.report)
		}
	}
	t.Chdir(folder(t, map[string]string{"A-5m-2024-01.csv": january, "A-5m-2024-02.csv": wave(10, 20, 12)}))
	_, _, err := Load(t.Context(), Config{Source: Files, Dir: ".", Symbol: "A", Interval: "5m"}) // a long path would shorten the message
	rejected(t, err, "open_time", "twice", "A-5m-2024-01.csv, line 12", "A-5m-2024-02.csv, line 2")
	m, err := loadFrom(t, map[string]string{"A-5m-2024-01.csv": january, "A-5m-2024-02.csv": february}, func(c *Config) { c.Lookback = "50m" })
	if err != nil || m.bars != 10 || m.closes["A"][9] != 10.4 {
		t.Errorf("of the newest bars: %+v, %v", m, err)
	}
}

func TestFilesOfAnotherIntervalAreLeftOutByNameOrRejected(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		tells string
	}{
		{"beside", map[string]string{"A-5m.csv": wave(0, 20, 10), "A-1h.csv": wave(0, 20, 10)}, "A-1h.csv is not read, since INTERVAL=5m"},
		{"several", map[string]string{"A-5min.csv": wave(0, 20, 10), "A-1h.csv": "x", "A-1d.parquet": "x"}, "A-1d.parquet, A-1h.csv are not read"},
		{"a month", map[string]string{"A-5m-2024-01.csv": wave(0, 20, 10), "A-1m-2024-02.csv": "x"}, "A-1m-2024-02.csv is not read"},
		{"another symbol's", map[string]string{"A.csv": wave(0, 20, 10), "B-1h.csv": "x"}, "B-1h.csv is not read"},
	} {
		if m, err := loadFrom(t, c.files, nil); err != nil || !m.warned(c.tells) || !slices.Equal(m.symbols, []string{"A"}) {
			t.Errorf("%s: %+v, %v", c.name, m, err)
		}
	}
	for _, c := range []struct {
		files   map[string]string
		symbols string
		tells   []string
	}{
		{map[string]string{"A-1h.csv": ""}, "", []string{"A-1h.csv holds bars of 1h by its name, and INTERVAL=5m", "set INTERVAL=1h"}},
		{map[string]string{"A-60min-2024-01.csv": ""}, "", []string{"bars of 60min", "set INTERVAL=1h"}},
		{map[string]string{"A-1w.csv": ""}, "", []string{"bars of 1w", "provide bars of 5m"}},
		{map[string]string{"A.csv": wave(0, 20, 10), "B-1h.csv": ""}, "A,B", []string{"B-1h.csv holds bars of 1h"}},
		{map[string]string{"B.csv": wave(0, 20, 10), "A-1m.csv": ""}, "", []string{"A-1m.csv holds bars of 1m", "set INTERVAL=1m"}},
	} {
		_, err := loadFrom(t, c.files, func(cfg *Config) { cfg.Symbols = c.symbols })
		rejected(t, err, c.tells...)
	}
}

func TestFilesBesideTheCandlesAreNamedInAWarning(t *testing.T) {
	good := wave(0, 20, 10)
	for other, warns := range map[string]bool{
		"B.feather": true, "B.json": true, "B.h5": true, "B.xlsx": true, "B.tsv": true, "B.csv.bz2": true, "B.parquet.gz": true, "B.csv.bak": true, "B.csv~": true,
		"~$A.csv": false, "~$B.csv": false, "A-fundingRate-2024-01.csv": true, "A-metrics-2024-01-05.zip": true, "B-aggTrades-2024-02.csv.gz": true,
		"B.pkl": true, "B.csv.part": true, "notes.txt": false, "README.md": false, "A-5m.zip.CHECKSUM": false, ".B.csv": false, "fetch.py": false,
	} {
		m, err := loadFrom(t, map[string]string{"A.csv": good, other: "x"}, nil)
		if err != nil || m.warned(other+" is not read") != warns || len(m.report.Warnings) > 1 {
			t.Errorf("beside %s: %v, %v", other, m.report.Warnings, err)
		}
	}
	beside := folder(t, map[string]string{"A.csv": good})
	for _, sub := range []string{"1h", "docs"} {
		if err := os.Mkdir(filepath.Join(beside, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(beside, "1h", "B.csv"), []byte(good), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, report, err := Load(t.Context(), Config{Source: Files, Dir: beside, Symbol: "A", Interval: "5m"}); err != nil || len(report.Warnings) != 1 || !strings.HasPrefix(report.Warnings[0], "1h/ is not read") {
		t.Errorf("a folder beside: %v, %v", report.Warnings, err)
	}
	_, err := loadFrom(t, map[string]string{"BTC_USDT-5m.feather": "x", "ETH_USDT-5m.feather": "x"}, nil)
	rejected(t, err, "holds no .csv or .parquet file, but BTC_USDT-5m.feather, ETH_USDT-5m.feather", "read_feather(f).to_parquet(g)")
	_, err = loadFrom(t, map[string]string{"B.json": "x"}, nil)
	rejected(t, err, "but B.json", "to_parquet of pandas")

	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "5m"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "5m", "A.csv"), []byte(good), 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, err = Load(t.Context(), Config{Source: Files, Dir: dir, Symbol: "A", Interval: "5m"})
	rejected(t, err, "holds no .csv", "set DATA_DIR="+filepath.Join(dir, "5m"))
}

func TestACopyOfAFileIsRejectedByItsNameOrWarnedOf(t *testing.T) {
	good, copied := wave(0, 20, 10), wave(0, 20, 11)
	for _, name := range []string{"B (1).csv", "B - Copy.csv", "Copy of B.csv", "B(1).csv", "B - Kopie.parquet", "B [old].csv"} {
		_, err := loadFrom(t, map[string]string{"A.csv": good, "B.csv": copied, name: copied}, nil)
		rejected(t, err, name+" is named after no symbol", "remove it if it is a copy")
		m, err := loadFrom(t, map[string]string{"A.csv": good, "B.csv": copied, name: copied}, func(c *Config) { c.Symbols = "A,B" })
		if err != nil || !m.warned(name+" is not read, since the name is no symbol") {
			t.Errorf("beside files that are named, %s: %v", name, err)
		}
	}
	for name, shown := range map[string]string{"B\u200b.csv": `"B\u200b.csv"`, "B .csv": `"B .csv"`, "\ufeffB.csv": `"\ufeffB.csv"`} {
		_, err := loadFrom(t, map[string]string{"A.csv": good, name: copied}, nil)
		rejected(t, err, "its name is "+shown)
	}
	for name, text := range map[string]string{"B_copy.csv": copied, "B2.csv": copied, "Bold.csv": wave(0, 15, 11), "B-backup.csv.gz": gzipped(t, copied)} {
		symbol, _ := stemOf(name)
		m, err := loadFrom(t, map[string]string{"A.csv": good, "B.csv": copied, name: text}, nil)
		if err != nil || len(m.report.Warnings) != 1 || !m.warned(" has the same candles as ") || !m.warned("set EXCLUDE=") {
			t.Fatalf("%s: %v, %v", name, m, err)
		}
		m, err = loadFrom(t, map[string]string{"A.csv": good, "B.csv": copied, name: text}, func(c *Config) { c.Exclude = symbol })
		if err != nil || len(m.report.Warnings) > 0 || !slices.Equal(m.symbols, []string{"A", "B"}) {
			t.Errorf("without %s: %v, %v", symbol, m, err)
		}
	}
	// What differs in one candle is no copy.
	if m, err := loadFrom(t, map[string]string{"A.csv": good, "B.csv": strings.Replace(good, ",10.4,", ",10.5,", 1)}, nil); err != nil || len(m.report.Warnings) > 0 {
		t.Errorf("%v, %v", m, err)
	}
}

func TestTheRealNameOfASymbolIsSuggested(t *testing.T) {
	files := map[string]string{"AAA-USDT.csv": wave(0, 20, 10), "BBB_USDT-5m.csv": wave(0, 20, 11), "CCCUSDT.csv": wave(0, 20, 12)}
	for name, want := range map[string]string{
		"AAAUSDT": "AAA-USDT", "aaa-usdt": "AAA-USDT", "AAA_USDT": "AAA-USDT", "BBB-USDT": "BBB_USDT", "cccusdt": "CCCUSDT", "CCC-USDT": "CCCUSDT",
		"AAA/USDT": "AAA-USDT", "BBB/USDT:USDT": "BBB_USDT", "BINANCE:CCCUSDT": "CCCUSDT",
	} {
		for _, change := range []func(*Config){func(c *Config) { c.Symbol = name }, func(c *Config) { c.Symbol, c.Symbols = want, name }} {
			_, err := loadFrom(t, files, change)
			rejected(t, err, name, want)
		}
		// The remedy is followed.
		if _, err := loadFrom(t, files, func(c *Config) { c.Symbol, c.Symbols = want, want+",CCCUSDT" }); err != nil && want != "CCCUSDT" {
			t.Errorf("%s: %v", want, err)
		}
	}
	_, err := loadFrom(t, map[string]string{"BINANCE_A, 5.csv": wave(0, 20, 10)}, nil)
	rejected(t, err, "no file of A", "name each file after its symbol, as A.csv")
	_, err = loadFrom(t, files, func(c *Config) { c.Symbol = "DDDUSDT" })
	rejected(t, err, "no file of DDDUSDT", "choose among AAA-USDT, BBB_USDT, CCCUSDT")
}

func TestMonthsThatLackAmongPublishedOnesAreNamed(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		tells string
	}{
		{map[string]string{"A-5m-2024-01.csv": wave(0, 20, 10), "A-5m-2024-03.csv": wave(30, 20, 10)}, "A has no file of 2024-02 between"},
		{map[string]string{"A-5m-2023-11.zip": zipped(t, "A-5m-2023-11.csv", wave(0, 20, 10)), "A-5m-2024-02.csv": wave(30, 20, 10)}, "A has no file of 2023-12, 2024-01 between"},
		{map[string]string{"A-5m-2024-01-01.csv": wave(0, 20, 10), "A-5m-2024-01-03.csv": wave(30, 20, 10)}, "A has no file of 2024-01-02 between"},
		{map[string]string{"A-5m-2024-01.csv": wave(0, 20, 10), "A-5m-2024-02-01.csv": wave(30, 20, 10)}, ""},
	} {
		m, err := loadFrom(t, c.files, nil)
		if err != nil || c.tells == "" && len(m.report.Warnings) > 0 || c.tells != "" && !m.warned(c.tells) {
			t.Errorf("%q: %v, %+v", c.tells, err, m)
		}
	}
	// So long a hole makes the market nearly empty.
	t.Chdir(folder(t, map[string]string{"A-5m-2024-01.csv": wave(0, 20, 10), "A-5m-2024-04.csv": wave(26_000, 19, 10)}))
	_, _, err := Load(t.Context(), Config{Source: Files, Dir: ".", Symbol: "A", Interval: "5m"})
	rejected(t, err, "days away", "add the files of 2024-02, 2024-03 of A, or set START and END")
}

func TestCandlesInFoldersWithinFoldersAreFound(t *testing.T) {
	for _, c := range []struct{ paths, tells []string }{
		{[]string{"A/5m/A-5m-2024-01.csv", "B/5m/B-5m-2024-01.csv"}, []string{"the folders A/5m/, B/5m/", "into one folder, and set DATA_DIR to it"}},
		{[]string{"monthly/klines/A.csv", "monthly/klines/B.csv"}, []string{"set DATA_DIR=", "monthly/klines"}},
		{[]string{"spot/A/5m/A.csv", "spot/B/5m/B.zip", "spot/C/5m/C.parquet"}, []string{"spot/A/5m/, spot/B/5m/"}},
	} {
		dir := t.TempDir()
		for _, path := range c.paths {
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, path), []byte(wave(0, 20, 10)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := Load(t.Context(), Config{Source: Files, Dir: dir, Symbol: "A", Interval: "5m"})
		rejected(t, err, c.tells...)
	}
}

func TestAPackOfAllSymbolsIsRejectedForWhatItIs(t *testing.T) {
	text := wave(0, 20, 10)
	for name, content := range map[string]string{
		"all.zip": zipped(t, "A.csv", text, "B.csv", text, "C.csv", text), "data.csv.zip": zipped(t, "x/A.csv", text, "x/B.csv", text), "mine.ZIP": zipped(t, "A.csv", text, "B.parquet", text),
	} {
		_, err := loadFrom(t, map[string]string{name: content}, nil)
		rejected(t, err, name, "files of candles", "unpack them into DATA_DIR")
	}
}
