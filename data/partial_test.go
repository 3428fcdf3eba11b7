package data

import (
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
)

// joinedBy is a configuration with these edges, recomputed often enough for small
// markets.
func joinedBy(list string) Config {
	c := defaultConfig()
	c.Edges, c.EdgeRidge, c.EdgeEvery = list, 0.2, 12
	return c
}

// fullMarket is m without the symbols that lack bars, or that do not move.
func fullMarket(seed uint64, n, bars int) *Market {
	m, r := emptyMarket(n, bars), newRand(seed)
	logs := make([]float64, n)
	for t := range bars {
		common := r.NormFloat64()
		for i := range n {
			logs[i] += 1e-3 * (0.2*float64(i)*common + r.NormFloat64())
			setBar(m, i, t, math.Exp(logs[i]), math.Exp(r.NormFloat64()))
		}
	}
	return m
}

// regression is B_i: the coefficients of the ridge regression of z_i on the others.
func regression(z [][]float64, i int, ridge float64) []float64 {
	n, bars := len(z), len(z[0])
	units := make([][]float64, n)
	for k := range z {
		mean, squares := 0.0, 0.0
		for _, v := range z[k] {
			mean += v / float64(bars)
		}
		units[k] = make([]float64, bars)
		for b, v := range z[k] {
			units[k][b] = v - mean
			squares += units[k][b] * units[k][b]
		}
		for b := range units[k] {
			units[k][b] /= math.Sqrt(squares)
		}
	}
	x := mat.NewDense(bars+n-1, n-1, nil)
	y := mat.NewVecDense(bars+n-1, nil)
	for b := range bars {
		y.SetVec(b, units[i][b])
	}
	column := 0
	for j := range n {
		if j == i {
			continue
		}
		for b := range bars {
			x.Set(b, column, units[j][b])
		}
		x.Set(bars+column, column, math.Sqrt(ridge))
		column++
	}
	var beta mat.VecDense
	if err := beta.SolveVec(x, y); err != nil {
		panic(err)
	}
	return beta.RawVector().Data
}

func TestPartialEdgesAreTheCoefficientsOfARidgeRegressionOnAllOthers(t *testing.T) {
	m := fullMarket(41, 7, 400)
	c := joinedBy(EdgesPartial)
	d := mustBuild(t, m, c)
	sigma := m.volatilities(c.MaxGap, m.jumps(lookback))
	for s, bar := range d.Bars() {
		at := bar - int((m.OpenTime(bar)/m.Interval.Milliseconds())%12) // of the recomputation
		z := NewSeries(7, c.GraphWindow)
		for i := range z {
			for k := range z[i] {
				b := at - c.GraphWindow + 1 + k
				z[i][k] = min(max(math.Log(m.Close[i][b]/m.Close[i][b-1])/sigma[i][b], -6), 6)
			}
		}
		e := d.Edges(s)
		for i := range 7 {
			want := regression(z, i, c.EdgeRidge)
			got := e.Attr[e.RowPtr[i]:e.RowPtr[i+1]]
			if len(got) != 6 || slices.Contains(e.Sources[e.RowPtr[i]:e.RowPtr[i+1]], int32(i)) {
				t.Fatalf("bar %d: node %d has the sources %v", bar, i, e.Sources[e.RowPtr[i]:e.RowPtr[i+1]])
			}
			for k := range want {
				if math.Abs(want[k]-float64(got[k])) > 1e-6 || e.Weight[int(e.RowPtr[i])+k] != got[k] {
					t.Fatalf("bar %d: coefficients of node %d are %v, want %v", bar, i, got, want)
				}
			}
		}
	}
	if !slices.ContainsFunc(d.Edges(0).Weight, func(v float32) bool { return v < 0 }) {
		t.Error("no weight is negative")
	}
	all := d.Edges(0)
	c.EdgeTopK, c.EdgeTopKGiven = 2, true
	few := mustBuild(t, m, c).Edges(0)
	for i := range 7 {
		row := slices.Clone(all.Attr[all.RowPtr[i]:all.RowPtr[i+1]])
		slices.SortFunc(row, func(a, b float32) int { return compareDescending(max(a, -a), max(b, -b)) })
		if got := few.Attr[few.RowPtr[i]:few.RowPtr[i+1]]; !slices.Equal(got, row[:2]) {
			t.Errorf("the two largest of node %d are %v, want %v", i, got, row[:2])
		}
	}
}

