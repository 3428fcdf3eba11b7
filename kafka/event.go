package kafka

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Status is the state of a run that an event reports.
type Status string

// The states. A run has one Started, any number of Loading and ends with
// exactly one of the others.
const (
	Started     Status = "started"
	Loading     Status = "loading"
	Interrupted Status = "interrupted"
	Failed      Status = "error"
	Finished    Status = "finished"
)

// Terminal reports whether nothing follows this state.
func (s Status) Terminal() bool { return s == Interrupted || s == Failed || s == Finished }

// maxMessage bounds a message in bytes: a broker refuses events over 1 MB, and
// the event that carries a long error is the one that must arrive.
const maxMessage = 16 << 10

// Event is one telemetry message.
type Event struct {
	IDs
	Status  Status
	Message string
	Time    time.Time

	Epoch int                // from 1; 0: the event is not about an epoch
	Loss  float64            // of the epoch
	Extra map[string]float64 // further numbers, sent under "extra" only

	ModelPath string          // where the model lies, on Finished and Interrupted
	Metrics   json.RawMessage // how good it is, on Finished; nil: none
	Fault     *fault.Error    // on Failed
}

// MarshalJSON renders the event on one line. What StreamForge's services read
// under different names is written under each: status and event, producer and
// telemetry_id, timestamp and sent_at; epoch and loss both flat and in extra.
// A number that is NaN or infinite, which JSON lacks, is left out.
func (e Event) MarshalJSON() ([]byte, error) {
	extra := make(map[string]float64, len(e.Extra)+2)
	maps.Copy(extra, e.Extra)
	var loss *float64
	if e.Epoch > 0 {
		extra["epoch"], extra["loss"] = float64(e.Epoch), e.Loss
		if finite(e.Loss) {
			loss = &e.Loss
		}
	}
	maps.DeleteFunc(extra, func(_ string, v float64) bool { return !finite(v) })

	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		QueueID     string             `json:"queue_id"`
		Symbol      string             `json:"symbol"`
		Type        string             `json:"type"`
		Status      Status             `json:"status"`
		Event       Status             `json:"event"`
		Message     string             `json:"message"`
		Finished    bool               `json:"finished"`
		Producer    string             `json:"producer"`
		TelemetryID string             `json:"telemetry_id"`
		Timestamp   unixSeconds        `json:"timestamp"`
		SentAt      unixSeconds        `json:"sent_at"`
		Epoch       int                `json:"epoch,omitempty"`
		Loss        *float64           `json:"loss,omitempty"`
		ModelPath   string             `json:"model_path,omitempty"`
		Metrics     json.RawMessage    `json:"metrics,omitempty"`
		Error       *fault.Error       `json:"error,omitempty"`
		Extra       map[string]float64 `json:"extra"`
	}{
		e.QueueID, e.Symbol, e.Type, e.Status, e.Status, shorten(e.Message), e.Status.Terminal(),
		e.Producer, e.Producer, unixSeconds(e.Time), unixSeconds(e.Time),
		e.Epoch, loss, e.ModelPath, e.Metrics, e.fault(), extra,
	})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// fault is what a machine reads of the error.
func (e Event) fault() *fault.Error {
	if e.Fault == nil {
		return nil
	}
	return &fault.Error{Kind: e.Fault.Kind, What: shorten(e.Fault.What), Where: shorten(e.Fault.Where), Remedy: shorten(e.Fault.Remedy)}
}

// encode is what a Sink gets. It bypasses json.Marshal, which would escape
// what MarshalJSON left readable.
func (e Event) encode() ([]byte, error) { return e.MarshalJSON() }

// unixSeconds is a time as Unix seconds with microseconds. The decimal point
// is always there: a consumer that takes 1722500000 for an int refuses it.
type unixSeconds time.Time

func (u unixSeconds) MarshalJSON() ([]byte, error) {
	s := strconv.FormatFloat(float64(time.Time(u).UnixMicro())/1e6, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return []byte(s), nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// shorten cuts a message between two runes.
func shorten(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	const mark = "..."
	end := maxMessage - len(mark)
	for end > 0 && !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + mark
}
