package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
)

// seeds are those of the proofs: 3, or 20 with GNN_AUDIT=1.
func seeds() int {
	if os.Getenv("GNN_AUDIT") != "" {
		return 20
	}
	return 3
}

// simulated is a market of 8 symbols and 9 days of 5-minute bars.
func simulated(t testing.TB, seed int) *data.Market { return simulatedOf(t, seed, "5m", "9d") }

func simulatedOf(t testing.TB, seed int, interval, lookback string) *data.Market {
	t.Helper()
	m, _, err := source.Load(context.Background(), source.Config{
		Source: source.Simulated, Symbol: "BTCUSDT", Symbols: "top:8", Interval: interval, Lookback: lookback, Seed: int64(seed),
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func config(features ...string) data.Config {
	return data.Config{
		Recipe:       data.Recipe{Features: features, MaxGap: 7, GraphWindow: 100, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetOpen, Horizons: data.Horizons{1}},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	}
}

// audited is the report on a market.
func audited(t testing.TB, m *data.Market, c data.Config, short bool) Report {
	t.Helper()
	a := Begin(Input{Market: m, Config: c, Short: short})
	build := data.Build
	if short {
		build = data.BuildReleasing
	}
	d, err := build(m, c)
	if err != nil {
		t.Fatal(err)
	}
	return a.End(d)
}

// expect is that a report has a finding of the check for the column, with words in
// its sentence and its remedy, and of no other check.
func expect(t testing.TB, r Report, check, column, what, remedy string) {
	t.Helper()
	if len(r.Findings) == 0 {
		t.Errorf("nothing was found, want %s of %s", check, column)
	}
	for _, f := range r.Findings {
		if f.Check != check || f.Column != column || !strings.Contains(f.What, what) || !strings.Contains(f.Remedy, remedy) || f.Cause == "" {
			t.Errorf("want %s of %q, %q: %q, found %+v", check, column, what, remedy, f)
		}
	}
}

func quiet(t testing.TB, r Report) {
	t.Helper()
	for _, f := range r.Findings {
		t.Errorf("%s of %s: %s", f.Check, f.Column, f.Line())
	}
}

// column adds one of a user's own, made of each symbol's series.
func column(m *data.Market, name string, of func(i int) []float64) {
	all := make([][]float64, len(m.Symbols))
	for i := range all {
		all[i] = of(i)
	}
	m.Optional[data.Column(name)] = all
}

// each is f of every bar.
func each(m *data.Market, f func(t int) float64) []float64 {
	s := make([]float64, m.Bars)
	for t := range s {
		s[t] = f(t)
	}
	return s
}

// at reads a series, NaN beyond its ends.
func value(s []float64, t int) float64 {
	if t < 0 || t >= len(s) {
		return math.NaN()
	}
	return s[t]
}

// meanOf is the mean of what is there from one bar to another.
func meanOf(s []float64, from, to int) float64 {
	n, sum := 0.0, 0.0
	for t := from; t <= to; t++ {
		if v := value(s, t); !math.IsNaN(v) {
			n, sum = n+1, sum+v
		}
	}
	return sum / n
}

// maxOf is the highest of what is there.
func maxOf(s []float64) float64 {
	most := 0.0
	for _, v := range s {
		if v > most {
			most = v
		}
	}
	return most
}

func TestACleanSimulatedMarketHasNoFinding(t *testing.T) {
	for seed := range seeds() {
		for _, short := range []bool{false, true} {
			r := audited(t, simulated(t, seed), config(), short)
			quiet(t, r)
			if len(r.Checks) != len(checks) || r.Findings == nil {
				t.Errorf("%d checks", len(r.Checks))
			}
		}
	}
}

func TestOtherSettingsOfACleanMarketHaveNoFinding(t *testing.T) {
	for name, change := range map[string]func(*data.Config){
		"several horizons": func(c *data.Config) { c.Horizons = data.Horizons{6, 1, 48} },
		"excess returns":   func(c *data.Config) { c.EdgeReturns = data.EdgeReturnsExcess },
		"no edges":         func(c *data.Config) { c.Edges = data.EdgesNone },
		"mid prices":       func(c *data.Config) { c.Target = data.TargetMid },
		"a short window":   func(c *data.Config) { c.GraphWindow, c.MaxGap = 20, 0 },
		"columns as given": func(c *data.Config) { c.Features = []string{"streamforge", "close", "volume"} },
	} {
		t.Run(name, func(t *testing.T) {
			c := config()
			change(&c)
			quiet(t, audited(t, simulated(t, 7), c, false))
		})
	}
}

func TestOtherIntervalsOfACleanMarketHaveNoFinding(t *testing.T) {
	for interval, lookback := range map[string]string{"1m": "2d", "15m": "27d", "1h": "108d"} {
		for seed := range seeds() {
			quiet(t, audited(t, simulatedOf(t, seed, interval, lookback), config(), seed%2 == 1))
		}
	}
}

func TestPricesOverTheirFutureMaximumAreNamed(t *testing.T) {
	for seed := range seeds() {
		for name, divisor := range map[string]func(s []float64) []float64{
			"of the file": func(s []float64) []float64 { return slices.Repeat([]float64{maxOf(s)}, len(s)) },
			"of what follows": func(s []float64) []float64 {
				all, most := make([]float64, len(s)), 0.0
				for t := len(s) - 1; t >= 0; t-- {
					most = maxOf([]float64{most, s[t]})
					all[t] = most
				}
				return all
			},
			"of the test split, as a percentage": func(s []float64) []float64 {
				return slices.Repeat([]float64{maxOf(s[len(s)*8/10:]) / 100}, len(s))
			},
		} {
			t.Run(fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				m := simulated(t, seed)
				for i := range m.Symbols {
					by := divisor(m.Close[i])
					for _, s := range [][][]float64{m.Open, m.High, m.Low, m.Close} {
						for b := range m.Bars {
							s[i][b] /= by[b]
						}
					}
				}
				r := audited(t, m, config(), seed%2 == 1)
				r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Check == "scores" }) // a price over what follows is also a score
				expect(t, r, "scaling", "close", "reaches exactly 1", "give the prices as they were traded")
			})
		}
	}
}

