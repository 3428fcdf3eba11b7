package audit

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
)

const (
	fewestValues = 100  // of a symbol, for its scale to show
	scaledShare  = 0.8  // of the symbols that a scale has to show at
	exactly64    = 1e-9 // how near to 1 or 100 a maximum of doubles lies that was divided by itself
	exactly32    = 2e-6 // of numbers that went through 32 bits, and of means and deviations
	warmUp       = 30   // first values of a column, in which its windows fill
	onceAtMost   = 5    // bars at which a column reaches a maximum that it was divided by
	trainOff     = 1e-3 // how far from 0 and 1 the train split's mean and deviation are where the scaler saw more
)

// scaling finds what was scaled by its own future: prices whose maximum up to the
// end is exactly 1 or 100, columns that run from exactly 0 to exactly 1 or have
// mean 0 and deviation 1 over all times, and features of a prepared graph that
// were normalised over all splits together.
func scaling(in Input) func(*data.Dataset) outcome {
	m := in.Market
	if m == nil {
		return scaledFeatures
	}
	var o outcome
	for _, p := range []struct {
		name   string
		values [][]float64
	}{{"close", m.Close}, {"high", m.High}, {"open", m.Open}, {"low", m.Low}} {
		if f := scaledPrice(m, p.name, p.values); f != nil {
			o.findings = append(o.findings, *f)
			break // all four have one scale
		}
	}
	own := in.Config.Features.Columns()
	for _, name := range own {
		if f := scaledColumn(m, name, m.Optional[data.Column(name)]); f != nil {
			o.findings = append(o.findings, *f)
		}
	}
	o.message = fmt.Sprintf("prices and %s of your own", several(len(own), "column"))
	return result(o)
}

// scaledPrice finds prices that reach exactly 1 or 100 and never exceed it again:
// they were divided by the maximum of what was still to come.
func scaledPrice(m *data.Market, name string, prices [][]float64) *Finding {
	hits, looked, fine := 0, 0, 0
	first, symbol := -1, 0
	var top float64
	for i, values := range prices {
		highest, n, reached, at := 0.0, 0, 0.0, -1
		for t := m.Bars - 1; t >= 0; t-- {
			v := values[t]
			if math.IsNaN(v) {
				continue
			}
			n++
			if v >= highest {
				highest = v
				if r := round(v); r > 0 {
					reached, at = r, t
				}
			}
		}
		if n < fewestValues {
			continue
		}
		looked++
		if at < 0 {
			continue
		}
		hits++
		if offTicks(values) {
			fine++
		}
		if first < 0 || at < first {
			first, symbol, top = at, i, reached
		}
	}
	// One symbol may trade at 1, a few on a grid of ticks may; most do not.
	if hits == 0 || float64(hits) < scaledShare*float64(looked) || hits == 1 && fine == 0 {
		return nil
	}
	return &Finding{
		Column: name, Symbol: m.Symbols[symbol], OpenTime: at(m.OpenTime(first)), Value: number(prices[symbol][first]), Expected: number(math.NaN()),
		What:   fmt.Sprintf("%s of %d of %d symbols reaches exactly %v and is never above it again", name, hits, looked, top),
		Cause:  "prices were divided by their maximum over the file, or over what follows: an early row shows how high the price will rise",
		Remedy: "give the prices as they were traded; the training normalises its features by the train split",
	}
}

// round is the scale that a value is exactly; 0: none.
func round(v float64) float64 {
	for _, r := range []float64{1, 100} {
		if math.Abs(v/r-1) < exactly64 {
			return r
		}
	}
	return 0
}

// offTicks reports whether most values have more than eight decimals, as no
// exchange quotes a price.
func offTicks(values []float64) bool {
	n, off := 0, 0
	for t := 0; t < len(values); t += max(1, len(values)/500) {
		if v := values[t]; !math.IsNaN(v) {
			n++
			if scaled := v * 1e8; math.Abs(scaled-math.Round(scaled)) > 1e-3 {
				off++
			}
		}
	}
	return 2*off > n
}

// moments are what a scale shows in.
type moments struct {
	n               int
	least, most     float64
	atLeast, atMost int // values that are the least, and the most, within exactly32 of the range
	mean, deviation float64
	distinct        bool // more than a few values
	firstMost       int  // place of the first value that is the most
	firstPlace      int  // of any value
}

