package kafka

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Sink takes events away. Send returns when the event is delivered or cannot
// be, and soon after ctx ends; it must not keep event, and is called by one
// goroutine at a time.
type Sink interface {
	Send(ctx context.Context, event []byte) error
}

// Lines is a Sink that writes each event to w as one line in one Write, so
// that lines of processes that share a pipe stay whole.
func Lines(w io.Writer) Sink { return &lines{w: w} }

type lines struct {
	mu sync.Mutex
	w  io.Writer
}

// Discard is a Sink that delivers every event to nobody.
var Discard Sink = discard{}

type discard struct{}

func (discard) Send(context.Context, []byte) error { return nil }

// Copy is a Sink that gives each event to sink, which decides whether it was
// delivered, and to copies before it. failed is told of the first copy that
// cannot be made of those in a row.
func Copy(sink, copies Sink, failed func(error)) Sink {
	return &copying{Sink: sink, copies: copies, failed: failed}
}

type copying struct {
	Sink
	copies  Sink
	failed  func(error)
	failing bool
}

func (c *copying) Send(ctx context.Context, event []byte) error {
	err := c.copies.Send(ctx, event)
	if err != nil && !c.failing {
		c.failed(err)
	}
	c.failing = err != nil
	return c.Sink.Send(ctx, event)
}

// Send does not look at ctx: a line once begun must be ended.
func (l *lines) Send(_ context.Context, event []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.w.Write(append(slices.Clip(event), '\n')); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	return nil
}
