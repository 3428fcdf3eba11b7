package progress

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

const (
	drawEvery = 100 * time.Millisecond // redrawing a bar more often is not seen
	lineEvery = time.Second            // log lines are kept: no more than this
)

// Display shows the epochs of one training. On a terminal it is a bar that
// batches move too; elsewhere a log line an epoch, at most one a second, the
// first and the last always among them. Its methods are for one goroutine;
// those of its Console for any.
type Display struct {
	console *Console
	log     zerolog.Logger
	title   string
	epochs  int
	now     func() time.Time

	started  time.Time
	resumed  int     // epochs done before this display began
	position float64 // epochs done, with the share of the one under way
	last     epoch   // zero: none yet
	best     int     // 0: none yet
	pending  bool    // last is not logged yet
	decides  measurement
	shown    time.Time
	done     bool
}

// epoch is what is known of the newest epoch.
type epoch struct {
	number                    int
	loss, validLoss, validAUC float64
	best                      bool
	metric                    measurement
}

// measurement is a named value; without a name there is none.
type measurement struct {
	name  string // as words, such as rank ic
	value float64
}

// New shows epochs epochs of a training named title: on the console where
// that is a terminal, otherwise as lines of log.
func New(console *Console, log zerolog.Logger, title string, epochs int) *Display {
	return newDisplay(console, log, title, epochs, time.Now)
}

func newDisplay(console *Console, log zerolog.Logger, title string, epochs int, now func() time.Time) *Display {
	return &Display{console: console, log: log, title: title, epochs: epochs, now: now, started: now()}
}

// Resume says that an earlier run did the first epochs, so that the time left
// is reckoned from this one's pace.
func (d *Display) Resume(epochs int) {
	d.resumed, d.position = epochs, float64(epochs)
}

// Batch says that i of n batches of the epoch under way are done. It costs
// next to nothing unless it is time to draw.
func (d *Display) Batch(i, n int) {
	if d.done || !d.console.terminal || n <= 0 {
		return
	}
	now := d.now()
	if now.Sub(d.shown) < drawEvery {
		return
	}
	d.shown = now
	d.position = float64(max(d.last.number, d.resumed)) + float64(i)/float64(n)
	d.draw(now)
}

// Decided says by which validation metric the epoch that Epoch reports next is
// compared with the best one; without a call it is the loss.
func (d *Display) Decided(name string, value float64) {
	d.decides = measurement{name, value}
}

// Epoch says that epoch number e, counted from 1, is done, and whether it is
// the best so far. NaN is what was not measured, and is not shown.
func (d *Display) Epoch(e int, loss, validLoss, validAUC float64, best bool) {
	if d.done {
		return
	}
	first := d.last.number == 0
	d.last = epoch{e, loss, validLoss, validAUC, best, d.decides}
	d.position = float64(e)
	if best {
		d.best = e
	}
	d.pending = true
	now := d.now()
	if d.console.terminal {
		if first || e >= d.epochs || now.Sub(d.shown) >= drawEvery {
			d.shown = now
			d.draw(now)
		}
		return
	}
	if first || e >= d.epochs || now.Sub(d.shown) >= lineEvery {
		d.shown = now
		d.logEpoch(now)
	}
}

// End is how a training ended.
type End string

// The ends of a training.
const (
	Completed   End = "done"
	EarlyStop   End = "early stop" // validation did not improve any more
	Interrupted End = "interrupted"
	Failed      End = "failed"
)

// Done ends the display and shows how the training ended. The bar stays, full
// where the training is done and else as it was last; elsewhere a log line has
// the same. Before the first epoch there is nothing to show. Only the first call
// counts, so it may be deferred.
func (d *Display) Done(how End) {
	if d.done {
		return
	}
	d.done = true
	now := d.now()
	if d.console.terminal {
		if d.last.number == 0 {
			d.console.end("")
			return
		}
		d.position = float64(d.last.number)
		if how == EarlyStop {
			d.position = float64(d.epochs)
		}
		d.console.end(d.bar(ended(how, now.Sub(d.started)), d.console.room()))
		return
	}
	if d.last.number == 0 {
		return
	}
	if d.pending {
		d.logEpoch(now)
	}
	e := d.log.Info().Int("epochs_run", d.last.number)
	if d.best > 0 {
		e = e.Int("best_epoch", d.best)
	}
	e.Msg(d.title + ": " + ended(how, now.Sub(d.started)))
}

func ended(how End, took time.Duration) string {
	if how == Completed {
		return "done in " + brief(took)
	}
	return string(how) + " after " + brief(took)
}

func (d *Display) draw(now time.Time) {
	when := ""
	if left := d.timeLeft(now); left != "" {
		when = "eta " + left
	}
	d.console.draw(d.bar(when, d.console.room()))
}

func (d *Display) logEpoch(now time.Time) {
	d.pending = false
	e := d.log.Info().Int("epoch", d.last.number).Int("epochs", d.epochs)
	shown := []measurement{{"loss", d.last.loss}, {"valid_loss", d.last.validLoss}, {"valid_auc", d.last.validAUC}}
	if m := d.last.metric; m.name != "" {
		shown = append(shown, measurement{"valid_" + strings.ReplaceAll(m.name, " ", "_"), m.value})
	}
	for _, f := range shown {
		if !math.IsNaN(f.value) {
			e = e.Float64(f.name, rounded(f.value))
		}
	}
	if d.last.best {
		e = e.Bool("best", true)
	}
	if left := d.timeLeft(now); left != "" {
		e = e.Str("eta", left)
	}
	e.Msg(d.title)
}

// rounded keeps six significant digits: a log line is for people, and
// metrics.json has the rest.
func rounded(v float64) float64 {
	// What was just formatted parses, at worst as an infinity.
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	return r
}

// timeLeft is the time that the remaining epochs take at the mean pace of
// this display's own; empty in its first second, which has no pace yet, and
// after the last epoch. An early stop only makes it shorter.
func (d *Display) timeLeft(now time.Time) string {
	did := d.position - float64(d.resumed)
	remain := float64(d.epochs) - d.position
	elapsed := now.Sub(d.started)
	if did <= 0 || remain <= 0 || elapsed < time.Second {
		return ""
	}
	return brief(time.Duration(float64(elapsed) / did * remain))
}

// brief is a duration in the two units that matter: 1h05m, 2m03s, 4.2s.
func brief(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Truncate(time.Second).Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}
