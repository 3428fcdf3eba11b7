package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

const (
	polling     = 2 * time.Second  // a broker answers a fetch then, with a message at once
	lookAgain   = 30 * time.Second // for partitions that were added
	fetchBytes  = 32 << 10         // so many come over a link of 10 kB/s before the attempt ends
	badMessages = 20               // are logged, in a run; the others are skipped
)

// WatchConfig is what stops are looked for.
type WatchConfig struct {
	IDs IDs
	// Since is the time of the oldest message read, by its sender's clock: a
	// sender whose clock is behind by more than the margin taken off here is
	// missed.
	Since time.Time
	// SinceAll is the same for stops of every pipeline.
	SinceAll time.Time
	// Served are stops that an earlier start of the run has handled: they and
	// what is before them in their partitions is skipped.
	Served []Position
	Log    func(string)
}

// Watch reads QUEUE_CONTROL_TOPIC, without a consumer group, and returns the
// first stop that is meant for the run. An unavailable broker is waited for,
// however long; the error is that of ctx, or an fault.ErrRejected.
func (b *Broker) Watch(ctx context.Context, c WatchConfig) (Stop, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{
		broker: b, WatchConfig: c, topic: b.config.ControlTopic, found: cancel, badLeft: badMessages,
		outage: outage{what: "stops cannot be received from Kafka", log: c.Log},
	}
	var readers sync.WaitGroup
	defer readers.Wait()
	reading := map[int]bool{}
	for {
		// One that has no leader yet is read too, from the moment it has.
		var all []partition
		err := persist(ctx, func() error {
			return b.try(ctx, attempt, func(ctx context.Context, c *kafka.Client) (err error) {
				all, err = partitions(ctx, c, w.topic)
				return err
			})
		}, func(err error) { w.outage.failed(looking, err) })
		switch {
		case errors.Is(err, fault.ErrRejected):
			cancel(err)
		case err == nil:
			w.outage.over(looking)
		}
		for _, p := range all {
			if !reading[p.id] {
				reading[p.id] = true
				readers.Go(func() { w.read(ctx, p.id) })
			}
		}
		select {
		case <-ctx.Done():
			var stop Stop
			if cause := context.Cause(ctx); !errors.As(cause, &stop) {
				return Stop{}, cause
			}
			return stop, nil
		case <-time.After(lookAgain):
		}
	}
}

// looking is what outage knows the search for partitions by.
const looking = -1

type watch struct {
	WatchConfig
	broker *Broker
	topic  string
	found  context.CancelCauseFunc
	outage outage

	mu      sync.Mutex
	badLeft int
}

// read reads one partition until ctx ends.
func (w *watch) read(ctx context.Context, partition int) {
	next := int64(-1) // offset; negative: to be found by time
	for ctx.Err() == nil {
		err := persist(ctx, func() error {
			return w.broker.try(ctx, attempt+polling, func(ctx context.Context, c *kafka.Client) error {
				if next < 0 {
					offset, err := w.first(ctx, c, partition)
					if err != nil {
						return err
					}
					next = offset
				}
				after, err := w.fetch(ctx, c, partition, next)
				next = after
				if errors.Is(err, kafka.OffsetOutOfRange) {
					next = -1 // the topic was made anew, or what was to come has expired
				}
				return err
			})
		}, func(err error) { w.outage.failed(partition, err) })
		switch {
		case errors.Is(err, fault.ErrRejected):
			w.found(err)
		case err == nil:
			w.outage.over(partition)
		}
	}
}

// first is the offset of the oldest message that is read.
func (w *watch) first(ctx context.Context, c *kafka.Client, partition int) (int64, error) {
	list := func(of kafka.OffsetRequest) (kafka.PartitionOffsets, error) {
		r, err := c.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{w.topic: {of}}})
		if err != nil {
			return kafka.PartitionOffsets{}, err
		}
		for _, p := range r.Topics[w.topic] {
			if p.Partition == partition {
				return p, p.Error
			}
		}
		return kafka.PartitionOffsets{}, kafka.UnknownTopicOrPartition
	}
	// The end first: a message that comes between the two questions is not lost.
	end, err := list(kafka.LastOffsetOf(partition))
	if err != nil {
		return 0, err
	}
	since := w.Since
	if w.SinceAll.Before(since) {
		since = w.SinceAll
	}
	dated, err := list(kafka.TimeOffsetOf(partition, since))
	if err != nil {
		return 0, err
	}
	offset := end.LastOffset
	for at := range dated.Offsets {
		if at >= 0 {
			offset = min(offset, at)
		}
	}
	for _, p := range w.Served {
		if p.Topic == w.topic && p.Partition == partition && p.Offset >= offset && p.Offset < end.LastOffset {
			offset = p.Offset + 1
		}
	}
	return offset, nil
}

// fetch reads what a partition holds from offset on, and gives the offset of
// what comes after.
func (w *watch) fetch(ctx context.Context, c *kafka.Client, partition int, offset int64) (int64, error) {
	r, err := c.Fetch(ctx, &kafka.FetchRequest{
		Topic: w.topic, Partition: partition, Offset: offset, MinBytes: 1, MaxBytes: fetchBytes, MaxWait: polling,
	})
	if err != nil {
		return offset, err
	}
	if r.Error != nil {
		return offset, r.Error
	}
	begin := offset
	for {
		record, err := r.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			if offset == begin && offset < r.HighWatermark {
				offset++ // the mark of a transaction, or compacted away: the broker would give it again at once
			}
			return offset, nil
		}
		if err != nil {
			return offset, fmt.Errorf("reading a message: %w", err)
		}
		if record.Offset < offset {
			continue // of a batch that began earlier
		}
		message, err := kafka.ReadAll(record.Value)
		if err != nil {
			return offset, fmt.Errorf("reading a message: %w", err)
		}
		offset = record.Offset + 1
		w.handle(message, Stop{Position: Position{w.topic, partition, record.Offset}, Time: record.Time})
	}
}

// handle ends the watching where message is a stop of the run.
func (w *watch) handle(message []byte, s Stop) {
	c, err := parseCommand(message)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.badLeft--; w.badLeft >= 0 {
			w.Log(fmt.Sprintf("skipping a message of topic %s (partition %d, offset %d): %v", s.Topic, s.Partition, s.Offset, err))
		}
		return
	}
	s.All = c.all()
	since := w.Since
	if s.All {
		since = w.SinceAll
	}
	if c.stops(w.IDs) && !s.Time.Before(since.Truncate(time.Millisecond)) { // Kafka's own precision
		w.found(s)
	}
}
