package data

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Recipe says how a market becomes a panel: which features, and which rule makes
// the edges. It is what metadata.json holds, so that a model's panel can be
// built again from its result. It says nothing of labels and splits.
type Recipe struct {
	// Features are the columns of x by name, in their order.
	Features FeatureList `env:"FEATURES" envDefault:"streamforge"`

	// MaxGap is the longest run of missing bars that a return is taken across,
	// from the last close before it. A longer one masks a node until its windows
	// are full again. 7 of 14 changes are the fewest that rsi_14 is made of.
	MaxGap int `env:"MAX_GAP" envDefault:"7"`

	// Reference is the symbol whose return reference_return is; empty: bitcoin's,
	// where a node is it, else Symbol's, else the first.
	Reference string `env:"-"`
	Symbol    string `env:"-"` // SYMBOL; empty: none is asked for

	Edges         string   `env:"EDGES" envDefault:"correlation"` // a list of edge types
	GraphWindow   int      `env:"GRAPH_WINDOW" envDefault:"100"`  // bars of returns that a correlation spans
	EdgeTopK      int      `env:"EDGE_TOP_K" envDefault:"10"`     // sources of a target, where EdgeThreshold is nil
	EdgeThreshold *float64 `env:"EDGE_THRESHOLD"`                 // least correlation of an edge
	EdgeReturns   string   `env:"EDGE_RETURNS" envDefault:"raw"`
	EdgeRidge     float64  `env:"EDGE_RIDGE" envDefault:"0.2"` // of partial edges
	EdgeEvery     int      `env:"EDGE_EVERY"`                  // bars between two recomputations; 0: see Recompute
	EdgesFile     string   `env:"EDGES_FILE"`

	// EdgeTopKGiven: partial edges are the EdgeTopK largest of a target, too, and
	// not all.
	EdgeTopKGiven bool `env:"-"`
	// Static are the edges of EDGES_FILE; nil: Build reads the file. StaticSHA256 is
	// the file's digest, where it is known.
	Static       []StaticEdge `env:"-"`
	StaticSHA256 string       `env:"-"`
	// Interval is the length of a bar, which EDGE_EVERY's default depends on; Build
	// takes the market's.
	Interval time.Duration `env:"-"`

	// from is the first bar that a snapshot is wanted of.
	from int `env:"-"`
}

// The values of EDGE_RETURNS: which one-bar log returns are correlated.
const (
	EdgeReturnsRaw    = "raw"    // the returns themselves
	EdgeReturnsExcess = "excess" // less the mean return of the symbols present at the bar
)

// minGraphWindow is the fewest returns whose correlation says anything: any
// two points lie on a line.
const minGraphWindow = 3

func (r Recipe) problems(p *problems) {
	r.Features.problems(p)
	p.check(r.GraphWindow >= minGraphWindow && r.GraphWindow <= maxBars, fault.Input("GRAPH_WINDOW is %d", r.GraphWindow).
		Fix("set a number of bars from %d to %d", minGraphWindow, maxBars))
	p.check(r.MaxGap >= 0 && r.MaxGap <= lookback, fault.Input("MAX_GAP is %d", r.MaxGap).
		Fix("set a number of bars from 0 to %d", lookback))
	p.check(r.EdgeTopK >= 1, fault.Input("EDGE_TOP_K is %d", r.EdgeTopK).
		Fix("set a number of neighbours from 1"))
	if r.EdgeThreshold != nil {
		v := *r.EdgeThreshold
		p.check(v >= -1 && v <= 1, fault.Input("EDGE_THRESHOLD is %v", v).
			Fix("set a correlation from -1 to 1"))
	}
	r.edgeProblems(p)
	p.check(r.EdgeReturns == EdgeReturnsRaw || r.EdgeReturns == EdgeReturnsExcess, fault.Input("EDGE_RETURNS is %q", r.EdgeReturns).
		Fix("set %s or %s", EdgeReturnsRaw, EdgeReturnsExcess))
}

// Validate reports every wrong value at once, each with its variable. Every
// error wraps ErrInput.
func (r Recipe) Validate() error {
	var p problems
	r.problems(&p)
	return p.Err()
}

// firstBar is the first one whose windows can be full.
func (r Recipe) firstBar() int { return max(r.edgeReach(), r.Features.lookback()) }

// firstSnapshot is the first bar that can be a snapshot, and is wanted.
func (r Recipe) firstSnapshot() int { return max(r.firstBar(), r.from) }

