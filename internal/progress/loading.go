package progress

import (
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/data"
)

const (
	tellEvery  = 10 * time.Second // a log says how far a load has come
	retryEvery = time.Minute      // a log says that what fails is tried again
	countEvery = time.Second      // a terminal shows what is left of a wait
)

// Loading shows the steps of a source. On a terminal it is a bar, or what is
// left of a wait; elsewhere a log line now and then. It may be used by several
// goroutines at once.
type Loading struct {
	console *Console
	log     zerolog.Logger
	now     func() time.Time

	mu      sync.Mutex
	phase   data.Phase
	began   time.Time // of the phase
	first   int       // steps that were done then
	why     string    // of the wait under way; empty: there is none
	shown   time.Time
	retried time.Time   // when a log said so
	counts  *time.Timer // draws the wait under way again; nil: there is none
}

// NewLoading shows steps on the console where that is a terminal, otherwise as
// lines of log.
func NewLoading(console *Console, log zerolog.Logger) *Loading {
	return &Loading{console: console, log: log, now: time.Now}
}

// Step shows one.
func (l *Loading) Step(s data.Step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.stop()
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
		if left != "" {
			left = "eta " + left
		}
		columns := l.console.room()
		text := fit(beside(columns), fmt.Sprintf("%s %d/%d", s.Phase, s.Done, s.Total), left)
		l.console.draw(render(int64(s.Done), int64(max(s.Total, 1)), text, columns))
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
	e.Msg(s.Phase.String())
}

// wait says why the source waits: in the log once for each reason in a row, and
// of what fails and is tried again now and then; on a terminal also how long
// still.
func (l *Loading) wait(s data.Step, now time.Time) {
	switch {
	case s.Tries > 0:
		if l.retried.IsZero() || now.Sub(l.retried) >= retryEvery {
			l.retried = now
			l.log.Warn().Str("why", s.Why).Int("try", s.Try).Int("of", s.Tries).Str("next_in", brief(max(s.Until.Sub(now), 0))).
				Str("gives_up_in_about", brief(max(s.GivesUp.Sub(now), 0))).Msg("waiting to try again")
		}
	case s.Why != l.why:
		l.log.Info().Str("why", s.Why).Str("at_most", brief(max(s.Until.Sub(now), 0))).Msg("waiting")
	}
	l.why = s.Why
	if l.console.terminal {
		l.count(s)
	}
}

// count draws what is left of a wait, and again each second; the caller holds
// mu.
func (l *Loading) count(s data.Step) {
	l.console.draw(cut(waitText(s, l.now()), l.console.room()))
	var timer *time.Timer
	timer = time.AfterFunc(countEvery, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.counts == timer {
			l.count(s)
		}
	})
	l.counts = timer
}

// stop ends the drawing of a wait; the caller holds mu.
func (l *Loading) stop() {
	if l.counts != nil {
		l.counts.Stop()
		l.counts = nil
	}
}

// waitText is the line of a wait, the most wanted first.
func waitText(s data.Step, now time.Time) string {
	text := "waiting"
	left := whole(s.Until.Sub(now))
	switch {
	case s.Tries > 0 && left == "":
		text = fmt.Sprintf("try %d of %d", s.Try, s.Tries)
	case s.Tries > 0:
		text = fmt.Sprintf("try %d of %d in %s", s.Try, s.Tries, left)
	case left != "":
		text += " " + left
	}
	if end := whole(s.GivesUp.Sub(now)); s.Tries > 0 && end != "" {
		text += ", gives up in about " + end
	}
	return text + ": " + s.Why
}

// whole is a time left in whole seconds, begun ones counted; empty: there is
// none.
func whole(d time.Duration) string {
	seconds := (d + time.Second - 1) / time.Second
	switch {
	case seconds <= 0:
		return ""
	case seconds < 60:
		return fmt.Sprintf("%ds", seconds)
	}
	return brief(seconds * time.Second)
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
func (l *Loading) Done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop()
	l.console.end("")
}
