package source

import (
	"context"
	"fmt"
	"time"
)

// Exchange is what a look at the exchange found: what a load would ask of
// it, its clock, and what it allows.
type Exchange struct {
	Symbols []string // nil: not known
	Bars    int64
	Held    bool // CACHE_DIR has all of it: a load does not ask the exchange

	Skew        time.Duration // how far its clock is ahead of ours
	Used, Limit int           // request weight of this address in the running window
}

// LookAtExchange asks the exchange for what a load would begin with, and
// fetches nothing. It keeps to limits and bans as a load does, which
// cfg.Watch sees. Errors that the user fixes are permanent faults.
func LookAtExchange(ctx context.Context, cfg Config) (Exchange, error) {
	q, err := cfg.query()
	if err != nil {
		return Exchange{}, err
	}
	client, cache, err := cfg.exchange(cfg.Watch)
	if err != nil {
		return Exchange{}, err
	}
	defer client.Close()
	var e Exchange
	held, err := q.held(client, cache)
	if err != nil {
		return Exchange{}, err
	}
	if e.Held = held != nil; e.Held {
		e.Symbols, e.Bars = held.Symbols, (held.To-held.From)/held.Step.Milliseconds()
	}
	r, _, err := q.request(ctx, client)
	if err != nil {
		return e, fmt.Errorf("asking the exchange: %w", err)
	}
	e.Symbols, e.Bars, e.Skew = r.Symbols, (r.To-r.From)/r.Step.Milliseconds(), client.Skew()
	e.Used, e.Limit = client.Weight()
	return e, nil
}

// Extent is how large a market will be, as far as the configuration determines
// it before anything is read; 0: it does not.
type Extent struct{ Symbols, Bars int64 }

// Extent is how large the market will be that c describes.
func (c Config) Extent(now time.Time) Extent {
	q, err := c.query()
	if err != nil {
		return Extent{}
	}
	e := Extent{Symbols: int64(max(len(q.selection.Names), q.selection.Top))}
	switch c.Source {
	case Simulated:
		if e.Symbols == 0 {
			e.Symbols = simulatedCount
		}
		e.Bars = simulatedAxis(q.span, q.interval).bars
	case Binance:
		if e.Symbols == 0 {
			e.Symbols = defaultTop
		}
		if from, to, err := q.bars(now); err == nil {
			e.Bars = (to - from) / q.interval.Milliseconds()
		}
	default:
		switch {
		case q.span.Lookback > 0:
			e.Bars = int64(q.span.Lookback / q.interval)
		case !q.span.Start.IsZero() && !q.span.End.IsZero():
			e.Bars = int64(q.span.End.Sub(q.span.Start) / q.interval)
		}
	}
	e.Bars = max(e.Bars, 0)
	return e
}
