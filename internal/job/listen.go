package job

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/kafka"
)

// Broker is where stops come from. Check waits until it answers; Watch returns
// the first stop that is meant for the run.
type Broker interface {
	Check(ctx context.Context) error
	Watch(ctx context.Context, c kafka.WatchConfig) (kafka.Stop, error)
}

const (
	// A stop may have been sent before the first start of the run, while its
	// pod was being made; clocks differ too.
	stopMargin = 30 * time.Second
	// rejectWindow is how long a rejection means that the configuration is
	// wrong. Later, a training continues without stops, and retries at times.
	rejectWindow = 15 * time.Second
	watchRetry   = time.Minute
)

// listen ends the run's context at a stop, and where the broker rejects it from
// the start. It does not block, and ends with s.
func listen(s *shutdown, b Broker, c kafka.WatchConfig, log zerolog.Logger) {
	if b == nil {
		return
	}
	c.Log = func(line string) { log.Warn().Msg(line) }
	go func() {
		if err := b.Check(s); err != nil {
			if errors.Is(err, fault.ErrRejected) {
				s.stop(err)
			}
			return
		}
		log.Debug().Msg("Kafka is available")
		answered := time.Now()
		for s.Err() == nil {
			stop, err := b.Watch(s, c)
			if err == nil {
				s.stop(stop)
				return
			}
			if errors.Is(err, fault.ErrRejected) && time.Since(answered) < rejectWindow {
				s.stop(err)
				return
			}
			if s.Err() == nil {
				log.Warn().Err(err).Msg("stops are not received; retrying")
				select {
				case <-time.After(watchRetry):
				case <-s.Done():
				}
			}
		}
	}()
}
