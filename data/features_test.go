package data

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// naiveFeatures computes each feature of symbol i at bar t from its definition,
// on lists of the values that are there.
func naiveFeatures(m *Market, i, t, maxGap int) map[string]float64 {
	c := m.Close[i]
	last := func(b int) float64 {
		for age := range maxGap + 1 {
			if b-age >= 0 && !math.IsNaN(c[b-age]) {
				return c[b-age]
			}
		}
		return math.NaN()
	}
	at := func(k int) float64 {
		if t-k < 0 {
			return math.NaN()
		}
		return math.Log(c[t] / last(t-k))
	}
	known := func(from int, value func(b int) float64) (list []float64) {
		for b := max(from, 0); b <= t; b++ {
			if v := value(b); !math.IsNaN(v) {
				list = append(list, v)
			}
		}
		return list
	}
	sum := func(list []float64) (s float64) {
		for _, v := range list {
			s += v
		}
		return s
	}
	change := func(b int) float64 {
		if b == 0 {
			return math.NaN()
		}
		return c[b] - last(b-1)
	}
	f := map[string]float64{
		"log_return_1": at(1), "log_return_4": at(4), "log_return_12": at(12), "log_return_24": at(24),
		"volatility_24": math.NaN(), "rsi_14": math.NaN(), "volume_ratio": math.NaN(),
		"spread":         m.Optional[BestAsk][i][t] - m.Optional[BestBid][i][t],
		"funding_rate":   m.Optional[FundingRate][i][t],
		"high_low_range": math.Log(m.High[i][t]) - math.Log(m.Low[i][t]),
	}
	if r := known(t-23, func(b int) float64 {
		if b == 0 {
			return math.NaN()
		}
		return math.Log(c[b] / last(b-1))
	}); len(r) >= 12 {
		mean, squares := sum(r)/float64(len(r)), 0.0
		for _, v := range r {
			squares += math.Pow(v-mean, 2)
		}
		f["volatility_24"] = math.Sqrt(squares / float64(len(r)-1))
	}
	gain := known(t-13, func(b int) float64 { return max(change(b), 0) })
	loss := known(t-13, func(b int) float64 { return max(-change(b), 0) })
	if len(gain) >= 7 {
		f["rsi_14"] = 50
		if g, l := sum(gain)/float64(len(gain)), sum(loss)/float64(len(loss)); l > 0 {
			f["rsi_14"] = 100 - 100/(1+g/l)
		} else if g > 0 {
			f["rsi_14"] = 100
		}
	}
	if v := known(t-23, func(b int) float64 { return m.Volume[i][b] }); len(v) >= 12 {
		f["volume_ratio"] = 1
		if s := sum(v); s > 0 {
			f["volume_ratio"] = m.Volume[i][t] * float64(len(v)) / s
		}
	}
	bid, ask := m.Optional[BidSize][i][t], m.Optional[AskSize][i][t]
	f["order_book_imbalance"] = (bid - ask) / (bid + ask)
	if bid+ask == 0 {
		f["order_book_imbalance"] = 0
	}
	f["taker_imbalance"] = 2*m.Optional[TakerBuyVolume][i][t]/m.Volume[i][t] - 1
	if m.Volume[i][t] == 0 {
		f["taker_imbalance"] = 0
	}
	closing := time.UnixMilli(m.OpenTime(t)).UTC().Add(m.Interval)
	angle := closing.Sub(closing.Truncate(24*time.Hour)).Hours() / 24 * 2 * math.Pi
	f["time_of_day_sin"], f["time_of_day_cos"] = math.Sin(angle), math.Cos(angle)
	return f
}

func TestFeaturesEqualTheirDefinitionsOnAMarketWithGaps(t *testing.T) {
	for _, maxGap := range []int{0, 2, 7} {
		t.Run(fmt.Sprintf("MAX_GAP=%d", maxGap), func(t *testing.T) { compareWithDefinitions(t, maxGap) })
	}
}

func compareWithDefinitions(t *testing.T, maxGap int) {
	m := randomMarket(newRand(1), 9, 400)
	c := defaultConfig()
	c.MaxGap = maxGap
	d := mustBuild(t, m, c)
	want := []string{
		"log_return_1", "log_return_4", "log_return_12", "log_return_24", "volatility_24", "rsi_14", "volume_ratio",
		"spread", "order_book_imbalance", "funding_rate", "high_low_range", "taker_imbalance", "time_of_day_sin", "time_of_day_cos",
	}
	if !slices.Equal(d.Features, want) || len(d.Dropped) != 0 {
		t.Fatalf("features are %v, left out %v", d.Features, d.Dropped)
	}
	masked, present := 0, 0
	for s := range d.Len() {
		g := d.Snapshot(s)
		bar := int((g.OpenTime[0] - m.Start) / m.Interval.Milliseconds())
		for i := range m.Symbols {
			naive := naiveFeatures(m, i, bar, maxGap)
			complete := m.Present(i, bar)
			for _, v := range naive {
				complete = complete && !math.IsNaN(v)
			}
			if g.NodeMask[i] != complete {
				t.Fatalf("bar %d, symbol %d: mask is %v, the definitions give %v", bar, i, g.NodeMask[i], naive)
			}
			for j, name := range d.Features {
				got := float64(g.X[i*len(d.Features)+j])
				if !complete {
					masked++
					if got != 0 {
						t.Fatalf("bar %d, symbol %d: %s is %v at a masked node", bar, i, name, got)
					}
					continue
				}
				present++
				if math.Abs(got-naive[name]) > 1e-6*max(1, math.Abs(naive[name])) {
					t.Errorf("bar %d, symbol %d: %s is %v, its definition gives %v", bar, i, name, got, naive[name])
				}
			}
		}
	}
	if masked == 0 || present == 0 {
		t.Fatalf("%d values at masked and %d at present nodes compared; both are needed", masked, present)
	}
}

