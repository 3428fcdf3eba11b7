package kafka

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// Events is a Sink that sends to QUEUE_EVENTS_TOPIC: JSON, without a key, each
// acknowledged by all replicas in sync. Send repeats what fails until it
// succeeds, ctx ends, or the brokers reject it for good (fault.ErrRejected).
//
// All events of a run go to one partition, so that a reader sees them in
// order; only where that has had no leader for 10 seconds do the following go
// to another. Where an acknowledgement was lost on its way, an event arrives
// twice, the same to the byte: readers that key events by queue id, producer
// and second do not see that.
func (b *Broker) Events(queueID string, log func(string)) Sink {
	h := fnv.New32a()
	_, _ = h.Write([]byte(queueID)) // a hash takes everything
	return &eventsTopic{
		broker: b, topic: topic{variable: "QUEUE_EVENTS_TOPIC", name: b.config.EventsTopic},
		place:  place{hash: h.Sum32()},
		outage: outage{what: "Kafka does not accept events", log: log},
	}
}

type eventsTopic struct {
	broker *Broker
	topic  topic
	place  place
	outage outage
	failed atomic.Int64
}

// Retries counts the tries to send an event that failed for now.
func (e *eventsTopic) Retries() int64 { return e.failed.Load() }

func (e *eventsTopic) Send(ctx context.Context, event []byte) error {
	err := persist(ctx, func() error {
		return e.broker.try(ctx, attempt, func(ctx context.Context, c *kafka.Client) error {
			all, err := e.topic.look(ctx, c)
			if err != nil {
				return err
			}
			partition, err := e.place.among(all, time.Now())
			if err != nil {
				return err
			}
			r, err := c.Produce(ctx, &kafka.ProduceRequest{
				Topic: e.topic.name, Partition: partition, RequiredAcks: kafka.RequireAll,
				Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes(event)}),
			})
			if err != nil {
				return err
			}
			return r.Error
		})
	}, func(err error) {
		e.failed.Add(1)
		e.outage.failed(0, err)
	})
	if err != nil {
		return fmt.Errorf("sending to topic %s: %w", e.topic.name, err)
	}
	e.outage.over(0)
	return nil
}

// leaderless is how long a partition may have no leader before another takes
// its place: brokers that restart one by one are back sooner.
const leaderless = 10 * time.Second

// place is the partition of a run's events.
type place struct {
	hash   uint32 // of the run: it chooses
	chosen bool
	id     int
	since  time.Time // when its leader was found missing; zero: it has one
}

// among is the partition of all, one at least, that an event goes to at now.
func (p *place) among(all []partition, now time.Time) (int, error) {
	if !p.chosen {
		p.chosen, p.id = true, all[p.hash%uint32(len(all))].id
	}
	var led []int
	for _, one := range all {
		if one.led && one.id == p.id {
			p.since = time.Time{}
			return p.id, nil
		}
		if one.led {
			led = append(led, one.id)
		}
	}
	if p.since.IsZero() {
		p.since = now
	}
	if now.Sub(p.since) < leaderless || len(led) == 0 {
		return 0, fmt.Errorf("partition %d: %w", p.id, kafka.LeaderNotAvailable)
	}
	p.id, p.since = led[p.hash%uint32(len(led))], time.Time{}
	return p.id, nil
}

// outage tells the log when the first of several things begins to fail and
// when the last of them works again, and not of each failure in between.
type outage struct {
	what string
	log  func(string)

	mu   sync.Mutex
	down map[int]bool
}

func (o *outage) failed(which int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.down) == 0 {
		o.down = map[int]bool{}
		o.log(fmt.Sprintf("%s: %v; retrying", o.what, err))
	}
	o.down[which] = true
}

func (o *outage) over(which int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.down[which] {
		return
	}
	delete(o.down, which)
	if len(o.down) == 0 {
		o.log(o.what + ": resolved")
	}
}
