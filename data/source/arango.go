package source

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/arango"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// loadArango builds the market from the candle, order-book and funding
// collections of a database.
func loadArango(ctx context.Context, q query) (*data.Market, Report, error) {
	l := arangoLoad{query: q}
	var err error
	if l.db, err = arango.Open(ctx, q.Arango, q.Watch); err != nil {
		return nil, Report{}, err
	}
	defer l.db.Close()
	if l.inputs, err = l.db.Inputs(ctx); err != nil {
		return nil, Report{}, err
	}
	if l.inputs.Graph != nil {
		return nil, Report{}, fault.Input("%s is a prepared graph and no candles", l.inputs.Graph.Name).At("%s", l.inputs.Graph.Name).Fix("name collections of candles by CANDLES_COLLECTION")
	}
	market, report, err := l.market(ctx)
	report.Database = new(l.db.Report())
	return market, report, err
}

// arangoLoad is one reading of a database.
type arangoLoad struct {
	query
	db     *arango.DB
	inputs arango.Inputs
	notes  []string // what was left out, a sentence each
}

func (l *arangoLoad) market(ctx context.Context) (*data.Market, Report, error) {
	r := arango.Reading{Symbols: l.selection.Names, Symbol: l.Symbol, Interval: l.Interval}
	span, err := l.bounds(ctx, r)
	if err != nil {
		return nil, Report{}, err
	}
	r.Span = span
	found, err := l.candles(ctx, r)
	if err != nil {
		return nil, Report{}, err
	}
	symbols, all, notes, err := l.choose(found)
	if err != nil {
		return nil, Report{}, err
	}
	r.Symbols = symbols
	if err := l.join(ctx, r, symbols, all); err != nil {
		return nil, Report{}, err
	}
	m, report, err := assemble(symbols, all, l.interval)
	report.Warnings = slices.Concat(l.notes, notes)
	return m, report, err
}

// bounds is the part of the time axis to ask the database for. What LOOKBACK
// means is known only when the newest bar is.
func (l *arangoLoad) bounds(ctx context.Context, r arango.Reading) (arango.Span, error) {
	newest := int64(math.MaxInt64)
	if l.span.Lookback > 0 && l.span.End.IsZero() {
		opened, ok, err := l.db.Newest(ctx, l.inputs.Candles, r)
		if err != nil {
			return arango.Span{}, err
		}
		if !ok {
			return arango.Span{From: arango.Begin, To: arango.End}, nil // the reading reports what is wrong
		}
		newest = opened + l.interval.Milliseconds()
	}
	from, to := l.span.bounds(newest)
	if l.interval == day { // whose bars may move by one
		from, to = max(from, math.MinInt64+day.Milliseconds())-day.Milliseconds(), min(to, math.MaxInt64-day.Milliseconds())+day.Milliseconds()
	}
	return arango.Span{From: from, To: to}, nil
}

// candles reads the candles of each symbol, checked and cut to the range.
func (l *arangoLoad) candles(ctx context.Context, r arango.Reading) (map[string]*series, error) {
	origins := &arango.Origins{}
	found := map[string]*series{}
	err := l.db.Candles(ctx, l.inputs.Candles, r, origins, func(place int, c arango.Candle) error {
		s := found[c.Symbol]
		if s == nil {
			s = newArangoSeries(c.Symbol, l.inputs.Candles, origins)
			found[c.Symbol] = s
		}
		values := tradedCandle(c.Open, c.High, c.Low, c.Close, c.Volume, c.TakerBuyVolume, c.QuoteVolume)
		return s.add(place, c.OpenTime, &values)
	})
	if err != nil {
		return nil, err
	}
	all := make([]*series, 0, len(found))
	var open, names []string
	for _, symbol := range slices.Sorted(maps.Keys(found)) {
		s := found[symbol]
		if err := s.order(l.interval); err != nil {
			return nil, err
		}
		s.disordered = 0 // a database has no order to keep
		note, err := s.dropOpen(l.now, time.Time{}, l.span, l.interval)
		if err != nil {
			return nil, err
		}
		all, open, names = append(all, s), append(open, note), append(names, symbol)
	}
	l.notes = openBars(open, names)
	if err := align(all, l.interval); err != nil { // before the cut: it may move daily bars
		return nil, err
	}
	cutAll(all, l.span, l.interval)
	return found, nil
}

// newArangoSeries is an empty series of a symbol from the collections.
func newArangoSeries(symbol string, collections []string, origins *arango.Origins) *series {
	path := collections[0]
	if len(collections) > 1 {
		path = fmt.Sprintf("%s and %d more", path, len(collections)-1)
	}
	return newSeriesOf(origin{path: path + " (" + symbol + ")", names: origins.Name, remedy: "correct or remove this document"}, bestBid)
}

