package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/kafka"
)

// A run is running, then stopping, then over. It stops by the first of a
// signal, a message, or a neighbour's refusal, which its context's cause is;
// it may also end by itself, from running straight to over. Whatever comes
// later changes nothing: one state tells the one terminal event.
//
// From the stop on, the time is bounded, so that a pod's 30 seconds of grace
// are enough:
const (
	stopWrites   = 18 * time.Second // artefacts and checkpoints are written and uploaded until then
	stopWatchdog = 20 * time.Second // who is still at work is left behind, and told of
	stopEvent    = 24 * time.Second // the terminal event is delivered until then
)

// lastWords bounds the sending of the terminal event of a run that was not
// stopped: a broker that restarts is waited for.
const lastWords = 30 * time.Second

// errOverrun is a run that did not end in time after a stop.
var errOverrun = fmt.Errorf("the run did not end within %v of the stop: what it was at is in the log; the last checkpoint holds what was learned until then", stopWatchdog)

// shutdown is the way of one run from running to over.
type shutdown struct {
	context.Context // of the run: ended by a stop
	stop            context.CancelCauseFunc

	mu      sync.Mutex
	stopped time.Time // zero: not yet
	watcher func() bool
}

func newShutdown(parent context.Context) *shutdown {
	s := &shutdown{}
	s.Context, s.stop = context.WithCancelCause(parent)
	s.watcher = context.AfterFunc(s.Context, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stopped = time.Now()
	})
	return s
}

// over ends what depends on the run's context.
func (s *shutdown) over() {
	s.watcher()
	s.stop(context.Canceled)
}

// outlive is a context that a stop does not end until so much later.
func (s *shutdown) outlive(d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(s.Context))
	var timer *time.Timer
	var mu sync.Mutex
	unwatch := context.AfterFunc(s.Context, func() {
		mu.Lock()
		defer mu.Unlock()
		timer = time.AfterFunc(d, func() {
			cancel(fmt.Errorf("%w after the stop", context.DeadlineExceeded))
		})
	})
	return ctx, func() {
		unwatch()
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
		cancel(context.Canceled)
	}
}

// last is the context of the terminal event.
func (s *shutdown) last() (context.Context, context.CancelFunc) {
	s.mu.Lock()
	stopped := s.stopped
	s.mu.Unlock()
	kept := context.WithoutCancel(s.Context)
	if stopped.IsZero() {
		return context.WithTimeout(kept, lastWords)
	}
	return context.WithDeadline(kept, stopped.Add(stopEvent))
}

// supervise runs f to its end, or to that of the time after a stop: then f is
// left behind, since the process is about to end, and dump says what every
// goroutine was at.
func supervise[T any](s *shutdown, limit time.Duration, dump io.Writer, f func() (T, error)) (T, error) {
	patience, cancel := s.outlive(limit)
	defer cancel()
	v, err := await(patience, f)
	if patience.Err() != nil && errors.Is(err, context.Cause(patience)) {
		fmt.Fprintln(dump, errOverrun)
		// Stacks hold no values of variables, and so no secrets.
		_ = pprof.Lookup("goroutine").WriteTo(dump, 2)
		return v, errOverrun
	}
	return v, err
}

// overdue tells that the run should have ended by now.
func (s *shutdown) overdue() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped.IsZero() && time.Since(s.stopped) > stopWatchdog {
		return errOverrun
	}
	return nil
}

// refusal is the cause of a stop that is a failure: a neighbour that will
// never take what the run has to say.
func refusal(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, kafka.ErrRefused) {
		return cause
	}
	return nil
}
