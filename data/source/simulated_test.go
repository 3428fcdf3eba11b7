package source

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/streamforge/gnn-trainer/data"
)

func simulated(t testing.TB, cfg Config) (*data.Market, Report) {
	t.Helper()
	cfg.Source = Simulated
	if cfg.Interval == "" {
		cfg.Interval = "5m"
	}
	if cfg.Symbol == "" {
		cfg.Symbol = "BTCUSDT"
	}
	m, report, err := Load(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, report
}

// bits are every number of a market, comparable even where missing.
func bits(m *data.Market) []uint64 {
	var all []uint64
	add := func(panel [][]float64) {
		for _, row := range panel {
			for _, v := range row {
				all = append(all, math.Float64bits(v))
			}
		}
	}
	for _, panel := range [][][]float64{m.Open, m.High, m.Low, m.Close, m.Volume} {
		add(panel)
	}
	for _, column := range data.Columns {
		add(m.Optional[column])
	}
	return all
}

func TestASeedMakesTheSameMarketBitForBit(t *testing.T) {
	cfg := Config{Seed: 42, Symbols: "top:5", Lookback: "2d"}
	first, _ := simulated(t, cfg)
	second, _ := simulated(t, cfg)
	if !slices.Equal(bits(first), bits(second)) {
		t.Error("the same seed gives two markets")
	}
	cfg.Seed = 43
	if other, _ := simulated(t, cfg); slices.Equal(bits(first), bits(other)) {
		t.Error("another seed gives the same market")
	}
}

// What is known of a bar must not depend on how many bars follow.
func TestALongerSimulationBeginsAsTheShorterOne(t *testing.T) {
	short, _ := simulated(t, Config{Seed: 1, Symbols: "top:3", Lookback: "1d"})
	long, _ := simulated(t, Config{Seed: 1, Symbols: "top:3", Lookback: "2d"})
	for i := range 2 { // the last symbol lists at a share of the span
		for b := range short.Bars {
			if got, want := long.Close[i][b], short.Close[i][b]; got != want && short.Present(i, b) && long.Present(i, b) {
				t.Fatalf("close of %s in bar %d is %v and %v", short.Symbols[i], b, want, got)
			}
		}
	}
}

func TestTheSimulationHasTheAskedForShape(t *testing.T) {
	for _, c := range []struct {
		name        string
		cfg         Config
		symbols     int
		first, last string
		start       string
		bars        int
	}{
		{"nothing asked", Config{}, 20, "BTCUSDT", "FILUSDT", "2024-01-01T00:00:00Z", 8640},
		{"another SYMBOL first", Config{Symbol: "ETHUSDT", Symbols: "top:3", Lookback: "1d"}, 3, "ETHUSDT", "BNBUSDT", "2024-01-01T00:00:00Z", 288},
		{"more than there are names", Config{Symbols: "top:42", Lookback: "1d"}, 42, "BTCUSDT", "SIM042USDT", "2024-01-01T00:00:00Z", 288},
		{"a SYMBOL of its own", Config{Symbol: "MYCOIN", Symbols: "top:2", Lookback: "1d"}, 2, "MYCOIN", "BTCUSDT", "2024-01-01T00:00:00Z", 288},
		{"a list", Config{Symbol: "B", Symbols: "A,B,C", Lookback: "1d"}, 3, "B", "C", "2024-01-01T00:00:00Z", 288},
		{"start and end", Config{Symbols: "top:1", Start: "2023-05-01", End: "2023-05-02"}, 1, "BTCUSDT", "BTCUSDT", "2023-05-01T00:00:00Z", 288},
		{"off the grid", Config{Symbols: "top:1", Start: "2023-05-01T00:01:00Z", End: "2023-05-01T00:11:00Z"}, 1, "BTCUSDT", "BTCUSDT", "2023-05-01T00:05:00Z", 2},
		{"lookback from an end", Config{Symbols: "top:1", End: "2023-05-02", Lookback: "12h"}, 1, "BTCUSDT", "BTCUSDT", "2023-05-01T12:00:00Z", 144},
		{"days", Config{Symbols: "top:4", Interval: "1d", Start: "2020-01-01", End: "2021-01-01"}, 4, "BTCUSDT", "SOLUSDT", "2020-01-01T00:00:00Z", 366},
		{"a time range", Config{Symbols: "top:2", Interval: "1h", Lookback: "2024-06-01:2024-06-02"}, 2, "BTCUSDT", "ETHUSDT", "2024-06-01T00:00:00Z", 24},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := simulated(t, c.cfg)
			if len(m.Symbols) != c.symbols || m.Symbols[0] != c.first || m.Symbols[c.symbols-1] != c.last {
				t.Errorf("symbols are %v", m.Symbols)
			}
			if m.Start != utc(t, c.start).UnixMilli() || m.Bars != c.bars {
				t.Errorf("%d bars from %v, not %d from %s", m.Bars, time.UnixMilli(m.Start).UTC(), c.bars, c.start)
			}
			names := slices.Clone(m.Symbols)
			slices.Sort(names)
			if len(slices.Compact(names)) != c.symbols {
				t.Errorf("a name occurs twice among %v", m.Symbols)
			}
		})
	}
}

