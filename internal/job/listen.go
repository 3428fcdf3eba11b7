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
	// watchAgain is the pause where the broker refuses in mid-run what it took
	// at the start: a training goes on without hearing stops.
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
		for s.Err() == nil {
			stop, err := j.Broker.Watch(s, kafka.WatchConfig{
				IDs: j.Config.IDs, Since: r.Started.Add(-stopMargin), SinceAll: j.begun, Served: r.Served, Log: warn,
			})
			if err == nil {
				s.stop(stop)
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
