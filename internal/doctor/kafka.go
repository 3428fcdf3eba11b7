package doctor

import (
	"context"
	"fmt"

	"github.com/streamforge/gnn-trainer/kafka"
)

// kafka are the checks of the brokers: that they answer, take the user and have
// both topics, and that the user has its two rights there.
func (x *examination) kafka() []check {
	skip := ""
	switch {
	case x.Kafka.BootstrapServers == "":
		skip = "KAFKA_BOOTSTRAP_SERVERS is not set: events go to stdout, and stops come by signals only"
	case x.Kafka.Validate() != nil:
		skip = "its configuration is wrong"
	}
	const mend = "start the brokers, or set KAFKA_BOOTSTRAP_SERVERS to those that run; a run goes on without them, and tells its end once they are back"
	asking := func(ask func(context.Context, *kafka.Broker) finding) func(context.Context) finding {
		return func(ctx context.Context) finding {
			b, err := kafka.NewBroker(x.Kafka)
			if err != nil {
				return fail(divide(err.Error()))
			}
			defer b.Close()
			return ask(ctx, b)
		}
	}
	events, control := x.Kafka.EventsTopic, x.Kafka.ControlTopic
	return []check{
		{name: kafkaName, skip: skip, run: asking(func(ctx context.Context, b *kafka.Broker) finding {
			if err := b.Check(ctx); err != nil {
				return failure(err, mend)
			}
			as := "without a user"
			if x.Kafka.User != "" {
				as = "as " + x.Kafka.User
			}
			return fine("%s answers %s, and has the topics %s and %s", x.Kafka.BootstrapServers, as, events, control)
		})},
		{name: "kafka-events", skip: skip, needs: kafkaName, run: asking(func(ctx context.Context, b *kafka.Broker) finding {
			told, err := b.MayWrite(ctx)
			switch {
			case err != nil:
				return failure(err, mend)
			case !told:
				return warn(fmt.Sprintf("topic %s is there, and the brokers do not tell whether it may be written to, which only an event would show", events),
					"look at the rights of KAFKA_USER, or let the first run show it: its first event is refused at once")
			}
			return fine("topic %s may be written to, as the brokers tell; no event was sent", events)
		})},
		{name: "kafka-control", skip: skip, needs: kafkaName, run: asking(func(ctx context.Context, b *kafka.Broker) finding {
			if err := b.MayRead(ctx); err != nil {
				return failure(err, mend)
			}
			return fine("topic %s was read", control)
		})},
	}
}
