package progress

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// run feeds epochs [from, to] that take pace each, and gives the log lines.
func run(t *testing.T, total, to int, pace time.Duration, how End) []map[string]any {
	t.Helper()
	var b bytes.Buffer
	c := newClock()
	console := NewConsole(&b, false)
	d := newDisplay(console, zerolog.New(console), "train", total, c.now)
	for e := 1; e <= to; e++ {
		d.Batch(1, 2)
		c.advance(pace)
		d.Epoch(e, 1/float64(e), 2, 0.5, e == 2)
	}
	d.Done(how)
	return parsed(t, b.String())
}

func parsed(t *testing.T, log string) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(log) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q is no log line: %v", line, err)
		}
		lines = append(lines, m)
	}
	return lines
}

func TestALineHasTheMetricThatDecides(t *testing.T) {
	var b bytes.Buffer
	console := NewConsole(&b, false)
	d := newDisplay(console, zerolog.New(console), "train", 1, newClock().now)
	d.Decided("rank ic", 0.03125)
	d.Epoch(1, 1, 2, 0.5, true)
	if line := parsed(t, b.String())[0]; line["valid_rank_ic"] != 0.03125 || line["valid_loss"] != 2. {
		t.Errorf("%v", line)
	}
}

func TestElsewhereEpochsAreLinesAtMostOneASecond(t *testing.T) {
	for _, c := range []struct {
		name      string
		total, to int
		pace      time.Duration
		want      []int
	}{
		{"slow epochs", 4, 4, 2 * time.Second, []int{1, 2, 3, 4}},
		{"fast epochs", 10, 10, 250 * time.Millisecond, []int{1, 5, 9, 10}},
		{"very fast epochs", 1000, 1000, time.Millisecond, []int{1, 1000}},
		{"an early stop", 100, 7, 250 * time.Millisecond, []int{1, 5, 7}},
		{"an early stop on a shown epoch", 100, 5, 250 * time.Millisecond, []int{1, 5}},
		{"one epoch", 1, 1, time.Hour, []int{1}},
		{"no epoch", 5, 0, time.Second, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := run(t, c.total, c.to, c.pace, Completed)
			var shown []int
			for _, l := range lines {
				if e, ok := l["epoch"].(float64); ok {
					shown = append(shown, int(e))
				}
			}
			if !slices.Equal(shown, c.want) {
				t.Errorf("epochs %v are shown, want %v", shown, c.want)
			}
			if closing := len(lines) - len(shown); closing != min(c.to, 1) {
				t.Errorf("%d closing lines", closing)
			}
		})
	}
}

func TestALineHoldsWhatTheBarDoes(t *testing.T) {
	got := run(t, 4, 3, 2*time.Second, EarlyStop)
	want := []map[string]any{
		{"level": "info", "message": "train", "epoch": 1.0, "epochs": 4.0, "loss": 1.0, "valid_loss": 2.0, "valid_auc": 0.5, "eta": "6.0s"},
		{"level": "info", "message": "train", "epoch": 2.0, "epochs": 4.0, "loss": 0.5, "valid_loss": 2.0, "valid_auc": 0.5, "eta": "4.0s", "best": true},
		{"level": "info", "message": "train", "epoch": 3.0, "epochs": 4.0, "loss": 0.333333, "valid_loss": 2.0, "valid_auc": 0.5, "eta": "2.0s"},
		{"level": "info", "message": "train: early stop after 6.0s", "epochs_run": 3.0, "best_epoch": 2.0},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
}

func TestWhatWasNotMeasuredIsNotShown(t *testing.T) {
	var b bytes.Buffer
	d := newDisplay(NewConsole(&b, false), zerolog.New(&b), "baseline", 1, newClock().now)
	d.Epoch(1, 0.5, math.NaN(), math.NaN(), false)
	d.Done(Completed)
	lines := parsed(t, b.String())
	for i, want := range [][]string{{"epoch", "epochs", "level", "loss", "message"}, {"epochs_run", "level", "message"}} {
		if got := slices.Sorted(maps.Keys(lines[i])); !slices.Equal(got, want) {
			t.Errorf("line %d has %v, want %v", i, got, want)
		}
	}
}

func TestElsewhereNoControlCharactersAreWritten(t *testing.T) {
	var b bytes.Buffer
	console := NewConsole(&b, false)
	d := New(console, zerolog.New(console), "train", 3)
	for e := range 3 {
		d.Batch(1, 1)
		d.Epoch(e+1, 1, 1, 1, true)
		fmt.Fprintln(console, `{"a":"line"}`)
	}
	d.Done(Completed)
	if i := strings.IndexFunc(b.String(), func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
		t.Errorf("control character at %d in %q", i, b.String())
	}
}

func TestDurationsAreTwoUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0s", 4240 * time.Millisecond: "4.2s", 59*time.Second + 900*time.Millisecond: "59s",
		2*time.Minute + 3*time.Second: "2m03s", 26*time.Hour + 5*time.Minute: "26h05m",
	} {
		if got := brief(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestRoundedKeepsSixDigits(t *testing.T) {
	for v, want := range map[float64]float64{0: 0, 0.22000000000000003: 0.22, -1234567: -1234570, math.Inf(1): math.Inf(1)} {
		if got := rounded(v); got != want {
			t.Errorf("%v is rounded to %v, want %v", v, got, want)
		}
	}
}
