package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// check is one that is to be made. run, which keeps to its context, is left
// behind where it does not end with it.
type check struct {
	name  string
	skip  string   // why it is not made; empty: it is
	needs string   // the check without whose success this one makes no sense
	after []string // checks that are awaited, however they end
	run   func(context.Context) finding
}

// grace is how long a check may take to report that its time is up.
const grace = 3 * time.Second

// perform makes the checks side by side, and gives their results in order.
func perform(ctx context.Context, checks []check, deadline time.Duration) []Result {
	results := make([]Result, len(checks))
	done := make([]chan struct{}, len(checks))
	place := map[string]int{}
	for i, c := range checks {
		done[i], place[c.name] = make(chan struct{}), i
	}
	var running sync.WaitGroup
	for i, c := range checks {
		running.Go(func() {
			defer close(done[i])
			for _, other := range append(slices.Clone(c.after), c.needs) {
				if other != "" {
					<-done[place[other]]
				}
			}
			f, took := skipped(c.skip), time.Duration(0)
			if c.skip == "" {
				if c.needs != "" && results[place[c.needs]].Status == Failed {
					f = skipped(c.needs + " failed")
				} else {
					begin := time.Now()
					f = c.within(ctx, deadline)
					took = time.Since(begin)
				}
			}
			results[i] = Result{Name: c.name, Status: f.status, Seconds: took.Round(time.Millisecond).Seconds(), Message: f.message, Remedy: f.remedy, transient: f.transient}
		})
	}
	running.Wait()
	return results
}

// errLate is the cause of the end of a check's time.
type errLate struct{ after time.Duration }

func (e errLate) Error() string { return fmt.Sprintf("no success within %v", e.after) }

// Unwrap lets the packages see what they see at the end of a deadline.
func (errLate) Unwrap() error { return context.DeadlineExceeded }

func (c check) within(ctx context.Context, deadline time.Duration) finding {
	limited, cancel := context.WithTimeoutCause(ctx, deadline, errLate{deadline})
	defer cancel()
	made := make(chan finding, 1)
	go func() { made <- c.run(limited) }()
	select {
	case f := <-made:
		return f
	case <-limited.Done():
	}
	select {
	case f := <-made:
		return f
	case <-time.After(grace):
	}
	if errors.As(context.Cause(limited), &errLate{}) {
		return transient(fmt.Sprintf("it did not end within %v", deadline+grace), "check what it needs: a network folder that hangs, a driver that does not answer")
	}
	return transient(context.Cause(limited).Error(), "run it again")
}
