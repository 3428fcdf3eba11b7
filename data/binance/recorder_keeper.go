package binance

import (
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	knownLevels = 60  // a book that knows fewer is loaded again, before it knows too few for a row
	mostPending = 600 // diffs that wait for a snapshot, a minute's; older ones are of no use to a new snapshot
	steadyDiffs = 100 // after which a book counts as kept, and the next snapshot is not waited with
)

// keeper keeps one symbol's book in sync and samples it. It asks for nothing
// itself: wants tells when a snapshot is needed.
type keeper struct {
	symbol string
	market string
	every  int64 // ms between two rows

	book  *Book // in sync; nil: there is none
	renew bool  // the book is good, but is to be replaced by one that knows more levels
	held  int   // diffs since it was loaded

	pending  []Diff    // what came since a snapshot is needed, without gaps
	snapshot *Snapshot // waits for the diff that joins on to it
	asking   bool      // for a snapshot
	limit    int       // levels of the next snapshot
	tries    int       // snapshots since the book was last kept
	wait     *backoff.ExponentialBackOff

	rows    []BookRow
	newest  int64 // time of the last row
	loads   int   // how often a book came in sync
	warned  bool  // of snapshots that fail
	renewed int   // how many of the loads replaced a good book
}

func newKeeper(symbol, market string, every time.Duration, p pace) *keeper {
	k := &keeper{symbol: symbol, market: market, every: every.Milliseconds(), limit: p.levels, wait: backoff.NewExponentialBackOff()}
	k.wait.InitialInterval, k.wait.MaxInterval = p.first, p.most
	return k
}

// take handles the next diff. The error is why the book is no longer in sync.
func (k *keeper) take(d Diff) (lost error) {
	if k.book != nil {
		// Only a diff that follows proves that the book was whole until then.
		next, err := k.book.follows(d)
		if err == nil && next {
			k.sample(d.Time)
			if k.held++; k.held == steadyDiffs {
				k.tries = 0
				k.wait.Reset()
			}
		}
		if err = k.book.Apply(d); err != nil {
			k.book, lost = nil, err
		}
	}
	if k.book != nil && !k.renew && !k.book.Known(knownLevels) {
		k.renew, k.limit = true, mostLevels(k.market)
	}
	if k.book == nil || k.renew {
		k.gather(d)
		_ = k.join() // a snapshot that does not load is dropped, and wanted anew
	}
	return lost
}

// mostLevels is the largest limit of a snapshot.
func mostLevels(market string) int {
	if market == Spot {
		return 5000
	}
	return 1000
}

// sample makes a row of the book, where it is the last state of its stretch of
// time. The exchange's clock divides the stretches, so two recordings agree; a
// stretch without updates has no row, and neither has one whose end was missed.
func (k *keeper) sample(now int64) {
	at := k.book.Time()
	if now/k.every <= at/k.every || at <= k.newest {
		return
	}
	if row, ok := k.book.Top(BookLevels); ok {
		k.rows, k.newest = append(k.rows, row), at
	}
}

// gather keeps a diff for the snapshot to come.
func (k *keeper) gather(d Diff) {
	if n := len(k.pending); n > 0 {
		next, err := follows(k.market == USDM, k.pending[n-1].Last, d)
		switch {
		case err != nil: // only a snapshot of after the gap is of use
			k.pending = nil
		case !next:
			return
		case n >= mostPending:
			k.pending = append([]Diff(nil), k.pending[n/2:]...)
		}
	}
	k.pending = append(k.pending, d)
}

// wants reports whether a snapshot is to be asked for, and after how long. It is
// asked for after the first diff, so that it is not older than all of them.
func (k *keeper) wants() (after time.Duration, ok bool) {
	if k.asking || k.snapshot != nil || len(k.pending) == 0 {
		return 0, false
	}
	if k.tries++; k.tries > 1 {
		after = k.wait.NextBackOff()
	}
	k.asking = true
	return after, true
}

// answered takes the answer to that.
func (k *keeper) answered(s Snapshot, err error) error {
	k.asking = false
	if err != nil {
		return err
	}
	if k.book == nil || k.renew {
		k.snapshot = &s
	}
	return k.join()
}

// join makes a book of the snapshot and the diffs that wait, once one of them
// joins on to it. A snapshot that does not fit is dropped, and wanted anew.
func (k *keeper) join() error {
	if k.snapshot == nil || len(k.pending) == 0 {
		return nil
	}
	futures := k.market == USDM
	if _, err := joins(futures, k.snapshot.LastUpdateID, k.pending[0]); err != nil {
		k.snapshot = nil // it is older than what was gathered
		return nil
	}
	if next, err := joins(futures, k.snapshot.LastUpdateID, k.pending[len(k.pending)-1]); !next && err == nil {
		return nil // it contains all of them: what joins is still to come
	}
	b := NewBook(k.market)
	err := b.Load(*k.snapshot)
	for _, d := range k.pending {
		if err == nil {
			err = b.Apply(d)
		}
	}
	k.snapshot = nil
	if err != nil {
		return err
	}
	if k.book != nil {
		k.renewed++
	}
	k.book, k.renew, k.pending, k.held, k.warned = b, false, nil, 0, false
	k.loads++
	return nil
}

// lose forgets everything that a lost connection may have made wrong.
func (k *keeper) lose() {
	k.book, k.renew, k.pending, k.snapshot = nil, false, nil, nil
}
