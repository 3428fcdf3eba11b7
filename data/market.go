// Package data turns a market into a dynamic graph. Candles enter as a Market;
// a Recipe makes a Panel of it (features and edges of each snapshot), Targets
// are what happened after each snapshot, and Folds divide the snapshots into
// splits. A Dataset is the three together.
//
// It is pure Go and knows nothing of tensors or of where candles come from
// (package data/source). What a panel holds of a bar never uses a later one.
package data

import (
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// ErrInput marks input that cannot be used as it is; the message names what,
// where and how to fix it. The process ends with exit code 2.
var ErrInput = fault.ErrInput

// Column names an optional per-bar quantity beyond the candle itself.
type Column string

// Optional columns. Prices are in units of the quote asset, sizes and volumes
// of the base asset; each value is what was known at the bar's close.
const (
	TakerBuyVolume Column = "taker_buy_volume" // base volume bought by takers within the bar
	QuoteVolume    Column = "quote_volume"     // traded quote volume within the bar
	BestBid        Column = "best_bid"         // best bid price
	BestAsk        Column = "best_ask"         // best ask price
	BidSize        Column = "bid_size"         // summed bid sizes of the known depth
	AskSize        Column = "ask_size"         // summed ask sizes of the known depth
	FundingRate    Column = "funding_rate"     // last known funding rate, a fraction per funding period
)

// Columns lists every optional column.
var Columns = []Column{TakerBuyVolume, QuoteVolume, BestBid, BestAsk, BidSize, AskSize, FundingRate}

// Market is a panel of candles of N symbols over T bars of one interval. Bar t
// opens at Start + t*Interval, or at Times[t]. A bar that a symbol lacks is NaN
// in every one of its series: it stays missing, nothing is filled.
type Market struct {
	Symbols  []string      // [N] node order
	Interval time.Duration // length of a bar
	Start    int64         // open time of bar 0, Unix ms
	Bars     int           // T

	// Times are the open times of the bars [T], Unix ms, rising, of a market with
	// closing hours: while it is closed there are no bars. nil: it never closes.
	Times []int64

	// Origins are the files that the candles come from [N]; nil: no files.
	Origins []string

	Open, High, Low, Close, Volume [][]float64 // [N][T], prices > 0, volume >= 0 or NaN

	// Optional holds the columns that at least one symbol has, each [N][T];
	// NaN where a symbol or a bar lacks the value. Those that are none of Columns
	// are a user's own, of any finite values.
	Optional map[Column][][]float64
}

// Axis is the time axis of the bars.
func (m *Market) Axis() Axis {
	return Axis{Interval: m.Interval, Start: m.Start, Bars: m.Bars, Times: m.Times}
}

// OpenTime is when bar t opens, Unix ms.
func (m *Market) OpenTime(t int) int64 { return m.Axis().OpenTime(t) }

// Present reports whether symbol i has bar t.
func (m *Market) Present(i, t int) bool { return !math.IsNaN(m.Close[i][t]) }

// NewSeries makes N series of T missing values over one allocation.
func NewSeries(n, bars int) [][]float64 {
	values := make([]float64, n*bars)
	for i := range values {
		values[i] = math.NaN()
	}
	series := make([][]float64, n)
	for i := range series {
		series[i] = values[i*bars : (i+1)*bars : (i+1)*bars]
	}
	return series
}

// Validate checks the shapes against each other, that a bar's four prices are
// there together and above 0, and that volumes and sizes are not negative; NaN
// is a missing value and allowed. The error wraps ErrInput and names symbol and
// bar.
func (m *Market) Validate() error {
	n := len(m.Symbols)
	switch {
	case n == 0:
		return fault.Input("the market has no symbols").Fix("name some in SYMBOLS")
	case m.Interval < time.Millisecond || m.Interval%time.Millisecond != 0:
		return fault.Input("the market's bars last %v; whole milliseconds are needed", m.Interval)
	case m.Bars < 1:
		return fault.Input("the market has %d bars", m.Bars)
	}
	if err := m.validateTimes(); err != nil {
		return err
	}
	for i, symbol := range m.Symbols {
		if slices.Index(m.Symbols, symbol) < i {
			return fault.Input("symbol %s is in the market twice", symbol)
		}
	}
	series := []struct {
		name   string
		values [][]float64
		ok     func(float64) bool // of values that are there
		rule   string
	}{
		{"open", m.Open, above0, "a price is above 0"},
		{"high", m.High, above0, "a price is above 0"},
		{"low", m.Low, above0, "a price is above 0"},
		{"close", m.Close, above0, "a price is above 0"},
		{"volume", m.Volume, from0, "a volume is 0 or more"},
	}
	prices := series[:4]
	for _, column := range slices.Concat(Columns, m.ownColumns()) { // in this order, so that the first error is always the same one
		values, ok := m.Optional[column]
		if !ok {
			continue
		}
		s := series[4]
		switch column {
		case BestBid, BestAsk:
			s = series[3]
		case FundingRate:
			s.ok, s.rule = finite, "a rate is a finite number"
		case BidSize, AskSize:
			s.rule = "a size is 0 or more"
		case TakerBuyVolume, QuoteVolume:
		default:
			s.ok, s.rule = finite, "a feature is a finite number"
		}
		s.name, s.values = string(column), values
		series = append(series, s)
	}
	for _, s := range series {
		if len(s.values) != n {
			return fault.Input("%s has series for %d symbols, the market has %d", s.name, len(s.values), n)
		}
		for i, values := range s.values {
			if len(values) != m.Bars {
				return fault.Input("%s of %s has %d bars, the market has %d", s.name, m.Symbols[i], len(values), m.Bars)
			}
			for t, v := range values {
				if !s.ok(v) && !math.IsNaN(v) {
					return fault.Input("%s of %s at %s is %v; %s", s.name, m.Symbols[i], m.stampOf(t), v, s.rule)
				}
			}
		}
	}
	for _, s := range prices {
		for i, values := range s.values {
			for t, v := range values {
				if math.IsNaN(v) == m.Present(i, t) {
					return fault.Input("%s at %s has only some of open, high, low and close", m.Symbols[i], m.stampOf(t)).
						Fix("give all four or leave the bar out")
				}
			}
		}
	}
	return nil
}

// ownColumns are the optional columns that a user added, by name.
func (m *Market) ownColumns() []Column {
	var own []Column
	for c := range m.Optional {
		if !slices.Contains(Columns, c) {
			own = append(own, c)
		}
	}
	slices.Sort(own)
	return own
}

// validateTimes checks that bars which are named one by one are a part of the
// grid of the interval.
func (m *Market) validateTimes() error {
	if m.Times == nil {
		return nil
	}
	if len(m.Times) != m.Bars || m.Times[0] != m.Start {
		return fault.Input("the market has %d open times from %d on, and %d bars from %d on", len(m.Times), m.Times[0], m.Bars, m.Start)
	}
	for t := 1; t < m.Bars; t++ {
		if apart := m.Times[t] - m.Times[t-1]; apart <= 0 || apart%m.Interval.Milliseconds() != 0 {
			return fault.Input("the bar after %s opens %d ms later, and bars last %v", m.stampOf(t-1), apart, m.Interval)
		}
	}
	return nil
}

func above0(v float64) bool { return v > 0 && finite(v) }

func from0(v float64) bool { return v >= 0 && finite(v) }

// stampOf is when bar t opens, as messages write it.
func (m *Market) stampOf(t int) string { return m.Axis().stampOf(t) }
