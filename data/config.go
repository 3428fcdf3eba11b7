package data

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Config is how a market becomes a graph. The variables are documented in
// internal/config, which reads them.
type Config struct {
	Horizon       int      `env:"HORIZON" envDefault:"1"`
	Task          string   `env:"TASK" envDefault:"direction"`
	GraphWindow   int      `env:"GRAPH_WINDOW" envDefault:"100"`
	EdgeTopK      int      `env:"EDGE_TOP_K" envDefault:"10"`
	EdgeThreshold *float64 `env:"EDGE_THRESHOLD"`
	EdgeReturns   string   `env:"EDGE_RETURNS" envDefault:"raw"`

	TrainEnd      time.Time `env:"TRAIN_END"`
	ValidEnd      time.Time `env:"VALID_END"`
	TrainFraction float64   `env:"TRAIN_FRACTION" envDefault:"0.6"`
	ValidFraction float64   `env:"VALID_FRACTION" envDefault:"0.2"`
}

// TaskDirection is the one TASK so far: whether a symbol rises, falls or
// stays flat over the horizon.
const TaskDirection = "direction"

// The values of EDGE_RETURNS: which one-bar log returns are correlated.
const (
	EdgeReturnsRaw    = "raw"    // the returns themselves
	EdgeReturnsExcess = "excess" // less the mean return of the symbols present at the bar
)

// maxBars is the longest window or horizon, 19 years of 10-minute bars, so that
// sums of a few of them stay in range.
const maxBars = 1_000_000

// minGraphWindow is the fewest returns whose correlation says anything: any
// two points lie on a line.
const minGraphWindow = 3

// Validate tells all that is wrong with the values at once, each with its
// variable. Every error wraps ErrInput.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, a ...any) {
		if !ok {
			errs = append(errs, inputError(format, a...))
		}
	}
	check(c.Horizon >= 1 && c.Horizon <= maxBars, "HORIZON is %d: set a number of bars from 1 to %d", c.Horizon, maxBars)
	check(c.Task == TaskDirection, "TASK is %q, which this version does not know: set %s", c.Task, TaskDirection)
	check(c.GraphWindow >= minGraphWindow && c.GraphWindow <= maxBars, "GRAPH_WINDOW is %d: set a number of bars from %d to %d", c.GraphWindow, minGraphWindow, maxBars)
	check(c.EdgeTopK >= 1, "EDGE_TOP_K is %d: set a number of neighbours from 1", c.EdgeTopK)
	if c.EdgeThreshold != nil {
		v := *c.EdgeThreshold
		check(v >= -1 && v <= 1, "EDGE_THRESHOLD is %v: set a correlation from -1 to 1", v)
	}
	check(c.EdgeReturns == EdgeReturnsRaw || c.EdgeReturns == EdgeReturnsExcess,
		"EDGE_RETURNS is %q: set %s or %s", c.EdgeReturns, EdgeReturnsRaw, EdgeReturnsExcess)

	train, valid := c.TrainFraction, c.ValidFraction
	check(train > 0 && train < 1, "TRAIN_FRACTION is %v: set a share above 0 and below 1", train)
	check(valid > 0 && valid < 1, "VALID_FRACTION is %v: set a share above 0 and below 1", valid)
	// Shares such as 0.7 and 0.3 may add up to a hair less than 1.
	check(!(train+valid >= 1-1e-9), "TRAIN_FRACTION %v and VALID_FRACTION %v leave nothing to test on: set them to a sum below 1", train, valid)

	switch {
	case c.TrainEnd.IsZero() != c.ValidEnd.IsZero():
		set, unset := "TRAIN_END", "VALID_END"
		if c.TrainEnd.IsZero() {
			set, unset = unset, set
		}
		check(false, "%s is set but %s is not: set both or neither", set, unset)
	case !c.TrainEnd.IsZero():
		check(c.TrainEnd.Before(c.ValidEnd), "TRAIN_END %s is not before VALID_END %s: set TRAIN_END to an earlier time, or VALID_END to a later one", stamp(c.TrainEnd), stamp(c.ValidEnd))
	}
	return errors.Join(errs...)
}

// inputError is an ErrInput with a message.
func inputError(format string, a ...any) error {
	return fmt.Errorf("%w: %w", ErrInput, fmt.Errorf(format, a...))
}

// stamp writes a time the way TRAIN_END and VALID_END are written.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// finite tells whether v is neither NaN nor infinite.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
