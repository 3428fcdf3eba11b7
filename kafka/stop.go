package kafka

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// service is what a stop's target calls this program.
const service = "gnn-trainer"

// Position is where a message stands in a topic.
type Position struct {
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	Offset    int64  `json:"offset"`
}

// Stop is a request that the run end, as a context's cause.
type Stop struct {
	Position
	Time time.Time // that its sender gave it
	All  bool      // it was meant for every pipeline
}

func (s Stop) Error() string {
	return fmt.Sprintf("stopped by a message of %s on topic %s (partition %d, offset %d)",
		s.Time.UTC().Format(time.RFC3339), s.Topic, s.Partition, s.Offset)
}

// maxCommand is how much of a message is read, in bytes: a command is small.
const maxCommand = 64 << 10

// command is a message of the control topic.
type command struct {
	Command     string `json:"command"`
	QueueID     string `json:"queue_id"`
	Target      string `json:"target"`
	TelemetryID string `json:"telemetry_id"`
}

// parseCommand reads a message. The error says why it is none, in words that
// are short whatever the message holds.
func parseCommand(message []byte) (command, error) {
	var c command
	if len(message) > maxCommand {
		return c, fmt.Errorf("it has %d bytes, and a command has %d at most", len(message), maxCommand)
	}
	if trimmed := bytes.TrimLeft(message, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return c, fmt.Errorf("%.60q is no JSON object", message)
	}
	if err := json.Unmarshal(message, &c); err != nil {
		return c, fmt.Errorf("%.60q is no command: %.200v", message, err)
	}
	return c, nil
}

// stops tells whether the command is to stop the run of ids. Services of a
// pipeline share its queue id; a command that names a service or one of its
// runs is for that one only.
func (c command) stops(ids IDs) bool {
	if !strings.EqualFold(c.Command, "stop") || !c.all() && c.QueueID != ids.QueueID {
		return false
	}
	if c.Target != "" && c.Target != service && c.Target != ids.Type {
		return false
	}
	return c.TelemetryID == "" || c.TelemetryID == ids.Producer
}

func (c command) all() bool { return c.QueueID == "*" || c.QueueID == "all" }
