package audit

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/streamforge/gnn-trainer/data"
)

const (
	// Bars and symbols that are looked at.
	viewBarsLong, viewSymbolsLong   = 12_000, 24
	viewBarsShort, viewSymbolsShort = 4_000, 8

	// Correlation of a column's changes with those of a candle's value some bars
	// later, and how far that is above the one at and before the column's own bar.
	early, earlier = 0.8, 0.3
	copyBars       = 12 // by which a column may be early, at least
	copySymbols    = 4

	// Share of a column's changes, or of its values, that later returns explain.
	// What honestly predicts them has IC .2 at the very most, and so .04. Of what is
	// made of prices less is enough, where the next returns move it as the last ones
	// did: an honest one is moved the other way, if at all, since prices fall back.
	aheadShare   = 0.05
	aheadOfPrice = 0.015
	ofPrice      = 0.5  // share that returns explain, of what is made of prices
	aheadOnce    = 0.25 // of the next return of a prepared graph, which rebounds
	levelBars    = 400  // times as many bars as a stretch of returns has, for the values of a column to be compared with it
	shifts       = 19   // of a column in time, that show what chance explains
)

// aheadBlocks are stretches of bars behind a bar, from one and up to another,
// whose returns do not overlap.
var aheadBlocks = [][2]int{{0, 1}, {1, 2}, {2, 4}, {4, 8}, {8, 16}, {16, 32}, {32, 64}, {64, 128}}

// columns compares a user's own columns, or the features of a prepared graph, with
// what comes after their bar: the target, the candles of later bars, and later
// returns.
func columns(in Input) func(*data.Dataset) outcome {
	m := in.Market
	if m == nil {
		return func(d *data.Dataset) outcome {
			if d.Timeless() {
				return skip("a graph without time has no later bars")
			}
			if in.Closes == nil {
				return skip("the graph has no prices to compare its features with")
			}
			return graphView(d, in.Closes).look()
		}
	}
	own := in.Config.Features.Columns()
	if len(own) == 0 {
		return result(skip("FEATURES has no column of your own"))
	}
	return result(marketView(in, own).look())
}

// series is one quantity of each symbol [N][T], NaN where it is missing.
type series struct {
	name   string
	values [][]float64
}

// view is a stretch of time in which columns are compared.
type view struct {
	symbols  []string
	openTime func(t int) int64
	closes   [][]float64 // [N][T] logs
	opens    [][]float64 // [N][T] logs; nil: a prepared graph has one price a moment
	columns  []series    // that are looked at
	others   []series    // values of candles that they may hold at an earlier bar
	targets  []series    // [H], and their classes
	reach    int         // bars that a target looks ahead
}

func marketView(in Input, own []string) *view {
	bars, symbols := viewBarsLong, viewSymbolsLong
	if in.Short {
		bars, symbols = viewBarsShort, viewSymbolsShort
	}
	first := max(0, (in.Market.Bars-bars)/2)
	m := in.Market.Cut(first, min(in.Market.Bars, first+bars))
	var which []int
	for _, i := range thin(numbers(len(m.Symbols)), symbols) {
		if s := momentsOf(m.Close[i]); s.n >= fewestValues && s.deviation > 0 {
			which = append(which, i)
		}
	}
	pick := func(all [][]float64, f func(float64) float64) [][]float64 {
		some := make([][]float64, len(which))
		for k, i := range which {
			some[k] = make([]float64, m.Bars)
			for t := range m.Bars {
				some[k][t] = math.NaN()
				if all != nil {
					some[k][t] = f(all[i][t])
				}
			}
		}
		return some
	}
	same := func(v float64) float64 { return v }
	v := &view{openTime: m.OpenTime, closes: pick(m.Close, math.Log), opens: pick(m.Open, math.Log)}
	for _, i := range which {
		v.symbols = append(v.symbols, m.Symbols[i])
	}
	// Without the open, which is known within a hair at the close before; and without
	// other columns of the user's own, of which one may be late on purpose.
	v.others = []series{
		{"high", pick(m.High, same)},
		{"low", pick(m.Low, same)},
		{"close", pick(m.Close, same)},
		{"volume", pick(m.Volume, same)},
		{"the log of close", v.closes},
		{"the log of volume", pick(m.Volume, func(x float64) float64 { return math.Log(1 + x) })},
		{"the return from close to close", differences(v.closes)},
	}
	for _, c := range data.Columns {
		if all := m.Optional[c]; all != nil {
			v.others = append(v.others, series{string(c), pick(all, same)})
		}
	}
	for _, name := range own {
		s := series{name, pick(m.Optional[data.Column(name)], same)}
		v.columns = append(v.columns, s)
	}
	if y, err := data.NewTargets(m, in.Config.TargetConfig, in.Config.MaxGap); err == nil {
		h := y.NumHorizons()
		for k := range h {
			value, class := series{values: data.NewSeries(len(which), m.Bars)}, series{values: data.NewSeries(len(which), m.Bars)}
			value.name = fmt.Sprintf("the return over %s that is predicted", several(y.Horizons[k], "bar"))
			class.name = fmt.Sprintf("the class of the return over %s that is predicted", several(y.Horizons[k], "bar"))
			for t := range m.Bars {
				classes, values := y.At(t)
				for n, i := range which {
					if c := classes[i*h+k]; c >= 0 {
						value.values[n][t], class.values[n][t] = float64(values[i*h+k]), float64(c)
					}
				}
			}
			v.targets, v.reach = append(v.targets, value, class), max(v.reach, y.Reach(k))
		}
	}
	return v
}