// LongestWindow is the setting that decides the first bar, and its value.
func (r Recipe) LongestWindow() (variable, value string) {
	if r.edgeReach() < r.Features.lookback() && r.Features.lookback() > lookback {
		return "FEATURES", r.Features.String()
	}
	return "GRAPH_WINDOW", strconv.Itoa(r.GraphWindow)
}

func (r Recipe) tooFew(bars int) error {
	variable, value := r.LongestWindow()
	shorter := "lower GRAPH_WINDOW"
	if variable == "FEATURES" {
		shorter = "set FEATURES=" + FeaturesStreamForge
	}
	return fault.Input("%d bars are too few: %s=%s needs more than %d", bars, variable, value, r.firstBar()).
		Fix("load more (START, LOOKBACK) or %s", shorter)
}

// Build makes a panel: one snapshot for each bar from the first at which the
// graph window and every feature's window can be full, to the newest. A bar at
// which no symbol has all its features is no snapshot.
//
// A snapshot of bar t uses bars up to t only. Which features there are is
// decided once, by which optional values are there over the whole market.
//
// An error wraps ErrInput and names the value and its remedy.
func (r Recipe) Build(m *Market) (*Panel, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return r.build(m, nil, func() {})
}

// build is Build of what is valid, with signals of these names. It calls release once the market's series have
// been read for the last time.
func (r Recipe) build(m *Market, signals []string, release func()) (*Panel, error) {
	r.Interval = m.Interval
	first := r.firstBar()
	if first >= m.Bars {
		return nil, r.tooFew(m.Bars)
	}
	if err := r.readStatic(); err != nil {
		return nil, err
	}
	columns, asGiven, dropped, err := r.columns(m)
	if err != nil {
		return nil, err
	}
	p, err := r.assemble(m, columns, signals, release)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fault.Input("no symbol has all of its features at any bar from %s on", m.stampOf(first)).
			Fix("load a market with fewer gaps")
	}
	p.Given, p.Dropped = asGiven, dropped
	return p, nil
}

// assemble computes features, masks and edges of what is valid and long enough;
// nil: no bar is a snapshot.
func (r Recipe) assemble(m *Market, columns []feature, signals []string, release func()) (*Panel, error) {
	first, jumps := r.firstSnapshot(), m.jumps(r.Features.lookback())
	reference, err := r.reference(m, columns)
	if err != nil {
		return nil, err
	}
	p := &Panel{Symbols: slices.Clone(m.Symbols), Axis: m.Axis(), Jumps: slices.Concat(jumps...)}
	for _, f := range columns {
		p.Features = append(p.Features, f.name)
	}
	p.signalNames = signals
	if err := p.fill(m, columns, r, jumps); err != nil {
		return nil, err
	}
	if p.cross(columns, reference); reference >= 0 {
		p.Reference = m.Symbols[reference]
	}
	p.Coverage = newCoverage(m, p.mask)
	if err := r.join(p, m, jumps, first, release); err != nil {
		return nil, err
	}
	p.keepPresent(first)
	if p.Len() == 0 {
		return nil, nil
	}
	p.Density = p.density()
	return p, nil
}

// join gives the panel its edges, type by type. It calls release once the market
// has been read.
func (r Recipe) join(p *Panel, m *Market, jumps [][]Jump, first int, release func()) error {
	n, axis := p.NumNodes(), p.Axis
	p.EdgeTypes = r.EdgeTypes()
	var returns, z *returnPanel
	if r.HasEdges(EdgesCorrelation) || r.HasEdges(EdgesLeadLag) {
		returns = newReturnPanel(m, jumps, r.EdgeReturns == EdgeReturnsExcess)
	}
	if r.HasEdges(EdgesPartial) {
		z = newReturnPanel(m, jumps, false).scaled(m.volatilities(r.MaxGap, jumps))
	}
	static, err := r.staticEdges(m.Symbols)
	if err != nil {
		return err
	}
	release()
	if len(p.EdgeTypes) == 0 {
		p.edges = noEdges(m.Bars-first, n)
	}
	for k, kind := range p.EdgeTypes {
		var list []Edges
		switch {
		case kind == EdgesPartial:
			list, err = r.partialEdges(axis, z, p.mask, first)
		case kind == EdgesLeadLag:
			list, err = r.leadLagEdges(axis, returns, p.mask, first)
		case kind == EdgesStatic:
			list, err = recomputed([]block{{first, axis.Bars}}, p.mask, n, first, axis.Bars, func() func(int) (Edges, error) {
				return func(int) (Edges, error) { return static, nil }
			})
		case r.Recompute(kind, r.Interval) > 1:
			list, err = r.lastingCorrelationEdges(axis, returns, p.mask, first)
		default:
			list = correlationEdges(axis, r, returns, p.mask, first)
		}
		if err != nil {
			return err
		}
		if k == 0 {
			p.edges = list
		} else {
			p.more = append(p.more, list)
		}
	}
	return nil
}

