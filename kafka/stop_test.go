package kafka

import (
	"strings"
	"testing"
)

func TestAStopIsObeyedWhereItIsMeantForTheRun(t *testing.T) {
	run := IDs{QueueID: "q1", Symbol: "BTCUSDT", Type: "gnn_trainer", Producer: "gnn-trainer__abc"}
	for message, want := range map[string]bool{
		`{"command":"stop","queue_id":"q1"}`:                                     true,
		`{"command":"STOP","queue_id":"q1"}`:                                     true,
		`{"command":"stop","queue_id":"*"}`:                                      true,
		`{"command":"stop","queue_id":"all"}`:                                    true,
		`{"command":"stop","queue_id":"q1","timestamp":1,"sent_at":"x"}`:         true,
		`{"command":"stop","queue_id":"q1","target":"gnn-trainer"}`:              true,
		`{"command":"stop","queue_id":"q1","target":"gnn_trainer"}`:              true,
		`{"command":"stop","queue_id":"q1","target":""}`:                         true,
		`{"command":"stop","queue_id":"q1","target":null,"telemetry_id":null}`:   true,
		`{"command":"stop","queue_id":"q1","telemetry_id":"gnn-trainer__abc"}`:   true,
		` {"command":"stop","queue_id":"all","telemetry_id":"gnn-trainer__abc"}`: true,
		`{"command":"stop","queue_id":"q2"}`:                                     false,
		`{"command":"stop"}`:                                                     false,
		`{"command":"stop","queue_id":""}`:                                       false,
		`{"command":"start","queue_id":"q1"}`:                                    false,
		`{"command":"stop","queue_id":"q1","target":"loader"}`:                   false,
		`{"command":"stop","queue_id":"*","target":"loader"}`:                    false,
		`{"command":"stop","queue_id":"q1","telemetry_id":"loader__abc"}`:        false,
		`{"queue_id":"q1","target":"gnn-trainer"}`:                               false,
	} {
		c, err := parseCommand([]byte(message))
		if err != nil {
			t.Errorf("%s: %v", message, err)
		}
		if c.stops(run) != want {
			t.Errorf("%s stops the run: %v", message, !want)
		}
	}
}

func TestWhatIsNoCommandIsToldShortly(t *testing.T) {
	for _, message := range []string{
		"", " ", "stop", `"stop"`, "[]", "null", `{"command":`, `{"command":1,"queue_id":"q1"}`, `{"queue_id":["q1"],"command":"stop"}`,
		"\xff\xfe", strings.Repeat("x", 1<<20), `{"command":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		if _, err := parseCommand([]byte(message)); err == nil || len(err.Error()) > 400 {
			t.Errorf("%.40q: %v", message, err)
		}
	}
}

func FuzzCommand(f *testing.F) {
	f.Add([]byte(`{"command":"stop","queue_id":"q1","target":"gnn-trainer","telemetry_id":"x"}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, message []byte) {
		c, err := parseCommand(message)
		if err != nil {
			if len(err.Error()) > 600 {
				t.Errorf("a message of %d bytes gives an error of %d", len(message), len(err.Error()))
			}
			return
		}
		if c.stops(IDs{QueueID: "q1", Type: "t", Producer: "p"}) && c.QueueID != "q1" && !c.all() {
			t.Errorf("%s stops another run", message)
		}
	})
}
