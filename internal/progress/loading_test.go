package progress

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
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

// retry is a wait after the failures that came before a try.
func retry(try int, now time.Time, next, givesUp time.Duration, why string) data.Step {
	return data.Step{Phase: data.Waiting, Why: why, Until: now.Add(next), Try: try, Tries: 13, GivesUp: now.Add(givesUp)}
}

// Each failure may read differently, such as by the port of its connection.
func TestALogSaysOfWhatFailsAtFirstAndThenNowAndAgainThatItIsTriedAgain(t *testing.T) {
	l, shown, pass := loading(false)
	left := 165 * time.Second
	for try := 2; try <= 13; try++ {
		const pause = 15 * time.Second
		l.Step(retry(try, l.now(), pause, left, fmt.Sprintf("no answer on port %d", try)))
		pass(pause)
		left -= pause
	}
	l.Done()
	want := `{"level":"warn","why":"no answer on port 2","try":2,"of":13,"next_in":"15s","gives_up_in_about":"2m45s","message":"waiting to try again"}` + "\n" +
		`{"level":"warn","why":"no answer on port 6","try":6,"of":13,"next_in":"15s","gives_up_in_about":"1m45s","message":"waiting to try again"}` + "\n" +
		`{"level":"warn","why":"no answer on port 10","try":10,"of":13,"next_in":"15s","gives_up_in_about":"45s","message":"waiting to try again"}` + "\n"
	if shown.String() != want {
		t.Errorf("%s", shown)
	}
}

func TestATerminalCountsAWaitDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		console := NewConsole(&s, true)
		l := NewLoading(console, zerolog.Nop())
		line := func() string {
			synctest.Wait()
			seen := s.seen()
			return seen[len(seen)-1]
		}
		see := func(want string) {
			t.Helper()
			if got := line(); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		l.Step(retry(3, time.Now(), 2200*time.Millisecond, 160*time.Second, "no such host"))
		see("try 3 of 13 in 3s, gives up in about 2m40s: no such host")
		time.Sleep(time.Second)
		see("try 3 of 13 in 2s, gives up in about 2m39s: no such host")
		time.Sleep(2 * time.Second)
		see("try 3 of 13, gives up in about 2m37s: no such host")
		l.Step(data.Step{Phase: data.Waiting, Why: "the budget is used up, " + strings.Repeat("long ", 99), Until: time.Now().Add(75 * time.Second)})
		if got := line(); got != "waiting 1m15s: the budget is used up,"+strings.Repeat(" long", 7)+"…" {
			t.Errorf("%q", got)
		}
		l.Step(data.Step{Phase: data.Fetching, Done: 1, Total: 4})
		time.Sleep(5 * time.Second)
		if got := line(); !strings.Contains(got, "fetching 1/4") {
			t.Errorf("%q", got)
		}
		l.Step(retry(2, time.Now(), time.Minute, time.Minute, "no such host"))
		l.Done()
		time.Sleep(5 * time.Second)
		see("")
	})
}

func TestAStatusIsOneLineOfATerminal(t *testing.T) {
	var s screen
	console := NewConsole(&s, true)
	status := NewStatus(console)
	status.Show("recording 1")
	status.Show("recording 2 " + strings.Repeat("long ", 99))
	if got := s.seen(); len(got) != 1 || got[0] != "recording 2"+strings.Repeat(" long", 13)+"…" {
		t.Errorf("%q", got)
	}
	status.Done()
	status.Show("recording 3")
	if got := s.seen(); len(got) != 1 || got[0] != "" {
		t.Errorf("%q", got)
	}
	var elsewhere bytes.Buffer
	status = NewStatus(NewConsole(&elsewhere, false))
	status.Show("recording")
	status.Done()
	if elsewhere.Len() > 0 || status.Shows() {
		t.Errorf("%q", elsewhere.String())
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