func TestACentredMovingAverageIsNamed(t *testing.T) {
	for seed := range seeds() {
		for _, window := range []int{3, 5, 11, 25, 51} {
			for name, of := range map[string]func(c []float64, t int) float64{
				"of the price":     func(c []float64, t int) float64 { return meanOf(c, t-window/2, t+window/2) },
				"over the price":   func(c []float64, t int) float64 { return meanOf(c, t-window/2, t+window/2)/c[t] - 1 },
				"of the log price": func(c []float64, t int) float64 { return math.Log(meanOf(c, t-window/2, t+window/2)) },
			} {
				t.Run(fmt.Sprintf("%d bars %s, seed %d", window, name, seed), func(t *testing.T) {
					m := simulated(t, seed)
					column(m, "smooth", func(i int) []float64 { return each(m, func(b int) float64 { return of(m.Close[i], b) }) })
					r := audited(t, m, config("streamforge", "smooth"), seed%2 == 1)
					r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Check == "scores" && f.Column == "smooth" })
					expect(t, r, "columns", "smooth", "returns after the bar explain", "rolling windows that end with the bar")
				})
			}
		}
	}
}

func TestTheTargetAsAColumnIsNamed(t *testing.T) {
	for seed := range seeds() {
		for _, horizon := range []int{1, 6} {
			for name, of := range map[string]func(m *data.Market, i, t int) float64{
				"return": func(m *data.Market, i, t int) float64 {
					return math.Log(value(m.Open[i], t+1+horizon) / value(m.Open[i], t+1))
				},
				"simple return": func(m *data.Market, i, t int) float64 {
					return value(m.Open[i], t+1+horizon)/value(m.Open[i], t+1) - 1
				},
			} {
				t.Run(fmt.Sprintf("%s over %d bars, seed %d", name, horizon, seed), func(t *testing.T) {
					m := simulated(t, seed)
					column(m, "y", func(i int) []float64 { return each(m, func(b int) float64 { return of(m, i, b) }) })
					c := config("streamforge", "y")
					c.Horizons = data.Horizons{horizon}
					r := audited(t, m, c, seed%2 == 1)
					r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool { return f.Check == "scores" && f.Column == "y" })
					expect(t, r, "columns", "y", "y is the return over", "take y out of FEATURES")
				})
			}
		}
	}
}

