package binance

import (
	"context"
	"time"
)

// atEnd calls do when ctx ends. The function that it returns cancels that, and
// waits where it has begun.
func atEnd(ctx context.Context, do func()) func() {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		do()
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// send sends unless ctx ends first.
func send[T any](ctx context.Context, out chan<- T, what T) bool {
	select {
	case out <- what:
		return true
	case <-ctx.Done():
		return false
	}
}

// sleep waits unless ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
