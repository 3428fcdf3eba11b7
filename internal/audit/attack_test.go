package audit

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
)

// made is a column as somebody makes one of symbol i's candles.
type made struct {
	name string
	of   func(m *data.Market, i int) []float64
}

// rolling is f over the last bars of a series, itself included, that are there.
func rolling(s []float64, bars int, f func(window []float64) float64) []float64 {
	out := make([]float64, len(s))
	var w []float64
	for t := range s {
		w = w[:0]
		for _, v := range s[max(0, t-bars+1) : t+1] {
			if !math.IsNaN(v) {
				w = append(w, v)
			}
		}
		if out[t] = math.NaN(); !math.IsNaN(s[t]) && len(w) > 1 {
			out[t] = f(w)
		}
	}
	return out
}

func mean(w []float64) float64 {
	sum := 0.0
	for _, v := range w {
		sum += v
	}
	return sum / float64(len(w))
}

func deviation(w []float64) float64 {
	m, squares := mean(w), 0.0
	for _, v := range w {
		squares += (v - m) * (v - m)
	}
	return math.Sqrt(squares / float64(len(w)))
}

func zscore(w []float64) float64 { return (w[len(w)-1] - mean(w)) / max(deviation(w), 1e-12) }

// upward is the share of the ups in all moves, in percent.
func upward(w []float64) float64 {
	up, all := 0.0, 1e-12
	for _, v := range w {
		up, all = up+max(v, 0), all+math.Abs(v)
	}
	return 100 * up / all
}

func ema(s []float64, span float64) []float64 {
	out, last := make([]float64, len(s)), math.NaN()
	for t, v := range s {
		switch {
		case math.IsNaN(v):
		case math.IsNaN(last):
			last = v
		default:
			last += 2 / (span + 1) * (v - last)
		}
		if out[t] = last; math.IsNaN(v) {
			out[t] = v
		}
	}
	return out
}

// shifted is a series so many bars later; below 0 earlier, which is a leak.
func shifted(s []float64, by int) []float64 {
	out := make([]float64, len(s))
	for t := range s {
		out[t] = value(s, t-by)
	}
	return out
}

func logOf(s []float64) []float64 {
	out := make([]float64, len(s))
	for t, v := range s {
		out[t] = math.Log(v)
	}
	return out
}

func combine(a, b []float64, f func(a, b float64) float64) []float64 {
	out := make([]float64, len(a))
	for t := range a {
		out[t] = f(a[t], b[t])
	}
	return out
}

func returnsOf(m *data.Market, i int) []float64 {
	return differences([][]float64{logOf(m.Close[i])})[0]
}

// targetOf is the log return from the next open over h bars.
func targetOf(m *data.Market, i, h int) []float64 {
	o := logOf(m.Open[i])
	return combine(shifted(o, -1-h), shifted(o, -1), func(a, b float64) float64 { return a - b })
}

func noisy(s []float64, share float64, seed uint64) []float64 {
	r, d := rand.New(rand.NewPCG(seed, 21)), momentsOf(s).deviation
	out := make([]float64, len(s))
	for t, v := range s {
		out[t] = share*v + math.Sqrt(1-share*share)*d*r.NormFloat64()
	}
	return out
}

