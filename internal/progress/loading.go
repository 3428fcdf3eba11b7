package progress

import (
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
)

// tellEvery is how often a log says how far a load has come.
const tellEvery = 10 * time.Second

// Loading shows the steps of a source. On a terminal it is a bar; elsewhere a
// log line now and then. It is for one goroutine at a time.
type Loading struct {
	console *Console
	log     zerolog.Logger
	now     func() time.Time

	phase data.Phase
	began time.Time // of the phase
	first int       // steps that were done then
	why   string    // of the wait under way; empty: there is none
	shown time.Time
}

// NewLoading shows steps on the console where that is a terminal, otherwise as
// lines of log.
func NewLoading(console *Console, log zerolog.Logger) *Loading {
	return &Loading{console: console, log: log, now: time.Now}
}

// Step shows one.
func (l *Loading) Step(s data.Step) {
	now := l.now()
	if s.Phase == data.Waiting {
		l.wait(s, now)
		return
	}
	l.why = ""
	if s.Phase != l.phase {
		l.phase, l.began, l.first, l.shown = s.Phase, now, s.Done-1, now
		l.draw(s, now)
		return
	}
	every := tellEvery
	if l.console.terminal {
		every = drawEvery
	}
	if now.Sub(l.shown) < every {
		return
	}
	l.shown = now
	l.draw(s, now)
}

func (l *Loading) draw(s data.Step, now time.Time) {
	left := l.timeLeft(s, now)
	if l.console.terminal {
		text := fmt.Sprintf("%s %d/%d", s.Phase, s.Done, s.Total)
		if left != "" {
			text += "  eta " + left
		}
		l.console.draw(render(int64(s.Done), int64(max(s.Total, 1)), text, l.console.columns()))
		return
	}
	if now.Equal(l.began) {
		return // a load of moments says nothing
	}
	e := l.log.Info().Int("done", s.Done)
	if s.Total > 0 {
		e = e.Int("of", s.Total)
	}
	if left != "" {
		e = e.Str("eta", left)
	}
	e.Msg(string(s.Phase))
}

// wait says why the source waits, once for each reason in a row.
func (l *Loading) wait(s data.Step, now time.Time) {
	if s.Why == l.why {
		return
	}
	l.why = s.Why
	l.log.Info().Str("why", s.Why).Str("at_most", brief(max(s.Until.Sub(now), 0))).Msg("waiting")
}

// timeLeft is how long the rest of the phase takes at its mean pace, waits
// included; empty in its first second, which has no pace yet.
func (l *Loading) timeLeft(s data.Step, now time.Time) string {
	did, remain, elapsed := s.Done-l.first, s.Total-s.Done, now.Sub(l.began)
	if did <= 0 || remain <= 0 || elapsed < time.Second {
		return ""
	}
	return brief(time.Duration(float64(elapsed) / float64(did) * float64(remain)))
}

// Done takes the bar away.
func (l *Loading) Done() { l.console.end("") }
