package kafka

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"

	"github.com/segmentio/kafka-go"
)

// Events is a Sink that sends to QUEUE_EVENTS_TOPIC: JSON, without a key, each
// acknowledged by all replicas in sync. Send repeats what fails until it
// succeeds, ctx ends, or the brokers refuse it for good (ErrRefused).
//
// All events of a run go to one partition, so that a reader sees them in
// order. Where an acknowledgement was lost on its way, an event arrives twice,
// the same to the byte: readers that key events by queue id, producer and
// second do not see that.
func (b *Broker) Events(queueID string, log func(string)) Sink {
	h := fnv.New32a()
	_, _ = h.Write([]byte(queueID)) // a hash takes everything
	return &eventsTopic{broker: b, topic: topic{variable: "QUEUE_EVENTS_TOPIC", name: b.config.EventsTopic}, hash: h.Sum32(), outage: outage{what: "Kafka does not take events", log: log}}
}

type eventsTopic struct {
	broker *Broker
	topic  topic
	hash   uint32
	outage outage
}

func (e *eventsTopic) Send(ctx context.Context, event []byte) error {
	err := persist(ctx, func() error {
		return e.broker.try(ctx, attempt, func(ctx context.Context, c *kafka.Client) error {
			led, err := e.topic.leaders(ctx, c)
			if err != nil {
				return err
			}
			r, err := c.Produce(ctx, &kafka.ProduceRequest{
				Topic: e.topic.name, Partition: led[int(e.hash)%len(led)], RequiredAcks: kafka.RequireAll,
				Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes(event)}),
			})
			if err != nil {
				return err
			}
			return r.Error
		})
	}, e.outage.failed)
	if err != nil {
		return fmt.Errorf("sending to topic %s: %w", e.topic.name, err)
	}
	e.outage.over()
	return nil
}

// outage tells the log when something begins to fail and when it works again,
// and not of each failure in between.
type outage struct {
	what string
	log  func(string)

	mu   sync.Mutex
	down bool
}

func (o *outage) failed(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.down {
		o.down = true
		o.log(fmt.Sprintf("%s: %v; it is tried again", o.what, err))
	}
}

func (o *outage) over() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down {
		o.down = false
		o.log(o.what + ": that is over")
	}
}
