package job

import (
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/kafka"
)

func TestAnEventSaysWhatIsWaitedFor(t *testing.T) {
	until := time.Date(2024, 5, 1, 12, 30, 15, 0, time.UTC)
	for _, c := range []struct {
		step data.Step
		want kafka.Text
	}{
		{data.Step{Phase: data.Waiting, Why: "a limit"}, kafka.Text{Russian: "Ожидание: a limit", English: "Waiting: a limit"}},
		{data.Step{Phase: data.Waiting, Why: "a limit", Until: until}, kafka.Text{Russian: "Ожидание до 12:30:15 UTC: a limit", English: "Waiting until 12:30:15 UTC: a limit"}},
		{
			data.Step{Phase: data.Waiting, Why: "no such host", Until: until, Try: 3, Tries: 13, GivesUp: until.Add(time.Minute)},
			kafka.Text{Russian: "Ожидание попытки 3 из 13 в 12:30:15 UTC, отказ около 12:31:15 UTC: no such host", English: "Waiting for try 3 of 13 at 12:30:15 UTC, giving up about 12:31:15 UTC: no such host"},
		},
	} {
		if got := stepText(c.step); got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.step, got, c.want)
		}
	}
}
