package data

import (
	"cmp"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"
)

// naiveReturns are one-bar log returns [N][T], NaN where missing.
func naiveReturns(m *Market, excess bool) [][]float64 {
	r := NewSeries(len(m.Symbols), m.Bars)
	for b := 1; b < m.Bars; b++ {
		var present []int
		sum := 0.0
		for i := range m.Symbols {
			if m.Present(i, b) && m.Present(i, b-1) {
				r[i][b] = math.Log(m.Close[i][b]) - math.Log(m.Close[i][b-1])
				sum += r[i][b]
				present = append(present, i)
			}
		}
		for _, i := range present {
			if excess {
				r[i][b] -= sum / float64(len(present))
			}
		}
	}
	return r
}

// naiveCorrelation is Pearson's over the bars of the window where both are
// there, in two passes; NaN where undefined.
func naiveCorrelation(x, y []float64) float64 {
	var a, b []float64
	for t := range x {
		if !math.IsNaN(x[t]) && !math.IsNaN(y[t]) {
			a, b = append(a, x[t]), append(b, y[t])
		}
	}
	if 2*len(a) < len(x) {
		return math.NaN()
	}
	centre := func(v []float64) (squares float64) {
		mean, raw := 0.0, 0.0
		for _, e := range v {
			mean += e / float64(len(v))
			raw += e * e
		}
		for t := range v {
			v[t] -= mean
			squares += v[t] * v[t]
		}
		if squares <= 1e-10*raw {
			return math.NaN()
		}
		return squares
	}
	aa, bb, ab := centre(a), centre(b), 0.0
	for t := range a {
		ab += a[t] * b[t]
	}
	return ab / math.Sqrt(aa*bb)
}

func TestRollingCorrelationsEqualTheirDefinitionAtEveryBar(t *testing.T) {
	for _, excess := range []bool{false, true} {
		for seed, window := range []int{3, 25, 80} {
			m := randomMarket(newRand(uint64(seed)), 9, 500)
			r := naiveReturns(m, excess)
			c := newCorrelation(newReturnPanel(m, make([][]Jump, len(m.Symbols)), excess), window)
			everyone := slices.Repeat([]bool{true}, 9)
			undefined, defined := 0, 0
			for b := window; b < m.Bars; b++ {
				if b == window || b%300 == 0 {
					c.reset(b)
				} else {
					c.advance()
				}
				c.pairs(everyone, newNeighbours(9, 8, float32(math.Inf(-1))))
				for i := range 9 {
					for j := range 9 {
						if i == j {
							continue
						}
						want := naiveCorrelation(r[i][b-window+1:b+1], r[j][b-window+1:b+1])
						got := c.pair(min(i, j), max(i, j))
						if math.IsNaN(want) {
							undefined++
						} else {
							defined++
						}
						if math.IsNaN(want) != math.IsNaN(got) || math.Abs(want-got) > 1e-9 {
							t.Fatalf("window %d, excess %v, bar %d: correlation of %d and %d is %v, its definition gives %v", window, excess, b, i, j, got, want)
						}
					}
				}
			}
			if undefined == 0 || defined == 0 {
				t.Errorf("%d undefined and %d defined correlations compared; both are needed", undefined, defined)
			}
		}
	}
}

func TestCorrelationsStayExactWhenAHugeJumpHasLeftTheWindow(t *testing.T) {
	m := emptyMarket(3, 300)
	r := newRand(2)
	for i := range 3 {
		price := 100.0
		for b := range m.Bars {
			price *= math.Exp(1e-9 * r.NormFloat64())
			if b == 60 && i == 0 {
				price *= 1e4
			}
			setBar(m, i, b, price, 1)
		}
	}
	naive := naiveReturns(m, false)
	c := newCorrelation(newReturnPanel(m, make([][]Jump, len(m.Symbols)), false), 50)
	c.reset(50)
	for b := 51; b < m.Bars; b++ {
		c.advance()
		c.pairs([]bool{true, true, true}, newNeighbours(3, 2, -2))
		for j := 1; j < 3; j++ {
			want := naiveCorrelation(naive[0][b-49:b+1], naive[j][b-49:b+1])
			if got := c.pair(0, j); math.Abs(got-want) > 1e-9 {
				t.Fatalf("bar %d: correlation %v, its definition gives %v", b, got, want)
			}
		}
	}
}

