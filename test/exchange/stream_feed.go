package exchange

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// Feed makes up what happens in one symbol's order book: the same from the same
// seed, so that a test has a reference for each state by making a Feed of its
// own. It is not safe for concurrent use.
type Feed struct {
	Symbol string

	reach   int64 // levels are placed so many ticks from the middle, at most
	futures bool
	random  *rand.Rand
	middle  int64 // ticks; every bid is below it, every ask above
	bids    map[int64]int64
	asks    map[int64]int64
	id      int64 // of the last update
	time    int64 // of the last diff, Unix ms

	left             int   // updates before the next diff
	told             int64 // the last id of the last diff
	first            int64 // id of the first update since
	newBids, newAsks map[int64]bool
}

// DepthDiff is an event of a depth stream. Its JSON is the exchange's.
type DepthDiff struct {
	Kind   string      `json:"e"`
	Time   int64       `json:"E"`
	Traded int64       `json:"T,omitempty"` // of the futures
	Symbol string      `json:"s"`
	First  int64       `json:"U"`
	Last   int64       `json:"u"`
	Prev   *int64      `json:"pu,omitempty"` // of the futures
	Bids   [][2]string `json:"b"`
	Asks   [][2]string `json:"a"`
}

// DepthBook is an answer to a request for a whole book.
type DepthBook struct {
	LastUpdateID int64       `json:"lastUpdateId"`
	Bids         [][2]string `json:"bids"`
	Asks         [][2]string `json:"asks"`
}

// Feed begins a symbol's book.
func (o DepthOptions) Feed(symbol string) *Feed {
	f := &Feed{
		Symbol: symbol, reach: cmp.Or(o.Reach, 80), futures: o.Market == "usdm", random: rand.New(rand.NewPCG(o.Seed, seedOf(symbol))), middle: 50_000,
		bids: map[int64]int64{}, asks: map[int64]int64{}, newBids: map[int64]bool{}, newAsks: map[int64]bool{}, id: 1000, time: o.Start,
	}
	f.left = int(4 * f.reach)
	f.Diff()
	return f
}

// Tick lets one update happen, if there is to be one before the next Diff: what
// the diffs tell does not depend on when it is called.
func (f *Feed) Tick() {
	if f.left > 0 {
		f.left--
		f.tick()
	}
}

// tick is one update: some levels change.
func (f *Feed) tick() {
	f.id++
	if f.futures { // whose ids are shared with other symbols
		f.id += f.random.Int64N(20)
	}
	if f.first == 0 {
		f.first = f.id
	}
	r := f.random
	switch action := r.IntN(10); {
	case action < 7: // an order comes, changes or goes
		size := max(0, r.Int64N(10_000)-3000)
		f.set(r.IntN(2) == 0, 1+r.Int64N(f.reach), size)
	case action < 9: // one far away goes, which mostly is not there
		f.set(r.IntN(2) == 0, 1+f.reach+r.Int64N(f.reach), 0)
	default: // the price moves, through whatever is in its way
		step := 1 + r.Int64N(3)
		if r.IntN(2) == 0 {
			for range step {
				f.set(false, 1, 0)
				f.middle++
			}
		} else {
			for range step {
				f.set(true, 1, 0)
				f.middle--
			}
		}
	}
}

// set changes the level so many ticks from the middle.
func (f *Feed) set(bid bool, distance, size int64) {
	side, changed, at := f.asks, f.newAsks, f.middle+distance
	if bid {
		side, changed, at = f.bids, f.newBids, f.middle-distance
	}
	changed[at] = true
	if size == 0 {
		delete(side, at)
		return
	}
	side[at] = size
}

// Diff is what has changed since the last one, 100 ms ago; at least one update.
func (f *Feed) Diff() DepthDiff {
	for f.left > 0 {
		f.Tick()
	}
	f.left = 1 + f.random.IntN(6)
	f.time += 100
	d := DepthDiff{
		Kind: "depthUpdate", Time: f.time, Symbol: f.Symbol, First: f.first, Last: f.id,
		Bids: f.levels(slices.Sorted(maps.Keys(f.newBids)), f.bids), Asks: f.levels(slices.Sorted(maps.Keys(f.newAsks)), f.asks),
	}
	if f.futures {
		before := f.told
		d.Prev, d.Traded = &before, f.time-3
	}
	f.told, f.first = f.id, 0
	clear(f.newBids)
	clear(f.newAsks)
	return d
}

// Snapshot is the book of now, updates that no diff has told of included.
func (f *Feed) Snapshot(limit int) DepthBook {
	book := func(side map[int64]int64, sign int64) [][2]string {
		keys := slices.SortedFunc(maps.Keys(side), func(a, b int64) int { return cmp.Compare(sign*a, sign*b) })
		return f.levels(keys[:min(limit, len(keys))], side)
	}
	return DepthBook{f.id, book(f.bids, -1), book(f.asks, 1)}
}

// LastUpdateID is the id of the last update.
func (f *Feed) LastUpdateID() int64 { return f.id }

// levels writes prices, one cent a tick, and sizes as the market does.
func (f *Feed) levels(prices []int64, side map[int64]int64) [][2]string {
	format := "%d.%02d000000"
	if f.futures {
		format = "%d.%02d"
	}
	all := make([][2]string, len(prices))
	for i, p := range prices {
		size := side[p]
		all[i] = [2]string{fmt.Sprintf(format, p/100, p%100), fmt.Sprintf("%d.%03d", size/1000, size%1000)}
	}
	return all
}

// message is a diff as a combined or a raw stream sends it.
func (d DepthDiff) message(stream string, combined bool) []byte {
	var content any = d
	if combined {
		content = struct {
			Stream string    `json:"stream"`
			Data   DepthDiff `json:"data"`
		}{stream, d}
	}
	text, err := json.Marshal(content)
	if err != nil {
		panic(err) // these are numbers and strings
	}
	return text
}
