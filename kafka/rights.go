package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// MayWrite asks whether the user may write to QUEUE_EVENTS_TOPIC. No event is
// sent: the brokers report what they would allow. known is false where they do not
// (before Kafka 2.3): only an event would show it then. The error wraps
// fault.ErrRejected where the user may not.
func (b *Broker) MayWrite(ctx context.Context) (known bool, err error) {
	name := b.config.EventsTopic
	err = persist(ctx, func() error {
		return b.try(ctx, attempt, func(ctx context.Context, c *kafka.Client) error {
			rights, err := rightsIn(ctx, c, name)
			if err == nil && rights != 0 && rights&mayWrite == 0 {
				err = kafka.TopicAuthorizationFailed
			}
			known = rights != 0
			return err
		})
	}, nil)
	if err != nil {
		return known, fmt.Errorf("asking for the right to write to topic %s: %w", name, err)
	}
	return known, nil
}

// MayRead reads the end of QUEUE_CONTROL_TOPIC, as Watch would; where a message
// is there, it is left as it is. The error wraps fault.ErrRejected where the user may
// not.
func (b *Broker) MayRead(ctx context.Context) error {
	name := b.config.ControlTopic
	now := time.Now()
	w := &watch{broker: b, topic: name, WatchConfig: WatchConfig{Since: now, SinceAll: now}}
	err := persist(ctx, func() error {
		return b.try(ctx, attempt, func(ctx context.Context, c *kafka.Client) error {
			all, err := partitions(ctx, c, name)
			if err != nil {
				return err
			}
			led := slices.IndexFunc(all, func(p partition) bool { return p.led })
			if led < 0 {
				return kafka.LeaderNotAvailable
			}
			offset, err := w.first(ctx, c, all[led].id)
			if err != nil {
				return err
			}
			r, err := c.Fetch(ctx, &kafka.FetchRequest{
				Topic: name, Partition: all[led].id, Offset: offset, MinBytes: 1, MaxBytes: fetchBytes, MaxWait: time.Millisecond,
			})
			if err != nil {
				return err
			}
			return r.Error
		})
	}, nil)
	if err != nil {
		return fmt.Errorf("reading topic %s: %w", name, err)
	}
	return nil
}

// mayWrite is the bit of what a user may do with a topic that is about writing
// to it: Kafka's AclOperation.WRITE has the number 4.
const mayWrite = 1 << 4

// rightsIn are what the brokers say that the user may do with a topic, a bit an
// operation; 0: they do not report it.
func rightsIn(ctx context.Context, c *kafka.Client, topic string) (int32, error) {
	r, err := c.Transport.RoundTrip(ctx, c.Addr, &rights{metadata.Request{TopicNames: []string{topic}, IncludeTopicAuthorizedOperations: true}})
	if err != nil {
		return 0, err
	}
	for _, t := range r.(*rightsTold).Topics {
		switch {
		case t.Name != topic:
		case t.ErrorCode != 0:
			return 0, kafka.Error(t.ErrorCode)
		default:
			return max(t.TopicAuthorizedOperations, 0), nil // below 0: unknown
		}
	}
	return 0, kafka.UnknownTopicOrPartition
}

// rights is a metadata request that reaches a broker. kafka-go answers those
// that it knows as such from what it remembers, in which the rights are not; a
// request that is split it sends.
type rights struct{ metadata.Request }

// Split implements protocol.Splitter.
func (r *rights) Split(protocol.Cluster) ([]protocol.Message, protocol.Merger, error) {
	return []protocol.Message{&r.Request}, r, nil
}

// Merge implements protocol.Merger.
func (r *rights) Merge(_ []protocol.Message, results []any) (protocol.Message, error) {
	m, err := protocol.Result(results[0])
	if err != nil {
		return nil, err
	}
	answer, ok := m.(*metadata.Response)
	if !ok {
		return nil, fmt.Errorf("a broker answered a question about topics with %T", m)
	}
	return &rightsTold{*answer}, nil
}

// rightsTold is an answer that kafka-go does not take for one it is to remember.
type rightsTold struct{ metadata.Response }