func TestLeadLagEdgesCorrelateWithTheReturnOfTheBarBefore(t *testing.T) {
	m := fullMarket(42, 6, 400)
	for b := 1; b < m.Bars; b++ { // symbol 1 repeats what symbol 0 did a bar earlier, symbol 2 the opposite
		if b > 1 {
			move := m.Close[0][b-1] / m.Close[0][b-2]
			setBar(m, 1, b, m.Close[1][b-1]*move, 1)
			setBar(m, 2, b, m.Close[2][b-1]/move, 1)
		}
	}
	c := joinedBy(EdgesLeadLag)
	c.EdgeTopK = 1
	d := mustBuild(t, m, c)
	for s := range d.Len() {
		e := d.Edges(s)
		for target, want := range map[int]float32{1: 1, 2: -1} {
			k := e.RowPtr[target]
			if e.RowPtr[target+1] != k+1 || e.Sources[k] != 0 || math.Abs(float64(e.Attr[k]-want)) > 1e-5 || e.Weight[k] != e.Attr[k] {
				t.Fatalf("snapshot %d: edges %v with %v to node %d", s, e.Sources, e.Attr, target)
			}
		}
	}
	at := d.Bars()[5]
	at -= int((m.OpenTime(at) / m.Interval.Milliseconds()) % 12)
	x, y := make([]float64, c.GraphWindow), make([]float64, c.GraphWindow)
	for k := range x {
		b := at - c.GraphWindow + 1 + k
		x[k], y[k] = math.Log(m.Close[3][b]/m.Close[3][b-1]), math.Log(m.Close[4][b-1]/m.Close[4][b-2])
	}
	c.EdgeTopK = 5
	e := mustBuild(t, m, c).Edges(5)
	k := slices.Index(e.Sources[e.RowPtr[3]:e.RowPtr[4]], 4)
	if got, want := e.Attr[int(e.RowPtr[3])+k], pearsonOf(x, y); math.Abs(float64(got)-want) > 1e-6 {
		t.Errorf("node 3 after node 4: %v, want %v", got, want)
	}
}

// pearsonOf is the textbook's.
func pearsonOf(x, y []float64) float64 {
	var sx, sy, sxx, syy, sxy float64
	n := float64(len(x))
	for k := range x {
		sx, sy, sxx, syy, sxy = sx+x[k], sy+y[k], sxx+x[k]*x[k], syy+y[k]*y[k], sxy+x[k]*y[k]
	}
	return (n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy))
}

// recomputedLists are the values of EDGES whose edges last.
var recomputedLists = []string{EdgesPartial, EdgesLeadLag, EdgesCorrelation, "leadlag,partial"}

func TestEdgesLastUntilTheyAreRecomputedAndShareOneObject(t *testing.T) {
	for _, list := range recomputedLists {
		m := randomMarket(newRand(43), 9, 700)
		d := mustBuild(t, m, joinedBy(list))
		shared := 0
		for s := 1; s < d.Len(); s++ {
			number := func(t int) int64 { return d.OpenTimes()[t] / m.Interval.Milliseconds() / 12 }
			u := s - 1
			for u > max(0, s-12) && !slices.Equal(d.Mask(u), d.Mask(s)) {
				u--
			}
			together := number(u) == number(s)
			switch got := d.SameEdges(s, u); {
			case together && slices.Equal(d.Mask(u), d.Mask(s)) && !got, !together && got:
				t.Fatalf("%s: snapshots %d and %d share their edges: %v", list, u, s, got)
			case got:
				shared++
			}
			e, mask := d.Edges(s), d.Mask(s)
			for i := range mask {
				for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
					if !mask[i] || !mask[e.Sources[k]] || int(e.Sources[k]) == i {
						t.Fatalf("%s: an edge from %d to %d of the nodes %v", list, e.Sources[k], i, mask)
					}
				}
			}
		}
		if shared < 100 {
			t.Errorf("%s: %d snapshots share", list, shared)
		}
		if held, all := d.HeldEdges(), int64(d.Density*float64(d.Len()*9*8)); held*2 > all {
			t.Errorf("%s: %d edges are in memory", list, held)
		}
	}
	d := mustBuild(t, randomMarket(newRand(43), 9, 700), defaultConfig())
	if d.SameEdges(4, 5) || !d.SameEdges(4, 4) {
		t.Error("correlations of each bar are shared")
	}
}