func TestASimulationThatCannotBeIsRejected(t *testing.T) {
	for _, c := range []struct {
		cfg   Config
		tells []string
	}{
		{Config{Start: "2024-01-01T00:01:00Z", End: "2024-01-01T00:02:00Z"}, []string{"no bar of INTERVAL=5m", "START=2024-01-01T00:01:00Z"}},
		{Config{Lookback: "2m"}, nil}, // bar 0 opens within it
		{Config{Symbols: "top:1000", Lookback: "9999w"}, []string{"1000 symbols over", "set START and END, or fewer SYMBOLS"}},
	} {
		c.cfg.Source, c.cfg.Interval, c.cfg.Symbol = Simulated, "5m", "BTCUSDT"
		_, _, err := Load(context.Background(), c.cfg)
		if c.tells == nil && err != nil {
			t.Errorf("%+v: %v", c.cfg, err)
		} else if c.tells != nil {
			rejected(t, err, c.tells...)
		}
	}
}

func TestEverySimulatedCandleIsPossible(t *testing.T) {
	for _, interval := range []string{"5m", "1d"} {
		m, report := simulated(t, Config{Seed: 3, Interval: interval, Start: "2022-01-01", End: "2022-03-01"})
		last := len(m.Symbols) - 1
		missing := 0
		for i, symbol := range m.Symbols {
			listed := 0
			if i == last {
				listed = int(listingAt * float64(m.Bars))
			}
			for b := range m.Bars {
				c := candle{openPrice: m.Open[i][b], highPrice: m.High[i][b], lowPrice: m.Low[i][b], closePrice: m.Close[i][b], baseVolume: m.Volume[i][b]}
				for q := takerBuyVolume; q < quantities; q++ {
					c[q] = m.Optional[data.Column(q.String())][i][b]
				}
				switch {
				case !m.Present(i, b):
					if b >= listed {
						missing++
					}
				case b < listed:
					t.Fatalf("%s trades in bar %d, before it lists", symbol, b)
				case c.validate() != nil || slices.ContainsFunc(c[:], math.IsNaN):
					t.Fatalf("%s bar %d is impossible: %v %v", symbol, b, c.validate(), c)
				}
			}
		}
		if report.Missing != missing || interval == "5m" && missing == 0 {
			t.Errorf("%s: %d bars are missing, reported as %+v", interval, missing, report)
		}
	}
}

// logReturns are those of symbol i, 0 where a bar is missing.
func logReturns(m *data.Market, i int) []float64 {
	r := make([]float64, m.Bars)
	for b := 1; b < m.Bars; b++ {
		if m.Present(i, b) && m.Present(i, b-1) {
			r[b] = math.Log(m.Close[i][b] / m.Close[i][b-1])
		}
	}
	return r
}

