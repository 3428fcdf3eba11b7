package audit

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
)

const (
	edgesLooked  = 400   // pairs that are computed again, at most
	edgeNear     = 2e-3  // how near a weight lies to the correlation that it is
	edgeAgreed   = 0.95  // of the pairs that have to
	edgeNearer   = 5     // times nearer to the whole period's correlations than to the train split's that the weights lie
	neighbourHit = 0.999 // of the neighbours of unweighted edges that have to be the most correlated ones
)

// graph finds edges of a prepared graph that were computed once, of the whole
// period: each moment then knows how symbols will move together.
func graph(in Input) func(*data.Dataset) outcome {
	if in.Market != nil {
		if in.Config.HasEdges(data.EdgesStatic) {
			return staticGraph(in)
		}
		return result(skip("edges are computed here, of the bars up to each"))
	}
	return func(d *data.Dataset) outcome {
		switch {
		case d.Timeless():
			return skip("a graph without time has no moments to compare")
		case !fixedEdges(d):
			return clean("the edges change with time")
		}
		candidates := changesOf(d, in.Closes)
		trainTo := 0
		for s, split := range d.Splits {
			if split == data.Train {
				trainTo = s + 1
			}
		}
		if f := ofWholePeriod(d, d.Edges(0), candidates, trainTo, in.Config.EdgeRidge); f != nil {
			return outcome{findings: []Finding{*f}, message: "the edges are the same at each moment"}
		}
		return clean("the edges are the same at each moment, and no correlation over the whole period")
	}
}

// ofWholePeriod tells edges that were computed once, of all moments of one of the
// candidates.
func ofWholePeriod(d *data.Dataset, e data.Edges, candidates []series, trainTo int, ridge float64) *Finding {
	for _, c := range candidates {
		for _, kind := range correlationKinds {
			if f := wholePeriod(d, e, c, kind.name, kind.of, trainTo); f != nil {
				return f
			}
		}
		if f := wholePeriodPartial(d, e, c, trainTo, ridge); f != nil {
			return f
		}
	}
	return nil
}

// fixedEdges reports whether the edges between present nodes are the same at each
// moment, with their weights.
func fixedEdges(d *data.Dataset) bool {
	first := d.Edges(0)
	if len(first.Sources) == 0 || d.Panel.Len() < 2 {
		return false
	}
	for s := range d.Panel.Len() {
		e := d.Edges(s)
		if !slices.Equal(e.RowPtr, first.RowPtr) || !slices.Equal(e.Sources, first.Sources) || !slices.Equal(e.Weight, first.Weight) || !slices.Equal(e.Attr, first.Attr) {
			return false
		}
	}
	return true
}

// correlationKinds are the ways in which people correlate.
var correlationKinds = []struct {
	name string
	of   func(a, b []float64) float64
}{
	{"correlation", correlate},
	{"absolute correlation", func(a, b []float64) float64 { return math.Abs(correlate(a, b)) }},
	{"rank correlation", func(a, b []float64) float64 { return pairRanks(a, b) }},
}

func pairRanks(a, b []float64) float64 {
	var x, y []float64
	for t := range a {
		if !math.IsNaN(a[t]) && !math.IsNaN(b[t]) {
			x, y = append(x, a[t]), append(y, b[t])
		}
	}
	return rankCorrelation(x, y)
}

// changesOf are what edges may be correlations of [N][T]: returns of the prices, the
// prices, and each feature.
func changesOf(d *data.Dataset, closes []float64) (all []series) {
	n, moments := d.NumNodes(), d.Panel.Len()
	if closes != nil {
		prices := data.NewSeries(n, moments)
		logs := data.NewSeries(n, moments)
		for s := range moments {
			for i := range n {
				prices[i][s], logs[i][s] = closes[s*n+i], math.Log(closes[s*n+i])
			}
		}
		simple := data.NewSeries(n, moments)
		for i := range n {
			for s := 1; s < moments; s++ {
				simple[i][s] = prices[i][s]/prices[i][s-1] - 1
			}
		}
		all = append(all, series{"log returns", differences(logs)}, series{"returns", simple}, series{"prices", prices}, series{"log prices", logs})
	}
	for j, name := range d.Features {
		values, _ := featureColumns(d, j)
		all = append(all, series{name, values})
	}
	return all
}

