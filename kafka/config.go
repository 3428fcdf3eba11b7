// Package kafka tells the other services of a pipeline how a run goes: run
// states enter, and telemetry events as StreamForge's consumers read them
// leave through a Sink. It decides what is sent and when; it does not train,
// and it keeps nothing.
package kafka

import (
	"fmt"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
)

// Config is where events go and in which language they speak. The variables
// are documented in internal/config, which reads them.
type Config struct {
	BootstrapServers string        `env:"KAFKA_BOOTSTRAP_SERVERS"` // host:port, comma-separated; empty: events are lines on stdout
	User             string        `env:"KAFKA_USER"`
	Password         secret.String `env:"KAFKA_PASSWORD"`
	CAPath           string        `env:"CA_PATH"` // PEM file
	ControlTopic     string        `env:"QUEUE_CONTROL_TOPIC" envDefault:"queue-control"`
	EventsTopic      string        `env:"QUEUE_EVENTS_TOPIC" envDefault:"queue-events"`
	Lang             Lang          `env:"MESSAGE_LANG" envDefault:"ru"`
}

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
