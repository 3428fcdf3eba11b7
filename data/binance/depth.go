package binance

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/adshao/go-binance/v2/common"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// BookLevels is how many of a book's best levels a side its sizes are summed
// over.
const BookLevels = 20

// Depth asks for the order book of a symbol, with at most limit levels a side.
func (c *Client) Depth(ctx context.Context, symbol string, limit int) (Snapshot, error) {
	s := Snapshot{Limit: limit}
	var bids, asks []common.PriceLevel
	if c.market == Spot {
		answer, err := c.spot().NewDepthService().Symbol(symbol).Limit(limit).Do(ctx)
		if err != nil {
			return s, c.wrong("asking for the order book of "+symbol, err)
		}
		s.LastUpdateID, bids, asks = answer.LastUpdateID, answer.Bids, answer.Asks
	} else {
		answer, err := c.futures().NewDepthService().Symbol(symbol).Limit(limit).Do(ctx)
		if err != nil {
			return s, c.wrong("asking for the order book of "+symbol, err)
		}
		s.LastUpdateID, bids, asks = answer.LastUpdateID, answer.Bids, answer.Asks
	}
	for _, side := range []struct {
		from []common.PriceLevel
		to   *[]Level
	}{{bids, &s.Bids}, {asks, &s.Asks}} {
		for _, l := range side.from {
			level, err := LevelOf(l.Price, l.Quantity)
			if err != nil {
				return s, fault.Transient("%s gives an order book of %s with %w", c.url, symbol, err).At("%s", c.url)
			}
			*side.to = append(*side.to, level)
		}
	}
	return s, nil
}

// FetchBooks keeps the order books of now: all that the REST interface knows of
// them. They are of the bars that close after now, never of one before.
func (c *Client) FetchBooks(ctx context.Context, cache *Cache, symbols []string, watch data.Watcher) error {
	var tasks []task
	var mu sync.Mutex // one writer
	w := NewBookWriter(cache)
	for _, symbol := range symbols {
		tasks = append(tasks, task{1, func(ctx context.Context, done func()) error {
			s, err := c.Depth(ctx, symbol, BookLevels)
			if err != nil {
				return err
			}
			_, now := c.gate.time() // at the latest: it was not known before
			defer done()
			b := NewBook(c.market)
			if err := b.Load(s); err != nil {
				return nil // a book that is crossed at the moment is of no use
			}
			row, ok := b.Top(BookLevels)
			if !ok {
				return nil // a side has no orders
			}
			row.Time = now.UnixMilli()
			mu.Lock()
			defer mu.Unlock()
			return w.AppendBook(symbol, []BookRow{row})
		}})
	}
	if err := c.run(ctx, tasks, watch); err != nil {
		return err
	}
	return w.Close()
}

// BookWriter keeps rows of order books in the cache. Each call is a file of its
// own at first, which a kill does not lose; now and then they are put together.
type BookWriter struct {
	cache *Cache
	open  map[string]*openBook
}

type openBook struct {
	month  month
	day    int64 // since 1970
	pieces int   // files since they were put together
}

const (
	mostPieces = 60 // an hour of a recorder that keeps its rows each minute
	day        = 24 * time.Hour
)

// NewBookWriter writes to cache.
func NewBookWriter(cache *Cache) *BookWriter { return &BookWriter{cache, map[string]*openBook{}} }

// AppendBook keeps rows, which rise in time and come after those before. They
// are durable when it returns.
func (w *BookWriter) AppendBook(symbol string, rows []BookRow) error {
	s := book(w.cache, symbol)
	for len(rows) > 0 {
		m := monthOf(rows[0].Time)
		n := 0
		for n < len(rows) && rows[n].Time < m.to {
			n++
		}
		if err := s.put(m, rows[:n], span{rows[0].Time, rows[n-1].Time + 1}, true); err != nil {
			return err
		}
		if err := w.tidy(symbol, s, m, rows[0].Time/day.Milliseconds()); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// tidy makes one file of the hour's, and of the month's once a day: the
// month's file is long, and is not written anew each minute.
func (w *BookWriter) tidy(symbol string, s series[BookRow], m month, today int64) error {
	b := w.open[symbol]
	if b == nil {
		b = &openBook{m, today, 0}
		w.open[symbol] = b
	}
	if b.pieces++; today != b.day {
		if err := unlessDamaged(s.merge(b.month)); err != nil {
			return err
		}
		b.month, b.day, b.pieces = m, today, 0
	} else if b.pieces >= mostPieces {
		b.pieces = 0
		return unlessDamaged(s.join(m))
	}
	return nil
}

// unlessDamaged hides that a file was set aside: the others are put together the
// next time, and the recording goes on.
func unlessDamaged(err error) error {
	if errors.Is(err, errDamaged) {
		return nil
	}
	return err
}

// Close puts each month's rows into its file.
func (w *BookWriter) Close() error {
	for symbol, b := range w.open {
		if err := unlessDamaged(book(w.cache, symbol).merge(b.month)); err != nil {
			return err
		}
	}
	return nil
}
