package data

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/pyg"
)

// Snapshots is a dynamic graph that somebody else has prepared: N nodes with F
// features at T moments, with the edges of each moment. What stands at a moment
// was known at it, labels aside.
type Snapshots struct {
	Symbols  []string      // [N] node order
	Features []string      // [F]
	LeftOut  []LeftOut     // features that the data could not support
	Interval time.Duration // between moments; some may be missing
	Times    []int64       // [T] Unix ms, rising

	X    []float32 // [T, N, F], 0 at masked nodes
	Mask []bool    // [T, N] true where the node takes part
	// Y [T, N] is the class of what happens within HORIZON intervals after the
	// moment, pyg.Unlabelled where it is not known. nil: it is made of Close.
	Y     []int64
	Close []float64 // [T, N] price at the moment, NaN where it is missing; nil: none
	Edges []Edges   // [T] by target, as a Dataset has them
}

// emptyMoments is how many moments may be missing beyond this many times those
// that are there: more come of a mistyped time.
const (
	emptyMoments = 10_000
	emptyTimes   = 20
)

// FromSnapshots makes a dataset of a prepared dynamic graph. Features and edges
// stay as they are. Labels are Y, or are made of Close as Build makes them of
// candles: the class of the log return over HORIZON intervals within or beyond
// the dead zone of the volatility of the last 24 returns. Returns are those of
// Close where it is there. The parts are cut by time with gaps of HORIZON, and
// the newest moments, whose labels are yet to come, are live; so is a label
// that Y claims to know there.
//
// An error wraps ErrInput.
func FromSnapshots(s *Snapshots, cfg Config) (*Dataset, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	step := s.Interval.Milliseconds()
	span := (s.Times[len(s.Times)-1]-s.Times[0])/step + 1
	if span > emptyMoments+emptyTimes*int64(len(s.Times)) {
		return nil, inputError("the graph's %d moments run from %s to %s, which is %d intervals, nearly all of them empty; correct the odd time, or set START and END",
			len(s.Times), stamp(time.UnixMilli(s.Times[0])), stamp(time.UnixMilli(s.Times[len(s.Times)-1])), span)
	}
	// The time axis alone: the parts are cut on it.
	m := &Market{Interval: s.Interval, Start: s.Times[0], Bars: int(span)}
	bars := make([]int, len(s.Times))
	for t, ms := range s.Times {
		bars[t] = int((ms - m.Start) / step)
	}
	d := &Dataset{
		Symbols: slices.Clone(s.Symbols), Features: slices.Clone(s.Features), LeftOut: s.LeftOut, Interval: s.Interval, Horizon: cfg.Horizon,
		openTime: s.Times, x: s.X, mask: s.Mask, edges: s.Edges,
		EdgesGiven: true, LabelsGiven: s.Y != nil,
	}
	var err error
	if d.Splits, err = cfg.split(m, bars); err != nil {
		return nil, err
	}
	s.label(d, m.Bars, bars)
	d.Density = density(d.edges, d.mask, d.NumNodes())
	if err := d.checkLabels(); err != nil {
		return nil, err
	}
	return d, d.fit()
}

