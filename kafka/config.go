// Package kafka emits the state of a run to the other services of a pipeline, and
// receives their stops: run states enter, and telemetry events as StreamForge's
// consumers read them leave through a Sink, a Kafka topic or a stream of lines;
// the stops of a control topic that are meant for the run come back. It decides
// what is sent and when; it does not train, and it keeps nothing.
package kafka

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Config is where events go and in which language they speak. The variables
// are documented in internal/config, which reads them.
type Config struct {
	BootstrapServers string        `env:"KAFKA_BOOTSTRAP_SERVERS"` // host:port, comma-separated; empty: no Kafka
	User             string        `env:"KAFKA_USER"`
	Password         secret.String `env:"KAFKA_PASSWORD"`
	CAPath           string        `env:"CA_PATH"` // PEM file
	ControlTopic     string        `env:"QUEUE_CONTROL_TOPIC" envDefault:"queue-control"`
	EventsTopic      string        `env:"QUEUE_EVENTS_TOPIC" envDefault:"queue-events"`
	PredictionsTopic string        `env:"PREDICTIONS_TOPIC"` // empty: predictions do not go to Kafka
	Lang             Lang          `env:"MESSAGE_LANG" envDefault:"ru"`
	Events           string        `env:"EVENTS" envDefault:"auto"` // whether stdout gets the events: EventsAuto, EventsStdout or EventsNone
}

// The values of EVENTS. Where Kafka is configured, it gets the events in any case.
const (
	EventsAuto   = "auto"   // to stdout where Kafka is not configured, unless that is a terminal
	EventsStdout = "stdout" // to stdout
	EventsNone   = "none"   // not to stdout
)

// Validate tells all that is wrong with the values at once, each with its
// variable. It is for a Config with BootstrapServers.
func (c Config) Validate() error {
	var faults fault.List
	for i, server := range strings.Split(c.BootstrapServers, ",") {
		host, port, err := net.SplitHostPort(server)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || host == "" || strings.ContainsAny(host, " \t\r\n/@") || bad != nil || n == 0 {
			// Not the address itself: a password may have slipped into it.
			faults.Add(fault.Input("address %d of KAFKA_BOOTSTRAP_SERVERS is not host:port", i+1).At("KAFKA_BOOTSTRAP_SERVERS").
				Fix("set host:port, several with commas and no spaces between"))
		}
	}
	if c.User != "" && c.Password == "" {
		faults.Add(fault.Input("KAFKA_USER is set, but KAFKA_PASSWORD is not").At("KAFKA_PASSWORD").Fix("set both or neither"))
	}
	if c.User == "" && c.Password != "" {
		faults.Add(fault.Input("KAFKA_PASSWORD is set, but KAFKA_USER is not").At("KAFKA_USER").Fix("set both or neither"))
	}
	for _, topic := range []struct{ variable, name string }{{"QUEUE_EVENTS_TOPIC", c.EventsTopic}, {"QUEUE_CONTROL_TOPIC", c.ControlTopic}, {"PREDICTIONS_TOPIC", c.PredictionsTopic}} {
		if topic.variable == "PREDICTIONS_TOPIC" && topic.name == "" {
			continue
		}
		if !topicName.MatchString(topic.name) || topic.name == "." || topic.name == ".." {
			faults.Add(fault.Input("%s is %.80q", topic.variable, topic.name).At("%s", topic.variable).
				Fix("set a topic's name, up to 249 of letters, digits, '.', '_' and '-'"))
		}
	}
	return faults.Err()
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// IDs names a run to its neighbours. All four are required.
type IDs struct {
	QueueID  string `env:"QUEUE_ID"` // shared by every service of one pipeline
	Symbol   string `env:"SYMBOL"`
	Type     string `env:"TYPE"`
	Producer string `env:"TELEMETRY_PRODUCER_ID"` // this service within the pipeline
}

// Known tells whether an event of this run can be addressed.
func (i IDs) Known() bool {
	return i.QueueID != "" && i.Symbol != "" && i.Type != "" && i.Producer != ""
}

// Lang is the language of an event's message. Its zero value is Russian.
type Lang string

// Languages of messages.
const (
	Russian Lang = "ru"
	English Lang = "en"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Lang) UnmarshalText(text []byte) error {
	switch lang := Lang(text); lang {
	case Russian, English:
		*l = lang
		return nil
	default:
		return fmt.Errorf("%q is neither %s nor %s", text, Russian, English)
	}
}
