package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAMarketThatCannotBeUsedIsRejectedWithItsPlace(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(m *Market, c *Config)
		want   []string
	}{
		{"no symbols", func(m *Market, _ *Config) { m.Symbols = nil }, []string{"no symbols"}},
		{"a symbol twice", func(m *Market, _ *Config) { m.Symbols[4] = m.Symbols[2] }, []string{"S02USDT", "twice"}},
		{"no interval", func(m *Market, _ *Config) { m.Interval = 0 }, []string{"bars last 0s"}},
		{"a short series", func(m *Market, _ *Config) { m.Low[3] = m.Low[3][1:] }, []string{"low of S03USDT has 399 bars", "400"}},
		{"a column for fewer symbols", func(m *Market, _ *Config) { m.Optional[BidSize] = m.Optional[BidSize][:5] }, []string{"bid_size has series for 5 symbols", "9"}},
		{"a price of 0", func(m *Market, _ *Config) { m.Close[0][12] = 0 }, []string{"close of S00USDT at 2024-06-01T22:15:00Z is 0"}},
		{"an infinite price", func(m *Market, _ *Config) { m.High[0][12] = math.Inf(1) }, []string{"high of S00USDT at 2024-06-01T22:15:00Z is +Inf"}},
		{"a negative volume", func(m *Market, _ *Config) { m.Volume[0][12] = -3 }, []string{"volume of S00USDT at 2024-06-01T22:15:00Z is -3"}},
		{"a negative bid", func(m *Market, _ *Config) { m.Optional[BestBid][0][12] = -3 }, []string{"best_bid of S00USDT", "is -3"}},
		{"an infinite rate", func(m *Market, _ *Config) { m.Optional[FundingRate][0][12] = math.Inf(-1) }, []string{"funding_rate of S00USDT", "-Inf"}},
		{"half a bar", func(m *Market, _ *Config) { m.Low[0][12] = math.NaN() }, []string{"S00USDT at 2024-06-01T22:15:00Z has only some of open, high, low and close"}},
		{"a spread beyond float32", func(m *Market, _ *Config) { m.Optional[BestAsk][0][200] = 1e39 }, []string{"spread of S00USDT at 2024-06-02T13:55:00Z is 1e+39"}},
		{"takers who bought without volume", func(m *Market, _ *Config) { m.Volume[0][200], m.Optional[TakerBuyVolume][0][200] = 0, 1 }, []string{"taker_imbalance of S00USDT", "+Inf"}},
		{"too few bars", func(_ *Market, c *Config) { c.GraphWindow, c.Horizons = 380, Horizons{6} }, []string{"400 bars are too few", "GRAPH_WINDOW=380", "HORIZON=6", "at least 401"}},
		{"a wrong configuration", func(_ *Market, c *Config) { c.EdgeTopK = -1 }, []string{"EDGE_TOP_K is -1"}},
		{"an empty valid split", func(_ *Market, c *Config) { c.ValidFraction = 0.001 }, []string{"valid split is empty"}},
		{"nothing but gaps", func(m *Market, _ *Config) {
			for i := range m.Symbols {
				for b := range m.Bars {
					if b%10 != 0 {
						for _, s := range allSeries(m) {
							s[i][b] = math.NaN()
						}
					}
				}
			}
		}, []string{"no symbol has all of its features"}},
		{"no label in a split", func(m *Market, c *Config) {
			c.TrainEnd, c.ValidEnd = time.UnixMilli(m.OpenTime(200)), time.UnixMilli(m.OpenTime(202))
			for i := range m.Symbols {
				for _, s := range allSeries(m) {
					s[i][201] = math.NaN()
				}
			}
		}, []string{"valid split has no label"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := randomMarket(newRand(12), 9, 400)
			cfg := defaultConfig()
			test.change(m, &cfg)
			_, err := Build(m, cfg)
			if !errors.Is(err, ErrInput) {
				t.Fatalf("error is %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

func TestTheFewestBarsThatSufficeAreTheOnesTheMessageNames(t *testing.T) {
	cfg := defaultConfig()
	cfg.TrainFraction, cfg.ValidFraction, cfg.Horizons = 0.4, 0.4, Horizons{2}
	r := newRand(14)
	m := emptyMarket(2, 30+3+3*2)
	for b := range m.Bars {
		setBar(m, 0, b, 100+r.Float64(), 1)
		setBar(m, 1, b, 100+r.Float64(), 1)
	}
	d := mustBuild(t, m, cfg)
	if got := letters(d.Splits); got != "t..v..xll" {
		t.Errorf("splits are %s", got)
	}
	if d.Snapshot(0).OpenTime[0] != m.OpenTime(30) {
		t.Error("the first snapshot is not at the first bar with a full graph window")
	}
}

func TestSnapshotsAreViewsOfThePanels(t *testing.T) {
	d := mustBuild(t, randomMarket(newRand(14), 9, 400), defaultConfig())
	n, f := d.NumNodes(), d.NumFeatures()
	for s := range d.Len() {
		g := d.Snapshot(s)
		if &g.X[0] != &d.x[s*n*f] || &g.NodeMask[0] != &d.mask[s*n] || &g.Y[0] != &d.Targets.class[s*n] || &g.Ret[0] != &d.Targets.value[s*n] || &g.OpenTime[0] != &d.openTime[s] {
			t.Fatalf("snapshot %d copies a panel", s)
		}
		if len(g.X) != n*f || cap(g.X) != n*f || cap(g.Y) != n {
			t.Fatalf("snapshot %d has room to append into the next", s)
		}
		if &d.EvalMask(s)[0] != &g.NodeMask[0] {
			t.Fatalf("the rows of snapshot %d are not its node mask", s)
		}
	}
	if allocations := testing.AllocsPerRun(100, func() { d.Snapshot(5) }); allocations > 2 {
		t.Errorf("a snapshot makes %v allocations; edge_index and edge_weight are two", allocations)
	}
}

func TestBarsAtWhichNobodyIsPresentAreNoSnapshots(t *testing.T) {
	// Without MAX_GAP log_return_1, _4, _12 and _24 each need the missing bar once.
	t.Run("MAX_GAP=0", func(t *testing.T) { compareWithoutBar300(t, 0, []int{300, 301, 304, 312, 324}) })
	t.Run("MAX_GAP=7", func(t *testing.T) { compareWithoutBar300(t, 7, []int{300}) })
}

func compareWithoutBar300(t *testing.T, maxGap int, gone []int) {
	m := randomMarket(newRand(15), 9, 500)
	cfg := defaultConfig()
	cfg.MaxGap = maxGap
	whole := mustBuild(t, m, cfg)
	for _, s := range allSeries(m) {
		for i := range s {
			s[i][300] = math.NaN()
		}
	}
	d := mustBuild(t, m, cfg)
	if d.Len() != whole.Len()-len(gone) {
		t.Fatalf("%d snapshots, want %d less %d", d.Len(), whole.Len(), len(gone))
	}
	at := 0
	for s := range d.Len() {
		for slices.Contains(gone, at+cfg.GraphWindow) {
			at++
		}
		g := d.Snapshot(s)
		if g.OpenTime[0] != m.OpenTime(at+cfg.GraphWindow) {
			t.Fatalf("snapshot %d is of %s", s, stamp(time.UnixMilli(g.OpenTime[0])))
		}
		if at+cfg.GraphWindow < 300 {
			old := whole.Snapshot(at)
			if !sameBits(g.X, old.X) || !slices.Equal(g.EdgeIndex, old.EdgeIndex) {
				t.Fatalf("snapshot %d changed", s)
			}
		} else if i := slices.Index(g.NodeMask, true); i < 0 || !m.Present(i, at+cfg.GraphWindow) || sameBits(g.X, make([]float32, len(g.X))) {
			t.Fatalf("snapshot %d holds another bar's rows", s)
		}
		at++
	}
}

func TestNormalisationIsFittedOnPresentTrainingRows(t *testing.T) {
	m := randomMarket(newRand(16), 9, 400)
	for _, s := range m.Optional[FundingRate] {
		for b := range s {
			s[b] = 0.3
			if b%2 == 0 {
				s[b] = float64(math.Nextafter32(0.3, 1)) // rounding is no variation
			}
		}
	}
	d := mustBuild(t, m, defaultConfig())
	for j, name := range d.Features {
		var values []float64
		for s, split := range d.Splits {
			g := d.Snapshot(s)
			for i, ok := range g.NodeMask {
				if ok && split == Train {
					values = append(values, float64(g.X[i*d.NumFeatures()+j]))
				}
			}
		}
		slices.Sort(values)
		low, high := naiveLimits(values)
		if math.Abs(low-float64(d.Low[j])) > 1e-6*math.Abs(low) || math.Abs(high-float64(d.High[j])) > 1e-6*math.Abs(high) {
			t.Errorf("%s: clipped to %v and %v, want %v and %v", name, d.Low[j], d.High[j], low, high)
		}
		for i, v := range values {
			values[i] = min(max(v, float64(d.Low[j])), float64(d.High[j]))
		}
		mean, squares := 0.0, 0.0
		for _, v := range values {
			mean += v / float64(len(values))
		}
		for _, v := range values {
			squares += (v - mean) * (v - mean) / float64(len(values))
		}
		want := math.Sqrt(squares)
		if name == "funding_rate" || name == "high_low_range" { // the test's bars all have one range
			want = 1
		}
		if math.Abs(float64(d.Mean[j])-mean) > 1e-6*max(1e-3, math.Abs(mean)) || math.Abs(float64(d.Std[j])-want) > 1e-6*want {
			t.Errorf("%s: mean %v and deviation %v, want %v and %v", name, d.Mean[j], d.Std[j], mean, want)
		}
	}
}

// naiveLimits are the limits of sorted values by their definition.
func naiveLimits(sorted []float64) (low, high float64) {
	at := func(share float64) float64 { return sorted[max(int(math.Ceil(share*float64(len(sorted))))-1, 0)] }
	low, high = at(0.005), at(0.995)
	if span := 5 * (at(0.75) - at(0.25)); span > 0 {
		low = max(low, min(at(0.05), float64(float32(at(0.25)-span))))
		high = min(high, max(at(0.95), float64(float32(at(0.75)+span))))
	}
	return low, high
}
