package store

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// unreachable is the store of a run whose MinIO is dialled by dial.
func unreachable(t *testing.T, dial func(ctx context.Context) (net.Conn, error)) *MinIO {
	t.Helper()
	m, err := NewMinIO(Config{Dir: t.TempDir(), ModelName: "m", Endpoint: "minio:9000", AccessKey: "a", SecretKey: "s", Bucket: "models", Timeout: time.Hour}, "q", nil, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	m.http.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }
	return m
}

// waits are what OnWait was told.
type waits struct {
	mu    sync.Mutex
	whys  []string
	first time.Time
	until time.Time
}

func (w *waits) add(why string, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.whys == nil {
		w.first = time.Now()
	}
	w.whys, w.until = append(w.whys, why), until
}

func TestAServerThatIsUnavailableAtTheStartIsWaitedForAMinuteAndNamed(t *testing.T) {
	for name, dial := range map[string]func(context.Context) (net.Conn, error){
		"refused": func(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") },
		"no host": func(context.Context) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "minio", IsNotFound: true}
		},
		"no route": func(ctx context.Context) (net.Conn, error) {
			select {
			case <-time.After(5 * time.Second):
				return nil, os.ErrDeadlineExceeded
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		"hangs up": func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			return near, far.Close()
		},
		"is silent": func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := unreachable(t, dial)
				var w waits
				m.OnWait(w.add)
				begun := time.Now()
				err := m.Open(t.Context())
				if took := time.Since(begun); took > startPatience {
					t.Errorf("it took %v", took)
				}
				if f := fault.Of(err); f == nil || f.Kind != fault.ErrTransient || f.Where != "minio:9000" || f.Remedy != "start the server, or set MINIO_ENDPOINT to a running one" {
					t.Errorf("%v", err)
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				if len(w.whys) == 0 || w.first.Sub(begun) > silence || !w.until.Equal(begun.Add(startPatience)) || !strings.HasPrefix(w.whys[0], "MinIO at minio:9000 ") {
					t.Errorf("after %v until %v: %q", w.first.Sub(begun), w.until.Sub(begun), w.whys)
				}
			})
		})
	}
}

func TestTheStepsOfAStartShareTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := unreachable(t, nil)
		down := errors.New("connection refused")
		downFor := func(d time.Duration) (took time.Duration, err error) {
			begun := time.Now()
			err = m.atStart(t.Context(), func(context.Context) error {
				if time.Since(begun) < d {
					return down
				}
				return nil
			})
			return time.Since(begun), err
		}
		first, err := downFor(40 * time.Second)
		if err != nil {
			t.Error(err)
		}
		second, err := downFor(time.Hour)
		if !errors.Is(err, down) || first+second > startPatience+time.Second {
			t.Errorf("after %v and %v: %v", first, second, err)
		}
		time.Sleep(time.Hour) // the data were loaded
		if third, err := downFor(40 * time.Second); err != nil {
			t.Errorf("another outage after %v: %v", third, err)
		}
	})
}

func TestAStopEndsTheWaitForAServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := unreachable(t, func(context.Context) (net.Conn, error) { return nil, errors.New("connection refused") })
		ctx, stop := context.WithCancelCause(t.Context())
		stopped := errors.New("stopped by SIGTERM")
		time.AfterFunc(10*time.Second, func() { stop(stopped) })
		begun := time.Now()
		if err := m.Open(ctx); !errors.Is(err, stopped) || time.Since(begun) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}