func TestEachTargetHasItsHighestCorrelationsAmongPresentNodes(t *testing.T) {
	threshold := 0.15
	for name, change := range map[string]func(*Config){
		"top 1":           func(c *Config) { c.EdgeTopK = 1 },
		"top 3":           func(*Config) {},
		"more than nodes": func(c *Config) { c.EdgeTopK = 50 },
		"excess":          func(c *Config) { c.EdgeReturns = EdgeReturnsExcess },
		"threshold":       func(c *Config) { c.EdgeThreshold = &threshold },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaultConfig()
			change(&cfg)
			m := randomMarket(newRand(8), 9, 420)
			r := naiveReturns(m, cfg.EdgeReturns == EdgeReturnsExcess)
			d := mustBuild(t, m, cfg)
			negative := 0
			for s := range d.Len() {
				g, e := d.Snapshot(s), d.Edges(s)
				b := int((g.OpenTime[0] - m.Start) / m.Interval.Milliseconds())
				if err := g.Validate(); err != nil {
					t.Fatal(err)
				}
				for i := range 9 {
					var want []float64
					for j := range 9 {
						if i == j || !g.NodeMask[i] || !g.NodeMask[j] {
							continue
						}
						v := naiveCorrelation(r[i][b-cfg.GraphWindow+1:b+1], r[j][b-cfg.GraphWindow+1:b+1])
						if !math.IsNaN(v) && (cfg.EdgeThreshold == nil || v >= threshold) {
							want = append(want, v)
						}
					}
					slices.SortFunc(want, func(x, y float64) int { return cmp.Compare(y, x) })
					if cfg.EdgeThreshold == nil {
						want = want[:min(cfg.EdgeTopK, len(want))]
					}
					from, to := int(e.RowPtr[i]), int(e.RowPtr[i+1])
					if to-from != len(want) {
						t.Fatalf("bar %d: target %d has %d edges, want %d", b, i, to-from, len(want))
					}
					for k, v := range want {
						at := from + k
						attr := g.EdgeAttr[at]
						if math.Abs(float64(attr)-v) > 1e-6 || g.EdgeWeight[at] != max(attr, 0) {
							t.Fatalf("bar %d: edge %d of target %d has attribute %v and weight %v, want correlation %v", b, k, i, attr, g.EdgeWeight[at], v)
						}
						j := int(g.Sources()[at])
						direct := naiveCorrelation(r[i][b-cfg.GraphWindow+1:b+1], r[j][b-cfg.GraphWindow+1:b+1])
						if g.Targets()[at] != int64(i) || j == i || !g.NodeMask[j] || math.Abs(direct-v) > 1e-6 {
							t.Fatalf("bar %d: edge %d of target %d comes from %d with correlation %v, want one of %v", b, k, i, j, direct, v)
						}
						if attr < 0 {
							negative++
						}
					}
				}
			}
			if name == "more than nodes" && negative == 0 {
				t.Error("no negative correlation was tested")
			}
		})
	}
}

// What is known of a bar's neighbours saves work at the next; it must not
// change what comes of it, ties and nodes that come and go included.
func TestNeighboursOfTheBarBeforeDoNotChangeThoseOfThisOne(t *testing.T) {
	for seed := range uint64(6) {
		r := newRand(seed)
		m := walks(edgesSize{symbols: 24, bars: 400})
		if seed%2 == 1 { // with gaps, flat series and jumps
			m = randomMarket(r, 24, 400)
		}
		for twin := 12; twin < 24; twin += 2 { // as like as its neighbour: a tie to all others
			copy(m.Close[twin], m.Close[twin+1])
		}
		limit := []int{1, 4, 21}[seed%3]
		returns := newReturnPanel(m, make([][]Jump, len(m.Symbols)), false)
		c, afresh := newCorrelation(returns, 40), newCorrelation(returns, 40)
		near := newNeighbours(24, limit, float32(math.Inf(-1)))
		c.reset(40)
		afresh.reset(40)
		full := 0
		for b := 40; b < m.Bars; b++ {
			if b > 40 {
				c.advance()
				afresh.advance()
			}
			mask := make([]bool, 24)
			for i := range mask {
				mask[i] = r.IntN(50) > 0
			}
			c.pairs(mask, near)
			want := newNeighbours(24, limit, float32(math.Inf(-1)))
			afresh.pairs(mask, want)
			if !reflect.DeepEqual(near.edges(), want.edges()) {
				t.Fatalf("seed %d, bar %d: neighbours %v, without those of the bar before %v", seed, b, near.best, want.best)
			}
			for i, best := range near.best {
				if len(best) == limit && !math.IsNaN(c.scale[i]) {
					full++
				}
			}
		}
		if seed%2 == 0 && full < 3000 {
			t.Errorf("only %d lists were full", full)
		}
	}
}

func TestEqualCorrelationsAreRankedInNodeOrder(t *testing.T) {
	m := emptyMarket(5, 120)
	r := newRand(6)
	for b := range m.Bars {
		price := 100 + r.Float64()
		for i := range 5 {
			setBar(m, i, b, price, 1)
		}
	}
	cfg := defaultConfig()
	cfg.EdgeTopK = 2
	d := mustBuild(t, m, cfg)
	for s := range d.Len() {
		if got, want := d.Edges(s).Sources, []int32{1, 2, 0, 2, 0, 1, 0, 1, 0, 1}; !slices.Equal(got, want) {
			t.Fatalf("five equal symbols: sources of snapshot %d are %v, want %v", s, got, want)
		}
	}
}

