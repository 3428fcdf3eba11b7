package doctor

import (
	"context"
	"fmt"

	"github.com/streamforge/gnn-trainer/kafka"
)

// kafka are the checks of the brokers: that they answer, take the user and have
// both topics, and that the user has its two rights there.
func (x *checker) kafka() []check {
	skip := ""
	switch {
	case x.Kafka.BootstrapServers == "":
		skip = "KAFKA_BOOTSTRAP_SERVERS is not set: events go where EVENTS says, and only signals stop a run"
	case !x.ReachesKafka():
		skip = badConfiguration
	}
	const remedy = "start the brokers, or set KAFKA_BOOTSTRAP_SERVERS to running ones; a run continues without them, and emits its terminal event once they are back"
	asking := func(ask func(context.Context, *kafka.Broker) finding) func(context.Context) finding {
		return func(ctx context.Context) finding {
			b, err := kafka.NewBroker(x.Kafka)
			if err != nil {
				return failure(err, remedy)
			}
			defer b.Close()
			return ask(ctx, b)
		}
	}
	events, control := x.Kafka.EventsTopic, x.Kafka.ControlTopic
	return []check{
		{name: kafkaName, skip: skip, run: asking(func(ctx context.Context, b *kafka.Broker) finding {
			if err := b.Check(ctx); err != nil {
				return failure(err, remedy)
			}
			as := "without a user"
			if x.Kafka.User != "" {
				as = "as " + x.Kafka.User
			}
			return fine("%s answers %s, and has the topics %s and %s", x.Kafka.BootstrapServers, as, events, control)
		})},
		{name: "kafka-events", skip: skip, needs: kafkaName, run: asking(func(ctx context.Context, b *kafka.Broker) finding {
			known, err := b.MayWrite(ctx)
			switch {
			case err != nil:
				return failure(err, remedy)
			case !known:
				return warn(fmt.Sprintf("topic %s is there, and the brokers do not report the right to write to it, which only an event would show", events),
					"check the rights of KAFKA_USER, or let the first run show it: its first event is rejected at once")
			}
			return fine("the brokers report the right to write to topic %s; no event was sent", events)
		})},
		{name: "kafka-control", skip: skip, needs: kafkaName, run: asking(func(ctx context.Context, b *kafka.Broker) finding {
			if err := b.MayRead(ctx); err != nil {
				return failure(err, remedy)
			}
			return fine("topic %s was read", control)
		})},
	}
}