// The reason for the simulation: what a follower does next shows in its
// neighbours and not in itself, and who its neighbours are shows in
// correlations within the bar.
func TestNeighboursLeadAFollowerThatDoesNotLeadItself(t *testing.T) {
	for _, seed := range []int64{1, 42, 2024} {
		m, _ := simulated(t, Config{Seed: seed})
		n := len(m.Symbols)
		returns := make([][]float64, n)
		for i := range returns {
			returns[i] = logReturns(m, i)
		}
		var sameSector, otherSector []float64
		for i := range n - 1 { // the last symbol lists midway
			mean := make([]float64, m.Bars)
			for j := range n - 1 {
				if i == j {
					continue
				}
				within := stat.Correlation(returns[i], returns[j], nil)
				if i%sectors(n) != j%sectors(n) {
					otherSector = append(otherSector, within)
					continue
				}
				sameSector = append(sameSector, within)
				for b, r := range returns[j] {
					mean[b] += r
				}
			}
			own := stat.Correlation(returns[i][:m.Bars-1], returns[i][1:], nil)
			led := stat.Correlation(mean[:m.Bars-1], returns[i][1:], nil)
			leader := (i/sectors(n))%leaderEvery == 1
			switch {
			case math.Abs(own) > 0.08:
				t.Errorf("seed %d: %s predicts itself, at a correlation of %.3f", seed, m.Symbols[i], own)
			case !leader && (led < 0.2 || led > 0.5):
				t.Errorf("seed %d: follower %s is led at a correlation of %.3f, not 0.2 to 0.5", seed, m.Symbols[i], led)
			case leader && math.Abs(led) > 0.06:
				t.Errorf("seed %d: leader %s is led at a correlation of %.3f", seed, m.Symbols[i], led)
			}
		}
		if same, other := stat.Mean(sameSector, nil), stat.Mean(otherSector, nil); same < other+0.15 {
			t.Errorf("seed %d: correlation is %.3f in a sector and %.3f across", seed, same, other)
		}
	}
}

func TestTheSimulatedMarketHasTheHabitsOfCandles(t *testing.T) {
	m, _ := simulated(t, Config{Seed: 42})
	returns := logReturns(m, 0)
	size := make([]float64, m.Bars)
	night, noon := 0.0, 0.0 // volumes about 02:30 and 14:30 UTC
	volume := make([]float64, m.Bars)
	changes := 0
	funding := m.Optional[data.FundingRate][0]
	for b, r := range returns {
		size[b] = math.Abs(r)
		if !m.Present(0, b) {
			continue
		}
		volume[b] = m.Volume[0][b]
		switch b % 288 / 12 {
		case 2:
			night += volume[b]
		case 14:
			noon += volume[b]
		}
		if b > 0 && m.Present(0, b-1) && funding[b] != funding[b-1] {
			changes++
			if closing := m.OpenTime(b) + fiveMinutes; closing%fundingPeriod.Milliseconds() != 0 {
				t.Errorf("funding changes at %d, off its 8 hours", closing)
			}
		}
	}
	if c := stat.Correlation(size[:m.Bars-1], size[1:], nil); c < 0.1 {
		t.Errorf("sizes of neighbouring returns correlate at %.3f: volatility does not cluster", c)
	}
	if k := stat.ExKurtosis(returns, nil); k < 1 {
		t.Errorf("excess kurtosis is %.2f: the tails are those of a normal", k)
	}
	if c := stat.Correlation(size, volume, nil); c < 0.2 {
		t.Errorf("volume and size of the return correlate at %.3f", c)
	}
	if noon < 1.5*night {
		t.Errorf("volume is %.3g in the afternoon and %.3g at night", noon, night)
	}
	if changes < 80 || changes > 90 {
		t.Errorf("funding changes %d times in 30 days of 8-hour periods", changes)
	}
	if day := stat.StdDev(returns, nil) * math.Sqrt(288); day < 0.01 || day > 0.1 {
		t.Errorf("daily volatility is %.3f", day)
	}
}

func TestSimulatingStopsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, _, err := Load(ctx, Config{Source: Simulated, Symbol: "BTCUSDT", Interval: "5m"})
	if !errors.Is(err, context.Canceled) || errors.Is(err, data.ErrInput) {
		t.Errorf("error is %v, not a cancellation", err)
	}
}

func BenchmarkSimulateAMonthOfTwentySymbols(b *testing.B) {
	for b.Loop() {
		simulated(b, Config{Seed: 42})
	}
}
