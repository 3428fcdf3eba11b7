package progress

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
)

// loading is a display whose clock the test moves.
func loading(terminal bool) (l *Loading, shown *bytes.Buffer, pass func(time.Duration)) {
	shown = &bytes.Buffer{}
	console := NewConsole(shown, terminal)
	l = NewLoading(console, zerolog.New(console))
	now := time.Unix(0, 0)
	l.now = func() time.Time { return now }
	return l, shown, func(d time.Duration) { now = now.Add(d) }
}

func TestALogSaysNowAndThenHowFarALoadHasCome(t *testing.T) {
	l, shown, pass := loading(false)
	for done := 1; done <= 400; done++ {
		l.Step(data.Step{Phase: data.Fetching, Done: done, Total: 400})
		pass(100 * time.Millisecond)
	}
	l.Done()
	lines := strings.Split(strings.TrimSpace(shown.String()), "\n")
	if len(lines) != 3 || lines[0] != `{"level":"info","done":101,"of":400,"eta":"29s","message":"fetching"}` {
		t.Errorf("%q", lines)
	}
}

func TestAWaitIsLoggedOnceWithItsReason(t *testing.T) {
	l, shown, pass := loading(false)
	for range 3 {
		l.Step(data.Step{Phase: data.Waiting, Why: "the budget is used up", Until: time.Unix(75, 0)})
		pass(time.Second)
	}
	l.Step(data.Step{Phase: data.Fetching, Done: 1, Total: 2})
	l.Step(data.Step{Phase: data.Waiting, Why: "the budget is used up", Until: time.Unix(30, 0)})
	want := `{"level":"info","why":"the budget is used up","at_most":"1m15s","message":"waiting"}` + "\n" +
		`{"level":"info","why":"the budget is used up","at_most":"27s","message":"waiting"}` + "\n"
	if shown.String() != want {
		t.Errorf("%q", shown)
	}
}

func TestATerminalShowsABarWhileALoadGoesOn(t *testing.T) {
	l, shown, pass := loading(true)
	l.Step(data.Step{Phase: data.Fetching, Done: 1, Total: 400})
	pass(10 * time.Second)
	l.Step(data.Step{Phase: data.Fetching, Done: 100, Total: 400})
	if got := shown.String(); !strings.Contains(got, "25%") || !strings.Contains(got, "fetching 100/400  eta 30s") {
		t.Errorf("%q", got)
	}
	shown.Reset()
	l.Done()
	if shown.String() != clearLine {
		t.Errorf("%q is left", shown)
	}
}