func TestAFlatSeriesHasNoEdges(t *testing.T) {
	for name, price := range map[string]func(b int) float64{
		"constant": func(int) float64 { return 7 },
		"even":     func(b int) float64 { return 5e-5 * math.Exp(1e-4*float64(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			m := emptyMarket(3, 700)
			r := newRand(9)
			for b := range m.Bars {
				setBar(m, 0, b, price(b), 1)
				setBar(m, 1, b, 100+r.Float64(), 1)
				setBar(m, 2, b, 100+r.Float64(), 1)
			}
			d := mustBuild(t, m, defaultConfig())
			for s := range d.Len() {
				if e := d.Edges(s); !slices.Equal(e.RowPtr, []int32{0, 0, 1, 2}) || !slices.Equal(e.Sources, []int32{2, 1}) {
					t.Fatalf("snapshot %d: sources %v by %v, want only nodes 1 and 2 joined", s, e.Sources, e.RowPtr)
				}
			}
			if math.Abs(d.Density-2.0/6) > 1e-12 {
				t.Errorf("density is %v, want 2 of 6 ordered pairs", d.Density)
			}
		})
	}
}

func TestEdgesAreTheSameWhateverTheNumberOfProcessors(t *testing.T) {
	m := randomMarket(newRand(10), 9, 1500)
	cfg := defaultConfig()
	build := func(processors int) *Dataset {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		return mustBuild(t, m, cfg)
	}
	one, many := build(1), build(7)
	for s := range one.Len() {
		a, b := one.Edges(s), many.Edges(s)
		if !slices.Equal(a.RowPtr, b.RowPtr) || !slices.Equal(a.Sources, b.Sources) || !sameBits(a.Attr, b.Attr) {
			t.Fatalf("snapshot %d differs between 1 and 7 processors", s)
		}
	}
}

func TestBlocksCoverTheBarsAndBeginAtTheSameTimesWhereverTheMarketBegins(t *testing.T) {
	m := emptyMarket(1, 1000)
	for _, bar := range []int64{-301, -1, 0, 1, 255, 256, 5_000_000} {
		m.Start = bar * m.Interval.Milliseconds()
		next := 30
		for k, b := range blocks(m.Axis(), 256, 30) {
			if b.from != next || b.to <= b.from || b.to-b.from > 256 {
				t.Errorf("market from bar %d since 1970: block %d runs from %d to %d, want it to begin at %d", bar, k, b.from, b.to, next)
			}
			if k > 0 && (bar+int64(b.from))%256 != 0 {
				t.Errorf("market from bar %d since 1970: block %d begins at its bar %d, no multiple of 256 since 1970", bar, k, b.from)
			}
			next = b.to
		}
		if next != m.Bars {
			t.Errorf("market from bar %d since 1970: the blocks end at bar %d of %d", bar, next, m.Bars)
		}
	}
}

func TestBeyondTheFirstBlockEdgesDoNotDependOnWhereTheMarketBegins(t *testing.T) {
	m := randomMarket(newRand(11), 9, 1500)
	later := *m
	later.Start, later.Bars = m.OpenTime(100), m.Bars-100
	later.Optional = map[Column][][]float64{}
	for _, s := range []*[][]float64{&later.Open, &later.High, &later.Low, &later.Close, &later.Volume} {
		*s = slices.Clone(*s)
		for i := range *s {
			(*s)[i] = (*s)[i][100:]
		}
	}
	m.Optional = nil
	cfg := defaultConfig()
	a, b := mustBuild(t, m, cfg), mustBuild(t, &later, cfg)
	shift := a.Len() - b.Len()
	compared := 0
	for s := minBlock; s < b.Len(); s++ {
		g, h := a.Snapshot(s+shift), b.Snapshot(s)
		if g.OpenTime[0] != h.OpenTime[0] || !slices.Equal(g.EdgeIndex, h.EdgeIndex) || !sameBits(g.EdgeAttr, h.EdgeAttr) {
			t.Fatalf("snapshot at %s differs", stamp(time.UnixMilli(h.OpenTime[0])))
		}
		compared++
	}
	if compared < 500 {
		t.Fatalf("only %d snapshots compared", compared)
	}
}

func TestEdgesOfNoneJoinNobodyAndChangeNothingElse(t *testing.T) {
	m, c := randomMarket(newRand(31), 9, 300), defaultConfig()
	with := mustBuild(t, m, c)
	c.Edges = EdgesNone
	without := mustBuild(t, m, c)
	for s := range with.Len() {
		a, b := with.Snapshot(s), without.Snapshot(s)
		if len(a.EdgeIndex) == 0 || len(b.EdgeIndex) != 0 || len(b.EdgeWeight) != 0 || len(b.EdgeAttr) != 0 || b.EdgeAttr == nil {
			t.Fatalf("snapshot %d has %d edges, and without %d", s, len(a.EdgeWeight), len(b.EdgeWeight))
		}
		if !sameBits(a.X, b.X) || !slices.Equal(a.NodeMask, b.NodeMask) || !slices.Equal(a.Y, b.Y) || !sameBits(a.Ret, b.Ret) {
			t.Fatalf("snapshot %d differs in more than its edges", s)
		}
		if err := b.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	if without.Density != 0 {
		t.Errorf("density is %v", without.Density)
	}
}
