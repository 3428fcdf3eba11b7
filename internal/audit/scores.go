package audit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/pyg"
)

// What no feature of a market reaches by itself, at the lower end of an interval
// of 99 %. The strongest honest ones on candles: rank IC .10 and AUC .55 from the
// next open; .31 and .64 from a close, which is the rebound between bid and ask.
const (
	tooGoodIC, tooGoodAUC           = 0.20, 0.62
	tooGoodCloseIC, tooGoodCloseAUC = 0.45, 0.72
	tooGoodNodeAUC                  = 0.98 // of a graph without time, which may be of any kind
)

const (
	scoredLong, scoredShort = 4000, 600 // snapshots
	scoredRows              = 400_000   // node rows that the short form looks at, at most
	fewestSnapshots         = 100
	scoreBlocks             = 20
	scoreDraws              = 500
)

// scores compares each feature with what it is to predict: alone it must not do
// what no market lets it. Returns are those from the next open where there are
// candles, so that the rebound of TARGET=close is no alarm.
func scores(in Input) func(*data.Dataset) outcome {
	var opens [][]float32
	if m := in.Market; m != nil && in.Config.Target != data.TargetOpen {
		opens = logs(m.Open)
	}
	return func(d *data.Dataset) outcome {
		if d.Timeless() {
			return nodeScores(d)
		}
		return featureScores(d, opens, in)
	}
}

func logs(prices [][]float64) [][]float32 {
	all := make([][]float32, len(prices))
	for i, s := range prices {
		all[i] = make([]float32, len(s))
		for t, v := range s {
			all[i][t] = float32(math.Log(v))
		}
	}
	return all
}

