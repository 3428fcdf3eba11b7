package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Predictions sends to PREDICTIONS_TOPIC: JSON with a key, each acknowledged by all
// replicas in sync. It is for one goroutine at a time.
type Predictions struct {
	broker *Broker
	topic  topic
	outage outage
}

// Predictions are the messages of PREDICTIONS_TOPIC, which must be set. log receives
// a line when sending begins to fail and when it works again.
func (b *Broker) Predictions(log func(string)) *Predictions {
	return &Predictions{
		broker: b, topic: topic{variable: "PREDICTIONS_TOPIC", name: b.config.PredictionsTopic},
		outage: outage{what: "Kafka does not accept predictions", log: log},
	}
}

// Send sends a message to the partition that Java's clients choose for its key, so
// that a reader sees those of one key in order, whoever sends. It repeats what fails
// until it succeeds, ctx ends, or the brokers reject it for good
// (fault.ErrRejected). Where an acknowledgement was lost on its way, a message
// arrives twice.
func (p *Predictions) Send(ctx context.Context, key string, value []byte) error {
	err := persist(ctx, func() error {
		return p.broker.try(ctx, attempt, func(ctx context.Context, c *kafka.Client) error {
			all, err := p.topic.look(ctx, c)
			if err != nil {
				return err
			}
			r, err := c.Produce(ctx, &kafka.ProduceRequest{
				Topic: p.topic.name, Partition: ofKey(key, all), RequiredAcks: kafka.RequireAll,
				Records: kafka.NewRecordReader(kafka.Record{Key: kafka.NewBytes([]byte(key)), Value: kafka.NewBytes(value)}),
			})
			if err != nil {
				return err
			}
			return r.Error
		})
	}, func(err error) { p.outage.failed(0, err) })
	if err != nil {
		return fmt.Errorf("sending to topic %s: %w", p.topic.name, err)
	}
	p.outage.over(0)
	return nil
}

// ofKey is the partition of a key, by the hash of Java's clients.
func ofKey(key string, all []partition) int {
	ids := make([]int, len(all))
	for i, one := range all {
		ids[i] = one.id
	}
	return kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: []byte(key)}, ids...)
}
