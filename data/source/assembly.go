package source

import (
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

// axis is the time axis of a market.
type axis struct {
	start int64 // open time of the first bar, Unix ms
	bars  int64
	step  time.Duration
	times []int64 // open times of the bars of a market with closing hours; nil: it never closes
}

// openTime is when a bar opens on the axis without closing hours.
func (a axis) openTime(bar int) int64 { return a.start + int64(bar)*a.step.Milliseconds() }

// assembly is a market that is made of the series of its symbols. Every source
// ends here.
type assembly struct {
	market  *data.Market
	axis    axis
	columns [quantities][][]float64 // of the market; nil where it lacks one
	own     [][][]float64           // [C][N][T] of the columns of the user's own
	reports []Report                // [N]
}

// newAssembly makes a market of missing bars. Its size is checked before by
// checkSize.
func newAssembly(symbols []string, a axis, optional []quantity) *assembly {
	columns := func() [][]float64 { return data.NewSeries(len(symbols), int(a.bars)) }
	m := &data.Market{
		Symbols: symbols, Interval: a.step, Start: a.start, Bars: int(a.bars), Times: a.times,
		Open: columns(), High: columns(), Low: columns(), Close: columns(), Volume: columns(),
		Optional: map[data.Column][][]float64{},
	}
	all := [quantities][][]float64{openPrice: m.Open, highPrice: m.High, lowPrice: m.Low, closePrice: m.Close, baseVolume: m.Volume}
	for _, q := range optional {
		all[q] = columns()
		m.Optional[data.Column(q.String())] = all[q]
	}
	return &assembly{market: m, axis: a, columns: all, reports: make([]Report, len(symbols))}
}

// lay places the series of symbol i, which has at least one candle and lies on
// the axis. It may be called for several symbols at once.
func (a *assembly) lay(i int, s *series) {
	for q, column := range s.values {
		if a.columns[q] == nil || column == nil {
			continue
		}
		row := a.columns[q][i]
		for j, t := range s.times {
			row[a.axis.barOf(t)] = column[j]
		}
	}
	for k, column := range s.own.values {
		if column == nil || a.own == nil || a.own[k] == nil {
			continue
		}
		row := a.own[k][i]
		for j, t := range s.times {
			row[a.axis.barOf(t)] = column[j]
		}
	}
	a.reports[i] = Report{
		Rows: s.rows, Duplicates: s.duplicates, Disordered: s.disordered,
		Missing: a.axis.barOf(s.times[len(s.times)-1]) - a.axis.barOf(s.times[0]) + 1 - len(s.times),
	}
}

// result is the market without the optional columns in which nothing is known.
func (a *assembly) result() (*data.Market, Report) {
	var report Report
	for _, r := range a.reports {
		report.Rows += r.Rows
		report.Duplicates += r.Duplicates
		report.Disordered += r.Disordered
		report.Missing += r.Missing
	}
	for name, column := range a.market.Optional {
		if !slices.ContainsFunc(column, anyKnown) {
			delete(a.market.Optional, name)
		}
	}
	return a.market, report
}

func anyKnown(values []float64) bool {
	return slices.ContainsFunc(values, func(v float64) bool { return !math.IsNaN(v) })
}

// assemble lays the series of the symbols, none of them empty, on one time
// axis, from the first bar of any to the last of any. While a market with
// closing hours is closed there are no bars.
func assemble(symbols []string, all []*series, interval time.Duration) (*data.Market, Report, error) {
	if err := align(all, interval); err != nil {
		return nil, Report{}, err
	}
	first, last := extent(all, interval)
	a := axis{start: first, bars: (last - first) / interval.Milliseconds(), step: interval}
	var optional []quantity
	for q := takerBuyVolume; q < quantities; q++ {
		if slices.ContainsFunc(all, func(s *series) bool { return anyKnown(s.values[q]) }) {
			optional = append(optional, q)
		}
	}
	names := all[0].own.names
	if err := checkWidth(all, a, int(takerBuyVolume)+len(optional)+len(names)); err != nil {
		return nil, Report{}, err
	}
	if times := sessionTimes(all, a); times != nil {
		a.times, a.bars = times, int64(len(times))
	}
	w := newAssembly(symbols, a, optional)
	for _, name := range names {
		column := data.NewSeries(len(symbols), int(a.bars))
		w.own, w.market.Optional[data.Column(name)] = append(w.own, column), column
	}
	for i, s := range all {
		w.lay(i, s)
		w.market.Origins = append(w.market.Origins, s.path)
	}
	m, report := w.result()
	return m, report, nil
}