func featureScores(d *data.Dataset, opens [][]float32, in Input) outcome {
	limitIC, limitAUC, from := tooGoodIC, tooGoodAUC, "from the next open"
	if in.Market == nil {
		limitIC, limitAUC, from = tooGoodCloseIC, tooGoodCloseAUC, "from the moment's price"
	}
	most := scoredLong
	if in.Short {
		most = max(fewestSnapshots, min(scoredShort, scoredRows/(d.NumNodes()*d.NumFeatures())))
	}
	var chosen []int
	for s := range d.Panel.Len() {
		if forward(d, opens, s, 0) != nil {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) < fewestSnapshots {
		return skip("fewer than %d snapshots have returns", fewestSnapshots)
	}
	chosen = thin(chosen, most)
	var o outcome
	for j, name := range d.Features {
		ics, aucs := make([]float64, 0, len(chosen)), make([]float64, 0, len(chosen))
		var returns, feature []float64
		for k, s := range chosen {
			mask, x, y := d.Mask(s), d.X(s), forward(d, opens, s, 0)
			var a, b []float64
			for i, there := range mask {
				if there && !math.IsNaN(y[i]) {
					a, b = append(a, float64(x[i*d.NumFeatures()+j])), append(b, y[i])
				}
			}
			if ic := rankCorrelation(a, b); !math.IsNaN(ic) {
				ics = append(ics, ic)
			}
			feature, returns = append(feature, a...), append(returns, b...)
			if (k+1)%max(1, len(chosen)/scoreBlocks) == 0 { // an AUC for each stretch
				if v := auc(feature, returns); !math.IsNaN(v) {
					aucs = append(aucs, v-0.5)
				}
				feature, returns = feature[:0], returns[:0]
			}
		}
		ic, lowIC := bootstrap(ics)
		area, lowAUC := bootstrap(aucs)
		if lowIC < limitIC && lowAUC < limitAUC-0.5 {
			continue
		}
		cause := name + " holds what happens after its bar: the target, a part of it, or a value that is dated too early"
		remedy := "take it out of the features, or give each row what was known at its bar's close: shift it forward by the bars it is early"
		if in.Market != nil && !slices.Contains(d.Given, name) { // made here of the candles
			cause = "the candles are no prices that were traded: smoothed, interpolated, made up, or scaled by what follows"
			remedy = "check how the candles were made, and give those of the exchange"
		}
		o.findings = append(o.findings, Finding{
			Column: name, OpenTime: at(d.OpenTimes()[chosen[0]]), Value: number(ic), Expected: number(limitIC),
			What: fmt.Sprintf("%s alone has rank IC %+.3f (99 %%: at least %.3f) and AUC %.3f with the return over %s %s; no honest feature comes near %.2f",
				name, ic, lowIC, 0.5+area, several(d.Targets.Horizons[0], "bar"), from, limitIC),
			Cause:  cause,
			Remedy: remedy,
		})
	}
	o.message = fmt.Sprintf("%s against the return over %s %s, at %s", several(d.NumFeatures(), "feature"), several(d.Targets.Horizons[0], "bar"), from, several(len(chosen), "snapshot"))
	return o
}

// forward is the return of each node [N] at snapshot s over the horizon h, from
// the next open where there are opens, NaN where it is not known; nil: none is.
func forward(d *data.Dataset, opens [][]float32, s, h int) []float64 {
	class, value := d.Targets.At(s)
	if value == nil && opens == nil {
		return nil
	}
	y, known := make([]float64, d.NumNodes()), false
	for i := range y {
		y[i] = math.NaN()
		at := i*d.Targets.NumHorizons() + h
		switch {
		case opens != nil:
			from := d.Bars()[s] + 1
			if to := from + d.Targets.Horizons[h]; class[at] != pyg.Unlabelled && to < len(opens[i]) {
				y[i] = float64(opens[i][to] - opens[i][from])
			}
		case class[at] != pyg.Unlabelled:
			y[i] = float64(value[at])
		}
		known = known || !math.IsNaN(y[i])
	}
	if !known {
		return nil
	}
	return y
}

// nodeScores compares the features of a graph without time with its classes.
func nodeScores(d *data.Dataset) outcome {
	f := d.NumFeatures()
	var o outcome
	rows := 0
	for j, name := range d.Features {
		best, class := 0.0, ""
		for c, label := range []string{"down", "flat", "up"} {
			var a, b []float64
			for s := range d.Splits {
				classes, _ := d.Targets.At(s)
				for i, y := range classes {
					if y == pyg.Unlabelled {
						continue
					}
					is := -1.0
					if int(y) == c {
						is = 1
					}
					a, b = append(a, float64(d.X(s)[i*f+j])), append(b, is)
				}
			}
			rows = len(a)
			if v := math.Abs(auc(a, b)-0.5) + 0.5; v > best {
				best, class = v, label
			}
		}
		if rows >= fewestSnapshots && best > tooGoodNodeAUC {
			o.findings = append(o.findings, Finding{
				Column: name, Value: number(best), Expected: number(tooGoodNodeAUC),
				What:   fmt.Sprintf("%s alone tells the class %s of a node with AUC %.3f", name, class, best),
				Cause:  name + " holds the label, or was made of it",
				Remedy: "take it out of x",
			})
		}
	}
	o.message = fmt.Sprintf("%s against the classes of %s", several(f, "feature"), several(rows, "node"))
	return o
}

// thin is at most so many of the numbers, evenly spaced.
func thin(all []int, most int) []int {
	if len(all) <= most {
		return all
	}
	some := make([]int, most)
	for k := range some {
		some[k] = all[k*len(all)/most]
	}
	return some
}

// bootstrap is the mean of the values, which are in the order of time, and how far
// from 0 it is at least, by a bootstrap over stretches (99 %, two-sided); 0 where
// it may be 0.
func bootstrap(values []float64) (mean, least float64) {
	if len(values) < 2 {
		return math.NaN(), 0
	}
	blocks := min(scoreBlocks, len(values))
	sums, counts := make([]float64, blocks), make([]float64, blocks)
	for k, v := range values {
		b := k * blocks / len(values)
		sums[b], counts[b] = sums[b]+v, counts[b]+1
		mean += v / float64(len(values))
	}
	random, draws := rand.New(rand.NewPCG(3, 4)), make([]float64, scoreDraws)
	for k := range draws {
		sum, count := 0.0, 0.0
		for range blocks {
			b := random.IntN(blocks)
			sum, count = sum+sums[b], count+counts[b]
		}
		draws[k] = sum / count
	}
	slices.Sort(draws)
	low, high := draws[scoreDraws/200], draws[scoreDraws-1-scoreDraws/200]
	return mean, max(0, low, -high)
}

// rankCorrelation is Spearman's, NaN of fewer than three values or a constant.
func rankCorrelation(a, b []float64) float64 {
	if len(a) < 3 {
		return math.NaN()
	}
	return correlate(ranks(a), ranks(b))
}

// ranks are those of the values, ties at their mean.
func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return v[order[a]] < v[order[b]] })
	r := make([]float64, len(v))
	for i := 0; i < len(v); {
		j := i + 1
		for j < len(v) && v[order[j]] == v[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			r[k] = float64(i+j-1) / 2
		}
		i = j
	}
	return r
}

// correlate is Pearson's correlation of the pairs that are there, NaN where one
// side is constant.
func correlate(a, b []float64) float64 {
	n, ma, mb := 0.0, 0.0, 0.0
	for i := range a {
		if !math.IsNaN(a[i]) && !math.IsNaN(b[i]) {
			n, ma, mb = n+1, ma+a[i], mb+b[i]
		}
	}
	ma, mb = ma/n, mb/n
	aa, ab, bb := 0.0, 0.0, 0.0
	for i := range a {
		if !math.IsNaN(a[i]) && !math.IsNaN(b[i]) {
			x, y := a[i]-ma, b[i]-mb
			aa, ab, bb = aa+x*x, ab+x*y, bb+y*y
		}
	}
	if aa <= 1e-24*n || bb <= 1e-24*n || aa <= 1e-12*n*ma*ma || bb <= 1e-12*n*mb*mb {
		return math.NaN()
	}
	return ab / math.Sqrt(aa*bb)
}

// auc is the area under the ROC curve of a score against return > 0, NaN where
// there is one side alone.
func auc(score, returns []float64) float64 {
	r, up, sum := ranks(score), 0.0, 0.0
	for i, v := range returns {
		if v > 0 {
			up, sum = up+1, sum+r[i]+1
		}
	}
	down := float64(len(returns)) - up
	if up == 0 || down == 0 {
		return math.NaN()
	}
	return (sum - up*(up+1)/2) / (up * down)
}
