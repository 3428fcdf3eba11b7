package kafka

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

var ids = IDs{QueueID: "gnn-train-btcusdt-20240801-abc", Symbol: "BTCUSDT", Type: "gnn_trainer", Producer: "gnn-trainer__abc"}

// fields decodes what an event looks like to its reader.
func fields(t testing.TB, line []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("%s is no JSON object: %v", line, err)
	}
	return m
}

func encoded(t testing.TB, e Event) []byte {
	t.Helper()
	b, err := e.encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestATimestampAlwaysHasADecimalPoint(t *testing.T) {
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{time.Unix(1722500000, 0), "1722500000.0"},
		{time.UnixMilli(1722500000123), "1722500000.123"},
		{time.UnixMicro(1722500000123456), "1722500000.123456"},
		{time.UnixMicro(1722500000000001), "1722500000.000001"},
		{time.Unix(1722500000, 999_999_999), "1722500000.999999"}, // never into the next second
		{time.UnixMilli(500), "0.5"},
		{time.UnixMilli(-500), "-0.5"},
	} {
		line := encoded(t, Event{IDs: ids, Status: Loading, Time: c.at})
		for _, key := range []string{"timestamp", "sent_at"} {
			got := regexp.MustCompile(`"` + key + `":([^,]*)`).FindSubmatch(line)
			if got == nil || string(got[1]) != c.want {
				t.Errorf("%s of %v: want %s in %s", key, c.at, c.want, line)
			}
		}
	}
}

func TestEpochAndLossAreToldFlatAndInExtra(t *testing.T) {
	m := fields(t, encoded(t, Event{IDs: ids, Status: Loading, Epoch: 50, Loss: 0.0123, Extra: map[string]float64{"epochs": 100}}))
	extra := m["extra"].(map[string]any)
	for name, in := range map[string]map[string]any{"the event": m, "extra": extra} {
		if in["epoch"] != 50.0 || in["loss"] != 0.0123 {
			t.Errorf("%s holds epoch %v and loss %v", name, in["epoch"], in["loss"])
		}
	}
	if extra["epochs"] != 100.0 {
		t.Errorf("extra is %v", extra)
	}
	if m = fields(t, encoded(t, Event{IDs: ids, Status: Started})); m["epoch"] != nil || m["loss"] != nil || len(m["extra"].(map[string]any)) != 0 {
		t.Errorf("an event that is not about an epoch says %v", m)
	}
}

func TestNumbersThatJSONLacksAreLeftOut(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		line := encoded(t, Event{IDs: ids, Status: Loading, Epoch: 3, Loss: v, Extra: map[string]float64{"valid_auc": v, "valid_loss": 2}})
		m := fields(t, line)
		extra := m["extra"].(map[string]any)
		if _, there := m["loss"]; there {
			t.Errorf("loss is told: %s", line)
		}
		if len(extra) != 2 || extra["epoch"] != 3.0 || extra["valid_loss"] != 2.0 {
			t.Errorf("extra should keep epoch and valid_loss only: %s", line)
		}
	}
}

func TestOnlyTerminalStatesAreFinished(t *testing.T) {
	for status, want := range map[Status]bool{Started: false, Loading: false, Interrupted: true, Failed: true, Finished: true} {
		m := fields(t, encoded(t, Event{IDs: ids, Status: status}))
		if m["finished"] != want || m["status"] != string(status) || m["event"] != string(status) {
			t.Errorf("%s: %v", status, m)
		}
	}
}

func TestALongMessageIsCutBetweenRunes(t *testing.T) {
	for pad := range 4 {
		m := fields(t, encoded(t, Event{IDs: ids, Status: Failed, Message: strings.Repeat("a", pad) + strings.Repeat("ж", maxMessage)}))
		got := m["message"].(string)
		if len(got) > maxMessage || len(got) < maxMessage-8 || !strings.HasSuffix(got, "ж...") || strings.ContainsRune(got, utf8.RuneError) {
			t.Errorf("the message of %d bytes ends in %q", len(got), got[len(got)-12:])
		}
	}
}

// Whatever a run is called, says and measures, its event is one line of JSON
// that says the same.
func FuzzEvent(f *testing.F) {
	f.Add("gnn-train-btcusdt-20240801-abc", "Эпоха 50 завершена, loss: 0.0123", 50, 0.0123, int64(1722500000123))
	f.Add("a\nb\u2028\x00", "\xff<&>\"\\", -1, math.NaN(), int64(-1))
	f.Add("", "", 1, math.MaxFloat64, int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, id, message string, epoch int, loss float64, ms int64) {
		line, err := Event{
			IDs: IDs{QueueID: id, Producer: id}, Status: Loading, Message: message, Time: time.UnixMilli(ms),
			Epoch: epoch, Loss: loss, Extra: map[string]float64{id: loss},
		}.encode()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(line, "\n\r") {
			t.Errorf("%q is more than a line", line)
		}
		m := fields(t, line)
		if utf8.ValidString(id) && (m["queue_id"] != id || m["producer"] != id || m["telemetry_id"] != id) {
			t.Errorf("%q became %v", id, m)
		}
		if utf8.ValidString(message) && len(message) <= maxMessage && m["message"] != message {
			t.Errorf("%q became %v", message, m["message"])
		}
		if _, ok := m["timestamp"].(float64); !ok || m["timestamp"] != m["sent_at"] {
			t.Errorf("timestamp %v, sent_at %v", m["timestamp"], m["sent_at"])
		}
	})
}

func TestTheMessageOfAnErrorIsShortWhateverWordsStandAroundIt(t *testing.T) {
	long := strings.Repeat("x", 400)
	for _, kind := range []func(string, ...any) *fault.Error{fault.Input, fault.Rejected, fault.Transient} {
		for name, err := range map[string]error{
			"alone":       kind("it is %q", long).Fix("set another"),
			"wrapped":     fmt.Errorf("asking for the time: %w", kind("it is %q", long).At("a:1").Fix("set another")),
			"of a remedy": kind("it is %s", long[:200]).Fix("%s", long[:200]),
		} {
			for _, lang := range []Lang{Russian, English} {
				var sent bytes.Buffer
				tel := NewTelemetry(IDs{"q", "s", "t", "p"}, lang, Lines(&sent), nil)
				if _, err := tel.Error(t.Context(), err); err != nil {
					t.Fatal(err)
				}
				var e struct{ Message string }
				if err := json.Unmarshal(sent.Bytes(), &e); err != nil || utf8.RuneCountInString(e.Message) >= 300 {
					t.Errorf("%s: %d characters, %v: %s", name, utf8.RuneCountInString(e.Message), err, e.Message)
				}
			}
		}
	}
}