// honest columns are known at the close of their bar.
var honest = []made{
	{"ema_10", func(m *data.Market, i int) []float64 { return ema(m.Close[i], 10) }},
	{"sma_50", func(m *data.Market, i int) []float64 { return rolling(m.Close[i], 50, mean) }},
	{"macd", func(m *data.Market, i int) []float64 {
		return combine(ema(m.Close[i], 12), ema(m.Close[i], 26), func(a, b float64) float64 { return a/b - 1 })
	}},
	{"bollinger", func(m *data.Market, i int) []float64 { return rolling(m.Close[i], 20, zscore) }},
	{"reversal", func(m *data.Market, i int) []float64 {
		return combine(rolling(logOf(m.Close[i]), 3, mean), logOf(m.Close[i]), func(a, b float64) float64 { return a - b })
	}},
	{"range_position", func(m *data.Market, i int) []float64 {
		return each(m, func(t int) float64 {
			if m.High[i][t] == m.Low[i][t] {
				return 0.5
			}
			return (m.Close[i][t] - m.Low[i][t]) / (m.High[i][t] - m.Low[i][t])
		})
	}},
	{"stochastic", func(m *data.Market, i int) []float64 {
		return rolling(m.Close[i], 14, func(w []float64) float64 {
			low, high := slices.Min(w), slices.Max(w)
			if high == low {
				return 50
			}
			return 100 * (w[len(w)-1] - low) / (high - low)
		})
	}},
	{"rsi", func(m *data.Market, i int) []float64 { return rolling(returnsOf(m, i), 14, upward) }},
	{"rsi_share", func(m *data.Market, i int) []float64 {
		return rolling(returnsOf(m, i), 12, func(w []float64) float64 { return upward(w) / 100 })
	}},
	{"log_volume", func(m *data.Market, i int) []float64 {
		return each(m, func(t int) float64 { return math.Log(1 + m.Volume[i][t]) })
	}},
	{"volume_z", func(m *data.Market, i int) []float64 { return rolling(m.Volume[i], 288, zscore) }},
	{"volatility", func(m *data.Market, i int) []float64 { return rolling(returnsOf(m, i), 100, deviation) }},
	{"last_return", returnsOf},
	{"return_before", func(m *data.Market, i int) []float64 { return shifted(returnsOf(m, i), 1) }},
	{"close_again", func(m *data.Market, i int) []float64 { return slices.Clone(m.Close[i]) }},
	{"typical_price", func(m *data.Market, i int) []float64 {
		return each(m, func(t int) float64 { return (m.High[i][t] + m.Low[i][t] + m.Close[i][t]) / 3 })
	}},
	{"known_target", func(m *data.Market, i int) []float64 { return shifted(targetOf(m, i, 1), 2) }},
	{"yesterday", func(m *data.Market, i int) []float64 { return shifted(m.Close[i], 288) }},
	{"expanding_z", func(m *data.Market, i int) []float64 { return rolling(logOf(m.Close[i]), 1000, zscore) }},
	{"tick_size", func(m *data.Market, i int) []float64 { return slices.Repeat([]float64{0.1 * float64(i+1)}, m.Bars) }},
	{"weekday", func(m *data.Market, _ int) []float64 {
		return each(m, func(t int) float64 { return float64(m.OpenTime(t) / 86_400_000 % 7) })
	}},
	{"hour_sin", func(m *data.Market, _ int) []float64 {
		return each(m, func(t int) float64 { return math.Sin(float64(m.OpenTime(t)%86_400_000) / 86_400_000 * 2 * math.Pi) })
	}},
	{"first_symbol", func(m *data.Market, _ int) []float64 { return ema(m.Close[0], 3) }},
	{"random_walk", func(m *data.Market, i int) []float64 {
		r, v := rand.New(rand.NewPCG(uint64(i), 22)), 0.0
		return each(m, func(int) float64 { v += r.NormFloat64(); return v })
	}},
	{"noise", func(m *data.Market, i int) []float64 {
		r := rand.New(rand.NewPCG(uint64(i), 23))
		return each(m, func(int) float64 { return r.NormFloat64() })
	}},
	{"flag", func(m *data.Market, i int) []float64 {
		return combine(m.Close[i], m.Open[i], func(a, b float64) float64 {
			if a > b {
				return 1
			}
			return 0
		})
	}},
	{"hourly_last", func(m *data.Market, i int) []float64 { // the last full hour's close
		c := ema(m.Close[i], 1)
		return each(m, func(t int) float64 { return value(c, t/12*12-1) })
	}},
	{"trained_z", func(m *data.Market, i int) []float64 { // scaled by the first half
		s := momentsOf(logOf(m.Close[i][:m.Bars/2]))
		if s.deviation == 0 { // listed later
			s.deviation = 1
		}
		return each(m, func(t int) float64 { return (math.Log(m.Close[i][t]) - s.mean) / s.deviation })
	}},
	{"lucky", func(m *data.Market, i int) []float64 { return noisy(targetOf(m, i, 1), 0.05, uint64(i)) }}, // IC .05, as a good signal has
}