func momentsOf(values []float64) (s moments) {
	s.least, s.most, s.firstMost, s.firstPlace = math.Inf(1), math.Inf(-1), -1, -1
	seen, sum := map[float64]bool{}, 0.0
	for t, v := range values {
		if math.IsNaN(v) {
			continue
		}
		if s.n++; s.firstPlace < 0 {
			s.firstPlace = t
		}
		sum += v
		if len(seen) <= 64 {
			seen[v] = true
		}
		if v > s.most {
			s.most, s.firstMost = v, t
		}
		s.least = min(s.least, v)
	}
	s.distinct, s.mean = len(seen) > 64, sum/float64(max(1, s.n))
	squares, near := 0.0, exactly32*(s.most-s.least)
	for _, v := range values {
		if math.IsNaN(v) {
			continue
		}
		squares += (v - s.mean) * (v - s.mean)
		if v >= s.most-near {
			s.atMost++
		}
		if v <= s.least+near {
			s.atLeast++
		}
	}
	s.deviation = math.Sqrt(squares / float64(max(1, s.n)))
	return s
}

// standard reports whether the values have mean 0 and deviation 1, with either
// divisor.
func (s moments) standard() bool {
	n := float64(s.n)
	other := s.deviation * math.Sqrt(n/max(1, n-1))
	return math.Abs(s.mean) < exactly32 && (math.Abs(s.deviation-1) < exactly32 || math.Abs(other-1) < exactly32)
}

// spread reports whether the values run from exactly 0 (or -1) to exactly 1 (or
// 100), which they reach hardly ever, as what is bounded by itself does not.
func (s moments) spread() bool {
	return s.topped() && (s.least == 0 || math.Abs(s.least/round(s.most)+1) < exactly32) && s.atLeast <= onceAtMost
}

// topped reports whether the most is exactly 1 or 100, and reached hardly ever.
func (s moments) topped() bool {
	return s.distinct && s.atMost <= onceAtMost && (math.Abs(s.most-1) < exactly64 || math.Abs(s.most-100) < 100*exactly64)
}

// scaledColumn finds a scale by a column's own future: symbol by symbol, or over
// all symbols together.
func scaledColumn(m *data.Market, name string, column [][]float64) *Finding {
	var each []moments
	var which []int
	for i, values := range column {
		if s := momentsOf(values); s.n >= fewestValues && s.deviation > 0 {
			each, which = append(each, s), append(which, i)
		}
	}
	if len(each) == 0 {
		return nil
	}
	finding := func(k int, value, expected float64, place int, what, cause string) *Finding {
		return &Finding{
			Column: name, Symbol: m.Symbols[which[k]], OpenTime: at(m.OpenTime(place)), Value: number(value), Expected: number(expected),
			What: what, Cause: cause,
			Remedy: "scale " + name + " by what was known at each bar (a rolling or expanding window), or give it unscaled: the training normalises it by the train split",
		}
	}
	most := func(is func(moments) bool) (k, count int) {
		k = -1
		for j, s := range each {
			if is(s) {
				if count++; k < 0 {
					k = j
				}
			}
		}
		if float64(count) < scaledShare*float64(len(each)) {
			k = -1
		}
		return k, count
	}
	if k, count := most(moments.standard); k >= 0 {
		return finding(k, each[k].mean, math.NaN(), each[k].firstPlace,
			fmt.Sprintf("%s of %d of %d symbols has mean 0 and deviation 1 over the whole file", name, count, len(each)),
			"it was standardised over all times, the test split's among them")
	}
	// What is bounded by nature, as an RSI is, reaches its bounds at a few bars too,
	// and above all where its first windows hold two or three values.
	once := func(is func(moments) bool) bool { // at half of the symbols
		_, count := most(func(s moments) bool { return is(s) && s.atMost == 1 })
		return 2*count >= len(each)
	}
	if k, count := most(moments.spread); k >= 0 && once(func(s moments) bool { return s.spread() && s.atLeast == 1 }) {
		return finding(k, each[k].most, math.NaN(), each[k].firstMost,
			fmt.Sprintf("%s of %d of %d symbols runs from exactly %v to exactly %v over the whole file", name, count, len(each), each[k].least, round(each[k].most)),
			"it was scaled by its minimum and maximum over all times, the test split's among them")
	}
	if k, count := most(moments.topped); k >= 0 && len(each) > 1 && once(func(s moments) bool { return s.topped() && s.firstMost-s.firstPlace >= warmUp }) {
		return finding(k, each[k].most, math.NaN(), each[k].firstMost,
			fmt.Sprintf("the maximum of %s over the whole file is exactly %v for %d of %d symbols", name, round(each[k].most), count, len(each)),
			"it was divided by its maximum over all times, the test split's among them")
	}
	// Over all symbols together an RSI may well reach each bound once.
	if all := momentsOf(slices.Concat(column...)); len(each) > 1 && all.standard() {
		return finding(0, all.mean, math.NaN(), max(0, all.firstPlace)%m.Bars, fmt.Sprintf("%s has mean 0 and deviation 1 over all files together", name),
			"it was standardised over all symbols and times, the test split's among them")
	}
	return nil
}

