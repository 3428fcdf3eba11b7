package data

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// The classes of a return over a horizon.
const (
	Down int64 = 0
	Flat int64 = 1
	Up   int64 = 2
)

// DeadZone is how many deviations a return must exceed to count as up or down.
// With 0.3 the three classes are about as frequent as each other: of ten pairs'
// 5-minute candles 33.6 % fall, 33.5 % stay flat and 32.9 % rise over 1 bar
// (34.5, 32.7 and 32.8 % over 3 bars; 33.1, 36.8 and 30.2 % over 12).
const DeadZone = 0.3

// The values of TARGET: between which prices a return is measured.
const (
	TargetOpen  = "open"  // from the next bar's open to the open HORIZON bars later: what can be traded
	TargetClose = "close" // from this bar's close to the close HORIZON bars later
	TargetMid   = "mid"   // from the mid price at this bar's close to the one HORIZON bars later
)

// TargetConfig is what is predicted. The variables are documented in
// internal/config, which reads them.
type TargetConfig struct {
	Task     string   `env:"TASK" envDefault:"direction"`
	Target   string   `env:"TARGET" envDefault:"open"`
	Horizons Horizons `env:"HORIZON" envDefault:"1"`
}

// Horizons are the numbers of bars that targets look ahead [H]. The first
// decides early stopping.
type Horizons []int

// UnmarshalText implements encoding.TextUnmarshaler: whole numbers, separated
// by commas.
func (h *Horizons) UnmarshalText(text []byte) error {
	var list Horizons
	for _, word := range strings.Split(string(text), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return fmt.Errorf("reading a list of horizons: %w", err)
		}
		list = append(list, n)
	}
	*h = list
	return nil
}

// String is the inverse of UnmarshalText.
func (h Horizons) String() string {
	words := make([]string, len(h))
	for i, n := range h {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ",")
}

// TaskDirection is the TASK of classes: whether a symbol rises, falls or stays
// flat over the horizon.
const TaskDirection = "direction"

// maxHorizons bounds the outputs of a network.
const maxHorizons = 64

func (c TargetConfig) problems(p *problems) {
	p.check(len(c.Horizons) >= 1 && len(c.Horizons) <= maxHorizons, fault.Input("HORIZON is a list of %d", len(c.Horizons)).
		Fix("set 1 to %d numbers of bars", maxHorizons))
	for i, h := range c.Horizons {
		p.check(h >= 1 && h <= maxBars, fault.Input("HORIZON is %d", h).
			Fix("set a number of bars from 1 to %d", maxBars))
		p.check(!slices.Contains(c.Horizons[:i], h), fault.Input("HORIZON lists %d twice", h).
			Fix("set each horizon once"))
	}
	p.check(c.Task == TaskDirection || c.Task == TaskNode || c.relative(), fault.Input("TASK is %q, which this version does not know", c.Task).
		Fix("set %s, %s, %s or %s", TaskDirection, TaskRank, TaskReturn, TaskNode))
	p.check(slices.Contains([]string{TargetOpen, TargetClose, TargetMid}, c.Target), fault.Input("TARGET is %q", c.Target).
		Fix("set %s, %s or %s", TargetOpen, TargetClose, TargetMid))
}

// delay is how many bars after the snapshot a return begins.
func (c TargetConfig) delay() int {
	if c.Target == TargetOpen {
		return 1
	}
	return 0
}

// reach is how many bars after the snapshot the last return ends.
func (c TargetConfig) reach() int { return slices.Max(c.Horizons) + c.delay() }

// Targets are what happened after each snapshot: a class and a return of each
// node and horizon. A Targets is read only and safe for concurrent use.
type Targets struct {
	Horizons Horizons // [H] bars; 0 alone for a graph without time
	Target   string   // one of the values of TARGET; empty where the classes were given
	Given    bool     // the classes came with the graph

	delay int       // bars after the snapshot at which a return begins
	width int       // N * H
	class []int64   // [T, N, H] pyg.Unlabelled where unknown
	value []float32 // [T, N, H] log returns, 0 where unknown; nil: there are none

	funding []float32 // [T, N] see Funding

	classes int // C; 0: those of a direction

	task     string
	scale    []float32 // [T, N] see Scale
	relative []float32 // [T, N, H] see Relative
}

// At is the class and the forward log return of each node and horizon [N, H] at
// snapshot t: pyg.Unlabelled and 0 where they are not known. The returns are
// nil where there are none. They alias the targets: read them only.
func (y *Targets) At(t int) (class []int64, value []float32) {
	if y.value != nil {
		value = row(y.value, t, y.width)
	}
	return row(y.class, t, y.width), value
}

// NumClasses is C, of which classes are 0 to C-1.
func (y *Targets) NumClasses() int {
	if y.classes == 0 {
		return int(Up) + 1
	}
	return y.classes
}

// NumHorizons is H.
func (y *Targets) NumHorizons() int { return len(y.Horizons) }