// leaking columns hold what comes after their bar.
var leaking = []made{
	{"close.shift(-1)", func(m *data.Market, i int) []float64 { return shifted(m.Close[i], -1) }},
	{"return.shift(-1)", func(m *data.Market, i int) []float64 { return shifted(returnsOf(m, i), -1) }},
	{"high.shift(-3)", func(m *data.Market, i int) []float64 { return shifted(m.High[i], -3) }},
	{"volume.shift(-1)", func(m *data.Market, i int) []float64 { return shifted(m.Volume[i], -1) }},
	{"log volume, shift(-2)", func(m *data.Market, i int) []float64 {
		return shifted(each(m, func(t int) float64 { return math.Log(1 + m.Volume[i][t]) }), -2)
	}},
	{"volume z-score, shift(-1)", func(m *data.Market, i int) []float64 { return shifted(rolling(m.Volume[i], 48, zscore), -1) }},
	{"ema 5, shift(-1)", func(m *data.Market, i int) []float64 { return shifted(ema(m.Close[i], 5), -1) }},
	{"ema 20, shift(-1)", func(m *data.Market, i int) []float64 { return shifted(ema(m.Close[i], 20), -1) }},
	{"sma 50, shift(-1)", func(m *data.Market, i int) []float64 { return shifted(rolling(m.Close[i], 50, mean), -1) }},
	{"sma 200, shift(-1)", func(m *data.Market, i int) []float64 { return shifted(rolling(m.Close[i], 200, mean), -1) }},
	{"centred mean of 101", func(m *data.Market, i int) []float64 {
		return each(m, func(t int) float64 { return meanOf(m.Close[i], t-50, t+50) })
	}},
	{"centred volatility of 25", func(m *data.Market, i int) []float64 { return shifted(rolling(returnsOf(m, i), 25, deviation), -12) }},
	{"next 24 bars' volatility", func(m *data.Market, i int) []float64 { return shifted(rolling(returnsOf(m, i), 24, deviation), -24) }},
	{"next 12 bars' highest", func(m *data.Market, i int) []float64 {
		return shifted(combine(rolling(m.High[i], 12, slices.Max[[]float64]), shifted(m.Close[i], 12), func(a, b float64) float64 { return a/b - 1 }), -12)
	}},
	{"rsi of centred bars", func(m *data.Market, i int) []float64 {
		return shifted(rolling(returnsOf(m, i), 14, upward), -7)
	}},
	{"sign of the next return", func(m *data.Market, i int) []float64 {
		y := targetOf(m, i, 1)
		return each(m, func(t int) float64 { return truth(y[t] > 0) })
	}},
	{"target and noise, IC .5", func(m *data.Market, i int) []float64 { return noisy(targetOf(m, i, 1), 0.5, uint64(i)) }},
	{"target and noise, IC .3", func(m *data.Market, i int) []float64 { return noisy(targetOf(m, i, 1), 0.3, uint64(i)) }},
	{"target and noise, IC .15", func(m *data.Market, i int) []float64 { return noisy(targetOf(m, i, 1), 0.15, uint64(i)) }},
	{"the hour's own close at each bar", func(m *data.Market, i int) []float64 { // resample("1h").last().ffill()
		c := ema(m.Close[i], 1)
		return each(m, func(t int) float64 { return value(c, min(t/12*12+11, m.Bars-1)) })
	}},
	{"the day's own mean at each bar", func(m *data.Market, i int) []float64 { // groupby(day).transform("mean")
		return each(m, func(t int) float64 { return meanOf(m.Close[i], t/288*288, t/288*288+287) })
	}},
	{"z-score of the whole column", func(m *data.Market, i int) []float64 {
		s := momentsOf(m.Close[i])
		return each(m, func(t int) float64 { return (m.Close[i][t] - s.mean) / s.deviation })
	}},
	{"minimum and maximum of the whole column", func(m *data.Market, i int) []float64 {
		s := momentsOf(m.Close[i])
		return each(m, func(t int) float64 { return (m.Close[i][t] - s.least) / (s.most - s.least) })
	}},
	{"minimum and maximum over all symbols together", func(m *data.Market, i int) []float64 {
		s := momentsOf(slices.Concat(m.Close...))
		return each(m, func(t int) float64 { return (m.Close[i][t] - s.least) / (s.most - s.least) })
	}},
	{"volume over its maximum", func(m *data.Market, i int) []float64 {
		s := momentsOf(m.Volume[i])
		return each(m, func(t int) float64 { return m.Volume[i][t] / s.most })
	}},
	{"rank within the whole column", func(m *data.Market, i int) []float64 {
		r := ranks(m.Close[i])
		return each(m, func(t int) float64 { return (r[t] + 1) / float64(m.Bars) })
	}},
	{"z-score of all but the last day", func(m *data.Market, i int) []float64 {
		s := momentsOf(m.Close[i][:m.Bars-288])
		return each(m, func(t int) float64 { return (m.Close[i][t] - s.mean) / s.deviation })
	}},
}

