package data

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// candleColumns are the series of a market by their names in a file.
func candleColumns(m *Market) map[string][][]float64 {
	columns := map[string][][]float64{"open": m.Open, "high": m.High, "low": m.Low, "close": m.Close, "volume": m.Volume}
	for c, s := range m.Optional {
		columns[string(c)] = s
	}
	return columns
}

// writeCandles writes a market as a folder of SYMBOL.csv.
func writeCandles(t *testing.T, folder string, m *Market) {
	t.Helper()
	columns := candleColumns(m)
	names := make([]string, 0, len(columns))
	for name := range columns {
		names = append(names, name)
	}
	for i, symbol := range m.Symbols {
		var b strings.Builder
		fmt.Fprintln(&b, "open_time,"+strings.Join(names, ","))
		for bar := range m.Bars {
			if !m.Present(i, bar) {
				continue
			}
			fmt.Fprint(&b, m.OpenTime(bar))
			for _, name := range names {
				fmt.Fprintf(&b, ",%v", columns[name][i][bar])
			}
			fmt.Fprintln(&b)
		}
		if err := os.WriteFile(filepath.Join(folder, symbol+".csv"), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// readCandles reads a folder of SYMBOL.csv of 5-minute candles.
func readCandles(t *testing.T, folder string) *Market {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no candles in %s: %v", folder, err)
	}
	interval := (5 * time.Minute).Milliseconds()
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tables := make([][][]string, len(files))
	from, to := int64(math.MaxInt64), int64(0)
	for i, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		tables[i], err = csv.NewReader(f).ReadAll()
		if err := cmp.Or(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		for _, line := range tables[i][1:] {
			from, to = min(from, int64(number(line[0]))), max(to, int64(number(line[0])))
		}
	}
	m := emptyMarket(len(files), int((to-from)/interval)+1)
	m.Start = from
	for i, file := range files {
		m.Symbols[i] = strings.TrimSuffix(filepath.Base(file), ".csv")
		for _, line := range tables[i][1:] {
			bar := int((int64(number(line[0])) - from) / interval)
			for k, s := range [][][]float64{m.Open, m.High, m.Low, m.Close, m.Volume} {
				s[i][bar] = number(line[1+k])
			}
		}
	}
	return m
}

// realCandles is the folder of real candles beside the repository, which not
// every checkout has.
func realCandles(t *testing.T) string {
	t.Helper()
	folder := filepath.Join("..", "..", "shared", "market", "5m")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no real candles beside the repository: %v", err)
	}
	return folder
}

// pandas runs testdata/parity.py with the project's Python, or PYTHON.
func pandas(t *testing.T, args ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts Python")
	}
	python := cmp.Or(os.Getenv("PYTHON"), filepath.Join("..", ".venv", "bin", "python"))
	if err := exec.Command(python, "-c", "import pandas").Run(); err != nil {
		if _, missing := err.(*fs.PathError); missing || os.Getenv("PYTHON") == "" {
			t.Skipf("no Python with pandas at %s (`make setup` brings it, PYTHON names another): %v", python, err)
		}
		t.Fatalf("PYTHON=%s has no pandas: %v", python, err)
	}
	if out, err := exec.Command(python, append([]string{filepath.Join("testdata", "parity.py")}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("running parity.py: %v\n%s", err, out)
	}
}

func TestFeaturesAndEdgesEqualThoseOfPandasAndNumPy(t *testing.T) {
	for _, test := range []struct {
		name     string
		market   func(t *testing.T) (m *Market, folder string)
		excess   bool
		features FeatureList
	}{
		{"a random market with gaps and optional columns", func(t *testing.T) (*Market, string) {
			m, folder := randomMarket(newRand(17), 9, 900), t.TempDir()
			rescale(m, 0, 450, 1000)
			rescale(m, 8, 600, 0.5)
			writeCandles(t, folder, m)
			return m, folder
		}, true, nil},
		{"real candles with gaps", func(t *testing.T) (*Market, string) {
			folder := realCandles(t)
			return readCandles(t, folder), folder
		}, false, nil},
		{"the market's features of a random market", func(t *testing.T) (*Market, string) {
			m, folder := randomMarket(newRand(18), 9, 4000), t.TempDir()
			rescale(m, 0, 2450, 1000)
			rescale(m, 8, 3600, 0.5)
			for _, all := range allSeries(m) { // the reference is absent for a while
				for b := 1900; b < 1905; b++ {
					all[0][b] = math.NaN()
				}
			}
			for i := range m.Symbols { // opens within the bar, and quote volumes that lack some values
				for b := range m.Bars {
					if i != 1 && m.Present(i, b) {
						m.Open[i][b] *= 1 + 1e-3*float64((b*7+i*3)%11-5)/11
						m.High[i][b] = max(m.High[i][b], m.Open[i][b])
						m.Low[i][b] = min(m.Low[i][b], m.Open[i][b])
						if b%13 == 0 {
							m.Optional[QuoteVolume][i][b] = math.NaN()
						}
					}
				}
			}
			writeCandles(t, folder, m)
			return m, folder
		}, false, FeatureList{FeaturesMarket}},
		{"the market's features of real candles", func(t *testing.T) (*Market, string) {
			folder := realCandles(t)
			return readCandles(t, folder), folder
		}, false, FeatureList{FeaturesMarket}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, folder := test.market(t)
			cfg := defaultConfig()
			cfg.GraphWindow, cfg.EdgeTopK, cfg.Features = 100, 4, test.features
			if test.excess {
				cfg.EdgeReturns = EdgeReturnsExcess
			}
			request := map[string]any{
				"symbols": m.Symbols, "start": m.Start, "interval": m.Interval.Milliseconds(), "bars": m.Bars,
				"window": cfg.GraphWindow, "max_gap": cfg.MaxGap, "jumps": jumpsFor(m, cfg.Features.lookback()), "excess": test.excess, "market": test.features != nil,
				"at": []int{cfg.firstBar(), cfg.firstBar() + 1, m.Bars / 3, m.Bars / 2, m.Bars * 3 / 4, m.Bars - 1},
			}
			scratch := t.TempDir()
			ask, answer := filepath.Join(scratch, "request.json"), filepath.Join(scratch, "answer.json")
			blob, err := json.Marshal(request)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(ask, blob, 0o600); err != nil {
				t.Fatal(err)
			}
			pandas(t, folder, ask, answer)
			if blob, err = os.ReadFile(answer); err != nil {
				t.Fatal(err)
			}
			var want struct {
				Features     map[string][][]*float64
				Correlations [][][]*float64
			}
			if err := json.Unmarshal(blob, &want); err != nil {
				t.Fatal(err)
			}
			d := mustBuild(t, m, cfg)
			compareFeatures(t, m, d, cfg.firstBar(), want.Features)
			for k, bar := range request["at"].([]int) {
				compareEdges(t, m, d, cfg, bar, want.Correlations[k])
			}
		})
	}
}

