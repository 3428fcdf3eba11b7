package data

import (
	"math"
	"slices"
	"testing"
)

// rescale gives symbol i another unit from bar on: prices times factor.
func rescale(m *Market, i, bar int, factor float64) {
	for _, prices := range [][][]float64{m.Open, m.High, m.Low, m.Close, m.Optional[BestBid], m.Optional[BestAsk]} {
		if prices == nil {
			continue
		}
		for t := bar; t < m.Bars; t++ {
			prices[i][t] *= factor
		}
	}
}

// walk is a market of n symbols whose bars all are there and open at the close
// before. Its one-bar returns have a deviation of 0.1 %.
func walk(seed uint64, n, bars int) *Market {
	r := newRand(seed)
	m := emptyMarket(n, bars)
	for i := range n {
		price := 100 * math.Exp(r.NormFloat64())
		for t := range bars {
			open := price
			price *= math.Exp(1e-3 * r.NormFloat64())
			m.Open[i][t], m.Close[i][t], m.Volume[i][t] = open, price, 1+r.ExpFloat64()
			m.High[i][t], m.Low[i][t] = max(open, price)*1.0002, min(open, price)*0.9998
		}
	}
	return m
}

// wilder multiplies the returns of all bars.
func wilder(m *Market, times float64) {
	for i := range m.Symbols {
		first := m.Close[i][0]
		for _, s := range [][][]float64{m.Open, m.High, m.Low, m.Close} {
			for t, v := range s[i] {
				s[i][t] = first * math.Pow(v/first, times)
			}
		}
	}
}

func TestAChangeOfAPriceUnitIsFoundWithBarAndRatio(t *testing.T) {
	for _, test := range []struct {
		name   string
		factor float64
		change func(m *Market)
	}{
		{"1000 for 1", 1000, func(*Market) {}},
		{"1 for 1000", 0.001, func(*Market) {}},
		{"a split of 2 to 1", 0.5, func(*Market) {}},
		{"a split of 3 to 2", 2.0 / 3, func(*Market) {}},
		{"a split of 5 to 4", 0.8, func(*Market) {}},
		{"a split of 2 to 1 among daily bars", 0.5, func(m *Market) { wilder(m, 30) }},
		{"a split of 3 to 2 among daily bars", 2.0 / 3, func(m *Market) { wilder(m, 30) }},
		{"1.45 for 1 among daily bars", 1.45, func(m *Market) { wilder(m, 30) }},
		{"1000 for 1 among daily bars", 1000, func(m *Market) { wilder(m, 30) }},
		{"a reverse split of 1 to 8", 8, func(*Market) {}},
		{"after a gap", 100, func(m *Market) {
			for _, s := range allSeries(m) {
				for t := 190; t < 200; t++ {
					s[1][t] = math.NaN()
				}
			}
		}},
		{"of all symbols", 1000, func(m *Market) { rescale(m, 0, 200, 1000); rescale(m, 2, 200, 1000) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := walk(1, 3, 400)
			test.change(m)
			rescale(m, 1, 200, test.factor)
			found := m.jumps(lookback)
			if len(found[1]) != 1 || found[1][0].bar != 200 || !slices.Equal(found[1][0].opens, []int{200}) || math.Abs(found[1][0].Ratio/test.factor-1) > 0.15 {
				t.Fatalf("found %+v, want one at bar 200 of %v", found[1], test.factor)
			}
			if got := found[1][0]; got.Symbol != m.Symbols[1] || got.OpenTime != m.OpenTime(200) {
				t.Errorf("found %+v", got)
			}
		})
	}
}

