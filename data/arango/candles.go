package arango

import (
	"context"
	"math"

	"github.com/streamforge/gnn-trainer/data/internal/barlength"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Candle is one bar of one symbol. Prices and volumes are checked for being
// numbers only; what an optional one lacks is NaN.
type Candle struct {
	Symbol                         string
	OpenTime                       int64 // Unix ms
	Open, High, Low, Close, Volume float64
	TakerBuyVolume, QuoteVolume    float64 // optional
}

// Reading selects the documents to read. A document names its symbol; one that
// does not is of the symbol that its collection is named after, as
// btcusdt_candles_5m_2024_06_01 is, or else of Symbol.
type Reading struct {
	Symbols  []string // nil: any
	Symbol   string
	Interval string
	Span     Span
}

// Candles visits the candles of the collections, in any order. place names the
// document in origins. Documents that cannot be candles are rejected with
// collection and _key; those of another interval are passed over and counted.
func (d *DB) Candles(ctx context.Context, collections []string, r Reading, origins *Origins, visit func(place int, c Candle) error) error {
	for _, name := range collections {
		symbols := newSymbols(name, r)
		from, others, other := origins.collection(name), 0, ""
		before := d.report.Documents
		err := d.stream(ctx, readingOf(name, candleAttributes, candleTimes, r.Symbols, r.Span, batchDocuments), nil, func(doc []byte) error {
			c, key, interval, err := d.candle(doc, name, symbols)
			switch {
			case err != nil:
				return err
			case interval != "" && !barlength.Same(interval, r.Interval):
				others, other = others+1, interval
				return nil
			case !symbols.wanted(c.Symbol):
				return nil
			}
			return visit(origins.add(from, key), c)
		})
		if err != nil {
			return err
		}
		d.report.Intervals += others
		if read := d.report.Documents - before; others > 0 && others == read {
			err := fault.Input("CANDLES_COLLECTION: %s holds no candle of INTERVAL=%s, but of %s", name, r.Interval, other).At("%s", name)
			if lengths := barlength.Meant(other); len(lengths) == 1 {
				return err.Fix("set INTERVAL=%s, or name another collection", barlength.Name(lengths[0]))
			}
			return err.Fix("name another collection")
		}
	}
	return nil
}

var candleFields = map[string]func(*Candle) *float64{
	"open":                        func(c *Candle) *float64 { return &c.Open },
	"high":                        func(c *Candle) *float64 { return &c.High },
	"low":                         func(c *Candle) *float64 { return &c.Low },
	"close":                       func(c *Candle) *float64 { return &c.Close },
	"volume":                      func(c *Candle) *float64 { return &c.Volume },
	"taker_buy_volume":            func(c *Candle) *float64 { return &c.TakerBuyVolume },
	"taker_buy_base_asset_volume": func(c *Candle) *float64 { return &c.TakerBuyVolume },
	"taker_buy_base":              func(c *Candle) *float64 { return &c.TakerBuyVolume },
	"quote_volume":                func(c *Candle) *float64 { return &c.QuoteVolume },
	"quote_asset_volume":          func(c *Candle) *float64 { return &c.QuoteVolume },
}

// candle reads one document.
func (d *DB) candle(doc []byte, collection string, symbols *symbols) (c Candle, key []byte, interval string, err error) {
	nan := math.NaN()
	c = Candle{"", 0, nan, nan, nan, nan, nan, nan, nan}
	key = attribute(doc, "_key").bytes()
	when := times{names: candleTimes}
	err = fields(doc, func(name []byte, v value) error {
		when.see(name, v)
		switch string(name) {
		case "symbol":
			c.Symbol = symbols.name(v)
		case "interval":
			if !v.isNull() {
				interval = symbols.intern(v.bytes())
			}
		default:
			field, known := candleFields[string(name)]
			if !known {
				return nil
			}
			n, there, asText, err := v.number()
			if err != nil {
				return badDocument(collection, key, "%s %w", name, err).Fix("correct or remove this document")
			}
			if there {
				*field(&c) = n
			}
			if asText {
				d.report.Strings++
			}
		}
		return nil
	})
	if err != nil {
		return c, key, "", err
	}
	if c.OpenTime, err = when.millis(); err != nil {
		return c, key, "", badDocument(collection, key, "%w", err).Fix("correct or remove this document")
	}
	for _, required := range []struct {
		name string
		v    float64
	}{{"open", c.Open}, {"high", c.High}, {"low", c.Low}, {"close", c.Close}, {"volume", c.Volume}} {
		if math.IsNaN(required.v) {
			return c, key, "", badDocument(collection, key, "the candle has no %s", required.name).Fix("complete or remove this document, since a candle may be missing but not in part")
		}
	}
	if c.Symbol == "" {
		c.Symbol = symbols.fallback
	}
	if c.Symbol == "" {
		return c, key, "", badDocument(collection, key, "the candle has no symbol, and neither %s nor SYMBOL names one", collection).Fix("give it a symbol")
	}
	return c, key, interval, nil
}

// Newest is the open time of the newest candle of the symbols (nil: of any),
// Unix ms, or somewhat before it where a collection mixes units of time; ok is
// false where there is none.
func (d *DB) Newest(ctx context.Context, collections []string, r Reading) (newest int64, ok bool, err error) {
	for _, name := range collections {
		var text raw
		if err := d.one(ctx, newestOf(name, r.Interval, r.Symbols), &text); err != nil {
			return 0, false, err
		}
		// What is no time is rejected when its document is read.
		if ms, err := value(text).millis(); err == nil {
			newest, ok = max(newest, ms), true
		}
	}
	return newest, ok, nil
}