// whole is a market without missing bars, so that columns miss none.
func whole(t testing.TB, seed int) *data.Market {
	m := simulated(t, seed)
	for _, s := range [][][]float64{m.Open, m.High, m.Low, m.Close, m.Volume} {
		for i := range s {
			for b := range m.Bars {
				if math.IsNaN(s[i][b]) {
					s[i][b] = s[i][max(0, b-1)]
				}
			}
		}
	}
	clear(m.Optional)
	return m
}

func TestHonestColumnsHaveNoFinding(t *testing.T) {
	for seed := range seeds() {
		m := whole(t, seed)
		names := []string{"streamforge"}
		for _, c := range honest {
			names = append(names, c.name)
			column(m, c.name, func(i int) []float64 { return filled(c.of(m, i)) })
		}
		quiet(t, audited(t, m, config(names...), seed%2 == 1))
	}
}

// filled has 0 where a column's window is not full, so that no row is masked.
func filled(s []float64) []float64 {
	out := slices.Clone(s)
	for t, v := range out {
		if math.IsNaN(v) {
			out[t] = 0
		}
	}
	return out
}

// missed are the leaks that the audit does not see, or not on every market;
// docs/audit.md has them.
var missed = []string{
	"sma 50, shift(-1)", "sma 200, shift(-1)", "centred volatility of 25", "next 24 bars' volatility",
	"target and noise, IC .15", "the day's own mean at each bar", "z-score of all but the last day", "the hour's own close at each bar",
	"minimum and maximum over all symbols together", "rank within the whole column",
}

func TestOtherLeaksAreFoundAsOftenAsTheDocumentsSay(t *testing.T) {
	markets := seeds()
	if markets < 20 {
		markets = 1
	}
	for _, c := range leaking {
		table := map[string][]string{}
		for seed := range markets {
			m := whole(t, seed)
			column(m, "leak", func(i int) []float64 { return c.of(m, i) })
			var by []string
			for _, f := range audited(t, m, config("streamforge", "leak"), false).Findings {
				if by = append(by, f.Check); f.Column != "leak" {
					t.Errorf("%s: %s of %s", c.name, f.Check, f.Column)
				}
			}
			table[c.name] = append(table[c.name], strings.Join(by, "+"))
		}
		found := len(slices.DeleteFunc(slices.Clone(table[c.name]), func(s string) bool { return s == "" }))
		t.Logf("%-42s %d of %d  %v", c.name, found, len(table[c.name]), slices.Compact(table[c.name]))
		if found < len(table[c.name]) && !slices.Contains(missed, c.name) {
			t.Errorf("%s was found in %d of %d markets", c.name, found, len(table[c.name]))
		}
	}
}

// Gaps that were filled backward and forward, as by bfill and ffill of whole rows.
func TestOnlyGapsFilledFromTheFutureAreNamed(t *testing.T) {
	for seed := range seeds() {
		for _, backward := range []bool{true, false} {
			m := whole(t, seed)
			r := rand.New(rand.NewPCG(uint64(seed), 31))
			for i := range m.Symbols {
				for b := 20; b < m.Bars-20; b += 20 + r.IntN(60) {
					n, from := 1+r.IntN(6), b
					if backward {
						from = b + n
					} else {
						from = b - 1
					}
					for _, s := range [][][]float64{m.Open, m.High, m.Low, m.Close, m.Volume} {
						for k := range n {
							s[i][b+k] = s[i][from]
						}
					}
				}
			}
			a := audited(t, m, config(), seed%2 == 1)
			if backward {
				expect(t, a, "gaps", "open, high, low, close", "hold the price behind them", "fill them forward")
			} else {
				quiet(t, a)
			}
		}
	}
}

