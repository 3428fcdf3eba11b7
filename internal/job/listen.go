package job

import (
	"context"
	"errors"
	"time"

	"github.com/streamforge/gnn-trainer/kafka"
)

// Broker is how stops come in. Check waits until it answers; Watch returns the
// first stop that is meant for the run.
type Broker interface {
	Check(ctx context.Context) error
	Watch(ctx context.Context, c kafka.WatchConfig) (kafka.Stop, error)
}

const (
	// before the first start of the run a stop may have been sent, while its
	// pod was being made; clocks differ too.
	stopMargin = 30 * time.Second
	// atStart is how long a refusal is one of the run's configuration. Later a
	// training goes on without hearing stops, and asks again now and then.
	atStart    = 15 * time.Second
	watchAgain = time.Minute
)

// listen ends the run's context at a stop, and where the broker refuses from
// the start what it is asked. It does not wait, and ends with ctx.
func (j *Job) listen(s *shutdown, r record) {
	if j.Broker == nil {
		return
	}
	warn := func(line string) { j.Log.Warn().Msg(line) }
	go func() {
		if err := j.Broker.Check(s); err != nil {
			if errors.Is(err, kafka.ErrRefused) {
				s.stop(err)
			}
			return
		}
		j.Log.Debug().Msg("Kafka answers")
		answered := time.Now()
		for s.Err() == nil {
			stop, err := j.Broker.Watch(s, kafka.WatchConfig{
				IDs: j.Config.IDs, Since: r.Started.Add(-stopMargin), SinceAll: j.begun, Served: r.Served, Log: warn,
			})
			if err == nil {
				s.stop(stop)
				return
			}
			if errors.Is(err, kafka.ErrRefused) && time.Since(answered) < atStart {
				s.stop(err)
				return
			}
			if s.Err() == nil {
				warn("stops are not heard: " + err.Error())
				select {
				case <-time.After(watchAgain):
				case <-s.Done():
				}
			}
		}
	}()
}
