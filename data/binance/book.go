package binance

import (
	"errors"
	"fmt"
)

// Diff is what changed in a book between two updates: an event of a depth
// stream.
type Diff struct {
	Symbol string
	Time   int64 // E, Unix ms
	First  int64 // U, id of the first update in it
	Last   int64 // u, id of the last one
	Prev   int64 // pu, Last of the diff before; of the futures only
	Bids   []Level
	Asks   []Level
}

// Snapshot is a book as the REST API returns it.
type Snapshot struct {
	LastUpdateID int64
	Bids, Asks   []Level
	Limit        int // how many levels a side were asked for; 0: the snapshot is whole
}

// Errors of a book that has to be loaded again.
var (
	ErrGap     = errors.New("updates are missing")
	ErrCrossed = errors.New("the best bid is not below the best ask")
)

// Book is the order book of one symbol, kept as the exchange documents it in
// "How to manage a local order book correctly":
//
//   - spot: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
//   - futures: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/How-to-manage-a-local-order-book-correctly
//
// A snapshot is loaded, then every diff is applied. The book is in sync once a
// diff has joined on to the snapshot, and until an error. It is not safe for
// concurrent use.
type Book struct {
	futures    bool // diffs are chained by pu, not by U
	bids, asks side

	loaded bool
	joined bool // a diff has joined on to the snapshot
	last   int64
	time   int64
}

// NewBook is an empty book of a market's, Spot or USDM.
func NewBook(market string) *Book {
	return &Book{futures: market == USDM, bids: side{sign: 1}, asks: side{sign: -1}}
}

// InSync reports whether the book is the exchange's as of LastUpdateID.
func (b *Book) InSync() bool { return b.joined }

// LastUpdateID is the last update that the book contains.
func (b *Book) LastUpdateID() int64 { return b.last }

// Time is the exchange's time of that update, Unix ms, once in sync.
func (b *Book) Time() int64 { return b.time }

// Levels are both sides, the best level first.
func (b *Book) Levels() (bids, asks []Level) { return b.bids.all(), b.asks.all() }

// Known reports whether so many of the best levels are known on both sides: fewer
// than the snapshot had may be, once the price has moved away.
func (b *Book) Known(levels int) bool { return b.bids.knows(levels) && b.asks.knows(levels) }

// Load begins anew with a snapshot. The error means that it is no book.
func (b *Book) Load(s Snapshot) error {
	b.loaded, b.joined, b.time = false, false, 0
	if err := errors.Join(b.bids.load(s.Bids, s.Limit), b.asks.load(s.Asks, s.Limit)); err != nil {
		return err
	}
	if b.crossed() {
		return fmt.Errorf("a snapshot: %w", ErrCrossed)
	}
	b.loaded, b.last = true, s.LastUpdateID
	return nil
}

// Apply takes the next diff in; one that is contained already changes nothing.
// After an error, ErrGap or ErrCrossed, the book is to be loaded again.
func (b *Book) Apply(d Diff) error {
	next, err := b.follows(d)
	if err != nil {
		b.loaded, b.joined = false, false
		return err
	}
	if !next {
		return nil
	}
	for _, l := range d.Bids {
		b.bids.set(l)
	}
	for _, l := range d.Asks {
		b.asks.set(l)
	}
	b.joined, b.last, b.time = true, d.Last, d.Time
	if b.crossed() {
		b.loaded, b.joined = false, false
		return fmt.Errorf("after update %d: %w", d.Last, ErrCrossed)
	}
	return nil
}

// follows reports whether the diff is the next one, as against one that the book
// contains. The error is ErrGap.
func (b *Book) follows(d Diff) (bool, error) {
	switch {
	case !b.loaded:
		return false, fmt.Errorf("%w: the book has no snapshot", ErrGap)
	case b.joined:
		return follows(b.futures, b.last, d)
	}
	return joins(b.futures, b.last, d)
}

// follows reports whether d is the diff after the one that ends with update last.
func follows(futures bool, last int64, d Diff) (bool, error) {
	switch {
	case d.Last <= last:
		return false, nil
	case futures && d.Prev != last:
		return false, fmt.Errorf("%w: after %d follows a diff that comes after %d", ErrGap, last, d.Prev)
	case !futures && d.First > last+1:
		return false, fmt.Errorf("%w: after %d follows a diff that begins with %d", ErrGap, last, d.First)
	}
	return true, nil
}

// joins reports whether d is the first diff to apply to a snapshot that ends with
// update last.
func joins(futures bool, last int64, d Diff) (bool, error) {
	if !futures {
		return follows(futures, last, d)
	}
	switch {
	case d.Last < last:
		return false, nil
	// The documentation asks for U <= last <= u. The diff right after the
	// snapshot, pu == last, does not do so, and yet lacks nothing.
	case d.First > last && d.Prev != last:
		return false, fmt.Errorf("%w: the snapshot ends with %d, and the diff begins with %d and comes after %d", ErrGap, last, d.First, d.Prev)
	}
	return true, nil
}

func (b *Book) crossed() bool {
	bid, bids := b.bids.best()
	ask, asks := b.asks.best()
	return bids && asks && bid.Price >= ask.Price
}

// Top is a look at the best levels. ok is false while a side is empty or fewer
// of its levels than asked for are known.
func (b *Book) Top(levels int) (top BookRow, ok bool) {
	bid, bids := b.bids.best()
	ask, asks := b.asks.best()
	if !bids || !asks || !b.Known(levels) {
		return BookRow{}, false
	}
	return BookRow{
		Time: b.time, BestBid: price(bid.Price), BestAsk: price(ask.Price),
		BidSize: b.bids.size(levels), AskSize: b.asks.size(levels),
	}, true
}