func TestAFlatStretchAfterAJumpShowsNoMovement(t *testing.T) {
	closes := make([]float64, 80)
	for b := range closes {
		closes[b] = 0.1 + 1e-7*float64(b%3)
		if b >= 20 {
			closes[b] = 1e6
		}
	}
	rsi, deviation, r := make([]float64, 80), make([]float64, 80), make([]float64, 80)
	logs := make([]float64, 80)
	for b, c := range closes {
		logs[b] = math.Log(c)
	}
	logReturn(r, logs, logs, 1)
	cutlerRSI(rsi, closes, closes, 14, 7)
	rollingDeviation(deviation, r, 24, 12)
	if rsi[70] != 50 || deviation[70] != 0 {
		t.Errorf("50 bars after a jump rsi_14 is %v and volatility_24 %v; nothing moved", rsi[70], deviation[70])
	}
}

func TestAFeatureThatTheMarketCannotFillIsDroppedWithTheSymbolAndItsShare(t *testing.T) {
	removeShare := func(m *Market, c Column, i int, share float64) {
		present := 0
		for b := range m.Bars {
			if m.Present(i, b) {
				present++
				if float64(present%100) < 100*share {
					m.Optional[c][i][b] = math.NaN()
				}
			}
		}
	}
	for _, test := range []struct {
		name    string
		change  func(m *Market)
		leftOut []string
		reasons []string
		lacking []string
	}{
		{"nothing is missing", func(*Market) {}, nil, nil, nil},
		{
			"a column is absent", func(m *Market) { delete(m.Optional, FundingRate) },
			[]string{"funding_rate"},
			[]string{"S00USDT has funding_rate on 0.0 % of its bars"},
			nil,
		},
		{
			"one symbol lacks a fifth", func(m *Market) { removeShare(m, BestAsk, 3, 0.2) },
			[]string{"spread"},
			[]string{"S03USDT has best_bid and best_ask on 79.5 % of its bars"},
			[]string{"S03USDT"},
		},
		{"most symbols lack it", func(m *Market) {
			for i := range 5 {
				removeShare(m, FundingRate, i, 1)
			}
		}, []string{"funding_rate"}, []string{"S00USDT has funding_rate on 0.0 % of its bars"}, nil},
		{"one symbol lacks a twentieth", func(m *Market) { removeShare(m, BestAsk, 3, 0.05) }, nil, nil, nil},
		{
			"bars last a day", func(m *Market) { m.Interval = 24 * time.Hour },
			[]string{"time_of_day_sin", "time_of_day_cos"},
			[]string{"24h0m0s", "24h0m0s"},
			nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := randomMarket(newRand(3), 9, 400)
			test.change(m)
			d := mustBuild(t, m, defaultConfig())
			if len(d.Dropped) != len(test.leftOut) {
				t.Fatalf("left out %v, want %v", d.Dropped, test.leftOut)
			}
			for k, out := range d.Dropped {
				if out.Name != test.leftOut[k] || !strings.Contains(out.Reason, test.reasons[k]) || slices.Contains(d.Features, out.Name) {
					t.Errorf("left out %v, want %s because %q", out, test.leftOut[k], test.reasons[k])
				}
				if !slices.Equal(out.Lacking, test.lacking) {
					t.Errorf("%s is said to lack for %v, want %v", out.Name, out.Lacking, test.lacking)
				}
			}
			if len(d.Features)+len(d.Dropped) != 14 {
				t.Errorf("%d features kept and %d left out", len(d.Features), len(d.Dropped))
			}
		})
	}
}

func TestARowThatLacksAKeptOptionalValueIsMasked(t *testing.T) {
	m := randomMarket(newRand(4), 9, 400)
	bar := 200
	if !m.Present(0, bar) {
		t.Fatal("symbol 0 has every bar")
	}
	at := bar - 30 // snapshots begin at bar 30
	if d := mustBuild(t, m, defaultConfig()); !d.Snapshot(at).NodeMask[0] {
		t.Fatal("symbol 0 is masked before the value is taken away")
	}
	m.Optional[FundingRate][0][bar] = math.NaN()
	d := mustBuild(t, m, defaultConfig())
	g := d.Snapshot(at)
	if g.OpenTime[0] != m.OpenTime(bar) || g.NodeMask[0] || g.Y[0] != -100 || g.Ret[0] != 0 {
		t.Errorf("a node without its funding rate has mask %v, label %d and return %v", g.NodeMask[0], g.Y[0], g.Ret[0])
	}
	for k, source := range g.Sources() {
		if source == 0 || g.Targets()[k] == 0 {
			t.Errorf("edge %d joins the masked node", k)
		}
	}
}
