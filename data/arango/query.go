package arango

import "strings"

// query is AQL with its bind variables. Nothing that was configured or read is
// ever part of the text.
type query struct {
	what  string // is read, for messages
	text  string
	vars  map[string]any
	batch int // documents of one answer
}

// Attributes that are asked for, so that a document's other attributes stay
// where they are. Names of one meaning stand in the order that they count in.
var (
	candleTimes  = []string{"open_time", "timestamp", "ts"}
	bookTimes    = []string{"timestamp", "E", "ts", "open_time"}
	fundingTimes = []string{"funding_time", "fundingTime", "timestamp", "ts", "open_time"}
	nodeTimes    = []string{"open_time", "timestamp", "ts", "time"}
	fundingRates = []string{"funding_rate", "fundingRate"}

	candleAttributes = join([]string{"_key", "symbol", "interval"}, candleTimes, []string{
		"open", "high", "low", "close", "volume", "taker_buy_volume", "taker_buy_base_asset_volume", "taker_buy_base", "quote_volume", "quote_asset_volume",
	})
	bookAttributes    = join([]string{"_key", "symbol", "s", "bids", "b", "asks", "a"}, bookTimes)
	fundingAttributes = join([]string{"_key", "symbol"}, fundingTimes, fundingRates)
	edgeAttributes    = join([]string{"_key", "_from", "_to", "source", "target", "weight", "edge_weight", "edge_attr", "index"}, nodeTimes)
	// kindAttributes are those that show what a collection holds.
	kindAttributes = []string{"type", "bids", "b", "asks", "a", "funding_rate", "fundingRate", "open", "high", "low", "close"}
)

func join(lists ...[]string) (all []string) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

const (
	each      = "FOR d IN @@collection\n"
	ofSymbols = "  FILTER d.symbol == null OR d.symbol IN @symbols\n"
	// ofInterval is what counts for the newest candle.
	ofInterval = "  FILTER d.interval == null OR d.interval == @interval\n"
	ofType     = "  FILTER d.type == @type\n"

	// inRange keeps what lies in the range in any of the units that a time may
	// have, and what has no such time: that is rejected here, with its _key,
	// instead of being skipped there.
	inRange = `  FILTER (t >= @fromSeconds AND t < @toSeconds)
    OR (t >= @fromMillis AND t < @toMillis)
    OR (t >= @fromMicros AND t < @toMicros)
    OR t < 1e9 OR (t >= 1e10 AND t < 1e12) OR (t >= 1e13 AND t < 1e15) OR t >= 1e16
`
	kept      = "  RETURN KEEP(d, @attributes)"
	whole     = "  RETURN UNSET(d, @unwanted)"
	newest    = "  COLLECT AGGREGATE newest = MAX(t)\n  RETURN newest"
	firstFew  = "  LIMIT @few\n"
	howMany   = "  COLLECT WITH COUNT INTO n\n  RETURN n"
	ofOthers  = "  FILTER d.saved_by != @writer\n"
	onlyTheir = "  RETURN { _key: d._key }"
)

// timeOf is the first of the attributes that is there, as a number.
func timeOf(attributes []string) string {
	// The names are constants of this file.
	return "  LET t = TO_NUMBER(NOT_NULL(d." + strings.Join(attributes, ", d.") + "))\n"
}

// Span is a part of the time axis, Unix ms, To excluded; the zero Span is all of
// it.
type Span struct{ From, To int64 }

// Bounds of a Span that bounds nothing.
const (
	Begin int64 = 1e12 // September 2001: no market is older
	End   int64 = 1e13 // the year 2286
)

func (s Span) bounded() bool { return s != Span{} && (s.From > Begin || s.To < End) }

// bind sets the variables of inRange.
func (s Span) bind(vars map[string]any) {
	from, to := max(s.From, Begin), min(s.To, End)
	vars["fromMillis"], vars["toMillis"] = from, to
	vars["fromMicros"], vars["toMicros"] = from*1000, to*1000
	vars["fromSeconds"], vars["toSeconds"] = float64(from)/1000, float64(to)/1000
}

// spellings are the symbols, and what documents may have for them that no variable
// can name: BTC/USDT and BTC/USDT:USDT for BTCUSDT.
func spellings(symbols []string) (all []string) {
	for _, s := range symbols {
		all = append(all, s)
		for i := 2; i < len(s)-1 && len(s) <= longestSymbol; i++ {
			all = append(all, s[:i]+"/"+s[i:], s[:i]+"/"+s[i:]+":"+s[i:])
		}
	}
	return all
}

// longestSymbol is the length of a symbol whose assets are looked for in it.
const longestSymbol = 20

// readingOf asks for the documents of one collection that may have a symbol of
// the list (nil: any) and lie in the span.
func readingOf(collection string, attributes, times, symbols []string, span Span, batch int) query {
	q := query{what: collection, batch: batch, text: each, vars: map[string]any{"@collection": collection, "attributes": attributes}}
	if symbols != nil {
		q.text += ofSymbols
		q.vars["symbols"] = spellings(symbols)
	}
	if span.bounded() {
		q.text += timeOf(times) + inRange
		span.bind(q.vars)
	}
	q.text += kept
	return q
}

// newestOf asks for the highest time of the candles of a collection.
func newestOf(collection, interval string, symbols []string) query {
	q := query{what: collection, text: each + ofInterval, vars: map[string]any{"@collection": collection, "interval": interval}}
	if symbols != nil {
		q.text += ofSymbols
		q.vars["symbols"] = spellings(symbols)
	}
	q.text += timeOf(candleTimes) + newest
	return q
}

// nodesOf asks for nodes whole but for what the database adds: any attribute
// may be a feature.
func nodesOf(collection string, mixed bool) query {
	q := query{what: "nodes of " + collection, batch: batchDocuments, text: each, vars: map[string]any{"@collection": collection, "unwanted": []string{"_id", "_rev"}}}
	q.ofType(mixed, "node")
	q.text += whole
	return q
}

func edgesOf(collection string, mixed bool) query {
	q := query{what: "edges of " + collection, batch: batchDocuments, text: each, vars: map[string]any{"@collection": collection, "attributes": edgeAttributes}}
	q.ofType(mixed, "edge")
	q.text += kept
	return q
}

func (q *query) ofType(mixed bool, kind string) {
	if mixed {
		q.text += ofType
		q.vars["type"] = kind
	}
}

// firstOf asks for a few documents, to see what a collection holds.
func firstOf(collection string, few int, attributes []string) query {
	return query{what: collection, batch: few, text: each + firstFew + kept, vars: map[string]any{"@collection": collection, "few": few, "attributes": attributes}}
}

// foreignIn counts the documents that writer has not written.
func foreignIn(collection, writer string) query {
	return query{what: collection, text: each + ofOthers + howMany, vars: map[string]any{"@collection": collection, "writer": writer}}
}

func keysOf(collection string) query {
	return query{what: "keys of " + collection, batch: batchDocuments, text: each + onlyTheir, vars: map[string]any{"@collection": collection}}
}