func TestStretchesCopiedIntoTheTestSplitAreNamed(t *testing.T) {
	for seed := range seeds() {
		m := simulated(t, seed)
		from, to, bars := m.Bars/4, m.Bars*9/10, 40+10*seed
		for _, s := range [][][]float64{m.Open, m.High, m.Low, m.Close, m.Volume} {
			for i := range m.Symbols {
				copy(s[i][to:to+bars], s[i][from:from+bars])
			}
		}
		r := audited(t, m, config(), seed%2 == 1)
		if len(r.Findings) == 0 || r.Findings[0].Column != "candles" || *r.Findings[0].OpenTime != m.OpenTime(to) || float64(r.Findings[0].Value) < float64(bars*8)*0.8 {
			t.Errorf("%+v", r.Findings)
		}
		for _, f := range r.Findings {
			if f.Check != "repeats" || !strings.Contains(f.Remedy, "cop") {
				t.Errorf("%+v", f)
			}
		}
	}
}

// prepared is a dynamic graph of 10 nodes with a factor of their own, as somebody
// prepares it: returns and volatilities as features, edges by correlation. scale
// and edges change it.
type prepared struct {
	snapshots *data.Snapshots
	closes    []float64
}

const (
	preparedNodes, preparedMoments = 10, 900
)

func prepare(seed int) *prepared {
	r := rand.New(rand.NewPCG(uint64(seed), 11))
	n, moments := preparedNodes, preparedMoments
	closes := make([]float64, moments*n)
	p := &data.Snapshots{Features: []string{"ret_1", "ret_6", "vol_12"}, Interval: 300e9, Mask: slices.Repeat([]bool{true}, moments*n), X: make([]float32, moments*n*3)}
	for i := range n {
		p.Symbols = append(p.Symbols, "S"+strconv.Itoa(i))
	}
	logs := make([]float64, n)
	for t := range moments {
		p.Times = append(p.Times, 1717200000000+int64(t)*300000)
		market, regime := r.NormFloat64(), 1+0.5*math.Sin(float64(t)/150)
		for i := range n {
			logs[i] += 1e-3 * regime * (float64(i%4)*market*0.5 + r.NormFloat64())
			closes[t*n+i] = 100 * math.Exp(logs[i])
		}
		for i := range n {
			x := p.X[(t*n+i)*3:]
			past := func(k int) float64 { return math.Log(closes[t*n+i] / closes[max(0, t-k)*n+i]) }
			squares := 0.0
			for k := range 12 {
				if t-k > 0 {
					squares += math.Pow(math.Log(closes[(t-k)*n+i]/closes[(t-k-1)*n+i]), 2)
				}
			}
			x[0], x[1], x[2] = float32(past(1)), float32(past(6)), float32(math.Sqrt(squares/12))
		}
	}
	p.Close = closes
	g := &prepared{p, closes}
	g.edges(func(t int) (from, to int) { return max(0, t-60), t })
	return g
}

// edges joins all pairs at each moment by the correlation of returns from one
// moment to another.
func (g *prepared) edges(window func(t int) (from, to int)) {
	n := preparedNodes
	g.snapshots.Edges = nil
	var last data.Edges
	lastFrom, lastTo := -1, -1
	for t := range preparedMoments {
		from, to := window(t)
		if from == lastFrom && to == lastTo {
			g.snapshots.Edges = append(g.snapshots.Edges, last)
			continue
		}
		returns := make([][]float64, n)
		for i := range n {
			for s := from + 1; s <= to; s++ {
				returns[i] = append(returns[i], math.Log(g.closes[s*n+i]/g.closes[(s-1)*n+i]))
			}
		}
		e := data.Edges{RowPtr: make([]int32, n+1)}
		for i := range n {
			for j := range n {
				if r := correlate(returns[i], returns[j]); i != j && !math.IsNaN(r) {
					e.Sources, e.Attr = append(e.Sources, int32(j)), append(e.Attr, float32(r))
				}
			}
			e.RowPtr[i+1] = int32(len(e.Sources))
		}
		g.snapshots.Edges = append(g.snapshots.Edges, e)
		last, lastFrom, lastTo = e, from, to
	}
}

