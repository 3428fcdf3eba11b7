package job

import (
	"context"
	"fmt"
	"io"
	"runtime/pprof"
	"sync"
	"time"
)

// A run is running, then stopping, then over. The first of a signal, a message
// and a rejection by the broker stops it, and is the cause of its context; it
// may also end by itself. What comes later changes nothing.
//
// From the stop on, the time is bounded, so that a pod's 30 seconds of grace
// are enough:
const (
	stopWrites   = 18 * time.Second // artefacts and checkpoints are written and uploaded until then
	stopWatchdog = 20 * time.Second // steps still under way are abandoned, and logged
	stopEvent    = 24 * time.Second // the terminal event is delivered until then
)

// terminalTimeout bounds the delivery of the terminal event of a run that was
// not stopped: a broker that restarts is waited for.
const terminalTimeout = 30 * time.Second

// errOverrun is a run that did not end in time after a stop.
var errOverrun = fmt.Errorf("the run did not end within %v of the stop: the log shows where each goroutine was; the last checkpoint holds what was learned until then", stopWatchdog)

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

// withGrace is a context that outlives a stop by d.
func (s *shutdown) withGrace(d time.Duration) (context.Context, context.CancelFunc) {
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

// terminalContext is the context of the terminal event.
func (s *shutdown) terminalContext() (context.Context, context.CancelFunc) {
	s.mu.Lock()
	stopped := s.stopped
	s.mu.Unlock()
	ctx := context.WithoutCancel(s.Context)
	if stopped.IsZero() {
		return context.WithTimeout(ctx, terminalTimeout)
	}
	return context.WithDeadline(ctx, stopped.Add(stopEvent))
}

// supervise runs steps to their end, or until limit after a stop: then they are
// abandoned, since the process is about to end, and dump gets every goroutine's
// stack.
func (s *shutdown) supervise(limit time.Duration, dump io.Writer, steps func() Ending) Ending {
	grace, cancel := s.withGrace(limit)
	defer cancel()
	ending, err := await(grace, func() (Ending, error) { return steps(), nil })
	if err != nil { // of grace alone
		fmt.Fprintln(dump, errOverrun)
		// Stacks hold no values of variables, and so no secrets.
		_ = pprof.Lookup("goroutine").WriteTo(dump, 2)
		return Ending{Err: errOverrun}
	}
	return ending
}

// await runs f, which cannot be interrupted, and abandons it when ctx ends first:
// the process is about to end too.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// overdue is the error of a run that should have ended by now.
func (s *shutdown) overdue() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped.IsZero() && time.Since(s.stopped) > stopWatchdog {
		return errOverrun
	}
	return nil
}
