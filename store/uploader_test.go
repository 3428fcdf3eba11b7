package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// bucket takes uploads, or says why not.
type bucket struct {
	mu     sync.Mutex
	judge  func(upload) error
	got    []string // keys, in order
	logged []string
}

func (b *bucket) do(_ context.Context, up upload) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.judge(up); err != nil {
		return err
	}
	b.got = append(b.got, up.key)
	return nil
}

func (b *bucket) log(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.logged = append(b.logged, line)
}

func all(upload) bool { return true }

func TestWhatCannotBeUploadedDoesNotHoldUpWhatCan(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		logged int
	}{
		"a checkpoint that was removed": {errGone, 0},
		"a file changed on the disk":    {fmt.Errorf("%w: changed", errSpoilt), 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{judge: func(up upload) error {
					if up.key == "bad" {
						return c.err
					}
					return nil
				}}
				u := newUploader(time.Minute, b.log, b.do)
				defer u.close()
				for _, key := range []string{"first", "bad", "last"} {
					u.add(upload{key: key, path: key, info: FileInfo{Size: 10}})
				}
				begin := time.Now()
				if err := u.wait(t.Context(), all); err != nil || time.Since(begin) > time.Second {
					t.Errorf("after %v: %v", time.Since(begin), err)
				}
				if s := u.uploads(); s.Files != 2 || s.Bytes != 20 || s.Retries != 0 {
					t.Errorf("it counted %+v", s)
				}
				if !slices.Equal(b.got, []string{"first", "last"}) || len(b.logged) != c.logged {
					t.Errorf("uploaded %v, logged %q", b.got, b.logged)
				}
			})
		})
	}
}

func TestOnlyTheNewestOfAKeyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := errors.New("away")
		b := &bucket{judge: func(upload) error { return away }}
		u := newUploader(time.Minute, b.log, b.do)
		defer u.close()
		u.add(upload{key: "under way", path: "x"})
		for range 3 {
			u.add(upload{key: "events", path: "x"})
			u.add(upload{key: "checkpoint", path: "x"})
		}
		u.drop("checkpoint")
		u.add(upload{key: "checkpoint"}) // its removal
		synctest.Wait()
		if s := u.uploads(); s.Waiting != 3 || s.Files != 0 {
			t.Errorf("while it fails %+v", s)
		}
		b.mu.Lock()
		b.judge = func(upload) error { return nil }
		b.mu.Unlock()
		if err := u.wait(t.Context(), all); err != nil {
			t.Error(err)
		}
		if !slices.Equal(b.got, []string{"under way", "events", "checkpoint"}) {
			t.Errorf("uploaded %v", b.got)
		}
		if len(b.logged) != 2 { // that it fails, and that it works again
			t.Errorf("logged %q", b.logged)
		}
		if s := u.uploads(); s.Waiting != 0 || s.Files != 2 || s.Bytes != 0 || s.Retries == 0 {
			t.Errorf("in the end %+v", s)
		}
	})
}

func TestWhoWaitsForUploadsIsToldWhyTheyFail(t *testing.T) {
	away, refused := errors.New("away"), fault.Rejected("refused")
	for name, c := range map[string]struct {
		err   error
		after time.Duration
	}{
		"away until the timeout":  {away, time.Minute},
		"what the user must mend": {refused, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{judge: func(upload) error { return c.err }}
				u := newUploader(time.Minute, b.log, b.do)
				u.add(upload{key: "k", path: "x"})
				begin := time.Now()
				if err := u.wait(t.Context(), all); !errors.Is(err, c.err) || time.Since(begin) < c.after || time.Since(begin) > c.after+time.Second {
					t.Errorf("after %v: %v", time.Since(begin), err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := u.wait(ctx, all); !errors.Is(err, c.err) {
					t.Errorf("a second wait: %v", err)
				}
				u.close()
				if _, open := <-u.done; open {
					t.Error("it runs on")
				}
			})
		})
	}
}
