package binance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

// Snapshots tells whole books. It is asked by a few goroutines at once, and
// keeps to the exchange's limits itself. An error that wraps data.ErrInput ends
// the recording; after any other the snapshot is asked for again.
type Snapshots interface {
	Depth(ctx context.Context, symbol string, limit int) (Snapshot, error)
}

// BookSink keeps rows. They rise in time, and are durable when it returns. It is
// called by one goroutine.
type BookSink interface {
	AppendBook(symbol string, rows []BookRow) error
}

// Stats is what a recording has come to so far.
type Stats struct {
	Symbols    int
	InSync     int   // books, now
	Updates    int64 // diffs received
	Rows       int64 // written
	Gaps       int64 // books that lost a diff, or were crossed
	Reconnects int64 // connections lost
	Resyncs    int64 // books in sync again
	Renewals   int64 // books loaded again because the price had left the levels that they know
	Malformed  int64 // messages that could not be read
}

const snapshotsAtOnce = 4

// Recorder records the order books of symbols. Its fields are set before Run.
type Recorder struct {
	Market     string // Spot or USDM
	URL        string // of the streams: ws or wss, a host, and a path where there is one
	Symbols    []string
	Rest       Snapshots
	Sink       BookSink
	Every      time.Duration // one row each, by the exchange's clock
	FlushEvery time.Duration // rows are kept in memory for so long
	TellEvery  time.Duration
	Tell       func(Stats)       // may be nil
	Warn       func(line string) // may be nil; called by several goroutines

	pace    pace
	handled func(handled, *keeper) // of tests
	asks    chan struct{}          // holds one for each snapshot that is asked for

	inSync                                                        atomic.Int64
	updates, rows, gaps, reconnects, resyncs, renewals, malformed atomic.Int64
}

// Record records the books of symbols until ctx ends, which is no error; what
// was recorded is in the sink then. tell is called each minute and at the end,
// warn with a line for each thing that went wrong; both may be nil.
func Record(ctx context.Context, cfg Config, symbols []string, rest Snapshots, sink BookSink, tell func(Stats), warn func(line string)) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	r := &Recorder{
		Market: cfg.Market, URL: cfg.streams(), Symbols: symbols, Rest: rest, Sink: sink,
		Every: cfg.RecordEvery, FlushEvery: time.Minute, TellEvery: time.Minute, Tell: tell, Warn: warn,
	}
	return r.Run(ctx)
}

// batch is rows on their way to the sink.
type batch struct {
	symbol string
	rows   []BookRow
}

// Run records until ctx ends.
func (r *Recorder) Run(parent context.Context) error {
	symbols := slices.Compact(slices.Sorted(slices.Values(r.Symbols)))
	if len(symbols) == 0 {
		return fmt.Errorf("%w: there is no symbol to record: set SYMBOL or SYMBOLS", data.ErrInput)
	}
	if r.Every < time.Millisecond {
		return fmt.Errorf("%w: RECORD_EVERY=%v is no time between two rows: set one such as 1s", data.ErrInput, r.Every)
	}
	if r.FlushEvery <= 0 {
		r.FlushEvery = time.Minute
	}
	if r.pace == (pace{}) {
		r.pace = usualPace
	}
	r.asks = make(chan struct{}, snapshotsAtOnce)
	ctx, fail := context.WithCancelCause(parent)
	defer fail(nil)

	var shards, others sync.WaitGroup
	batches, errs := make(chan batch), make(chan error)
	for some := range slices.Chunk(symbols, r.pace.streams) {
		s := r.newShard(some)
		shards.Go(func() {
			if err := s.run(ctx, batches); err != nil {
				errs <- err
			}
		})
	}
	others.Go(func() { // writes until the last shard has ended
		if err := r.write(batches, fail); err != nil {
			errs <- err
		}
	})
	others.Go(func() { r.report(ctx) })
	go func() {
		shards.Wait()
		close(batches)
		fail(nil)
		others.Wait()
		close(errs)
	}()
	var all []error
	for err := range errs {
		fail(err)
		all = append(all, err)
	}
	if r.Tell != nil {
		r.Tell(r.Stats())
	}
	return errors.Join(all...)
}

// write gives rows to the sink. After an error it takes them only, so that the
// shards can end.
func (r *Recorder) write(batches <-chan batch, fail func(error)) (failed error) {
	for b := range batches {
		if failed != nil {
			continue
		}
		if err := r.Sink.AppendBook(b.symbol, b.rows); err != nil {
			failed = fmt.Errorf("keeping the book of %s: %w", b.symbol, err)
			fail(failed)
			continue
		}
		r.rows.Add(int64(len(b.rows)))
	}
	return failed
}

// report tells how the recording goes.
func (r *Recorder) report(ctx context.Context) {
	if r.Tell == nil || r.TellEvery <= 0 {
		return
	}
	for sleep(ctx, r.TellEvery) {
		r.Tell(r.Stats())
	}
}

// Stats is what the recording has come to so far.
func (r *Recorder) Stats() Stats {
	return Stats{
		Symbols: len(r.Symbols), InSync: int(r.inSync.Load()), Updates: r.updates.Load(), Rows: r.rows.Load(), Gaps: r.gaps.Load(),
		Reconnects: r.reconnects.Load(), Resyncs: r.resyncs.Load(), Renewals: r.renewals.Load(), Malformed: r.malformed.Load(),
	}
}

func (r *Recorder) warn(format string, a ...any) {
	if r.Warn != nil {
		r.Warn(strings.TrimSpace(fmt.Sprintf(format, a...)))
	}
}