// scaledFeatures finds the features of a prepared graph that were normalised over
// all its rows, where the train split's rows alone are not.
func scaledFeatures(d *data.Dataset) outcome {
	if !d.EdgesGiven {
		return skip("not a prepared graph")
	}
	f, n := d.NumFeatures(), d.NumNodes()
	kinds := map[string][]string{}
	firsts := map[string]Finding{}
	for j, name := range d.Features {
		columns, train := featureColumns(d, j)
		kind, value, expected := scaledOver(columns, train, n)
		if kind == "" {
			continue
		}
		if kinds[kind] == nil {
			firsts[kind] = Finding{Value: number(value), Expected: number(expected)}
		}
		kinds[kind] = append(kinds[kind], name)
	}
	var o outcome
	for _, kind := range []string{standardAll, standardNode, spreadAll} {
		if kinds[kind] == nil {
			continue
		}
		one := firsts[kind]
		one.Column = few(kinds[kind])
		one.What = fmt.Sprintf("%s: %s over all rows, and on the train split's rows it is %.4g in the place of %.4g", kinds[kind][0], kind, float64(one.Expected), float64(one.Value))
		one.Cause = "a scaler was fitted on all rows, those of the validation and test splits among them"
		one.Remedy = "fit the scaler on the train split's rows, or save the features unscaled: the training normalises them by the train split"
		if times := d.OpenTimes(); times != nil {
			one.OpenTime = at(times[0])
		}
		o.findings = append(o.findings, one)
	}
	o.message = fmt.Sprintf("%s of the prepared graph", several(f, "feature"))
	return o
}

// How a feature may have been normalised.
const (
	standardAll  = "mean 0 and deviation 1"
	standardNode = "mean 0 and deviation 1 at each node"
	spreadAll    = "from exactly 0 to exactly 1"
)

// featureColumns are the values of feature j at each node [N][T], NaN where masked,
// and which snapshots and nodes train [N][T].
func featureColumns(d *data.Dataset, j int) (columns [][]float64, train [][]bool) {
	n, f, t := d.NumNodes(), d.NumFeatures(), d.Panel.Len()
	columns, train = data.NewSeries(n, t), make([][]bool, n)
	for i := range n {
		train[i] = make([]bool, t)
	}
	for s := range t {
		x, mask := d.X(s), d.Mask(s)
		for i := range n {
			if mask[i] {
				columns[i][s] = float64(x[i*f+j])
			}
		}
	}
	for s, split := range d.Splits {
		if split == data.Train {
			for i, there := range d.EvalMask(s) {
				train[i][min(s, t-1)] = train[i][min(s, t-1)] || there
			}
		}
	}
	return columns, train
}

// scaledOver tells by which rule a feature is scaled over all rows and not over
// the train split's, with the value that it has and the train split's; "": none.
func scaledOver(columns [][]float64, train [][]bool, n int) (kind string, value, expected float64) {
	trained := make([][]float64, n)
	for i, values := range columns {
		for t, v := range values {
			if train[i][t] {
				trained[i] = append(trained[i], v)
			}
		}
	}
	all, of := momentsOf(slices.Concat(columns...)), momentsOf(slices.Concat(trained...))
	if all.n < fewestValues || of.n == 0 || of.n == all.n || all.deviation == 0 {
		return "", 0, 0
	}
	off := func(s moments) bool { return math.Abs(s.mean) > trainOff || math.Abs(s.deviation-1) > trainOff }
	worse := func(s moments) (float64, float64) {
		if math.Abs(s.mean) > math.Abs(s.deviation-1) {
			return 0, s.mean
		}
		return 1, s.deviation
	}
	if all.standard() && off(of) {
		value, expected = worse(of)
		return standardAll, value, expected
	}
	hits, looked, first := 0, 0, -1
	for i := range columns {
		if s := momentsOf(columns[i]); s.n >= fewestValues && s.deviation > 0 {
			looked++
			if s.standard() && off(momentsOf(trained[i])) {
				if hits++; first < 0 {
					first = i
				}
			}
		}
	}
	if hits > 0 && looked > 1 && float64(hits) >= scaledShare*float64(looked) {
		value, expected = worse(momentsOf(trained[first]))
		return standardNode, value, expected
	}
	if all.spread() && (of.most < 1-trainOff || of.least > trainOff) {
		if of.most < 1-trainOff {
			return spreadAll, 1, of.most
		}
		return spreadAll, 0, of.least
	}
	return "", 0, 0
}
