package kafka_test

import (
	"errors"
	"strings"
	"testing"

	kafkago "github.com/segmentio/kafka-go"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/test/lab"
)

func TestRightsAreKnownAndNoEventIsLeft(t *testing.T) {
	t.Parallel()
	free, strict := lab.SharedKafka(t), lab.StartKafka(t, lab.KafkaOptions{Strict: true})
	for name, c := range map[string]struct {
		strict      bool
		events      []kafkago.ACLOperationType
		control     []kafkago.ACLOperationType
		write, read string // what is refused; empty: nothing
	}{
		"a broker that asks for no rights": {},
		"all that is needed":               {strict: true, events: []kafkago.ACLOperationType{kafkago.ACLOperationTypeWrite}, control: []kafkago.ACLOperationType{kafkago.ACLOperationTypeRead}},
		"the wrong ones": {
			strict: true, events: []kafkago.ACLOperationType{kafkago.ACLOperationTypeRead}, control: []kafkago.ACLOperationType{kafkago.ACLOperationTypeWrite},
			write: "asking for the right to write to topic queue-events: the user may not do that ([29] Topic Authorization Failed: the client is not authorized to access the requested topic): give KAFKA_USER the right to write to queue-events and to read queue-control",
			read:  "reading topic queue-control: the user may not do that",
		},
		"none": {strict: true, write: "asking for the right to write to topic queue-events: the user may not do that", read: "reading topic queue-control: the user may not do that"},
	} {
		t.Run(name, func(t *testing.T) {
			k := free
			if c.strict {
				k = strict
			}
			events, control := k.Topic(t, "queue-events", 1), k.Topic(t, "queue-control", 3)
			if c.strict {
				k.Allow(t, events, c.events...)
				k.Allow(t, control, c.control...)
			}
			k.Publish(t, control, 0, `{"command":"stop","queue_id":"other"}`)
			config := configOf(k)
			config.EventsTopic, config.ControlTopic = events, control
			names := strings.NewReplacer("queue-events", events, "queue-control", control)
			b := newBroker(t, config)
			told, err := b.MayWrite(t.Context())
			mustRefuse(t, err, names.Replace(c.write))
			if err == nil && !told {
				t.Error("the rights are not told")
			}
			mustRefuse(t, b.MayRead(t.Context()), names.Replace(c.read))
			if left := k.Messages(t, events, 1); len(left) != 0 {
				t.Errorf("it left %v", left)
			}
		})
	}
}

func mustRefuse(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("it is refused: %v", err)
	case want != "" && (!errors.Is(err, fault.ErrRejected) || !strings.HasPrefix(err.Error(), want)):
		t.Errorf("it says %v, want %s", err, want)
	}
}
