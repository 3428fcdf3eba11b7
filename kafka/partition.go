package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// wrongTopic is how long a topic may be unknown before that is taken for the
// truth: brokers that have just started do not know theirs yet.
const wrongTopic = 3 * time.Second

// topic is one by its name and the variable that sets it.
type topic struct {
	variable, name string
	unknown        time.Time // since when the brokers do not know it; zero: they do
}

// look is partitions, with an fault.ErrRejected where the topic does not come.
func (t *topic) look(ctx context.Context, c *kafka.Client) ([]partition, error) {
	all, err := partitions(ctx, c, t.name)
	switch {
	case !errors.Is(err, kafka.UnknownTopicOrPartition):
		t.unknown = time.Time{}
	case t.unknown.IsZero():
		t.unknown = time.Now()
	case time.Since(t.unknown) > wrongTopic:
		return nil, fault.Rejected("the brokers have no topic %s", t.name).Fix("create it, or set %s to the one that is meant", t.variable)
	}
	return all, err
}

// partition is one of a topic.
type partition struct {
	id  int
	led bool // some broker takes and gives its messages
}

// partitions are all of a topic, ascending: one at least.
func partitions(ctx context.Context, c *kafka.Client, topic string) ([]partition, error) {
	m, err := c.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("looking for topic %s: %w", topic, err)
	}
	for _, t := range m.Topics {
		if t.Name != topic {
			continue
		}
		if t.Error != nil {
			return nil, fmt.Errorf("looking for topic %s: %w", topic, t.Error)
		}
		all := make([]partition, len(t.Partitions))
		for i, p := range t.Partitions {
			all[i] = partition{id: p.ID, led: p.Error == nil && p.Leader.Host != ""}
		}
		if len(all) > 0 {
			return all, nil
		}
	}
	return nil, fmt.Errorf("looking for topic %s: %w", topic, kafka.LeaderNotAvailable)
}
