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
)

// loadArango builds the market from the candle, order-book and funding
// collections of a database.
func loadArango(ctx context.Context, cfg Config) (*data.Market, Report, error) {
	l := arangoLoad{cfg: cfg}
	var err error
	if l.interval, err = ParseInterval(cfg.Interval); err != nil {
		return nil, Report{}, err
	}
	if l.span, err = cfg.Range(); err != nil {
		return nil, Report{}, err
	}
	if l.selection, err = ParseSymbols(cfg.Symbols, cfg.Symbol); err != nil {
		return nil, Report{}, err
	}
	if l.db, err = arango.Open(ctx, cfg.Arango, cfg.Watch); err != nil {
		return nil, Report{}, err
	}
	defer l.db.Close()
	if l.inputs, err = l.db.Inputs(ctx); err != nil {
		return nil, Report{}, err
	}
	if l.inputs.Graph != nil {
		return nil, Report{}, fmt.Errorf("%w: %s is a prepared graph and no candles: name collections of candles by CANDLES_COLLECTION", data.ErrInput, l.inputs.Graph.Name)
	}
	market, report, err := l.market(ctx)
	report.Database = new(l.db.Report())
	return market, report, err
}

// arangoLoad is one reading of a database.
type arangoLoad struct {
	cfg       Config
	interval  time.Duration
	span      Range
	selection Selection
	db        *arango.DB
	inputs    arango.Inputs
}

func (l *arangoLoad) market(ctx context.Context) (*data.Market, Report, error) {
	r := arango.Reading{Symbols: l.selection.Names, Symbol: l.cfg.Symbol, Interval: intervalName(l.interval)}
	span, err := l.bounds(ctx, r)
	if err != nil {
		return nil, Report{}, err
	}
	r.Span = span
	found, err := l.candles(ctx, r)
	if err != nil {
		return nil, Report{}, err
	}
	symbols, all, err := l.choose(found)
	if err != nil {
		return nil, Report{}, err
	}
	r.Symbols = symbols
	if err := l.join(ctx, r, symbols, all); err != nil {
		return nil, Report{}, err
	}
	return assemble(symbols, all, l.interval)
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
			return arango.Span{From: arango.Begin, To: arango.End}, nil // the reading tells what is wrong
		}
		newest = opened + l.interval.Milliseconds()
	}
	from, to := l.span.bounds(newest)
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
		values := candle{openPrice: c.Open, highPrice: c.High, lowPrice: c.Low, closePrice: c.Close, baseVolume: c.Volume, takerBuyVolume: c.TakerBuyVolume, quoteVolume: c.QuoteVolume}
		for q := bestBid; q < quantities; q++ {
			values[q] = math.NaN()
		}
		if flaw := values.flaw(); flaw != "" {
			return fmt.Errorf("%w: %s: %s: correct or remove this document", data.ErrInput, origins.Name(place), flaw)
		}
		s.add(place, c.OpenTime, &values)
		return nil
	})
	if err != nil {
		return nil, err
	}
	newest := int64(math.MinInt64)
	for _, symbol := range slices.Sorted(maps.Keys(found)) {
		s := found[symbol]
		if err := s.tidy(l.interval); err != nil {
			return nil, err
		}
		s.disordered = 0 // a database has no order to keep
		newest = max(newest, s.newest(l.interval))
	}
	for _, s := range found {
		s.cut(l.span.bounds(newest))
	}
	return found, nil
}

// newArangoSeries is an empty series of a symbol from the collections.
func newArangoSeries(symbol string, collections []string, origins *arango.Origins) *series {
	path := collections[0]
	if len(collections) > 1 {
		path = fmt.Sprintf("%s and %d more", path, len(collections)-1)
	}
	s := &series{path: path + " (" + symbol + ")", names: origins.Name}
	for q := range bestBid {
		s.values[q] = []float64{}
	}
	return s
}

// choose picks the symbols that become nodes, in their order.
func (l *arangoLoad) choose(found map[string]*series) ([]string, []*series, error) {
	names := slices.Sorted(maps.Keys(found))
	where := strings.Join(l.inputs.Candles, ", ")
	symbols := l.selection.Names
	if symbols == nil {
		symbols = names
	}
	var lacking []string
	for _, symbol := range append(slices.Clone(symbols), l.cfg.Symbol) {
		if s := found[symbol]; symbol != "" && (s == nil || len(s.times) == 0) && !slices.Contains(lacking, symbol) {
			lacking = append(lacking, symbol)
		}
	}
	// Symbols that were not named and have nothing in the range take no part.
	if l.selection.Names == nil {
		symbols = slices.DeleteFunc(slices.Clone(symbols), func(symbol string) bool { return symbol != l.cfg.Symbol && len(found[symbol].times) == 0 })
		lacking = slices.DeleteFunc(lacking, func(symbol string) bool { return symbol != l.cfg.Symbol })
	}
	if len(lacking) > 0 || len(symbols) == 0 {
		return nil, nil, l.noCandles(lacking, names, where)
	}
	all := make([]*series, len(symbols))
	for i, symbol := range symbols {
		all[i] = found[symbol]
	}
	if top := l.selection.Top; top > 0 {
		if len(symbols) < top {
			return nil, nil, fmt.Errorf("%w: SYMBOLS=top:%d, and only %d symbols have candles in %s: set top:%d or less, or unset SYMBOLS", data.ErrInput, top, len(symbols), where, len(symbols))
		}
		return mostTraded(symbols, all, top, l.cfg)
	}
	return symbols, all, nil
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
	return fmt.Errorf("%w: %s has no candle%s%s, %s: add them, or choose other SYMBOLS, collections or another range", data.ErrInput, where, of, in, there)
}

// Bounds are the first time that START, END and LOOKBACK ask for and the first
// after it, Unix ms, when the newest bar closes at newest.
func (c Config) Bounds(newest int64) (from, to int64, err error) {
	r, err := c.Range()
	if err != nil {
		return 0, 0, err
	}
	from, to = r.bounds(newest)
	return from, to, nil
}