// wholePeriod tells edges that are a correlation over all moments, and not one over
// the train split's.
func wholePeriod(d *data.Dataset, e data.Edges, c series, kind string, of func(a, b []float64) float64, trainTo int) *Finding {
	weights := e.Attr
	if weights == nil {
		weights = e.Weight
	}
	if weights == nil || constant(weights) {
		return wholePeriodNeighbours(d, e, c, kind, of, trainTo)
	}
	agree := agreement{}
	eachOf(e, func(source, target, k int) {
		agree.add(float64(weights[k]), of(c.values[source], c.values[target]), of(c.values[source][:trainTo], c.values[target][:trainTo]), e.Attr == nil)
	})
	return agree.finding(d, kind+" of "+c.name)
}

// eachOf calls look with some edges, spread over all.
func eachOf(e data.Edges, look func(source, target, k int)) {
	step, target := max(1, len(e.Sources)/edgesLooked), 0
	for k := 0; k < len(e.Sources); k += step {
		for int(e.RowPtr[target+1]) <= k {
			target++
		}
		if source := int(e.Sources[k]); source != target {
			look(source, target, k)
		}
	}
}

// agreement is how near weights lie to what they are over the whole period, and to
// what they are over the train split's moments.
type agreement struct {
	agreed, looked   int
	toWhole, toEarly float64
	value, train     float64 // of the first edge
}

// add takes in a weight; one that cannot be negative is compared with what is left
// of the others.
func (a *agreement) add(v, whole, early float64, clamped bool) {
	if math.IsNaN(whole) || math.IsNaN(early) {
		return
	}
	if clamped {
		whole, early = max(0, whole), max(0, early)
	}
	if math.Abs(v-whole) < edgeNear {
		a.agreed++
	}
	if a.looked == 0 {
		a.value, a.train = v, early
	}
	a.looked++
	a.toWhole, a.toEarly = a.toWhole+math.Abs(v-whole), a.toEarly+math.Abs(v-early)
}

// finding is that of weights that are of the whole period, and not of the train
// split; nil: they are not.
func (a *agreement) finding(d *data.Dataset, what string) *Finding {
	if a.looked < 5 || float64(a.agreed) < edgeAgreed*float64(a.looked) || edgeNearer*a.toWhole >= a.toEarly {
		return nil
	}
	return periodFinding(d, a.value, a.train, fmt.Sprintf("%d of %d edges looked at weigh the %s over the whole period, at every moment", a.agreed, a.looked, what))
}

func periodFinding(d *data.Dataset, value, train float64, what string) *Finding {
	return &Finding{
		Column: "edges", OpenTime: at(d.OpenTimes()[0]), Value: number(value), Expected: number(train), What: what,
		Cause:  "the graph was made once, of all moments, those of the test split among them",
		Remedy: "make the edges of each moment from a window that ends with it, or of the train split's moments alone",
	}
}

func constant(values []float32) bool {
	return !slices.ContainsFunc(values, func(v float32) bool { return v != values[0] })
}

// wholePeriodNeighbours does so with edges that have no weights: each node's
// sources are those most correlated with it over all moments.
func wholePeriodNeighbours(d *data.Dataset, e data.Edges, c series, kind string, of func(a, b []float64) float64, trainTo int) *Finding {
	n := d.NumNodes()
	step := max(1, n*n/(edgesLooked*20))
	hits, early, all := 0, 0, 0
	for target := 0; target < n; target += step {
		sources := slices.DeleteFunc(slices.Clone(e.Sources[e.RowPtr[target]:e.RowPtr[target+1]]), func(s int32) bool { return int(s) == target })
		if len(sources) == 0 || len(sources) >= n-1 {
			continue
		}
		nearest := func(to int) []int32 {
			type pair struct {
				node int32
				r    float64
			}
			var pairs []pair
			for i := range n {
				if r := of(c.values[i][:to], c.values[target][:to]); i != target && !math.IsNaN(r) {
					pairs = append(pairs, pair{int32(i), r})
				}
			}
			slices.SortStableFunc(pairs, func(a, b pair) int {
				switch {
				case a.r > b.r:
					return -1
				case a.r < b.r:
					return 1
				}
				return 0
			})
			var nodes []int32
			for _, p := range pairs[:min(len(sources), len(pairs))] {
				nodes = append(nodes, p.node)
			}
			return nodes
		}
		count := func(nodes []int32) (k int) {
			for _, s := range sources {
				if slices.Contains(nodes, s) {
					k++
				}
			}
			return k
		}
		all += len(sources)
		hits += count(nearest(len(c.values[target])))
		early += count(nearest(trainTo))
	}
	if all < 20 || float64(hits) < neighbourHit*float64(all) || early == all {
		return nil
	}
	return periodFinding(d, float64(hits)/float64(all), float64(early)/float64(all),
		fmt.Sprintf("%d of %d neighbours are those with the highest %s of %s over the whole period, and %d over the train split", hits, all, kind, c.name, early))
}
