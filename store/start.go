package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

const (
	startPatience = time.Minute     // how long MinIO may be unavailable before the training starts, in all
	silence       = 2 * time.Second // without an answer, after which a wait is reported
)

// start is how MinIO is waited for before the training: a minute in all, whatever
// is asked for. Its zero value waits without a report.
type start struct {
	onWait func(why string, until time.Time)

	waited time.Duration // of the minute
	ended  time.Time     // of the last wait
}

// OnWait has report called while MinIO is waited for at the start: why, and when
// it is given up. It may be called by several goroutines. Call OnWait before Open.
func (m *MinIO) OnWait(report func(why string, until time.Time)) { m.start.onWait = report }

// OnWait is for stores that are elsewhere: a folder is not waited for.
func (f *Folder) OnWait(func(why string, until time.Time)) {}

// wait is one under way. It is a value of the context of its requests.
type wait struct {
	endpoint string
	until    time.Time
	report   func(why string, until time.Time)

	mu   sync.Mutex
	last error // why it is waited; nil: no request has failed yet
}

type waitKey struct{}

// failed reports a request that is made again.
func (s *start) failed(ctx context.Context, err error) {
	if w, ok := ctx.Value(waitKey{}).(*wait); ok && ctx.Err() == nil {
		w.mu.Lock()
		w.last = err
		w.mu.Unlock()
		w.tell(fmt.Sprintf("MinIO at %s is unavailable (%v)", w.endpoint, err))
	}
}

func (w *wait) tell(why string) {
	if w.report != nil {
		w.report(why, w.until)
	}
}

func (w *wait) cause() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// errUnavailable ends the context of a wait.
var errUnavailable = errors.New("no answer in time")

// atStart repeats f until it succeeds, cannot, or the minute is over: then the
// error says what to do.
func (m *MinIO) atStart(ctx context.Context, f func(context.Context) error) error {
	s := &m.start
	if time.Since(s.ended) > startPatience {
		s.waited = 0 // that was another outage
	}
	begun := time.Now()
	limit := max(startPatience-s.waited, time.Second)
	w := &wait{endpoint: m.config.Endpoint, until: begun.Add(limit), report: s.onWait}
	limited, cancel := context.WithDeadlineCause(context.WithValue(ctx, waitKey{}, w), w.until, errUnavailable)
	defer cancel()
	quiet := time.AfterFunc(silence, func() {
		if w.cause() == nil && limited.Err() == nil {
			w.tell(fmt.Sprintf("MinIO at %s has not answered yet", w.endpoint))
		}
	})
	defer quiet.Stop()
	err := m.persist(limited, 0, func() error { return f(limited) }) // without a limit but the context's
	last := w.cause()
	if last != nil {
		s.waited, s.ended = s.waited+time.Since(begun), time.Now()
	}
	if err == nil || final(err) || ctx.Err() != nil {
		return err
	}
	if last == nil {
		last = err
	}
	return fault.Transient("unavailable for %s: %w", startPatience, last).At("%s", m.config.Endpoint).Fix("start the server, or set MINIO_ENDPOINT to a running one")
}
