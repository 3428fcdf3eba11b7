package job

import (
	"errors"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/kafka"
)

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestEventsGoWhereEVENTSSaysAndToKafkaInAnyCase(t *testing.T) {
	for _, c := range []struct {
		events          string
		terminal, kafka bool
		stdout          bool
	}{
		{"auto", false, false, true},
		{"auto", true, false, false},
		{"auto", false, true, false},
		{"stdout", false, false, true},
		{"stdout", true, false, true},
		{"stdout", false, true, true},
		{"stdout", true, true, true},
		{"none", false, false, false},
		{"none", false, true, false},
		{"", true, false, false}, // a configuration that could not be read
	} {
		var lines, topic strings.Builder
		cfg := kafka.Config{Events: c.events}
		sink := localEvents(cfg, kafka.Lines(&lines), c.terminal)
		if c.kafka {
			sink = kafkaEvents(cfg, kafka.Lines(&topic), kafka.Lines(&lines), func(string) {})
		}
		if err := sink.Send(t.Context(), []byte("{}")); err != nil {
			t.Error(err)
		}
		if lines.Len() > 0 != c.stdout || topic.Len() > 0 != c.kafka {
			t.Errorf("%+v: stdout has %q, Kafka %q", c, lines.String(), topic.String())
		}
	}
}

func TestAStdoutThatIsGoneDoesNotKeepEventsFromKafka(t *testing.T) {
	var topic strings.Builder
	var warned []string
	sink := kafkaEvents(kafka.Config{Events: "stdout"}, kafka.Lines(&topic), kafka.Lines(brokenPipe{}), func(line string) { warned = append(warned, line) })
	for range 3 {
		if err := sink.Send(t.Context(), []byte("{}")); err != nil {
			t.Error(err)
		}
	}
	if topic.String() != "{}\n{}\n{}\n" || len(warned) != 1 || !strings.Contains(warned[0], "broken pipe") {
		t.Errorf("Kafka has %q, and the log %q", topic.String(), warned)
	}
}