// resampled is a market of so many bars in one, as of a longer INTERVAL. Whatever
// is no candle is left out.
func resampled(m *data.Market, bars int) *data.Market {
	n := len(m.Symbols)
	long := &data.Market{
		Symbols: m.Symbols, Interval: time.Duration(bars) * m.Interval, Start: m.Start, Bars: m.Bars / bars,
		Optional: map[data.Column][][]float64{},
	}
	for _, s := range []*[][]float64{&long.Open, &long.High, &long.Low, &long.Close, &long.Volume} {
		*s = data.NewSeries(n, long.Bars)
	}
	for i := range n {
		for t := range m.Bars / bars * bars {
			k := t / bars
			switch {
			case !m.Present(i, t):
			case math.IsNaN(long.Close[i][k]):
				long.Open[i][k], long.High[i][k], long.Low[i][k], long.Close[i][k], long.Volume[i][k] = m.Open[i][t], m.High[i][t], m.Low[i][t], m.Close[i][t], m.Volume[i][t]
			default:
				long.High[i][k], long.Low[i][k] = max(long.High[i][k], m.High[i][t]), min(long.Low[i][k], m.Low[i][t])
				long.Close[i][k], long.Volume[i][k] = m.Close[i][t], long.Volume[i][k]+m.Volume[i][t]
			}
		}
	}
	return long
}

// realMarkets are the folders of real candles beside the repository, which not
// every checkout has.
var realMarkets = map[string]string{"5m": "5m", "spot-5m-2024": "5m", "perp-1h-2024": "1h"}

func realMarket(t testing.TB, name, interval string) *data.Market {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "shared", "market", name)
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no real candles beside the repository: %v", err)
	}
	m, _, err := source.Load(context.Background(), source.Config{Source: source.Files, Dir: folder, Interval: interval})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRealCandlesHaveNoFinding(t *testing.T) {
	if os.Getenv("GNN_AUDIT") == "" {
		t.Skip("GNN_AUDIT is not set: `make audit-check` looks at the real candles")
	}
	for name, interval := range realMarkets {
		m := realMarket(t, name, interval)
		for settings, change := range map[string]func(*data.Config){
			"defaults":         func(*data.Config) {},
			"several horizons": func(c *data.Config) { c.Horizons = data.Horizons{6, 1, 12, 48} },
			"a day":            func(c *data.Config) { c.Horizons = data.Horizons{24} },
			"excess returns":   func(c *data.Config) { c.EdgeReturns, c.EdgeTopK = data.EdgeReturnsExcess, 10 },
			"no edges":         func(c *data.Config) { c.Edges = data.EdgesNone },
			"a long window":    func(c *data.Config) { c.GraphWindow, c.MaxGap = 300, 0 },
			"as given":         func(c *data.Config) { c.Features = []string{"streamforge", "close", "volume"} },
		} {
			t.Run(fmt.Sprintf("%s, %s", name, settings), func(t *testing.T) {
				c := config()
				change(&c)
				quiet(t, audited(t, m, c, false))
			})
		}
		for _, bars := range []int{12, 3, 1} {
			t.Run(fmt.Sprintf("%s, honest columns of %d bars in one", name, bars), func(t *testing.T) {
				m := m.Clone()
				if bars > 1 {
					m = resampled(m, bars)
				}
				names := []string{"streamforge"}
				for _, c := range honest {
					names = append(names, c.name)
					column(m, c.name, func(i int) []float64 { return filled(c.of(m, i)) })
				}
				quiet(t, audited(t, m.Clone(), config(names...), true))
				quiet(t, audited(t, m, config(names...), false))
			})
		}
		t.Run(name+", from close to close", func(t *testing.T) {
			c := config()
			c.Target = data.TargetClose
			expect(t, audited(t, m, c, false), "target", "targets", "of the next bar's variance", "set TARGET=open")
		})
	}
}
