package source

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data/arango"
)

// join gives the bars what order books and funding rates were known at their
// close.
func (l *arangoLoad) join(ctx context.Context, r arango.Reading, symbols []string, all []*series) error {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, s := range all {
		first, last = min(first, s.times[0]), max(last, s.newest(l.interval))
	}
	books := newLastSeen(l.interval, bestBid, bestAsk, bidSize, askSize)
	r.Span = arango.Span{From: first - bookAge.Milliseconds(), To: last}
	err := l.db.Books(ctx, l.inputs.OrderBook, r, func(collection string, key []byte, b arango.Book) {
		books.see(collection, key, b.Symbol, b.Time, b.BestBid, b.BestAsk, b.BidSize, b.AskSize)
	})
	if err != nil {
		return err
	}
	funding := newLastSeen(l.interval, fundingRate)
	r.Span = arango.Span{From: first - fundingAge.Milliseconds(), To: last}
	err = l.db.Fundings(ctx, l.inputs.Funding, r, func(collection string, key []byte, f arango.Funding) {
		funding.see(collection, key, f.Symbol, f.Time, f.Rate)
	})
	if err != nil {
		return err
	}
	for i, symbol := range symbols {
		if l.inputs.OrderBook != nil {
			all[i].join(books.of(symbol), l.interval, bookAge)
		}
		if l.inputs.Funding != nil {
			all[i].join(funding.of(symbol), l.interval, fundingAge)
		}
	}
	return nil
}

// lastSeen keeps, of each symbol and bar, what was seen last before the bar's
// close: all that a join asks for, whatever the number of documents. What is
// seen once more changes nothing.
type lastSeen struct {
	step       int64
	quantities []quantity
	bars       map[string]map[int64]sighting // by symbol and bar
}

// sighting is what one document said.
type sighting struct {
	time   int64
	from   string // collection and key: of two documents of one time, the later name counts
	values []float64
}

func newLastSeen(interval time.Duration, q ...quantity) *lastSeen {
	return &lastSeen{step: interval.Milliseconds(), quantities: q, bars: map[string]map[int64]sighting{}}
}

func (l *lastSeen) see(collection string, key []byte, symbol string, at int64, values ...float64) {
	bars := l.bars[symbol]
	if bars == nil {
		bars = map[int64]sighting{}
		l.bars[symbol] = bars
	}
	bar := at / l.step
	was, ok := bars[bar]
	if ok && was.time > at {
		return
	}
	from := collection + "/" + string(key)
	if ok && was.time == at && was.from >= from {
		return
	}
	bars[bar] = sighting{at, from, values}
}

// of are the observations of a symbol, in the order of their times.
func (l *lastSeen) of(symbol string) *observations {
	o := &observations{values: map[quantity][]float64{}}
	all := slices.SortedFunc(maps.Values(l.bars[symbol]), func(a, b sighting) int { return cmp.Compare(a.time, b.time) })
	for _, q := range l.quantities {
		o.values[q] = make([]float64, 0, len(all))
	}
	for _, s := range all {
		o.times = append(o.times, s.time)
		for k, q := range l.quantities {
			o.values[q] = append(o.values[q], s.values[k])
		}
	}
	return o
}