func TestTheFutureMovesNoEdgeThatIsRecomputed(t *testing.T) {
	for _, list := range append(recomputedLists, "correlation,partial,leadlag") {
		for seed := range uint64(4) {
			r := newRand(seed + 44)
			c := joinedBy(list)
			if seed == 3 {
				c.EdgeEvery = 0
			}
			m := randomMarket(r, 9, 900)
			for range 4 {
				rescale(m, r.IntN(9), r.IntN(m.Bars), []float64{0.5, 1000}[r.IntN(2)])
			}
			want := mustBuild(t, m, c)
			first := want.Bars()[0]
			at := first + r.IntN(m.Bars-first-60)
			got := mustBuild(t, changeAfter(r, m, at), c)
			compared := 0
			for s, bar := range want.Bars() {
				if bar > at {
					break
				}
				sameEdges(t, want.Edges(s), got.Edges(s), "%s, seed %d: the future after bar %d at snapshot %d", list, seed, at, s)
				compared++
			}
			if compared == 0 {
				t.Fatalf("%s: nothing compared", list)
			}
		}
	}
}

func sameEdges(t *testing.T, a, b Edges, format string, args ...any) {
	t.Helper()
	if !slices.Equal(a.RowPtr, b.RowPtr) || !slices.Equal(a.Sources, b.Sources) || !sameBits(a.Attr, b.Attr) || !sameBits(a.Weight, b.Weight) || !slices.Equal(a.Type, b.Type) {
		t.Fatalf(format, args...)
	}
}

func TestRecomputedEdgesDoNotDependOnWhereTheMarketBeginsOrEnds(t *testing.T) {
	for _, list := range recomputedLists {
		m := randomMarket(newRand(45), 9, 4200)
		c := joinedBy(list)
		whole := mustBuild(t, m, c)
		for _, cut := range []int{61, 64, 100} {
			part := m.Cut(cut, m.Bars-cut).Clone()
			d := mustBuild(t, part, c)
			// Of partial edges the volatility of the oldest return reaches farther.
			from := cut
			if whole.EdgeTypes[len(whole.EdgeTypes)-1] == EdgesPartial {
				from += c.memory()
			}
			compared := 0
			for s, bar := range whole.Bars() {
				k, there := slices.BinarySearch(d.OpenTimes(), whole.OpenTimes()[s])
				if !there || bar < from || !slices.Equal(whole.Mask(s), d.Mask(k)) {
					continue
				}
				sameEdges(t, whole.Edges(s), d.Edges(k), "%s: a market that begins %d bars later differs at bar %d", list, cut, bar)
				compared++
			}
			if compared < 1000 {
				t.Errorf("%s: %d snapshots compared", list, compared)
			}
		}
	}
}

func TestThePastOfABarMakesTheSameEdgesThatAreRecomputed(t *testing.T) {
	for k, list := range append(recomputedLists, "correlation,partial,leadlag") {
		r := newRand(46)
		m := randomMarket(r, 9, 5000)
		c := joinedBy(list)
		if k == 0 {
			c.EdgeEvery = 0 // a day of 288
		}
		d := mustBuild(t, m, c)
		for range 4 {
			at := 3000 + r.IntN(2000)
			past, from := c.Past(m, at)
			p, err := c.BuildCut(past, d.Panel)
			if err != nil {
				t.Fatal(err)
			}
			compared := 0
			for s, bar := range d.Bars() {
				if bar < from || bar > at {
					continue
				}
				k := slices.Index(p.openTime, d.openTime[s])
				sameEdges(t, d.Edges(s), p.Edges(k), "%s: bar %d, as of bar %d", list, bar, at)
				compared++
			}
			if compared == 0 || past.Bars == at+1 {
				t.Errorf("%s: %d snapshots compared, of %d bars", list, compared, past.Bars)
			}
		}
	}
}

func TestRecomputedEdgesAreTheSameWhateverTheNumberOfProcessors(t *testing.T) {
	for _, list := range recomputedLists {
		m, c := randomMarket(newRand(47), 9, 900), joinedBy(list)
		build := func(processors int) *Dataset {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			return mustBuild(t, m, c)
		}
		one, many := build(1), build(5)
		if one.Fingerprint() != many.Fingerprint() {
			t.Errorf("%s: another fingerprint", list)
		}
		for s := range one.Len() {
			sameEdges(t, one.Edges(s), many.Edges(s), "%s: snapshot %d differs between 1 and 5 processors", list, s)
		}
	}
}