// graphView is that of a prepared graph with prices.
func graphView(d *data.Dataset, closes []float64) *view {
	n, bars := d.NumNodes(), d.Axis.Bars
	v := &view{symbols: d.Symbols, openTime: d.Axis.OpenTime, closes: data.NewSeries(n, bars)}
	for s, bar := range d.Bars() {
		for i := range n {
			v.closes[i][bar] = math.Log(closes[s*n+i])
		}
	}
	v.others = []series{{"the log of the price", v.closes}, {"the return from price to price", differences(v.closes)}}
	for j, name := range d.Features {
		byNode, _ := featureColumns(d, j)
		one := series{name, data.NewSeries(n, bars)}
		for i := range n {
			for s, bar := range d.Bars() {
				one.values[i][bar] = byNode[i][s]
			}
		}
		v.columns = append(v.columns, one)
	}
	h := d.Targets.NumHorizons()
	for k := range h {
		value, class := series{values: data.NewSeries(n, bars)}, series{values: data.NewSeries(n, bars)}
		value.name, class.name = "the return that is predicted", "the class that is predicted"
		for s, bar := range d.Bars() {
			classes, values := d.Targets.At(s)
			for i := range n {
				if c := classes[i*h+k]; c >= 0 {
					class.values[i][bar] = float64(c)
					if values != nil {
						value.values[i][bar] = float64(values[i*h+k])
					}
				}
			}
		}
		v.targets, v.reach = append(v.targets, value, class), max(v.reach, d.Targets.Reach(k))
	}
	if bars > viewBarsLong {
		return v.cut((bars-viewBarsLong)/2, viewBarsLong)
	}
	return v
}

// cut is a stretch of the view.
func (v *view) cut(first, bars int) *view {
	some := func(all [][]float64) [][]float64 {
		part := make([][]float64, len(all))
		for i := range all {
			part[i] = all[i][first : first+bars]
		}
		return part
	}
	each := func(all []series) []series {
		part := make([]series, len(all))
		for k, s := range all {
			part[k] = series{s.name, some(s.values)}
		}
		return part
	}
	openTime := v.openTime
	return &view{
		symbols: v.symbols, openTime: func(t int) int64 { return openTime(first + t) }, closes: some(v.closes),
		columns: each(v.columns), others: each(v.others), targets: each(v.targets), reach: v.reach,
	}
}

// look compares each column: with the target, with others at later bars, and with
// later returns. The first that says something is the finding.
func (v *view) look() outcome {
	var o outcome
	returns := v.laterReturns()
	for _, c := range v.columns {
		f := v.isTarget(c)
		if f == nil {
			f = v.isEarly(c)
		}
		if f == nil {
			f = v.followsPrices(c, returns)
		}
		if f != nil {
			f.Column = c.name
			o.findings = append(o.findings, *f)
		}
	}
	bars := 0
	if len(v.closes) > 0 {
		bars = len(v.closes[0])
	}
	o.message = fmt.Sprintf("%s beside %d quantities of later candles, at %s of %s", several(len(v.columns), "column"), len(v.others), several(bars, "bar"), several(len(v.symbols), "symbol"))
	return o
}

// isTarget tells a column that is the target.
func (v *view) isTarget(c series) *Finding {
	for _, y := range v.targets {
		r := pooled(c.values, y.values, 0, len(v.symbols))
		if !(math.Abs(r) >= 0.99) { // NaN: a column that is constant
			continue
		}
		i, t := firstPair(c.values, y.values, 0)
		return &Finding{
			Symbol: v.symbols[i], OpenTime: at(v.openTime(t)), Value: number(c.values[i][t]), Expected: number(y.values[i][t]),
			What:   fmt.Sprintf("%s is %s: their correlation is %.4f", c.name, y.name, r),
			Cause:  "the target was left in the file, or computed there before the split",
			Remedy: "take " + c.name + " out of FEATURES",
		}
	}
	return nil
}

