package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// defaultConfig has a window short enough for small markets, and returns from
// close to close, of which a random market has no shape of its own to hide.
func defaultConfig() Config {
	return Config{
		Recipe:       Recipe{MaxGap: 7, GraphWindow: 30, EdgeTopK: 3, EdgeReturns: EdgeReturnsRaw},
		TargetConfig: TargetConfig{Task: TaskDirection, Target: TargetClose, Horizons: Horizons{1}},
		FoldConfig:   FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	}
}

var testStart = time.Date(2024, 6, 1, 21, 15, 0, 0, time.UTC)

// emptyMarket has bars of 5 minutes, all of them missing.
func emptyMarket(n, bars int) *Market {
	m := &Market{Interval: 5 * time.Minute, Start: testStart.UnixMilli(), Bars: bars, Optional: map[Column][][]float64{}}
	for i := range n {
		m.Symbols = append(m.Symbols, fmt.Sprintf("S%02dUSDT", i))
	}
	for _, s := range []*[][]float64{&m.Open, &m.High, &m.Low, &m.Close, &m.Volume} {
		*s = NewSeries(n, bars)
	}
	return m
}

// setBar writes a bar that closes at price.
func setBar(m *Market, i, t int, price, volume float64) {
	m.Open[i][t], m.High[i][t], m.Low[i][t], m.Close[i][t], m.Volume[i][t] = price, price*1.001, price*0.998, price, volume
}

// allSeries is every series of the market, the optional ones in a fixed order.
func allSeries(m *Market) [][][]float64 {
	all := [][][]float64{m.Open, m.High, m.Low, m.Close, m.Volume}
	for _, c := range Columns {
		if s, ok := m.Optional[c]; ok {
			all = append(all, s)
		}
	}
	return all
}

// randomMarket walks n >= 8 symbols with a common factor, all optional columns
// and the troubles of real markets: random gaps, a listing, a delisting, a
// symbol that never moves, one that grows evenly, one that jumps and then
// stands still, bars without volume and two symbols that are the same.
func randomMarket(r *rand.Rand, n, bars int) *Market {
	m := emptyMarket(n, bars)
	for _, c := range Columns {
		m.Optional[c] = NewSeries(n, bars)
	}
	logs := make([]float64, n)
	for i := range logs {
		logs[i] = r.NormFloat64() * 3
	}
	for t := range bars {
		common := r.NormFloat64()
		for i := range n {
			step := 1e-3 * (0.3*float64(i%5)*common + r.NormFloat64())
			switch i {
			case 1:
				step = 0
			case 2:
				step = 1e-4
			case 3:
				if t == bars/3 {
					step = 0.17
				} else if t > bars/3 && t < bars*3/4 {
					step = 0
				}
			}
			logs[i] += step
			missing := r.Float64() < 0.04 || i == 4 && t > bars*2/3 || i == 5 && t < bars/2 || i == 6 && r.Float64() < 0.45
			if missing && i != 7 && i != 0 {
				continue
			}
			volume := math.Exp(r.NormFloat64())
			if i == 1 && t%90 > 30 {
				volume = 0
			}
			price := math.Exp(logs[i])
			setBar(m, i, t, price, volume)
			m.Optional[TakerBuyVolume][i][t] = volume * r.Float64()
			m.Optional[QuoteVolume][i][t] = volume * price
			m.Optional[BestBid][i][t] = price * (1 - 1e-4*r.Float64())
			m.Optional[BestAsk][i][t] = price * (1 + 1e-4*r.Float64())
			m.Optional[BidSize][i][t] = float64(r.IntN(3))
			m.Optional[AskSize][i][t] = float64(r.IntN(3))
			m.Optional[FundingRate][i][t] = 1e-4 * r.NormFloat64()
		}
	}
	for _, s := range allSeries(m) {
		copy(s[7], s[0])
	}
	return m
}

// changeAfter is m up to bar t, and after it another market of the same size
// plus or minus some bars.
func changeAfter(r *rand.Rand, m *Market, t int) *Market {
	other := randomMarket(r, len(m.Symbols), m.Bars+r.IntN(60)-30)
	for k, s := range allSeries(other) {
		for i := range s {
			copy(s[i], allSeries(m)[k][i][:t+1])
		}
	}
	return other
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

func mustBuild(t *testing.T, m *Market, cfg Config) *Dataset {
	t.Helper()
	d, err := Build(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sameBits compares float slices by their bits.
func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}
