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

// Send does not look at ctx: a line once begun must be ended.
func (l *lines) Send(_ context.Context, event []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.w.Write(append(slices.Clip(event), '\n')); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	return nil
}