// isEarly tells a column whose changes are those of a candle's value at a later bar.
func (v *view) isEarly(c series) *Finding {
	n := min(copySymbols, len(v.symbols))
	changes := differences(c.values[:n])
	for _, other := range v.others {
		theirs := differences(other.values[:n])
		known := 0.0
		for k := range 4 {
			if r := math.Abs(pooled(theirs, changes, k, n)); r > known {
				known = r
			}
		}
		for k := 1; k <= max(copyBars, v.reach); k++ {
			r := pooled(changes, theirs, k, n)
			if !(math.Abs(r) > early && math.Abs(r) > known+earlier) {
				continue
			}
			i, t := firstPair(c.values, other.values, k)
			return &Finding{
				Symbol: v.symbols[i], OpenTime: at(v.openTime(t)), Value: number(c.values[i][t]), Expected: number(other.values[i][t+k]),
				What:   fmt.Sprintf("%s changes as %s does %s later: correlation %.4f, and up to its own bar %.4f at most", c.name, other.name, several(k, "bar"), r, known),
				Cause:  fmt.Sprintf("it was shifted to an earlier bar, as by shift(-%d), or dated by the start of what it sums up", k),
				Remedy: fmt.Sprintf("shift %s forward by %s", c.name, several(k, "bar")),
			}
		}
	}
	return nil
}

// followsPrices tells a column that later returns explain, as they explain a
// centred moving average, a smoothed price or a part of the target. The returns
// begin at the next open, so that the rebound between bid and ask is none.
func (v *view) followsPrices(c series, returns laterReturns) *Finding {
	// A level that wanders, as a price does, is high before it falls back to its own
	// mean: over long stretches its values seem to know the future.
	short := 0
	for short < len(aheadBlocks) && aheadBlocks[short][1]*levelBars <= len(v.closes[0]) {
		short++
	}
	type form struct {
		what   string
		values [][]float64
		blocks int // that are looked at
	}
	forms := []form{{"changes", differences(c.values), len(aheadBlocks)}}
	if short > 0 {
		forms = append(forms, form{"values", c.values, short})
	}
	if positive(c.values) {
		logs := make([][]float64, len(c.values))
		for i, s := range c.values {
			logs[i] = make([]float64, len(s))
			for t, x := range s {
				logs[i][t] = math.Log(x)
			}
		}
		forms = append(forms, form{"relative changes", differences(logs), len(aheadBlocks)})
	}
	for _, form := range forms {
		z := standardised(form.values)
		ahead, behind := returns.explain(z, 0, form.blocks)
		future, past := v.sum(ahead), total(behind)
		onward := 0.0
		for _, share := range ahead {
			if share*behind[0] > 0 {
				onward += math.Abs(share)
			}
		}
		chance, random := 0.0, rand.New(rand.NewPCG(5, 6))
		bars := len(z[0])
		for range shifts {
			by := bars/8 + random.IntN(max(1, bars*3/4))
			shifted, _ := returns.explain(z, by, form.blocks)
			chance = max(chance, v.sum(shifted))
		}
		next := math.Abs(ahead[0])
		once := v.opens == nil && next > aheadOnce && next > 3*chance
		surprising := future > aheadShare && future > 2*chance+aheadShare/2
		priced := future+past > ofPrice && onward > aheadOfPrice*(future+past) && onward > 2*chance
		if !once && !surprising && !priced {
			continue
		}
		reach, most := 1, 0.0
		for _, share := range ahead {
			most = max(most, math.Abs(share))
		}
		for b, share := range ahead {
			if math.Abs(share) > max(most/10, 2*chance/float64(len(ahead))) {
				reach = aheadBlocks[b][1]
			}
		}
		cause := fmt.Sprintf("it is a window that reaches ahead of its bar, such as a centred moving average (rolling(..., center=True)), up to about %d bars", reach)
		if reach == 1 {
			cause = "it is one bar early, as by shift(-1), or holds a part of the target"
		}
		i, t := firstPair(c.values, c.values, 0)
		return &Finding{
			Symbol: v.symbols[i], OpenTime: at(v.openTime(t)), Value: number(c.values[i][t]), Expected: number(math.NaN()),
			What: fmt.Sprintf("returns after the bar explain %.1f %% of the %s of %s, and those up to it %.1f %%; chance explains %.1f %%",
				100*future, form.what, c.name, 100*past, 100*chance),
			Cause:  cause,
			Remedy: "compute " + c.name + " of bars up to its own: rolling windows that end with the bar, and no shift(-k)",
		}
	}
	return nil
}

