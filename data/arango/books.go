package arango

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// bookDepth is how many of the best levels of an order book count: Binance's
// streams show 20 at most.
const bookDepth = 20

// Book is what an order book of one symbol shows. A side that is empty is NaN.
type Book struct {
	Symbol           string
	Time             int64   // Unix ms
	BestBid, BestAsk float64 // prices
	BidSize, AskSize float64 // summed over the best levels
}

// Funding is a funding rate of one symbol.
type Funding struct {
	Symbol string
	Time   int64   // Unix ms, from when on it is known
	Rate   float64 // a fraction
}

// Books visits the order books of the collections in any order, some more than
// once where the server loses a cursor: there may be far more of them than
// could be remembered. key is valid until visit returns. Crossed books are
// passed over and counted.
func (d *DB) Books(ctx context.Context, collections []string, r Reading, visit func(collection string, key []byte, b Book)) error {
	return d.observed(ctx, collections, bookAttributes, bookTimes, batchBooks, r, func(doc []byte, key []byte, collection, symbol string, at int64) error {
		b := Book{Symbol: symbol, Time: at}
		bids, err := d.levels(doc, "bids", "b", -1)
		if err == nil {
			b.BestBid, b.BidSize = bids.best(), bids.size()
			var asks levels
			asks, err = d.levels(doc, "asks", "a", 1)
			b.BestAsk, b.AskSize = asks.best(), asks.size()
		}
		if err != nil {
			return badDocument(collection, key, "%w", err).Fix("correct or remove this document")
		}
		if b.BestAsk < b.BestBid {
			d.report.Crossed++
			return nil
		}
		visit(collection, key, b)
		return nil
	})
}

// Fundings visits the funding rates of the collections as Books does.
func (d *DB) Fundings(ctx context.Context, collections []string, r Reading, visit func(collection string, key []byte, f Funding)) error {
	return d.observed(ctx, collections, fundingAttributes, fundingTimes, batchDocuments, r, func(doc []byte, key []byte, collection, symbol string, at int64) error {
		rate := times{names: fundingRates}
		_ = fields(doc, func(name []byte, v value) error {
			rate.see(name, v)
			return nil
		})
		if rate.best == 0 {
			return badDocument(collection, key, "the document has no funding_rate or fundingRate").Fix("correct or remove this document")
		}
		n, there, asText, err := rate.v.number()
		if err != nil || !there {
			return badDocument(collection, key, "%s %s is not a number", fundingRates[rate.best-1], rate.v.shown()).Fix("correct or remove this document")
		}
		if asText {
			d.report.Strings++
		}
		visit(collection, key, Funding{Symbol: symbol, Time: at, Rate: n})
		return nil
	})
}

// observed visits documents of symbols at times.
func (d *DB) observed(ctx context.Context, collections, attributes, timeNames []string, batch int, r Reading, visit func(doc, key []byte, collection, symbol string, at int64) error) error {
	for _, collection := range collections {
		symbols := newSymbols(collection, r)
		counts := d.report
		again := func() {
			d.report.Strings, d.report.Crossed = counts.Strings, counts.Crossed
		}
		q := readingOf(collection, attributes, timeNames, nil, r.Span, batch) // its symbol may be named otherwise
		err := d.stream(ctx, q, again, func(doc []byte) error {
			key := attribute(doc, "_key").bytes()
			when, symbol := times{names: timeNames}, ""
			_ = fields(doc, func(name []byte, v value) error {
				when.see(name, v)
				if string(name) == "symbol" || string(name) == "s" && symbol == "" {
					symbol = symbols.name(v)
				}
				return nil
			})
			if symbol == "" {
				symbol = symbols.fallback
			}
			if symbol == "" {
				return badDocument(collection, key, "the document has no symbol, and neither %s nor SYMBOL names one", collection).Fix("give it a symbol")
			}
			at, err := when.millis()
			if err != nil {
				return badDocument(collection, key, "%w", err).Fix("correct or remove this document")
			}
			if !symbols.wanted(symbol) {
				return nil
			}
			return visit(doc, key, collection, symbol, at)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// level is a price and how much is asked for or offered at it.
type level struct{ price, size float64 }

type levels []level

// levels are the best ones of a side, the best first; sign is -1 where the
// highest price is the best.
func (d *DB) levels(doc []byte, name, short string, sign int) (levels, error) {
	side := attribute(doc, name)
	if other := attribute(doc, short); side.isNull() && !other.isNull() {
		name, side = short, other
	}
	if side.isNull() {
		return nil, fmt.Errorf("the document has no %s", name)
	}
	if !side.isArray() {
		return nil, fmt.Errorf("%s %s is no list of [price, size]", name, side.shown())
	}
	var all levels
	sorted := true
	err := elements(side, func(v value) error {
		var l level
		n := 0
		if v.isArray() {
			err := elements(v, func(v value) error {
				number, there, asText, err := v.number()
				if err != nil || !there {
					return fmt.Errorf("%s holds %s, and %s is not a number", name, v.shown(), v.shown())
				}
				if asText && n < 2 {
					d.report.Strings++
				}
				switch n++; n {
				case 1:
					l.price = number
				case 2:
					l.size = number
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		if n < 2 || l.price <= 0 || l.size < 0 {
			return fmt.Errorf("%s holds %s, which is no [price, size]", name, v.shown())
		}
		if l.size == 0 { // a level that has gone
			return nil
		}
		if k := len(all); k > 0 && cmp.Compare(l.price, all[k-1].price)*sign < 0 {
			sorted = false
		}
		all = append(all, l)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !sorted {
		slices.SortStableFunc(all, func(a, b level) int { return sign * cmp.Compare(a.price, b.price) })
	}
	return all[:min(len(all), bookDepth)], nil
}

func (l levels) best() float64 {
	if len(l) == 0 {
		return math.NaN()
	}
	return l[0].price
}

func (l levels) size() float64 {
	if len(l) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, one := range l {
		sum += one.size
	}
	return sum
}
