package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// upload is a file on its way into the bucket, or an object on its way out.
type upload struct {
	key      string
	path     string // empty: the object is removed
	info     FileInfo
	artefact bool // a manifest waits for it
}

// uploader works off uploads one after another in the background and repeats
// what fails, so that who stages a file does not wait for the link.
type uploader struct {
	do      func(context.Context, upload) error
	timeout time.Duration // without success, after which nobody waits any more
	log     func(string)

	stop context.CancelFunc
	done chan struct{}
	wake chan struct{} // holds one: there may be work

	mu      sync.Mutex
	queue   []upload      // the first one is under way
	changed chan struct{} // closed and replaced when something has changed
	failing time.Time     // since when nothing succeeds; zero: it does
	last    error
	ended   bool
	stats   Uploads // but for what waits
}

// Uploads is what a MinIO store has done in the background so far.
type Uploads struct {
	Waiting int   // files to upload or objects to remove, the one under way included
	Files   int64 // that are up
	Bytes   int64 // in them
	Retries int64 // of requests and of whole uploads, after one that failed
}

func (u *uploader) uploads() Uploads {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.stats
	s.Waiting = len(u.queue)
	return s
}

// retried counts a request or an upload that is made again.
func (u *uploader) retried() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stats.Retries++
}

func newUploader(timeout time.Duration, log func(string), do func(context.Context, upload) error) *uploader {
	ctx, stop := context.WithCancel(context.Background())
	u := &uploader{do: do, timeout: timeout, log: log, stop: stop, done: make(chan struct{}), wake: make(chan struct{}, 1), changed: make(chan struct{})}
	go u.run(ctx)
	return u
}

// close stops an upload under way and waits for its end, a second at most: a
// stalled connection ends with its own deadline.
func (u *uploader) close() {
	u.stop()
	select {
	case <-u.done:
	case <-time.After(time.Second):
	}
}

// add puts up at the end, in place of what waits under its key.
func (u *uploader) add(up upload) {
	u.drop(up.key)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.queue = append(u.queue, up)
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// drop takes back what waits under key and is not under way.
func (u *uploader) drop(key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.queue) > 1 {
		rest := slices.DeleteFunc(slices.Clone(u.queue[1:]), func(up upload) bool { return up.key == key && up.path != "" })
		u.queue = append(u.queue[:1:1], rest...)
	}
}

// tell wakes who waits. The caller holds mu.
func (u *uploader) tell() {
	close(u.changed)
	u.changed = make(chan struct{})
}

func (u *uploader) run(ctx context.Context) {
	defer close(u.done)
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.ended = true
		u.tell()
	}()
	for {
		u.mu.Lock()
		var next *upload
		if len(u.queue) > 0 {
			next = &u.queue[0]
		}
		u.mu.Unlock()
		if next == nil {
			select {
			case <-u.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, u.attempt(ctx, *next) },
			backoff.WithBackOff(pauses()), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(error, time.Duration) { u.retried() }))
		if err != nil {
			return // ctx has ended
		}
		u.mu.Lock()
		u.queue = u.queue[1:]
		u.tell()
		u.mu.Unlock()
	}
}

func pauses() backoff.BackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 200*time.Millisecond, 10*time.Second
	return b
}

func (u *uploader) attempt(ctx context.Context, up upload) error {
	err := u.do(ctx, up)
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case up.path == "" && ctx.Err() == nil || errors.Is(err, errGone):
		return nil // what is not removed harms nobody; neither says that uploading works
	case errors.Is(err, errSpoilt):
		// Another try would end the same. No manifest is stored over it.
		u.log(fmt.Sprintf("%s is not uploaded: %v", up.key, err))
		return nil
	case err == nil:
		if !u.failing.IsZero() {
			u.log("uploading works again")
		}
		u.failing, u.last = time.Time{}, nil
		u.stats.Files++
		u.stats.Bytes += up.info.Size
	case ctx.Err() != nil:
		return err
	default:
		if u.failing.IsZero() {
			u.failing = time.Now()
			u.log(fmt.Sprintf("uploading fails: %v; retrying", err))
		}
		u.last = err
	}
	u.tell()
	return err
}

// wait waits until nothing is left of what is counted.
func (u *uploader) wait(ctx context.Context, counted func(upload) bool) error {
	for {
		u.mu.Lock()
		left := slices.ContainsFunc(u.queue, counted)
		failing, last, changed, ended := u.failing, u.last, u.changed, u.ended
		u.mu.Unlock()
		var patience <-chan time.Time
		switch {
		case !left:
			return nil
		case fault.Permanent(last):
			return last
		case ended:
			return errors.New("the store is closed")
		case !failing.IsZero():
			rest := u.timeout - time.Since(failing)
			if rest <= 0 {
				return fmt.Errorf("nothing could be uploaded for %s (STORE_TIMEOUT): %w", u.timeout, last)
			}
			patience = time.After(rest)
		}
		select {
		case <-changed:
		case <-patience:
		case <-ctx.Done():
			return because(ctx, last)
		}
	}
}

// because is why ctx has ended, and what went wrong last before it did.
func because(ctx context.Context, last error) error {
	if last == nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w; last: %w", context.Cause(ctx), last)
}