// sum is what later returns explain in all. Of a prepared graph the first begins
// at the price that its features know, and rebounds.
func (v *view) sum(shares []float64) float64 {
	if v.opens == nil {
		return total(shares[1:])
	}
	return total(shares)
}

func total(shares []float64) (sum float64) {
	for _, s := range shares {
		sum += math.Abs(s)
	}
	return sum
}

// laterReturns are standardised log returns over the stretches behind and before
// each bar [blocks][N][T], 0 where they are not known.
type laterReturns struct{ ahead, behind [][][]float64 }

func (v *view) laterReturns() (r laterReturns) {
	for _, b := range aheadBlocks {
		ahead, behind := make([][]float64, len(v.closes)), make([][]float64, len(v.closes))
		for i, c := range v.closes {
			ahead[i], behind[i] = missing(len(c)), missing(len(c))
			for t := range c {
				if to := t + b[1]; to < len(c) {
					ahead[i][t] = c[to] - c[t+b[0]]
					if b[0] == 0 && v.opens != nil {
						ahead[i][t] = c[to] - v.opens[i][to]
					}
				}
				if from := t - b[1]; from >= 0 {
					behind[i][t] = c[t-b[0]] - c[from]
				}
			}
		}
		r.ahead, r.behind = append(r.ahead, standardised(ahead)), append(r.behind, standardised(behind))
	}
	return r
}

// explain is the squared correlation of each stretch's returns with the values,
// below 0 where these fall as the price rises. The values are moved later by so
// many bars, around the end, over the first blocks.
func (r laterReturns) explain(z [][]float64, by, blocks int) (ahead, behind []float64) {
	share := func(x [][]float64) float64 {
		xy, xx, yy := 0.0, 0.0, 0.0
		for i := range z {
			bars := len(z[i])
			for t, y := range x[i] {
				v := z[i][(t+by)%bars]
				if v != 0 && y != 0 {
					xy, xx, yy = xy+v*y, xx+v*v, yy+y*y
				}
			}
		}
		if xx == 0 || yy == 0 {
			return 0
		}
		return xy * math.Abs(xy) / (xx * yy)
	}
	for b := range blocks {
		ahead = append(ahead, share(r.ahead[b]))
		if by == 0 {
			behind = append(behind, share(r.behind[b]))
		}
	}
	return ahead, behind
}

// standardised is each symbol's values less their mean, in deviations and at most
// five, 0 where they are missing.
func standardised(values [][]float64) [][]float64 {
	all := make([][]float64, len(values))
	for i, s := range values {
		all[i] = make([]float64, len(s))
		m := momentsOf(s)
		if m.n < 2 || m.deviation <= 1e-12*math.Abs(m.mean) {
			continue
		}
		for t, x := range s {
			if !math.IsNaN(x) {
				all[i][t] = min(max((x-m.mean)/m.deviation, -5), 5)
			}
		}
	}
	return all
}

func differences(values [][]float64) [][]float64 {
	all := make([][]float64, len(values))
	for i, s := range values {
		all[i] = missing(len(s))
		for t := 1; t < len(s); t++ {
			all[i][t] = s[t] - s[t-1]
		}
	}
	return all
}

// pooled is the mean over the first symbols of the correlation of a with b at k
// bars later.
func pooled(a, b [][]float64, k, symbols int) float64 {
	n, sum := 0.0, 0.0
	for i := range symbols {
		x, y := a[i][:len(a[i])-k], b[i][k:]
		if len(x) < fewestValues {
			continue
		}
		if r := correlate(x, y); !math.IsNaN(r) {
			n, sum = n+1, sum+r
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / n
}

// firstPair is the first bar, and symbol, at which a is there, and b k bars later.
func firstPair(a, b [][]float64, k int) (symbol, bar int) {
	if len(a) == 0 {
		return 0, 0
	}
	for t := range len(a[0]) - k {
		for i := range a {
			if !math.IsNaN(a[i][t]) && !math.IsNaN(b[i][t+k]) {
				return i, t
			}
		}
	}
	return 0, 0
}

func positive(values [][]float64) bool {
	for _, s := range values {
		for _, v := range s {
			if v <= 0 {
				return false
			}
		}
	}
	return true
}

func missing(n int) []float64 { return data.NewSeries(1, n)[0] }

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
