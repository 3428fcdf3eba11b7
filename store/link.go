package store

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

const (
	stalled = 20 * time.Second // without a byte, after which a connection is given up
	slowest = 10_000           // bytes a second: a link that carries so much is waited for

	// What was sent may lie in buffers on the way, and nothing tells how much
	// of it has arrived: ours is kept small, those of others are allowed for.
	sendBuffer = 128 << 10 // bytes
	onTheWay   = 512 << 10 // bytes
)

// dialStallable connects, and gives a connection up when nothing moves over it.
func dialStallable(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		// Only slow links need it: without it they still work, and stall falsely.
		_ = tcp.SetWriteBuffer(sendBuffer)
	}
	return &stallable{Conn: c}, nil
}

// stallable is a connection that is given up when nothing moves over it, either
// way, for a while. One that is kept idle for so long is closed by it too.
type stallable struct {
	net.Conn
	unanswered atomic.Int64 // bytes sent since some were received
}

// Read waits while a request is being sent, however long that takes, and then
// for as long as a slow link may need to carry the end of it.
func (s *stallable) Read(p []byte) (int, error) {
	if err := s.await(); err != nil {
		return 0, err
	}
	n, err := s.Conn.Read(p)
	if n > 0 {
		s.unanswered.Store(0)
	}
	return n, err
}

func (s *stallable) Write(p []byte) (int, error) {
	s.unanswered.Add(int64(len(p)))
	if err := s.await(); err != nil {
		return 0, err
	}
	if err := s.SetWriteDeadline(time.Now().Add(stalled)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Write(p)
	if err == nil {
		err = s.await()
	}
	return n, err
}

// await puts off the end of the wait for an answer, that of a Read under way
// included.
func (s *stallable) await() error {
	behind := time.Duration(min(s.unanswered.Load(), onTheWay)) * time.Second / slowest
	return s.SetReadDeadline(time.Now().Add(stalled + behind))
}