func TestAMoveThatAMarketCanMakeIsNoJump(t *testing.T) {
	for name, change := range map[string]func(m *Market){
		"a crash of 40 % within a bar": func(m *Market) {
			rescale(m, 1, 200, 0.6)
			m.Open[1][200], m.High[1][200] = m.Close[1][199], m.Close[1][199]
		},
		"a crash of 40 % of all symbols": func(m *Market) {
			for i := range m.Symbols {
				rescale(m, i, 200, 0.6)
			}
		},
		"a gap of 15 %": func(m *Market) { rescale(m, 1, 200, 0.85) },
		"a gap of 30 % in daily bars": func(m *Market) {
			wilder(m, 40)
			rescale(m, 1, 200, 0.7)
		},
		"a crash of 85 % within a bar": func(m *Market) {
			rescale(m, 1, 200, 0.15)
			m.Open[1][200], m.High[1][200] = m.Close[1][199], m.Close[1][199]
		},
		"a price after a week": func(m *Market) {
			rescale(m, 1, 200, 3)
			for _, s := range allSeries(m) {
				for t := 150; t < 200; t++ {
					s[1][t] = math.NaN()
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := walk(2, 3, 400)
			change(m)
			if found := slices.Concat(m.jumps(lookback)...); len(found) > 0 {
				t.Errorf("found %+v", found)
			}
		})
	}
}

func TestAJumpLeavesNothingBehindItsWindows(t *testing.T) {
	c := defaultConfig()
	for _, target := range []string{TargetOpen, TargetClose} {
		c.Target, c.Horizons = target, Horizons{1, 5}
		whole, m := mustBuild(t, walk(3, 4, 500), c), walk(3, 4, 500)
		const bar = 200
		rescale(m, 1, bar, 1000)
		d := mustBuild(t, m, c)
		first := int(c.firstBar())
		for s := range d.Len() {
			at := first + s
			a, b := whole.Snapshot(s), d.Snapshot(s)
			masked := at >= bar && at < bar+lookback
			if b.NodeMask[1] == masked {
				t.Fatalf("%s: bar %d: node mask is %v", target, at, b.NodeMask[1])
			}
			for i := range d.Symbols {
				if i == 1 && masked {
					continue
				}
				for j := range d.Features {
					x, y := a.X[i*len(d.Features)+j], b.X[i*len(d.Features)+j]
					if math.Abs(float64(x-y)) > 1e-6*max(1, math.Abs(float64(x))) {
						t.Fatalf("%s: bar %d: %s of %s is %v, and %v without the jump", target, at, d.Features[j], d.Symbols[i], y, x)
					}
				}
				for h, horizon := range c.Horizons {
					k := i*len(c.Horizons) + h
					from := at + c.delay()
					if i == 1 && from < bar && bar <= from+horizon {
						if b.Y[k] >= 0 || b.Ret[k] != 0 {
							t.Fatalf("%s: bar %d: a return over the jump is %v, class %d", target, at, b.Ret[k], b.Y[k])
						}
					} else if a.Y[k] != b.Y[k] || math.Abs(float64(a.Ret[k]-b.Ret[k])) > 1e-6 {
						t.Fatalf("%s: bar %d: return %v and class %d, without the jump %v and %d", target, at, b.Ret[k], b.Y[k], a.Ret[k], a.Y[k])
					}
				}
			}
			// One return of GRAPH_WINDOW is missing, so a correlation moves a little.
			for k, v := range b.EdgeAttr {
				if math.Abs(float64(v)) > 0.8 {
					t.Fatalf("%s: bar %d: edge %d has correlation %v", target, at, k, v)
				}
			}
		}
		if !slices.ContainsFunc(d.Jumps, func(j Jump) bool { return j.Symbol == d.Symbols[1] && j.OpenTime == m.OpenTime(bar) }) {
			t.Errorf("%s: the panel names %+v", target, d.Jumps)
		}
	}
}

func TestAnOpenAtTheOldPriceEndsItsReturnABarLater(t *testing.T) {
	m := walk(4, 3, 400)
	rescale(m, 1, 200, 100)
	m.Open[1][200] /= 100 // the bar itself goes from the old price to the new
	m.Low[1][200] /= 100
	c := defaultConfig()
	c.Target = TargetOpen
	y, err := NewTargets(m, c.TargetConfig, c.MaxGap)
	if err != nil {
		t.Fatal(err)
	}
	for bar := 190; bar < 210; bar++ {
		class, value := y.At(bar)
		if spans := bar == 199; (class[1] < 0) != spans || math.Abs(float64(value[1])) > 0.1 {
			t.Errorf("bar %d: class %d and return %v", bar, class[1], value[1])
		}
	}
}

// The market is small: one bar of 370 is in the windows of 3 % of its training
// rows. Without limits the deviations grow by up to 2000 times.
func TestNoBarOfOneSymbolChangesTheScaleOfAll(t *testing.T) {
	c := defaultConfig()
	for _, factor := range []float64{1e-6, 0.5, 1.3, 3, 4.9, 1e6} {
		for _, volume := range []float64{1, 1e9} {
			whole, m := mustBuild(t, walk(5, 4, 400), c), walk(5, 4, 400)
			const bar = 120 // of the training split
			for _, s := range [][][]float64{m.Open, m.High, m.Low, m.Close} {
				s[1][bar] *= factor
			}
			m.Volume[1][bar] *= volume
			d := mustBuild(t, m, c)
			for j, name := range d.Features {
				ratio := float64(d.Std[j] / whole.Std[j])
				shift := math.Abs(float64(d.Mean[j]-whole.Mean[j])) / float64(whole.Std[j])
				if ratio < 0.8 || ratio > 2 || shift > 0.35 {
					t.Errorf("price times %v and volume times %v at one bar: the deviation of %s is %.3f times what it was, its mean %.3f deviations off", factor, volume, name, ratio, shift)
				}
			}
		}
	}
}

func TestQuantilesAreThoseOfTheSortedValues(t *testing.T) {
	r := newRand(6)
	shares := []float64{0, 0.005, 0.05, 0.25, 0.5, 0.75, 0.95, 0.995, 1}
	for _, n := range []int{1, 2, 3, 10, 999, 5000} {
		for _, draw := range []func() float64{
			r.NormFloat64,
			func() float64 { return math.Exp(20 * r.NormFloat64()) },
			func() float64 { return float64(r.IntN(3) - 1) },
			func() float64 { return math.Copysign(0, r.NormFloat64()) },
		} {
			values, keys := make([]float32, n), make([]uint32, n)
			for k := range values {
				values[k] = float32(draw())
				keys[k] = orderedKey(values[k])
			}
			slices.Sort(values)
			for k, got := range quantiles(keys, shares...) {
				if want := values[min(max(int(math.Ceil(shares[k]*float64(n)))-1, 0), n-1)]; got != want {
					t.Fatalf("of %d values the quantile %v is %v, want %v", n, shares[k], got, want)
				}
			}
		}
	}
}

func TestAWrongOpenIsNoReturn(t *testing.T) {
	for _, factor := range []float64{1000, 1e-3} {
		m := walk(8, 3, 400)
		m.Open[1][200] *= factor
		m.High[1][200], m.Low[1][200] = max(m.High[1][200], m.Open[1][200]), min(m.Low[1][200], m.Open[1][200])
		c := defaultConfig()
		c.Target, c.Horizons = TargetOpen, Horizons{1, 4}
		y, err := NewTargets(m, c.TargetConfig, c.MaxGap)
		if err != nil {
			t.Fatal(err)
		}
		for bar := 190; bar < 210; bar++ {
			class, value := y.At(bar)
			for h, horizon := range c.Horizons {
				from := bar + 1
				spans := from <= 200 && from+horizon >= 200
				if k := 2 + h; (class[k] < 0) != spans || math.Abs(float64(value[k])) > 0.1 {
					t.Errorf("bar %d, horizon %d: class %d and return %v", bar, horizon, class[k], value[k])
				}
			}
		}
		if found := m.jumps(lookback)[1]; len(found) != 1 || math.Abs(found[0].Ratio/factor-1) > 0.1 {
			t.Errorf("found %+v", found)
		}
	}
}