// choose picks the symbols that become nodes, in their order.
func (l *arangoLoad) choose(found map[string]*series) (symbols []string, all []*series, notes []string, err error) {
	names := slices.Sorted(maps.Keys(found))
	where := strings.Join(l.inputs.Candles, ", ")
	if symbols = l.selection.Names; symbols == nil {
		symbols = slices.DeleteFunc(slices.Clone(names), l.excluded)
	}
	unknown, err := l.checkExcluded(names, where)
	if err != nil {
		return nil, nil, nil, err
	}
	l.notes = append(l.notes, unknown...)
	traded := func(symbol string) bool { return found[symbol] != nil && len(found[symbol].times) > 0 }
	lacking := l.lacking(symbols, traded)
	// Symbols that were not named and have nothing in the range take no part.
	if l.selection.Names == nil {
		symbols = slices.DeleteFunc(slices.Clone(symbols), func(symbol string) bool { return symbol != l.Symbol && !traded(symbol) })
		lacking = slices.DeleteFunc(lacking, func(symbol string) bool { return symbol != l.Symbol })
	}
	if len(lacking) > 0 || len(symbols) == 0 {
		return nil, nil, nil, l.noCandles(lacking, names, where)
	}
	all = make([]*series, len(symbols))
	for i, symbol := range symbols {
		all[i] = found[symbol]
	}
	return mostTraded(symbols, all, l.query, where)
}

// noCandles is the error about symbols without candles.
func (l *arangoLoad) noCandles(lacking, found []string, where string) error {
	var in, there string
	if span := l.span.String(); span != "" {
		in = " with " + span
	}
	if there = "there are those of " + strings.Join(found, ", "); len(found) == 0 {
		there = "there are none at all"
	}
	of := ""
	if len(lacking) > 0 {
		of = " of " + strings.Join(lacking, ", ")
	}
	err := fault.Input("%s has no candle%s%s, %s", where, of, in, there).At("%s", where)
	if remedy := meant(lacking, found); remedy != "" {
		return err.Fix("%s", remedy)
	}
	return err.Fix("add them, or choose other SYMBOLS, collections or another range")
}

// join gives the bars what order books and funding rates were known at their
// close.
func (l *arangoLoad) join(ctx context.Context, r arango.Reading, symbols []string, all []*series) error {
	first, last := extent(all, l.interval)
	if l.inputs.OrderBook != nil {
		books := newObservations(symbols, l.interval, first, bookAge, bookValues...)
		r.Span = arango.Span{From: first - bookAge.Milliseconds(), To: last}
		err := l.db.Books(ctx, l.inputs.OrderBook, r, func(collection string, key []byte, b arango.Book) {
			books.add(collection, key, b.Symbol, b.Time, b.BestBid, b.BestAsk, b.BidSize, b.AskSize)
		})
		if err != nil {
			return err
		}
		books.join(symbols, all)
	}
	if l.inputs.Funding != nil {
		rates := newObservations(symbols, l.interval, first, fundingAge, fundingRate)
		r.Span = arango.Span{From: first - fundingAge.Milliseconds(), To: last}
		err := l.db.Fundings(ctx, l.inputs.Funding, r, func(collection string, key []byte, f arango.Funding) {
			rates.add(collection, key, f.Symbol, f.Time, f.Rate)
		})
		if err != nil {
			return err
		}
		rates.join(symbols, all)
	}
	return nil
}

// observations are documents of several symbols, in any order.
type observations struct {
	known map[string]*asOf
	rank  []byte
}

// newObservations are joined to bars of which one opens at first, Unix ms.
func newObservations(symbols []string, interval time.Duration, first int64, maxAge time.Duration, q ...quantity) *observations {
	o := &observations{known: map[string]*asOf{}}
	for _, symbol := range symbols {
		o.known[symbol] = newAsOf(interval, maxAge, q...)
		o.known[symbol].offset = first % interval.Milliseconds()
	}
	return o
}

// add takes the values of a document. Of two of one time the one with the later
// name counts, whatever order the server gives them in.
func (o *observations) add(collection string, key []byte, symbol string, at int64, values ...float64) {
	o.rank = append(append(append(o.rank[:0], collection...), '/'), key...)
	o.known[symbol].add(at, o.rank, values...)
}

func (o *observations) join(symbols []string, all []*series) {
	for i, symbol := range symbols {
		all[i].join(o.known[symbol])
	}
}
