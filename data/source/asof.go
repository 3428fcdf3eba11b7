package source

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data/binance"
)

const (
	// bookAge is how long an order book counts as known: hours later it no
	// longer describes the market.
	bookAge = time.Hour
	// fundingAge is three of the longest funding periods.
	fundingAge = binance.FundingAge
)

// bookValues are the values of one order book, in the order in which asOf.add
// takes them.
var bookValues = []quantity{bestBid, bestAsk, bidSize, askSize}

// asOf is a series of values of one symbol, each with the time from which it
// was known. It keeps the last ones of each bar, which is all that a join reads,
// however many are added.
type asOf struct {
	step, maxAge int64 // ms
	offset       int64 // of bars from whole multiples of step since 1970, ms
	quantities   []quantity

	rows   map[int64]int // by the bar's number since 1970, and offset
	times  []int64       // [K] Unix ms
	ranks  []string      // [K]
	values [][]float64   // [quantities][K]
}

func newAsOf(interval, maxAge time.Duration, q ...quantity) *asOf {
	return &asOf{step: interval.Milliseconds(), maxAge: maxAge.Milliseconds(), quantities: q, rows: map[int64]int{}, values: make([][]float64, len(q))}
}

// add takes the values that became known at a time, Unix ms, in any order. Of
// two of one time the one with the higher rank counts; to add the same once
// more changes nothing.
func (o *asOf) add(at int64, rank []byte, values ...float64) {
	bar := (at - o.offset) / o.step
	row, known := o.rows[bar]
	switch {
	case !known:
		o.rows[bar] = len(o.times)
		o.times, o.ranks = append(o.times, at), append(o.ranks, string(rank))
		for q, v := range values {
			o.values[q] = append(o.values[q], v)
		}
	case at > o.times[row] || at == o.times[row] && string(rank) > o.ranks[row]:
		o.times[row], o.ranks[row] = at, string(rank)
		for q, v := range values {
			o.values[q][row] = v
		}
	}
}

// join gives each bar the last values that were known at its close and were not
// too old by then. What became known at the very moment of the close counts as
// later. This is the one place where something is joined to a bar by time, so
// nothing can look ahead elsewhere.
func (s *series) join(o *asOf) {
	rising := make([]int, len(o.times))
	for i := range rising {
		rising[i] = i
	}
	slices.SortFunc(rising, func(a, b int) int { return cmp.Compare(o.times[a], o.times[b]) })
	for _, q := range o.quantities {
		s.values[q] = slices.Repeat([]float64{math.NaN()}, len(s.times))
	}
	next := 0
	for i, open := range s.times {
		closing := open + o.step
		for next < len(rising) && o.times[rising[next]] < closing {
			next++
		}
		if next == 0 || closing-o.times[rising[next-1]] > o.maxAge {
			continue
		}
		for k, q := range o.quantities {
			s.values[q][i] = o.values[k][rising[next-1]]
		}
	}
}
