package source

import (
	"math"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data/internal/symbolname"
)

// symbolNames are the names of a column of symbols. One of the loose names may
// hold anything: it counts where the file is in long format by it.
var (
	symbolNames      = []string{"symbol", "ticker", "pair", "instrument", "tic"}
	looseSymbolNames = append([]string{"name", "stock", "asset", "coin", "security", "code", "market", "contract", "base", "base_asset", "base_currency", "s", "isin", "figi", "cusip", "sedol", "wkn", "permno", "permco", "gvkey"}, idNames...)

	// idNames are those of the loose ones under which services write nothing but
	// names of symbols, spelled in a way of their own perhaps.
	idNames = []string{"ts_code", "inst_id", "instrument_id", "instrument_name", "product_id", "product", "symbol_id", "symbol_name", "symbols", "sym", "tickers", "ticker_symbol", "currency_pair", "trading_pair", "pair_name", "contract_code", "stock_code", "sec_id", "secid", "ric", "act_symbol", "coin_id", "asset_id", "market_id"}
)

// symbolColumn finds the column of symbols of a header; -1: there is none.
func symbolColumn(header []string) (at int, loose bool) {
	for _, name := range symbolNames {
		if at := columnsOf(header, []string{name}); at != nil {
			return at[0], false
		}
	}
	for _, name := range slices.Concat(idNames, looseSymbolNames) {
		if at := columnsOf(header, []string{name}); at != nil {
			return at[0], true
		}
	}
	return -1, false
}

// table is what is read of one file: the candles of one symbol, or in long
// format, with a column of symbols, those of many.
type table struct {
	origin
	at     places
	unread []unread
	texts  []*textColumn // that may name the symbol

	heading []string
	own     own   // the columns of the user's own that are wanted
	ownAt   []int // [C] where they are; -1: the file lacks one

	symbols int    // the column of symbols; -1: none
	loose   bool   // whether that has one of the loose names
	column  string // its name

	all    []*series                // in the order of their first rows; one without a column of symbols
	named  map[string]*series       // by the text of the column
	wanted func(symbol string) bool // whose values are kept, in a file of many; nil: all
}

// newTable has no candle yet, and the columns that are found in a header.
func newTable(from origin, header, columns []string) (*table, error) {
	at, err := locate(header)
	if err != nil {
		return nil, bad(from.path, "cannot be read: %w", err)
	}
	ownAt, err := locateOwn(header, columns)
	if err != nil {
		return nil, bad(from.path, "cannot be read: %w", err)
	}
	t := &table{origin: from, at: at, named: map[string]*series{}, unread: unreadOf(header, at), heading: header, own: own{names: columns}, ownAt: ownAt}
	t.unread = slices.DeleteFunc(t.unread, func(u unread) bool { return isOneOf(columns, u.name) })
	t.symbols, t.loose = symbolColumn(header)
	named := t.symbols
	if t.loose {
		named = -1
	}
	if t.texts = textColumns(header, at, named); t.symbols >= 0 {
		t.column = tidyName(header[t.symbols])
	} else {
		t.all = []*series{t.newSeries()}
	}
	return t, nil
}

// newSeries has no candle yet, and the columns that the header has.
func (t *table) newSeries() *series {
	s := newSeries(t.origin, t.at)
	s.own = t.own.of(t.ownAt)
	return s
}

// rows is how many rows were read.
func (t *table) rows() (n int) {
	for _, s := range t.all {
		n += len(s.times)
	}
	return n
}

// of is the series of a row with this text in its column of symbols.
func (t *table) of(place int, text string) (*series, error) {
	if t.symbols < 0 {
		return t.all[0], nil
	}
	if s := t.named[text]; s != nil {
		return s, nil
	}
	symbol := symbolname.Plain(text)
	if err := checkName(symbol); err != nil && !t.loose {
		return nil, t.badAt(place, "%s %s %w", t.column, shorten(text), err).Fix("write a symbol such as BTCUSDT, or remove the column")
	}
	at := slices.IndexFunc(t.all, func(s *series) bool { return s.symbol == symbol })
	if at < 0 {
		s := t.newSeries()
		s.symbol, s.began, s.timesOnly = symbol, place, !t.loose && t.wanted != nil && !t.wanted(symbol)
		if s.timesOnly {
			s.values, s.own = [quantities][]float64{}, own{}
		}
		at, t.all = len(t.all), append(t.all, s)
	}
	t.named[strings.Clone(text)] = t.all[at]
	return t.all[at], nil
}

