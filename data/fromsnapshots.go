package data

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// Snapshots is a dynamic graph that somebody else has prepared: N nodes with F
// features at T moments, with the edges of each moment. What stands at a moment
// was known at it, labels aside.
type Snapshots struct {
	Symbols  []string         // [N] node order
	Features []string         // [F]
	Dropped  []DroppedFeature // features that the data could not support
	Interval time.Duration    // between moments; some may be missing
	Times    []int64          // [T] Unix ms, rising

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
// Close where it is there. The splits are cut by time with gaps of HORIZON, and
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
	if cfg.relative() && s.Close == nil {
		return nil, cfg.needsPrices("the graph has no prices")
	}
	step := s.Interval.Milliseconds()
	span := (s.Times[len(s.Times)-1]-s.Times[0])/step + 1
	if span > emptyMoments+emptyTimes*int64(len(s.Times)) {
		return nil, fault.Input("the graph's %d moments run from %s to %s, which is %d intervals, nearly all of them empty", len(s.Times), stamp(time.UnixMilli(s.Times[0])), stamp(time.UnixMilli(s.Times[len(s.Times)-1])), span).
			Fix("correct the odd time, or set START and END")
	}
	axis := Axis{Interval: s.Interval, Start: s.Times[0], Bars: int(span)}
	p := &Panel{
		Symbols: slices.Clone(s.Symbols), Features: slices.Clone(s.Features), Dropped: s.Dropped, Axis: axis, EdgesGiven: true,
		bars: make([]int, len(s.Times)), openTime: s.Times, x: s.X, mask: s.Mask, edges: s.Edges,
	}
	for t, ms := range s.Times {
		p.bars[t] = int((ms - axis.Start) / step)
	}
	p.Density = p.density()
	if len(cfg.Horizons) > 1 && s.Y != nil {
		return nil, fault.Input("HORIZON=%s lists several horizons, and the graph has labels of one", cfg.Horizons).
			Fix("set one number of bars")
	}
	d, err := cfg.dataset(p, s.targets(p, cfg.TargetConfig))
	if err != nil {
		return nil, err
	}
	return d, d.checkGiven(func(Split) string { return "" })
}

// check rejects shapes that do not fit each other, and times that are no
// moments of the interval.
func (s *Snapshots) check() error {
	n, f, moments := len(s.Symbols), len(s.Features), len(s.Times)
	switch {
	case n == 0 || f == 0 || moments == 0:
		return fault.Input("the graph has %d nodes, %d features and %d moments; it needs some of each", n, f, moments).
			Fix("prepare another one, or set START and END")
	case s.Interval < time.Millisecond:
		return fault.Input("the graph's moments are %v apart; whole milliseconds are needed", s.Interval).Fix("set INTERVAL")
	case len(s.X) != moments*n*f || len(s.Mask) != moments*n || len(s.Edges) != moments ||
		s.Y != nil && len(s.Y) != moments*n || s.Close != nil && len(s.Close) != moments*n:
		return fault.Input("the graph's parts are of different sizes: x %d, mask %d, y %d, close %d and edges %d of %d nodes, %d features and %d moments",
			len(s.X), len(s.Mask), len(s.Y), len(s.Close), len(s.Edges), n, f, moments)
	case s.Y == nil && s.Close == nil:
		return fault.Input("the graph has neither labels nor closes that they could be made of").
			Fix("give it one of them")
	}
	if s.Y != nil {
		if err := checkClasses(s.Y, func(i int) string { return s.Symbols[i%n] + " at " + stamp(time.UnixMilli(s.Times[i/n])) }); err != nil {
			return err
		}
	}
	for k, v := range s.X {
		if !finite(float64(v)) {
			return fault.Input("%s of %s at %s is %v; a feature is a finite number", s.Features[k%f], s.Symbols[k/f%n], stamp(time.UnixMilli(s.Times[k/f/n])), v).
				Fix("correct it")
		}
	}
	for t, e := range s.Edges {
		if len(e.RowPtr) != n+1 || int(e.RowPtr[n]) != len(e.Sources) || e.Weight != nil && len(e.Weight) != len(e.Sources) || e.Attr != nil && len(e.Attr) != len(e.Sources) {
			return fault.Input("the edges at %s are of different sizes: %d sources, %d weights, %d attributes", stamp(time.UnixMilli(s.Times[t])), len(e.Sources), len(e.Weight), len(e.Attr))
		}
	}
	return s.checkTimes()
}

