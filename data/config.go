package data

import (
	"math"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Config is how a market becomes a dataset: panel, targets and splits. The
// variables are documented in internal/config, which reads them.
type Config struct {
	Recipe       `env:"-"`
	TargetConfig `env:"-"`
	FoldConfig   `env:"-"`

	// Signals are the names of signals that the panel is given beside its
	// features, for baselines.
	Signals []string `env:"-"`
}

// maxBars is the longest window or horizon, 19 years of 10-minute bars, so that
// sums of a few of them stay in range.
const maxBars = 1_000_000

// Validate reports every wrong value at once, each with its variable. Every
// error wraps ErrInput.
func (c Config) Validate() error {
	var p problems
	c.TargetConfig.problems(&p)
	c.Recipe.problems(&p)
	c.FoldConfig.problems(&p)
	return p.Err()
}

// LeastBars is how many bars T a market must have: those of the windows, one
// snapshot a split (a test split for each fold), a gap before two of them, and the
// live ones.
func (c Config) LeastBars() int { return c.firstBar() + 2 + max(c.Count, 1) + 3*c.reach() }

// CheckBars rejects a market of so few bars that no snapshot could be had for
// each split. The error wraps ErrInput.
func (c Config) CheckBars(bars int) error {
	if need := c.LeastBars(); bars < need {
		variable, value := c.LongestWindow()
		return fault.Input("%d bars are too few: %s=%s and HORIZON=%s need at least %d (windows of %d, three splits, their gaps)", bars, variable, value, c.Horizons, need, c.firstBar()).
			At("%s", variable).Fix("load more (START, LOOKBACK)%s", c.orLower(bars))
	}
	return nil
}

// orLower is what else helps against too few bars: a setting that is enough when
// it is lowered; "": none is.
func (c Config) orLower(bars int) string {
	window, horizon := c, c
	window.GraphWindow, horizon.Horizons = minGraphWindow, Horizons{1}
	both, features := window, c
	both.Horizons, features.Features = Horizons{1}, nil
	switch {
	case window.LeastBars() <= bars:
		return " or lower GRAPH_WINDOW"
	case horizon.LeastBars() <= bars:
		return " or lower HORIZON"
	case features.LeastBars() <= bars:
		return " or set FEATURES=" + FeaturesStreamForge
	case both.LeastBars() <= bars:
		return " or lower GRAPH_WINDOW and HORIZON"
	}
	return ""
}

// EmptySplit is a split that no snapshot of a market of so many bars falls
// into, where every bar has all its candles; "" where each has some, or
// TRAIN_END and VALID_END set them.
func (c Config) EmptySplit(bars int) Split { return c.emptySplit(bars-c.firstBar(), c.reach()) }

// problems gathers what is wrong.
type problems struct{ fault.List }

func (p *problems) check(ok bool, wrong *fault.Error) {
	if !ok {
		p.Add(wrong)
	}
}

// stamp writes a time the way TRAIN_END and VALID_END are written.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// finite reports whether v is neither NaN nor infinite.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