// series are those of the symbols of a table whose file is named after a symbol.
// Several symbols are right in long format only, where each of them has a series
// of its own beside the others.
func (t *table) series(named string) ([]*series, error) {
	switch first := t.all[0]; {
	case len(t.all) == 1 && t.symbols >= 0 && (!t.loose || isOneOf(idNames, t.column)) && checkName(first.symbol) == nil && genericName.MatchString(named):
		first.long = true // one of several such files, perhaps
		return t.all, nil
	case t.symbols < 0, len(t.all) == 1 && t.loose, len(t.all) == 1 && canonical(first.symbol) == canonical(named):
		first.symbol, first.timesOnly = named, false
		return t.all, nil
	case len(t.all) == 1:
		return nil, t.badAt(first.began, "%s is %s, and the file is named after %s", t.column, shortenName(first.symbol), shortenName(named)).Fix("name the file %s, or correct the column", first.symbol)
	}
	apart := t.apart()
	switch {
	case apart == nil:
		for _, s := range t.all {
			if err := checkName(s.symbol); err != nil {
				return nil, t.badAt(s.began, "%s %s %w", t.column, shorten(s.symbol), err).Fix("write a symbol such as BTCUSDT, or remove the column")
			}
			s.long = true
		}
		return t.all, nil
	case t.loose:
		whole := concatenated(t.all)
		whole.symbol = named
		return []*series{whole}, nil
	}
	other := t.all[0]
	if other == apart {
		other = t.all[1]
	}
	before, after := other, apart
	if before.began > after.began {
		before, after = after, before
	}
	return nil, t.badAt(after.began, "%s changes from %s to %s, which has no bars beside the others", t.column, shortenName(before.symbol), shortenName(after.symbol)).Fix("write each symbol to a file of its own, or correct the column")
}

// apart is a symbol that has hardly any bar at the same time as another; nil:
// there is none. The largest needs none.
func (t *table) apart() *series {
	const least = 0.1 // of its bars
	seen := map[int64]int{}
	for _, s := range t.all {
		for i, at := range s.times {
			if i == 0 || at != s.times[i-1] {
				seen[at]++
			}
		}
	}
	largest := slices.MaxFunc(t.all, func(a, b *series) int { return len(a.times) - len(b.times) })
	for _, s := range t.all {
		shared := 0
		for _, at := range s.times {
			if seen[at] > 1 {
				shared++
			}
		}
		if shared == 0 || s != largest && float64(shared) < least*float64(len(s.times)) {
			return s
		}
	}
	return nil
}

// concatenated are several series as one, in the order given. A column that one lacks
// is unknown in its rows.
func concatenated(parts []*series) *series {
	if len(parts) == 1 {
		return parts[0]
	}
	whole := &series{origin: parts[0].origin, symbol: parts[0].symbol, long: parts[0].long}
	whole.append(parts)
	return whole
}

// append takes over the candles of the parts, each with its place.
func (s *series) append(parts []*series) {
	rows := 0
	for _, p := range parts {
		rows += len(p.times)
		s.rows, s.duplicates, s.disordered = s.rows+p.rows, s.duplicates+p.duplicates, s.disordered+p.disordered
	}
	s.times, s.places = make([]int64, 0, rows), make([]int, 0, rows)
	for i, p := range parts {
		s.times = append(s.times, p.times...)
		for _, place := range p.places {
			s.places = append(s.places, i<<placeBits|place&(1<<placeBits-1))
		}
	}
	for q := range s.values {
		if !slices.ContainsFunc(parts, func(p *series) bool { return p.values[q] != nil }) {
			continue
		}
		s.values[q] = make([]float64, 0, rows)
		for _, p := range parts {
			if p.values[q] != nil {
				s.values[q] = append(s.values[q], p.values[q]...)
				continue
			}
			for range p.times {
				s.values[q] = append(s.values[q], math.NaN())
			}
		}
	}
	s.own = joinOwn(parts)
	origins := make([]origin, len(parts))
	for i, p := range parts {
		origins[i] = p.origin
		origins[i].places = nil
	}
	s.names = func(place int) string {
		return origins[place>>placeBits].where(place & (1<<placeBits - 1))
	}
}

// placeBits of a place in joined series are that of its part.
const placeBits = 40