// checkTimes finds by the most frequent distance of neighbours, once it occurs
// again, what the interval really is: missing moments only add longer ones.
func (s *Snapshots) checkTimes() error {
	step := s.Interval.Milliseconds()
	seen := map[int64]int{}
	var usual int64
	for t := range len(s.Times) - 1 {
		apart := s.Times[t+1] - s.Times[t]
		if apart <= 0 {
			return fault.Input("the graph's moments do not rise: %s is followed by %s", stamp(time.UnixMilli(s.Times[t])), stamp(time.UnixMilli(s.Times[t+1]))).
				Fix("give each moment a time of its own, in rising order")
		}
		if seen[apart]++; seen[apart] > seen[usual] || seen[apart] == seen[usual] && apart < usual {
			usual = apart
		}
	}
	if usual != step && seen[usual] > 1 {
		return fault.Input("the graph's moments are %s apart, which does not fit INTERVAL=%s", spell(usual), spell(step)).
			Fix("set INTERVAL to what they are, or give the graph another time")
	}
	for _, ms := range s.Times {
		if (ms-s.Times[0])%step != 0 {
			return fault.Input("the graph has a moment at %s, which is no whole number of INTERVAL=%s after its first, %s", stamp(time.UnixMilli(ms)), spell(step), stamp(time.UnixMilli(s.Times[0]))).
				Fix("correct its time")
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

// targets are the labels of the snapshots, and returns of their closes: a
// prepared graph has one price a moment, so returns begin at the moment.
func (s *Snapshots) targets(p *Panel, c TargetConfig) *Targets {
	n, horizons := p.NumNodes(), c.Horizons
	c.Target = TargetClose
	y := emptyTargets(c, len(s.Times), n)
	for at := range y.class {
		y.class[at] = pyg.Unlabelled
	}
	if y.Given = s.Y != nil; y.Given {
		y.Target = ""
	}
	if s.Close == nil {
		y.value = nil
	}
	logClose, returns, volatility := make([]float64, p.Axis.Bars), make([]float64, p.Axis.Bars), make([]float64, p.Axis.Bars)
	for i := range n {
		if s.Close != nil {
			for b := range logClose {
				logClose[b] = math.NaN()
			}
			for t, b := range p.bars {
				logClose[b] = math.Log(s.Close[t*n+i])
			}
			logReturn(returns, logClose, logClose, 1)
			rollingDeviation(volatility, returns, 24, 12)
			y.setScale(i, p.Axis, returns, p.bars)
		}
		for t, b := range p.bars {
			if !s.Mask[t*n+i] {
				continue
			}
			for h, horizon := range horizons {
				at := (t*n+i)*len(horizons) + h
				ret := math.NaN()
				if s.Close != nil && (s.Y != nil || !math.IsNaN(volatility[b])) {
					ret = forwardReturn(logClose, b, horizon)
				}
				if s.Y != nil {
					y.class[at] = s.Y[t*n+i]
				} else if !math.IsNaN(ret) {
					y.class[at] = direction(ret, horizon, volatility[b])
				}
				if c.relative() && (math.IsNaN(ret) || y.scale[t*n+i] == 0) {
					y.class[at] = pyg.Unlabelled // what has no return in units of volatility is not learned
				}
				if s.Close != nil && y.class[at] != pyg.Unlabelled && !math.IsNaN(ret) {
					y.value[at] = float32(ret)
				}
			}
		}
	}
	return y
}