// jumpsFor lists node and bar of each jump.
func jumpsFor(m *Market, reach int) [][2]int {
	list := [][2]int{}
	for i, jumps := range m.jumps(reach) {
		for _, j := range jumps {
			list = append(list, [2]int{i, j.bar})
		}
	}
	return list
}

// snapshotOf is the snapshot of a bar, -1 where there is none.
func snapshotOf(m *Market, d *Dataset, bar int) int { return slices.Index(d.openTime, m.OpenTime(bar)) }

func compareFeatures(t *testing.T, m *Market, d *Dataset, first int, want map[string][][]*float64) {
	t.Helper()
	if len(want) != d.NumFeatures() {
		t.Fatalf("pandas has %d features, the dataset %v", len(want), d.Features)
	}
	present := 0
	for bar := first; bar < m.Bars; bar++ {
		s := snapshotOf(m, d, bar)
		for i := range m.Symbols {
			complete := true
			for _, name := range d.Features {
				complete = complete && want[name][i][bar] != nil
			}
			if (s >= 0 && d.Snapshot(s).NodeMask[i]) != complete {
				t.Fatalf("%s at bar %d: pandas has all features: %v", m.Symbols[i], bar, complete)
			}
			if !complete {
				continue
			}
			present++
			x := d.x[(s*d.NumNodes()+i)*d.NumFeatures():]
			for j, name := range d.Features {
				if v := *want[name][i][bar]; math.Abs(float64(x[j])-v) > 1e-6*max(1, math.Abs(v)) {
					t.Errorf("%s of %s at bar %d is %v, pandas has %v", name, m.Symbols[i], bar, x[j], v)
				}
			}
		}
	}
	if 2*present < d.Len()*d.NumNodes() {
		t.Errorf("only %d rows compared", present)
	}
}

func compareEdges(t *testing.T, m *Market, d *Dataset, cfg Config, bar int, want [][]*float64) {
	t.Helper()
	s := snapshotOf(m, d, bar)
	if s < 0 {
		t.Fatalf("bar %d has no snapshot", bar)
	}
	mask, e := d.EvalMask(s), d.Edges(s)
	for i := range m.Symbols {
		var ranked []float64
		for j, v := range want[i] {
			if v != nil && i != j && mask[i] && mask[j] {
				ranked = append(ranked, *v)
			}
		}
		slices.SortFunc(ranked, func(a, b float64) int { return cmp.Compare(b, a) })
		ranked = ranked[:min(cfg.EdgeTopK, len(ranked))]
		sources, attr := e.Sources[e.RowPtr[i]:e.RowPtr[i+1]], e.Attr[e.RowPtr[i]:e.RowPtr[i+1]]
		if len(sources) != len(ranked) {
			t.Fatalf("bar %d: %s has %d neighbours, NumPy finds %d", bar, m.Symbols[i], len(sources), len(ranked))
		}
		for k, j := range sources {
			if v := want[i][j]; v == nil || math.Abs(*v-float64(attr[k])) > 1e-5 || math.Abs(ranked[k]-float64(attr[k])) > 1e-5 {
				t.Errorf("bar %d: neighbour %d of %s is %s with %v; NumPy has %v there", bar, k, m.Symbols[i], m.Symbols[j], attr[k], ranked[k])
			}
		}
	}
}

func TestTheDeadZoneBalancesTheClassesOnRealCandles(t *testing.T) {
	d := mustBuild(t, readCandles(t, realCandles(t)), defaultConfig())
	count, all := [3]float64{}, 0.0
	for _, class := range d.Targets.class {
		if class >= 0 {
			count[class]++
			all++
		}
	}
	t.Logf("down %.1f %%, flat %.1f %%, up %.1f %% of %.0f labels", 100*count[Down]/all, 100*count[Flat]/all, 100*count[Up]/all, all)
	for class, n := range count {
		if n/all < 0.30 || n/all > 0.37 {
			t.Errorf("class %d has a share of %.3f", class, n/all)
		}
	}
}