// Reach is how many bars after a snapshot the return of horizon h ends.
func (y *Targets) Reach(h int) int { return y.Horizons[h] + y.delay }

// NewTargets makes the targets of every bar of a market, [Bars, N, H]. A return
// is Up (Down) where it is above (below) +-DeadZone times volatility_24 at the
// bar times sqrt(horizon), the deviation of that many independent one-bar
// returns, and Flat else. maxGap is the recipe's, by which the features have
// that volatility. A return that spans a jump of the price is unknown. An error
// wraps ErrInput.
func NewTargets(m *Market, c TargetConfig, maxGap int) (*Targets, error) {
	prices, err := c.prices(m)
	if err != nil {
		return nil, err
	}
	n, horizons, jumps := len(m.Symbols), len(c.Horizons), m.jumps(lookback)
	y := emptyTargets(c, m.Bars, n)
	y.funding = newFunding(m, c.Horizons[0])
	each(n, func() func(int) {
		logPrice := make([]float64, m.Bars)
		return func(i int) {
			s := newSeries(m, i, maxGap, jumps[i])
			volatility := make([]float64, m.Bars)
			rollingDeviation(volatility, s.ret, 24, 12)
			for t := range logPrice {
				logPrice[t] = math.Log(prices(i, t))
			}
			y.setScale(i, m.Axis(), s.smoothReturns(jumps[i]), nil)
			for t := range m.Bars {
				for h, horizon := range c.Horizons {
					at := (t*n+i)*horizons + h
					y.class[at], y.value[at] = pyg.Unlabelled, 0
					from := t + y.delay
					if spanned(jumps[i], from, from+horizon, c.Target == TargetOpen) {
						continue
					}
					if ret := forwardReturn(logPrice, from, horizon); !math.IsNaN(ret) && !math.IsNaN(volatility[t]) {
						y.class[at], y.value[at] = direction(ret, horizon, volatility[t]), float32(ret)
					}
				}
			}
		}
	})
	return y, nil
}

func emptyTargets(c TargetConfig, bars, nodes int) *Targets {
	width := nodes * len(c.Horizons)
	y := &Targets{
		Horizons: c.Horizons, Target: c.Target, delay: c.delay(), width: width, task: c.Task,
		class: make([]int64, bars*width), value: make([]float32, bars*width),
	}
	if c.relative() {
		y.scale = make([]float32, bars*nodes)
	}
	return y
}

// prices is the price of symbol i at bar t that returns are measured between,
// NaN where it is missing.
func (c TargetConfig) prices(m *Market) (func(i, t int) float64, error) {
	switch c.Target {
	case TargetOpen:
		return func(i, t int) float64 { return m.Open[i][t] }, nil
	case TargetMid:
		bid, ask := m.Optional[BestBid], m.Optional[BestAsk]
		if bid == nil || ask == nil {
			return nil, fault.Input("TARGET=mid needs best_bid and best_ask, which this market lacks").
				At("TARGET").Fix("record order books, or set TARGET=open")
		}
		return func(i, t int) float64 { return (bid[i][t] + ask[i][t]) / 2 }, nil
	default:
		return func(i, t int) float64 { return m.Close[i][t] }, nil
	}
}

// forwardReturn is the log return from bar t to horizon bars later, NaN where
// either price is missing or yet to come.
func forwardReturn(logPrice []float64, t, horizon int) float64 {
	if t+horizon >= len(logPrice) {
		return math.NaN()
	}
	return logPrice[t+horizon] - logPrice[t]
}

// direction is the class of a return over horizon bars; volatility, of one bar,
// is known when it begins.
func direction(ret float64, horizon int, volatility float64) int64 {
	zone := DeadZone * volatility * math.Sqrt(float64(horizon))
	switch {
	case ret > zone:
		return Up
	case ret < -zone:
		return Down
	}
	return Flat
}

// of keeps the rows of the panel's snapshots; masked nodes have no target.
func (y *Targets) of(p *Panel) {
	n, horizons := p.NumNodes(), len(y.Horizons)
	for t, bar := range p.bars {
		copy(row(y.class, t, y.width), row(y.class, bar, y.width))
		copy(row(y.value, t, y.width), row(y.value, bar, y.width))
		for _, list := range [][]float32{y.funding, y.scale} {
			if list != nil {
				copy(row(list, t, n), row(list, bar, n))
			}
		}
		for i, ok := range row(p.mask, t, n) {
			for h := range horizons {
				if at := t*y.width + i*horizons + h; !ok {
					y.class[at], y.value[at] = pyg.Unlabelled, 0
				}
			}
		}
	}
	y.class, y.value = y.class[:p.Len()*y.width], y.value[:p.Len()*y.width]
	if y.funding != nil {
		y.funding = y.funding[:p.Len()*n]
	}
	if y.scale != nil {
		y.scale = y.scale[:p.Len()*n]
	}
}
