package source

import (
	"context"
	"fmt"
	"time"

	"github.com/streamforge/gnn-trainer/data/binance"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// held is a request for symbols that are named and a range that has ended, all
// of which the cache has; nil: it is another one. So a resumed run, and one
// that is repeated, need no exchange.
func (q query) held(client *binance.Client, cache *binance.Cache) (*binance.Request, error) {
	if q.selection.Names == nil || q.span.End.IsZero() || q.span.Start.IsZero() && q.span.Lookback == 0 {
		return nil, nil
	}
	r := &binance.Request{Symbols: q.selection.Names, Interval: q.Interval, Step: q.interval}
	var err error
	if r.From, r.To, err = q.bars(time.Now()); err != nil || r.To < q.span.End.UnixMilli() {
		return nil, nil // as our clock has it: the exchange's decides
	}
	if err := checkSize(len(r.Symbols), (r.To-r.From)/r.Step.Milliseconds(), int(quantities)); err != nil {
		return nil, err
	}
	if whole, err := client.Holds(cache, *r); err != nil || !whole {
		return nil, err
	}
	return r, nil
}

// request is what q asks of the exchange, with notes of what it does not know.
func (q query) request(ctx context.Context, client *binance.Client) (r *binance.Request, notes []string, err error) {
	known, err := client.Sync(ctx)
	if err != nil {
		return nil, nil, err
	}
	r = &binance.Request{Interval: q.Interval, Step: q.interval}
	if r.From, r.To, err = q.bars(client.Now()); err != nil {
		return nil, nil, err
	}
	if r.Symbols, err = q.chosen(ctx, client, known); err != nil {
		return nil, nil, err
	}
	there := make([]string, len(known))
	for i, s := range known {
		there[i] = s.Name
	}
	if notes, err = q.checkExcluded(there, "the "+q.Binance.Market+" market"); err != nil {
		return nil, nil, err
	}
	return r, notes, checkSize(len(r.Symbols), (r.To-r.From)/r.Step.Milliseconds(), int(quantities))
}

func rfc3339(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// bars are the open times of the range's first bar and of the one after its
// last, at most up to what has closed by now.
func (q query) bars(now time.Time) (from, to int64, err error) {
	span := q.span
	if span.Start.IsZero() && span.Lookback == 0 {
		span.Lookback = defaultLookback
	}
	step := q.interval.Milliseconds()
	newest := now.Add(-settling).UnixMilli() / step * step // what opens there has not closed
	from, to = span.bounds(newest)
	from, to = (from+step-1)/step*step, (min(to, newest)+step-1)/step*step
	to = min(to, newest)
	if from >= to {
		return 0, 0, fault.Input("no bar of %s has closed within %s, and it is %s", q.Interval, span, now.UTC().Format(time.RFC3339)).Fix("set START, END or LOOKBACK to a range of the past")
	}
	return from, to, nil
}

// chosen are the symbols that become nodes; of its own choice the exchange has
// none of those left out.
func (q query) chosen(ctx context.Context, client *binance.Client, known []binance.Symbol, leftOut ...string) ([]string, error) {
	if q.selection.Names != nil {
		return q.selection.Names, client.Check(known, q.selection.Names)
	}
	return client.Top(ctx, known, q.Symbol, q.top(), append(leftOut, q.exclude...)...)
}

// top is how many symbols the exchange chooses.
func (q query) top() int {
	if q.selection.Top == 0 {
		return defaultTop
	}
	return q.selection.Top
}

// replaceShort puts the next symbols by volume in the place of those that the
// exchange chose and that have fewer bars than a snapshot needs, until all have
// enough. notes names what was replaced.
func (q query) replaceShort(ctx context.Context, client *binance.Client, cache *binance.Cache, r *binance.Request) (notes []string, err error) {
	if q.selection.Names != nil || int64(q.LeastBars) > (r.To-r.From)/r.Step.Milliseconds() {
		return nil, nil
	}
	var short []string
	for {
		before := len(short)
		for _, symbol := range r.Symbols {
			bars := 0
			err := cache.Klines(symbol, *r, func(binance.Kline) error { bars++; return nil })
			if err != nil {
				return notes, err
			}
			if bars < q.LeastBars && symbol != q.Symbol {
				short = append(short, symbol)
				notes = append(notes, passedOver(symbol, bars, q.LeastBars, q.top()))
			}
		}
		if len(short) == before {
			return notes, nil
		}
		known, err := client.Sync(ctx)
		if err != nil {
			return notes, err
		}
		if r.Symbols, err = q.chosen(ctx, client, known, short...); err != nil {
			return notes, err
		}
		if q.Fixed != nil {
			q.Fixed(Pin{r.Symbols, rfc3339(r.From), rfc3339(r.To)})
		}
		if err := fetch(ctx, client, cache, *r, q.Watch); err != nil {
			return notes, fmt.Errorf("fetching from Binance: %w", err)
		}
	}
}
