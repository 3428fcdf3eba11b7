package kafka

import (
	"context"
	"net"
	"sync"
	"time"
)

// connections are those that a link has open. kafka-go closes idle ones alone:
// one that is being made, or whose request was given up, it would keep until
// its deadline.
type connections struct {
	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
}

// dial opens one that close closes.
func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	if c.open == nil {
		c.open = make(map[net.Conn]struct{})
	}
	c.open[conn] = struct{}{}
	return &counted{conn, c}, nil
}

// close closes all, and any that is dialled after.
func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.open {
		conn.Close()
	}
	c.open = nil
}

// counted is one of the connections, until it is closed.
type counted struct {
	net.Conn
	of *connections
}

func (c *counted) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c.Conn)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// dial opens a connection whose every request ends: kafka-go takes its deadline
// back before it authenticates, and a link that stalled then would hold a
// goroutine and a socket for good.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: dialing, KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return bounded{c}, nil
}

// bounded is a connection that always has a deadline.
type bounded struct{ net.Conn }

func (c bounded) SetDeadline(t time.Time) error {
	if t.IsZero() {
		t = time.Now().Add(attempt)
	}
	return c.Conn.SetDeadline(t)
}
