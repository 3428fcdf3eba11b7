package source

import (
	"context"
	"fmt"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/binance"
)

// Recording is who watches a Record; nil functions are not called.
type Recording struct {
	Begin func(symbols []string)
	Stats func(binance.Stats) // each second, and at the end
	Warn  func(line string)   // of what went wrong and was handled
	Wait  data.Watcher        // of waits for the exchange
}

// Record keeps the order books of the symbols that cfg chooses in CACHE_DIR,
// until ctx ends, which is no error. DATA_SOURCE=binance then has features of
// the time that was recorded.
func Record(ctx context.Context, cfg Config, watch Recording) (err error) {
	cfg.Source = Binance
	if err := cfg.Validate(); err != nil {
		return err
	}
	q, err := cfg.query()
	if err != nil {
		return err
	}
	client, cache, err := cfg.exchange(watch.Wait)
	if err != nil {
		return err
	}
	defer client.Close()
	unlock, err := cache.LockBooks()
	if err != nil {
		return err
	}
	defer unlock()
	known, err := client.Sync(ctx)
	var symbols []string
	if err == nil {
		symbols, err = q.chosen(ctx, client, known)
	}
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if watch.Begin != nil {
		watch.Begin(symbols)
	}
	books := binance.NewBookWriter(cache)
	defer func() {
		if wrong := books.Close(); wrong != nil && err == nil {
			err = wrong
		}
	}()
	if err := binance.Record(ctx, cfg.Binance, symbols, client, books, watch.Stats, watch.Warn); err != nil {
		return fmt.Errorf("recording order books: %w", err)
	}
	return nil
}
