package binance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// shard keeps the books of one connection. All of its state belongs to the
// goroutine of run; the stream and the snapshots come in through channels.
type shard struct {
	*Recorder
	stream  *stream
	keepers map[string]*keeper
	answers chan answer
	asking  sync.WaitGroup

	down    bool // the connection was lost, and nothing has come since
	garbled bool // a message that cannot be read was reported since
}

// answer is a snapshot, or why there is none.
type answer struct {
	k        *keeper
	snapshot Snapshot
	err      error
}

func (r *Recorder) newShard(symbols []string) *shard {
	s := &shard{Recorder: r, stream: newStream(r.URL, symbols, r.pace), keepers: map[string]*keeper{}, answers: make(chan answer)}
	for _, symbol := range symbols {
		s.keepers[symbol] = newKeeper(symbol, r.Market, r.Every, r.pace)
	}
	return s
}

// run records until ctx ends, and hands over what it has.
func (s *shard) run(parent context.Context, batches chan<- batch) error {
	ctx, cancel := context.WithCancel(parent)
	feed := make(chan news, 1024)
	var failed error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failed = s.stream.run(ctx, feed)
	}()
	err := s.loop(ctx, feed, ended, batches)
	cancel()
	<-ended
	s.asking.Wait()
	s.flush(batches)
	return errors.Join(err, failed)
}

func (s *shard) loop(ctx context.Context, feed <-chan news, ended <-chan struct{}, batches chan<- batch) error {
	ticker := time.NewTicker(s.FlushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ended:
			return nil
		case n := <-feed:
			s.receive(ctx, n)
		case a := <-s.answers:
			if err := s.answered(ctx, a); err != nil {
				return err
			}
		case <-ticker.C:
			s.flush(batches)
		}
	}
}

// receive handles what the stream sends.
func (s *shard) receive(ctx context.Context, n news) {
	k := s.keepers[n.diff.Symbol]
	switch {
	case n.lost != nil:
		s.lost(n.lost)
		s.tested(aLoss, nil)
	case n.bad != nil:
		s.garbage(n.bad)
		s.tested(aMessage, nil)
	case k == nil:
		s.garbage(fmt.Errorf("an update of %.40q, which was not asked for", n.diff.Symbol))
		s.tested(aMessage, nil)
	default:
		s.down = false
		s.updates.Add(1)
		s.change(ctx, k, func() error {
			if err := k.take(n.diff); err != nil {
				s.gaps.Add(1)
				s.warn("%s: %v: no rows until the book is loaded again", k.symbol, err)
			}
			return nil
		})
		s.tested(aMessage, k)
	}
}

func (s *shard) lost(err error) {
	for _, k := range s.keepers {
		if k.book != nil {
			s.inSync.Add(-1)
		}
		k.lose()
	}
	if !s.down {
		s.reconnects.Add(1)
		s.warn("the connection of %d symbols to %s is lost (%v): connecting again", len(s.keepers), s.server(), err)
	}
	s.down, s.garbled = true, false
}

func (s *shard) garbage(err error) {
	s.malformed.Add(1)
	if !s.garbled {
		s.warn("a message was not understood, which a gap would follow if it mattered: %v", err)
	}
	s.garbled = true
}

// answered handles a snapshot. The error is one that a retry cannot fix.
func (s *shard) answered(ctx context.Context, a answer) error {
	if fault.Permanent(a.err) {
		return a.err
	}
	s.change(ctx, a.k, func() error { return a.k.answered(a.snapshot, a.err) })
	s.tested(aSnapshot, a.k)
	return nil
}

// change lets a keeper change, counts what that came to, and asks for the
// snapshot that it may want.
func (s *shard) change(ctx context.Context, k *keeper, by func() error) {
	before, loads, renewed := k.book != nil, k.loads, k.renewed
	if err := by(); err != nil && !k.warned && ctx.Err() == nil {
		k.warned = true
		s.warn("%s: no snapshot yet: %v", k.symbol, err)
	}
	if after := k.book != nil; after && !before {
		s.inSync.Add(1)
	} else if before && !after {
		s.inSync.Add(-1)
	}
	switch {
	case k.renewed > renewed:
		s.renewals.Add(1)
	case k.loads > loads && loads > 0:
		s.resyncs.Add(1)
	}
	if after, ok := k.wants(); ok {
		limit := k.limit
		s.asking.Go(func() { s.ask(ctx, k, limit, after) })
	}
}

// ask asks for a snapshot.
func (s *shard) ask(ctx context.Context, k *keeper, limit int, after time.Duration) {
	if !sleep(ctx, after) || !send(ctx, s.asks, struct{}{}) {
		return
	}
	snapshot, err := s.Rest.Depth(ctx, k.symbol, limit)
	<-s.asks
	snapshot.Limit = limit
	send(ctx, s.answers, answer{k, snapshot, err})
}

// flush hands the rows over to be written.
func (s *shard) flush(batches chan<- batch) {
	for symbol, k := range s.keepers {
		if len(k.rows) > 0 {
			batches <- batch{symbol, k.rows}
			k.rows = nil
		}
	}
}

// handled is what a shard has handled.
type handled int

const (
	aMessage  handled = iota // of k's symbol, or of none
	aSnapshot                // of k's symbol, or its failure
	aLoss                    // of the connection
)

// tested reports to tests what was handled.
func (s *shard) tested(what handled, k *keeper) {
	if s.handled != nil {
		s.handled(what, k)
	}
}
