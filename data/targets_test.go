package data

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/pyg"
)

func TestADirectionIsFlatWithinTheDeadZone(t *testing.T) {
	for _, test := range []struct {
		name       string
		future     float64 // ln of the close after the horizon
		horizon    int
		volatility float64
		class      int64
		ret        float64
	}{
		{"above", 0.0031, 1, 0.01, Up, 0.0031},
		{"just within", 0.0029, 1, 0.01, Flat, 0.0029},
		{"below", -0.0031, 1, 0.01, Down, -0.0031},
		{"just within below", -0.0029, 1, 0.01, Flat, -0.0029},
		{"a longer horizon widens the zone by its root", 0.0059, 4, 0.01, Flat, 0.0059},
		{"and no more", 0.0061, 4, 0.01, Up, 0.0061},
		{"no volatility, a move", 1e-9, 1, 0, Up, 1e-9},
		{"no volatility, no move", 0, 1, 0, Flat, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			logs := make([]float64, 12)
			logs[5+test.horizon] = test.future
			ret := forwardReturn(logs, 5, test.horizon)
			class := direction(ret, test.horizon, test.volatility)
			if class != test.class || ret != test.ret {
				t.Errorf("class %d and return %v, want %d and %v", class, ret, test.class, test.ret)
			}
		})
	}
}

func TestTheNewestSnapshotsAreLiveAndUnlabelled(t *testing.T) {
	cfg := defaultConfig()
	cfg.Horizons = Horizons{7}
	m := randomMarket(newRand(5), 9, 400)
	d := mustBuild(t, m, cfg)
	labels := map[int64]int{}
	for s, part := range d.Splits {
		g := d.Snapshot(s)
		bar := int((g.OpenTime[0] - m.Start) / m.Interval.Milliseconds())
		if live := bar+7 >= m.Bars; live != (part == Live) {
			t.Fatalf("the snapshot of bar %d of %d is %s", bar, m.Bars, part)
		}
		for i, class := range g.Y {
			labels[class]++
			known := bar+7 < m.Bars && m.Present(i, bar+7) && g.NodeMask[i]
			if known != (class != pyg.Unlabelled) {
				t.Fatalf("bar %d, symbol %d: class %d", bar, i, class)
			}
			want := 0.0
			if known {
				want = math.Log(m.Close[i][bar+7] / m.Close[i][bar])
			}
			if math.Abs(float64(g.Ret[i])-want) > 1e-6 {
				t.Fatalf("bar %d, symbol %d: return %v, want %v", bar, i, g.Ret[i], want)
			}
		}
	}
	if d.Splits[d.Len()-1] != Live || len(labels) != 4 {
		t.Errorf("the last part is %s and the classes are %v", d.Splits[d.Len()-1], labels)
	}
}

// The return of each target, by its definition alone.
func returnOf(m *Market, target string, i, bar, horizon int) float64 {
	price := func(b int) float64 {
		switch {
		case b >= m.Bars:
			return math.NaN()
		case target == TargetMid:
			return (m.Optional[BestBid][i][b] + m.Optional[BestAsk][i][b]) / 2
		case target == TargetOpen:
			return m.Open[i][b]
		}
		return m.Close[i][b]
	}
	if target == TargetOpen {
		bar++
	}
	return math.Log(price(bar+horizon) / price(bar))
}

func TestReturnsAreThoseBetweenThePricesOfTheTargetAtEachHorizon(t *testing.T) {
	for _, target := range []string{TargetOpen, TargetClose, TargetMid} {
		t.Run(target, func(t *testing.T) {
			cfg := defaultConfig()
			cfg.Target, cfg.Horizons = target, Horizons{6, 1, 12}
			m := randomMarket(newRand(8), 9, 500)
			r := newRand(9)
			for i := range m.Symbols { // opens of their own
				for bar := range m.Bars {
					m.Open[i][bar] *= 1 + 1e-3*r.Float64()
				}
			}
			d := mustBuild(t, m, cfg)
			known := 0
			for s := range d.Len() {
				class, ret := d.Targets.At(s)
				bar := int((d.openTime[s] - m.Start) / m.Interval.Milliseconds())
				for i := range m.Symbols {
					for h, horizon := range cfg.Horizons {
						want, at := returnOf(m, target, i, bar, horizon), i*3+h
						if !d.Mask(s)[i] || math.IsNaN(want) {
							if class[at] != pyg.Unlabelled || ret[at] != 0 {
								t.Fatalf("bar %d, symbol %d, horizon %d: class %d and return %v, want none", bar, i, horizon, class[at], ret[at])
							}
							continue
						}
						known++
						if math.Abs(float64(ret[at])-want) > 1e-6 || class[at] == pyg.Unlabelled {
							t.Fatalf("bar %d, symbol %d, horizon %d: class %d and return %v, want %v", bar, i, horizon, class[at], ret[at], want)
						}
					}
				}
			}
			if known < d.Len()*3 {
				t.Errorf("only %d returns were compared", known)
			}
		})
	}
}

func TestAShortHorizonTestsWhereALongOneIsStillLive(t *testing.T) {
	cfg := defaultConfig()
	cfg.Target, cfg.Horizons = TargetOpen, Horizons{6, 1}
	m := randomMarket(newRand(10), 9, 400)
	d := mustBuild(t, m, cfg)
	for s, split := range d.Splits {
		bar := int((d.openTime[s] - m.Start) / m.Interval.Milliseconds())
		if d.SplitAt(s, 0) != split {
			t.Fatalf("bar %d is %s at the first horizon, and the snapshot %s", bar, d.SplitAt(s, 0), split)
		}
		for h, horizon := range cfg.Horizons {
			// The newest horizon+1 bars: the return ends at the open of the bar after.
			if live := bar+1+horizon >= m.Bars; live != (d.SplitAt(s, h) == Live) {
				t.Errorf("bar %d of %d at horizon %d is %s", bar, m.Bars, horizon, d.SplitAt(s, h))
			}
		}
	}
	if got := letters(d.Splits); !strings.HasSuffix(got, "xlllllll") || !strings.Contains(got, "t.......v") {
		t.Errorf("splits are %s: want 7 live ones and gaps of 7", got)
	}
}

func TestMidPricesNeedOrderBooks(t *testing.T) {
	cfg := defaultConfig()
	cfg.Target = TargetMid
	m := randomMarket(newRand(11), 9, 400)
	delete(m.Optional, BestBid)
	if _, err := Build(m, cfg); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "TARGET=mid needs best_bid and best_ask") {
		t.Errorf("got %v", err)
	}
}

func TestHorizonsAreReadAndWrittenAsAList(t *testing.T) {
	var h Horizons
	if err := h.UnmarshalText([]byte("1, 6,12")); err != nil || h.String() != "1,6,12" {
		t.Errorf("%v, %v", h, err)
	}
	for _, wrong := range []string{"", "1,", "a", "1;2", "1.5"} {
		if err := h.UnmarshalText([]byte(wrong)); err == nil {
			t.Errorf("%q is read as %v", wrong, h)
		}
	}
}
