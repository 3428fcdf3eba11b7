package binance

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Snapshots returns whole books. It is asked by a few goroutines at once, and
// keeps to the exchange's limits itself. A permanent fault ends the
// recording; after any other error the snapshot is asked for again.
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
	Market      string // Spot or USDM
	URL         string // of the streams: ws or wss, a host, and a path where there is one
	Symbols     []string
	Rest        Snapshots
	Sink        BookSink
	Every       time.Duration // one row each, by the exchange's clock
	FlushEvery  time.Duration // rows are kept in memory for so long
	NotifyEvery time.Duration
	Notify      func(Stats)       // may be nil
	Warn        func(line string) // may be nil; called by several goroutines

	pace    pace
	handled func(handled, *keeper) // of tests
	asks    chan struct{}          // holds one for each snapshot that is asked for

	inSync                                                        atomic.Int64
	updates, rows, gaps, reconnects, resyncs, renewals, malformed atomic.Int64
}

// Record records the books of symbols until ctx ends, which is no error; what
// was recorded is in the sink then. notify is called each second and at the end,
// warn with a line for each thing that went wrong; both may be nil.
func Record(ctx context.Context, cfg Config, symbols []string, rest Snapshots, sink BookSink, notify func(Stats), warn func(line string)) error {
	if err := errors.Join(cfg.Validate(), cfg.ValidateStream()); err != nil {
		return err
	}
	r := &Recorder{
		Market: cfg.Market, URL: cfg.streams(), Symbols: symbols, Rest: rest, Sink: sink,
		Every: cfg.RecordEvery, FlushEvery: time.Minute, NotifyEvery: time.Second, Notify: notify, Warn: warn,
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
		return fault.Input("there is no symbol to record").Fix("set SYMBOL or SYMBOLS")
	}
	if r.Every < time.Millisecond {
		return fault.Input("RECORD_EVERY=%v is no time between two rows", r.Every).At("RECORD_EVERY").Fix("set one such as 1s")
	}
	if r.FlushEvery <= 0 {
		r.FlushEvery = time.Minute
	}
	if r.pace == (pace{}) {
		r.pace = usualPace
	}
	r.asks = make(chan struct{}, snapshotsAtOnce)
	ctx, cancel := context.WithCancel(parent)
	defer cancel()

	// The shards end on ctx or an error of any, the writer once they have handed
	// over what they have, and the watchers last.
	shards, recording := errgroup.WithContext(ctx)
	var writer, watchers errgroup.Group
	batches := make(chan batch)
	for some := range slices.Chunk(symbols, r.pace.streams) {
		s := r.newShard(some)
		shards.Go(func() error { return s.run(recording, batches) })
	}
	writer.Go(func() error { return r.write(batches, cancel) })
	watchers.Go(func() error { r.report(recording); return nil })
	watchers.Go(func() error { r.listen(recording); return nil })
	err := shards.Wait()
	close(batches)
	err = errors.Join(err, writer.Wait(), watchers.Wait())
	if err == nil && r.rows.Load() == 0 {
		r.warnOfNothing()
	}
	if r.Notify != nil {
		r.Notify(r.Stats())
	}
	return err
}

// write gives rows to the sink. After an error it takes them only, so that the
// shards can end.
func (r *Recorder) write(batches <-chan batch, stop func()) (failed error) {
	for b := range batches {
		if failed != nil {
			continue
		}
		if err := r.Sink.AppendBook(b.symbol, b.rows); err != nil {
			failed = fmt.Errorf("keeping the book of %s: %w", b.symbol, err)
			stop()
			continue
		}
		r.rows.Add(int64(len(b.rows)))
	}
	return failed
}

// report notifies how the recording goes.
func (r *Recorder) report(ctx context.Context) {
	if r.Notify == nil || r.NotifyEvery <= 0 {
		return
	}
	for sleep(ctx, r.NotifyEvery) {
		r.Notify(r.Stats())
	}
}

// listen warns when nothing comes.
func (r *Recorder) listen(ctx context.Context) {
	if r.pace.quiet <= 0 {
		return
	}
	for before, warned := int64(0), false; sleep(ctx, r.pace.quiet); {
		now := r.updates.Load()
		if now == before && !warned {
			r.warn("nothing has been received from %s for %v: see that BINANCE_WS_URL is a stream server that can be reached from here, or set HTTPS_PROXY to a proxy that leads there", r.server(), r.pace.quiet)
		}
		before, warned = now, now == before
	}
}

// warnOfNothing warns at the end why there is no row.
func (r *Recorder) warnOfNothing() {
	updates := r.updates.Load()
	if updates == 0 {
		r.warn("no row was written, since nothing was received from %s: see that BINANCE_WS_URL is a stream server that can be reached from here, or set HTTPS_PROXY to a proxy that leads there", r.server())
		return
	}
	rest := "BINANCE_BASE_URL"
	if r.Market == USDM {
		rest = "BINANCE_FUTURES_BASE_URL"
	}
	r.warn("no row was written of %d updates: record for longer, and see that BINANCE_WS_URL and %s are of one exchange", updates, rest)
}

// server is the host of the streams: the rest of an address may hold a secret.
func (r *Recorder) server() string {
	parsed, err := url.Parse(r.URL)
	if err != nil {
		return "the stream server"
	}
	return parsed.Host
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