// check refuses shapes that do not fit each other, and times that are no
// moments of the interval.
func (s *Snapshots) check() error {
	n, f, moments := len(s.Symbols), len(s.Features), len(s.Times)
	switch {
	case n == 0 || f == 0 || moments == 0:
		return inputError("the graph has %d nodes, %d features and %d moments; it needs some of each", n, f, moments)
	case s.Interval < time.Millisecond:
		return inputError("the graph's moments are %v apart; whole milliseconds are needed", s.Interval)
	case len(s.X) != moments*n*f || len(s.Mask) != moments*n || len(s.Edges) != moments ||
		s.Y != nil && len(s.Y) != moments*n || s.Close != nil && len(s.Close) != moments*n:
		return inputError("the graph's parts are of different sizes: x %d, mask %d, y %d, close %d and edges %d of %d nodes, %d features and %d moments",
			len(s.X), len(s.Mask), len(s.Y), len(s.Close), len(s.Edges), n, f, moments)
	case s.Y == nil && s.Close == nil:
		return inputError("the graph has neither labels nor closes that they could be made of: give it one of them")
	}
	for k, v := range s.X {
		if !finite(float64(v)) {
			return inputError("%s of %s at %s is %v; a feature is a finite number", s.Features[k%f], s.Symbols[k/f%n], stamp(time.UnixMilli(s.Times[k/f/n])), v)
		}
	}
	for t, e := range s.Edges {
		if len(e.RowPtr) != n+1 || int(e.RowPtr[n]) != len(e.Sources) || e.Weight != nil && len(e.Weight) != len(e.Sources) || e.Attr != nil && len(e.Attr) != len(e.Sources) {
			return inputError("the edges at %s are of different sizes: %d sources, %d weights, %d attributes", stamp(time.UnixMilli(s.Times[t])), len(e.Sources), len(e.Weight), len(e.Attr))
		}
	}
	return s.checkTimes()
}

// checkTimes tells by the most frequent distance of neighbours, once it occurs
// again, what the interval really is: missing moments only add longer ones.
func (s *Snapshots) checkTimes() error {
	step := s.Interval.Milliseconds()
	seen := map[int64]int{}
	var usual int64
	for t := range len(s.Times) - 1 {
		apart := s.Times[t+1] - s.Times[t]
		if apart <= 0 {
			return inputError("the graph's moments do not rise: %s is followed by %s", stamp(time.UnixMilli(s.Times[t])), stamp(time.UnixMilli(s.Times[t+1])))
		}
		if seen[apart]++; seen[apart] > seen[usual] || seen[apart] == seen[usual] && apart < usual {
			usual = apart
		}
	}
	if usual != step && seen[usual] > 1 {
		return inputError("the graph's moments are %s apart, which does not fit INTERVAL=%s; set INTERVAL to what they are, or give the graph another time",
			spell(usual), spell(step))
	}
	for _, ms := range s.Times {
		if (ms-s.Times[0])%step != 0 {
			return inputError("the graph has a moment at %s, which is no whole number of INTERVAL=%s after its first, %s; correct its time",
				stamp(time.UnixMilli(ms)), spell(step), stamp(time.UnixMilli(s.Times[0])))
		}
	}
	return nil
}

// spell writes a length of time as INTERVAL is written, where it can be.
func spell(ms int64) string {
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}} {
		if length := unit.length.Milliseconds(); ms >= length && ms%length == 0 {
			return fmt.Sprintf("%d%s", ms/length, unit.name)
		}
	}
	return (time.Duration(ms) * time.Millisecond).String()
}

// label sets y and ret: on the axis of bars, of which the moments are some.
func (s *Snapshots) label(d *Dataset, span int, bars []int) {
	n := d.NumNodes()
	d.y = slices.Repeat([]int64{pyg.Unlabelled}, len(s.Mask))
	if s.Close != nil {
		d.ret = make([]float32, len(s.Mask))
	}
	logClose, returns, volatility := make([]float64, span), make([]float64, span), make([]float64, span)
	for i := range n {
		if s.Close != nil {
			for b := range logClose {
				logClose[b] = math.NaN()
			}
			for t, b := range bars {
				logClose[b] = math.Log(s.Close[t*n+i])
			}
			logReturn(returns, logClose, 1)
			rollingDeviation(volatility, returns, 24, 12)
		}
		for t, b := range bars {
			at := t*n + i
			if !s.Mask[at] || d.Splits[t] == Live {
				continue
			}
			class, ret := pyg.Unlabelled, 0.0
			if s.Close != nil && (s.Y != nil || !math.IsNaN(volatility[b])) {
				class, ret = direction(logClose, b, d.Horizon, volatility[b])
			}
			if s.Y != nil {
				class = s.Y[at]
			}
			if d.y[at] = class; s.Close != nil && class != pyg.Unlabelled {
				d.ret[at] = float32(ret)
			}
		}
	}
}