func TestSymbolsThatAreOneAndWindowsShorterThanTheMarketHaveAnInverse(t *testing.T) {
	m := randomMarket(newRand(48), 30, 500)
	for _, series := range allSeries(m) {
		for i := 10; i < 30; i++ { // all the same
			copy(series[i], series[0])
		}
	}
	c := joinedBy(EdgesPartial)
	c.GraphWindow, c.EdgeRidge, c.EdgeEvery = 10, minRidge, 1
	d := mustBuild(t, m, c)
	for s := range d.Len() {
		for _, v := range d.Edges(s).Attr {
			if !finite(float64(v)) {
				t.Fatalf("snapshot %d: a coefficient is %v", s, v)
			}
		}
	}
	w := newUnitWindow(2, 10)
	w.taking, w.joined = []int{0, 1}, []bool{true, true}
	w.unit = [][]float64{{1}, {1}}
	if _, err := w.coefficients(0); err == nil {
		t.Error("a singular matrix has an inverse")
	}
}

func TestANodeWithHalfTheWindowOfReturnsTakesPartAndOneWithLessDoesNot(t *testing.T) {
	for missing, joins := range map[int]bool{7: true, 8: false} {
		m := fullMarket(49, 5, 200)
		at := 132 // of a recomputation
		m.Start = 0
		for k := range missing { // each takes two returns
			b := at - 1 - 3*k
			for _, s := range []*[][]float64{&m.Open, &m.High, &m.Low, &m.Close, &m.Volume} {
				(*s)[2][b] = math.NaN()
			}
		}
		c := joinedBy(EdgesPartial)
		d := mustBuild(t, m, c)
		s := slices.Index(d.Bars(), at)
		if !d.Mask(s)[2] {
			t.Fatal("the node is masked")
		}
		e := d.Edges(s)
		if got := e.RowPtr[3] > e.RowPtr[2]; got != joins {
			t.Errorf("with %d of 30 returns missing the node takes part: %v", 2*missing, got)
		}
	}
}

func TestSeveralTypesAreConcatenatedWithinATarget(t *testing.T) {
	m := randomMarket(newRand(50), 9, 500)
	c := joinedBy("leadlag,correlation,partial")
	c.EdgeEvery = 0
	d := mustBuild(t, m, c)
	var parts []*Dataset
	for _, kind := range d.EdgeTypes {
		one := c
		one.Edges = kind
		parts = append(parts, mustBuild(t, m, one))
	}
	for s := range d.Len() {
		e := d.Edges(s)
		for i := range 9 {
			k := e.RowPtr[i]
			for kind, part := range parts {
				u := slices.Index(part.OpenTimes(), d.OpenTimes()[s])
				p := part.Edges(u)
				for q := p.RowPtr[i]; q < p.RowPtr[i+1]; q, k = q+1, k+1 {
					if e.Sources[k] != p.Sources[q] || e.Attr[k] != p.Attr[q] || e.Weight[k] != p.Weight[q] || int(e.Type[k]) != kind {
						t.Fatalf("snapshot %d, target %d: edge %d of type %d is %d with %v", s, i, k, e.Type[k], e.Sources[k], e.Attr[k])
					}
				}
			}
			if k != e.RowPtr[i+1] {
				t.Fatalf("snapshot %d, target %d has edges of no type", s, i)
			}
		}
	}
	g := d.Snapshot(3)
	if err := g.Validate(); err != nil || len(g.EdgeType) != g.NumEdges() || g.EdgeType[0] != 0 || !slices.Contains(g.EdgeType, 2) {
		t.Errorf("edge_type is %v, %v", g.EdgeType, err)
	}
	if g := parts[0].Snapshot(3); g.EdgeType != nil {
		t.Error("one type has an edge_type")
	}
	if d.Density <= 0 || d.Density > 1 {
		t.Errorf("density is %v", d.Density)
	}
	if p, _ := d.Permuted(0, []int{2, 5}, newRand(1)); !slices.Equal(p.Edges(1).Type, d.Edges(5).Type) {
		t.Error("a permuted panel loses edge types")
	}
}

func TestAMarketWithClosingHoursRecomputesAtTheFirstBarOfItsDay(t *testing.T) {
	m := fullMarket(51, 5, 900)
	open := m.Interval.Milliseconds()
	for b := range m.Bars { // 40 bars, then the night
		m.Times = append(m.Times, testStart.UnixMilli()+int64(b)*open+int64(b/40)*(288-40)*open)
	}
	c := joinedBy(EdgesPartial)
	c.EdgeEvery = 0
	d := mustBuild(t, m, c)
	for s := 1; s < d.Len(); s++ {
		day := func(s int) int64 { return d.OpenTimes()[s] / (24 * time.Hour).Milliseconds() }
		if got, want := d.SameEdges(s-1, s), day(s-1) == day(s); got != want {
			t.Fatalf("snapshots %d and %d share edges: %v", s-1, s, got)
		}
	}
}
