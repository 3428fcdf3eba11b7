package data

import (
	"math"
	"runtime"
	"slices"

	"github.com/streamforge/gnn-trainer/pyg"
)

// Build turns a market into its snapshots: one for each bar from the first at
// which the graph window and every feature's window can be full, to the newest.
// Bars at which no symbol has all its features are no snapshot.
//
// What a snapshot says of bar t (X, NodeMask, edges) uses bars up to t only;
// labels alone look ahead, by HORIZON bars. Which features there are is decided
// once, by which optional values are there over the whole market.
//
// An error wraps ErrInput and names the value and how to mend it.
func Build(m *Market, cfg Config) (*Dataset, error) {
	return build(m, cfg, func() {})
}

// BuildReleasing is Build for a market that nobody needs any more: m loses its
// series as soon as the features are made of them, before edges take memory.
func BuildReleasing(m *Market, cfg Config) (*Dataset, error) {
	return build(m, cfg, func() {
		m.Open, m.High, m.Low, m.Close, m.Volume, m.Optional = nil, nil, nil, nil, nil, nil
		runtime.GC() // or edges may fill the memory beside them before it is next due
	})
}

// build calls release once the market's series have been read for the last time.
func build(m *Market, cfg Config, release func()) (*Dataset, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if err := cfg.CheckBars(m.Bars); err != nil {
		return nil, err
	}
	first := cfg.firstBar()
	kept, leftOut := supported(m)
	d := &Dataset{Symbols: slices.Clone(m.Symbols), LeftOut: leftOut, Interval: m.Interval, Horizon: cfg.Horizon}
	for _, f := range kept {
		d.Features = append(d.Features, f.name)
	}
	if err := d.fill(m, kept, first); err != nil {
		return nil, err
	}
	returns := newReturnPanel(m, cfg.EdgeReturns == EdgeReturnsExcess)
	release()
	d.edges = correlationEdges(m, cfg, returns, d.mask, first)
	bars := d.keepPresent(first)
	if len(bars) == 0 {
		return nil, inputError("no symbol has all of its features at any bar from %s on; load a market with fewer gaps", m.stampOf(first))
	}
	var err error
	if d.Splits, err = cfg.split(m, bars); err != nil {
		return nil, err
	}
	for _, t := range bars {
		d.openTime = append(d.openTime, m.OpenTime(t))
	}
	d.Density = density(d.edges, d.mask, d.NumNodes())
	if err := d.checkLabels(); err != nil {
		return nil, err
	}
	return d, d.fit()
}

// firstBar is the first one whose windows can be full.
func (c Config) firstBar() int { return max(c.GraphWindow, lookback) }

// LeastBars is how many bars T a market must have: those of the windows, one
// snapshot a part, a gap before two of them, and the live ones.
func (c Config) LeastBars() int { return c.firstBar() + 3 + 3*c.Horizon }

// CheckBars refuses a market of so few bars that no snapshot could be had for
// each part. The error wraps ErrInput.
func (c Config) CheckBars(bars int) error {
	if need := c.LeastBars(); bars < need {
		return inputError("%d bars are too few: GRAPH_WINDOW=%d and HORIZON=%d need at least %d (windows of %d, three parts, their gaps); load more (START, LOOKBACK) or lower GRAPH_WINDOW",
			bars, c.GraphWindow, c.Horizon, need, c.firstBar())
	}
	return nil
}

// fill computes x, mask, y and ret of every bar from first on. A node is masked
// at a bar that it lacks or where one of its features is undefined.
func (d *Dataset) fill(m *Market, kept []feature, first int) error {
	n, f, snapshots := d.NumNodes(), d.NumFeatures(), m.Bars-first
	d.x = make([]float32, snapshots*n*f)
	d.mask = make([]bool, snapshots*n)
	d.y = make([]int64, snapshots*n)
	d.ret = make([]float32, snapshots*n)
	errs := make([]error, n)
	each(n, func() func(int) {
		values := NewSeries(f, m.Bars) // one symbol's features
		return func(i int) {
			s := newSeries(m, i)
			var volatility []float64
			for j, feature := range kept {
				feature.fill(values[j], s)
				if feature.name == volatilityName {
					volatility = values[j]
				}
			}
			for t := first; t < m.Bars; t++ {
				at := (t-first)*n + i
				d.y[at] = pyg.Unlabelled
				if !m.Present(i, t) || anyMissing(values, t) {
					continue
				}
				d.mask[at] = true
				x := row(d.x, at, f)
				for j, feature := range kept {
					v := values[j][t]
					if math.Abs(v) > math.MaxFloat32 {
						errs[i] = inputError("%s of %s at %s is %v, which no float32 holds; mend the candle", feature.name, m.Symbols[i], m.stampOf(t), v)
						return
					}
					x[j] = float32(v)
				}
				class, ret := direction(s.logClose, t, d.Horizon, volatility[t])
				d.y[at], d.ret[at] = class, float32(ret)
			}
		}
	})
	for _, err := range errs { // of the first symbol in node order that has one
		if err != nil {
			return err
		}
	}
	return nil
}

// anyMissing tells whether one of the series lacks bar t.
func anyMissing(values [][]float64, t int) bool {
	for _, v := range values {
		if math.IsNaN(v[t]) {
			return true
		}
	}
	return false
}

// keepPresent drops the snapshots at which no node is present and returns the
// bars of the rest.
func (d *Dataset) keepPresent(first int) (bars []int) {
	n, f := d.NumNodes(), d.NumFeatures()
	for s := range d.edges {
		present := false
		for _, ok := range row(d.mask, s, n) {
			present = present || ok
		}
		if !present {
			continue
		}
		k := len(bars)
		bars = append(bars, first+s)
		if k == s {
			continue
		}
		copy(row(d.x, k, n*f), row(d.x, s, n*f))
		copy(row(d.mask, k, n), row(d.mask, s, n))
		copy(row(d.y, k, n), row(d.y, s, n))
		copy(row(d.ret, k, n), row(d.ret, s, n))
		d.edges[k] = d.edges[s]
	}
	k := len(bars)
	d.x, d.mask, d.y, d.ret, d.edges = d.x[:k*n*f], d.mask[:k*n], d.y[:k*n], d.ret[:k*n], d.edges[:k]
	return bars
}
