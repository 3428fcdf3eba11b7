package source

import (
	"context"
	"fmt"
	"time"

	"github.com/streamforge/gnn-trainer/data/binance"
)

// Exchange is what a look at the exchange comes to: what a load would ask of
// it, its clock, and what it allows.
type Exchange struct {
	Symbols []string // nil: it has not told
	Bars    int64
	Held    bool // CACHE_DIR has all of it: a load does not ask the exchange

	Skew        time.Duration // how far its clock is ahead of ours
	Used, Limit int           // request weight of this address in the running window
}

// LookAtExchange asks the exchange for what a load would begin with, and
// fetches nothing. It keeps to limits and bans as a load does, of which
// cfg.Watch is told. Errors that the user mends wrap data.ErrInput.
func LookAtExchange(ctx context.Context, cfg Config) (Exchange, error) {
	interval, err := ParseInterval(cfg.Interval)
	if err != nil {
		return Exchange{}, err
	}
	client, err := binance.NewClient(cfg.Binance)
	if err != nil {
		return Exchange{}, err
	}
	defer client.Close()
	cache := binance.NewCache(cfg.Binance)
	if err := client.Respect(cache); err != nil {
		return Exchange{}, err
	}
	client.Watch(cfg.Watch)
	var e Exchange
	held, err := cfg.held(client, cache, interval)
	if err != nil {
		return Exchange{}, err
	}
	if e.Held = held != nil; e.Held {
		e.Symbols, e.Bars = held.Symbols, (held.To-held.From)/held.Step.Milliseconds()
	}
	r, err := cfg.request(ctx, client, interval)
	if err != nil {
		return e, fmt.Errorf("asking the exchange: %w", err)
	}
	e.Symbols, e.Bars, e.Skew = r.Symbols, (r.To-r.From)/r.Step.Milliseconds(), client.Skew()
	e.Used, e.Limit = client.Weight()
	return e, nil
}

// Extent is how large a market will be, as far as the configuration tells
// before anything is read; 0: it does not.
type Extent struct{ Symbols, Bars int64 }

// Extent tells how large the market will be that c describes.
func (c Config) Extent(now time.Time) Extent {
	interval, err := ParseInterval(c.Interval)
	if err != nil {
		return Extent{}
	}
	selection, err := ParseSymbols(c.Symbols, c.Symbol)
	if err != nil {
		return Extent{}
	}
	span, err := c.Range()
	if err != nil {
		return Extent{}
	}
	e := Extent{Symbols: int64(max(len(selection.Names), selection.Top))}
	switch c.Source {
	case Simulated:
		if e.Symbols == 0 {
			e.Symbols = simulatedCount
		}
		_, e.Bars = simulatedBars(span, interval)
	case Binance:
		if e.Symbols == 0 {
			e.Symbols = defaultTop
		}
		if from, to, err := c.bars(now, interval); err == nil {
			e.Bars = (to - from) / interval.Milliseconds()
		}
	default:
		switch {
		case span.Lookback > 0:
			e.Bars = int64(span.Lookback / interval)
		case !span.Start.IsZero() && !span.End.IsZero():
			e.Bars = int64(span.End.Sub(span.Start) / interval)
		}
	}
	e.Bars = max(e.Bars, 0)
	return e
}
