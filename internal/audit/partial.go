package audit

import (
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
)

// ridges are those that partial edges of others are looked for with, beside
// EDGE_RIDGE.
var ridges = []float64{0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 1}

// partialNodes are the most nodes of which a matrix is inverted here.
const partialNodes = 500

// wholePeriodPartial tells edges that weigh the coefficients of the regression of
// each node on all others, over all moments.
func wholePeriodPartial(d *data.Dataset, e data.Edges, c series, trainTo int, ridge float64) *Finding {
	weights, n := e.Attr, len(c.values)
	if weights == nil {
		weights = e.Weight
	}
	if weights == nil || constant(weights) || n > partialNodes {
		return nil
	}
	tried := append([]float64{ridge}, ridges...)
	early := make([][]float64, n)
	for i, values := range c.values {
		early[i] = values[:trainTo]
	}
	whole, train := data.Coefficients(c.values, tried), data.Coefficients(early, tried)
	for k := range tried {
		if whole[k] == nil || train[k] == nil {
			continue
		}
		agree := agreement{}
		eachOf(e, func(source, target, edge int) {
			at := target*n + source
			agree.add(float64(weights[edge]), whole[k][at], train[k][at], e.Attr == nil)
		})
		if f := agree.finding(d, "partial correlation of "+c.name); f != nil {
			return f
		}
	}
	return nil
}

// staticOf are the edges of EDGES_FILE of the snapshot that has the most of them.
func staticOf(d *data.Dataset) data.Edges {
	kind := slices.Index(d.EdgeTypes, data.EdgesStatic)
	var most data.Edges
	for t := range d.Panel.Len() {
		if t > 0 && d.SameEdges(t-1, t) {
			continue
		}
		e := d.Edges(t)
		own := data.Edges{RowPtr: make([]int32, 1, len(e.RowPtr))}
		for i := range len(e.RowPtr) - 1 {
			for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
				if e.Type == nil || int(e.Type[k]) == kind {
					own.Sources, own.Attr = append(own.Sources, e.Sources[k]), append(own.Attr, e.Attr[k])
				}
			}
			own.RowPtr = append(own.RowPtr, int32(len(own.Sources)))
		}
		if len(own.Sources) > len(most.Sources) {
			most = own
		}
	}
	return most
}

// staticGraph finds edges of EDGES_FILE that were computed of the whole period. It
// keeps the returns of the candles, which are not read later.
func staticGraph(in Input) func(*data.Dataset) outcome {
	m := in.Market
	logs := data.NewSeries(len(m.Symbols), m.Bars)
	for i, closes := range m.Close {
		for t := 1; t < m.Bars; t++ {
			logs[i][t] = math.Log(closes[t] / closes[t-1])
		}
	}
	candidates := []series{{"log returns", logs}, {"log returns in units of volatility", m.ScaledReturns(in.Config.Recipe)}}
	return func(d *data.Dataset) outcome {
		train := d.Snapshots(data.Train)
		if len(train) == 0 {
			return skip("there is no train split to compare with")
		}
		e := staticOf(d)
		if len(e.Sources) == 0 {
			return skip("no snapshot has an edge of EDGES_FILE")
		}
		if f := ofWholePeriod(d, e, candidates, d.Bars()[train[len(train)-1]]+1, in.Config.EdgeRidge); f != nil {
			return outcome{findings: []Finding{*f}, message: "EDGES_FILE has the same edges at each bar"}
		}
		return clean("EDGES_FILE has the same edges at each bar, and no correlation over the whole period")
	}
}