// fill computes x and mask of every bar from first on. A node is masked at a
// bar that it lacks, where one of its features is undefined, and for the
// lookback from a jump of its price on.
func (p *Panel) fill(m *Market, columns []feature, r Recipe, jumps [][]Jump) error {
	first, lookback := r.firstSnapshot(), r.Features.lookback()
	n, f, snapshots := p.NumNodes(), p.NumFeatures(), m.Bars-first
	p.x = make([]float32, snapshots*n*f)
	p.mask = make([]bool, snapshots*n)
	p.signals = make([]float32, snapshots*n*len(p.signalNames))
	errs := make([]error, n)
	each(n, func() func(int) {
		values := NewSeries(f, m.Bars) // one symbol's features
		return func(i int) {
			s := newSeries(m, i, r.MaxGap, jumps[i])
			for j, feature := range columns {
				feature.fill(values[j], s)
				for _, jump := range jumps[i] {
					for t := jump.bar; t < min(jump.bar+lookback, m.Bars); t++ {
						values[j][t] = math.NaN()
					}
				}
			}
			for t := first; t < m.Bars; t++ {
				at := (t-first)*n + i
				if !m.Present(i, t) || anyMissing(values, t) {
					continue
				}
				p.mask[at] = true
				x := row(p.x, at, f)
				for j, feature := range columns {
					v := values[j][t]
					if math.Abs(v) > math.MaxFloat32 {
						errs[i] = fault.Input("%s of %s at %s is %v, which no float32 holds", feature.name, m.Symbols[i], m.stampOf(t), v).
							Fix("correct the candle")
						return
					}
					x[j] = float32(v)
				}
			}
			p.fillSignals(s, i, first, jumps[i])
		}
	})
	for _, err := range errs { // of the first symbol in node order that has one
		if err != nil {
			return err
		}
	}
	return nil
}

// fillSignals computes the signals of symbol i at the bars from first on at which
// it is not masked. A signal whose window spans a jump stays 0.
func (p *Panel) fillSignals(s *series, i, first int, jumps []Jump) {
	n, count := p.NumNodes(), len(p.signalNames)
	values := make([]float64, len(s.close))
	for _, signal := range signals {
		k := slices.Index(p.signalNames, signal.name)
		if k < 0 {
			continue
		}
		signal.fill(values, s)
		for _, jump := range jumps {
			for t := jump.bar; t < min(jump.bar+signalWindow, len(values)); t++ {
				values[t] = math.NaN()
			}
		}
		for t := first; t < len(values); t++ {
			if at := (t-first)*n + i; p.mask[at] && !math.IsNaN(values[t]) {
				p.signals[at*count+k] = float32(values[t])
			}
		}
	}
}

// anyMissing reports whether one of the series lacks bar t.
func anyMissing(values [][]float64, t int) bool {
	for _, v := range values {
		if math.IsNaN(v[t]) {
			return true
		}
	}
	return false
}

// keepPresent drops the snapshots at which no node is present.
func (p *Panel) keepPresent(first int) {
	n, f, g := p.NumNodes(), p.NumFeatures(), len(p.signalNames)
	for s := range p.edges {
		if !slices.Contains(row(p.mask, s, n), true) {
			continue
		}
		k := len(p.bars)
		p.bars = append(p.bars, first+s)
		if k == s {
			continue
		}
		copy(row(p.x, k, n*f), row(p.x, s, n*f))
		copy(row(p.mask, k, n), row(p.mask, s, n))
		copy(row(p.signals, k, n*g), row(p.signals, s, n*g))
		p.edges[k] = p.edges[s]
		for _, more := range p.more {
			more[k] = more[s]
		}
	}
	k := len(p.bars)
	p.x, p.mask, p.edges, p.signals = p.x[:k*n*f], p.mask[:k*n], p.edges[:k], p.signals[:k*n*g]
	for j := range p.more {
		p.more[j] = p.more[j][:k]
	}
	for _, bar := range p.bars {
		p.openTime = append(p.openTime, p.Axis.OpenTime(bar))
	}
}