func (g *prepared) audited(t testing.TB) Report {
	t.Helper()
	c := config()
	d, err := data.FromSnapshots(g.snapshots, c)
	if err != nil {
		t.Fatal(err)
	}
	return Begin(Input{Closes: g.snapshots.Close, Config: c}).End(d)
}

// scale standardises each feature by the rows of the moments before end.
func (g *prepared) scale(end int) {
	for j := range 3 {
		n, sum, squares := 0.0, 0.0, 0.0
		for k := j; k < end*preparedNodes*3; k += 3 {
			v := float64(g.snapshots.X[k])
			n, sum, squares = n+1, sum+v, squares+v*v
		}
		mean := sum / n
		deviation := math.Sqrt(squares/n - mean*mean)
		for k := j; k < len(g.snapshots.X); k += 3 {
			g.snapshots.X[k] = float32((float64(g.snapshots.X[k]) - mean) / deviation)
		}
	}
}

func TestACleanPreparedGraphHasNoFinding(t *testing.T) {
	for seed := range seeds() {
		quiet(t, prepare(seed).audited(t))
		g := prepare(seed) // a scaler and a graph of the train split, as they should be
		g.scale(preparedMoments * 6 / 10)
		g.edges(func(int) (int, int) { return 0, preparedMoments * 6 / 10 })
		quiet(t, g.audited(t))
	}
}

func TestAScalerOverAllDataIsNamed(t *testing.T) {
	for seed := range seeds() {
		g := prepare(seed)
		g.scale(preparedMoments)
		expect(t, g.audited(t), "scaling", "ret_1, ret_6, vol_12", "mean 0 and deviation 1 over all rows", "fit the scaler on the train split")
	}
}

func TestAGraphOfTheWholePeriodIsNamed(t *testing.T) {
	for seed := range seeds() {
		g := prepare(seed)
		g.edges(func(int) (int, int) { return 0, preparedMoments - 1 })
		expect(t, g.audited(t), "graph", "edges", "correlation of log returns over the whole period", "a window that ends with it")
	}
}

func TestRowsRepeatedAcrossTheSplitsOfAGraphAreNamed(t *testing.T) {
	for seed := range seeds() {
		g := prepare(seed)
		row := preparedNodes * 3
		for k := range 20 {
			to, from := 800+k, 100+3*k
			copy(g.snapshots.X[to*row:(to+1)*row], g.snapshots.X[from*row:(from+1)*row])
		}
		expect(t, g.audited(t), "repeats", "all features", "200 of the test split's", "split first")
	}
}

func TestTheReportIsReadByPeopleAndPrograms(t *testing.T) {
	m := simulated(t, 1)
	c := config()
	c.Target = data.TargetClose
	r := audited(t, m, c, false)
	expect(t, r, "target", "targets", "% of the next bar's variance is the jump from close to open", "set TARGET=open")
	var b strings.Builder
	if err := r.WriteText(&b, "1.0", 80); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(b.String(), "\n") {
		if len(line) > 80 {
			t.Errorf("%q has %d columns", line, len(line))
		}
	}
	for _, want := range []string{"gnn-trainer 1.0, audit\n", "\nok       causality", "\n1. target: targets\n", "\n   remedy  set TARGET=open\n", "\n6 checks, 1 finding\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := (Report{Findings: []Finding{}, Checks: []Check{}}).WriteJSON(&b, "1.0"); err != nil {
		t.Fatal(err)
	}
	var read map[string]any
	if err := json.Unmarshal([]byte(b.String()), &read); err != nil || read["findings"] == nil || read["checks"] == nil || read["version"] != "1.0" {
		t.Errorf("%s: %v", b.String(), err)
	}
}
