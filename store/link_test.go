package store

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// A link whose other end takes a request slowly, and may be late with its
// answer, by the clock of a synctest bubble.
func TestALinkIsGivenUpWhenNothingMovesAndNotBefore(t *testing.T) {
	const chunk = 32 << 10 // bytes of one Write of net/http
	for name, c := range map[string]struct {
		size    int           // bytes of the request
		perRead time.Duration // that the other end takes for a chunk; 0: it never reads
		answers time.Duration // after the request's end; 0: never
		want    time.Duration // when it is given up; 0: it is answered
	}{
		"a quick one":                               {1 << 10, time.Millisecond, time.Second, 0},
		"one of 10 kB/s for five minutes":           {3 << 20, 3200 * time.Millisecond, time.Second, 0},
		"its last bytes are in buffers for long":    {3 << 20, time.Millisecond, 60 * time.Second, 0},
		"a stall in the request":                    {3 << 20, 0, 0, stalled},
		"a short request without an answer":         {100, time.Millisecond, 0, stalled},
		"a long request that is never answered":     {3 << 20, time.Millisecond, 0, stalled + onTheWay*time.Second/slowest},
		"an answer that comes late but soon enough": {100, time.Millisecond, stalled - time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer near.Close()
				defer far.Close()
				link := &stallable{Conn: near}
				go func() {
					if c.perRead == 0 {
						return
					}
					for left := c.size; left > 0; {
						time.Sleep(c.perRead)
						n, err := io.ReadFull(far, make([]byte, min(left, chunk)))
						if err != nil {
							return
						}
						left -= n
					}
					if c.answers > 0 {
						time.Sleep(c.answers)
						_, _ = far.Write([]byte("200")) // the near end may have given up
					}
				}()
				answered := make(chan error, 1)
				go func() { // as net/http does, it reads from the request's first byte on
					_, err := link.Read(make([]byte, 3))
					answered <- err
				}()
				begin := time.Now()
				var err error
				for left := c.size; left > 0 && err == nil; left -= chunk {
					_, err = link.Write(make([]byte, min(left, chunk)))
				}
				if err == nil {
					err = <-answered
				}
				if c.want == 0 {
					if err != nil {
						t.Errorf("after %v: %v", time.Since(begin), err)
					}
					return
				}
				if took := time.Since(begin); !errors.Is(err, os.ErrDeadlineExceeded) || took < c.want-time.Second || took > c.want+time.Second {
					t.Errorf("after %v: %v, want it given up after %v", took, err, c.want)
				}
			})
		})
	}
}
