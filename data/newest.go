package data

import (
	"math"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Reach is how many bars what a model reads of a snapshot is made of, the
// snapshot's own included, where the model's encoder reads so many bars; 0: it has
// none. Interval must be set. More bars change nothing, to the bit.
func (r Recipe) Reach(window int) int {
	reach := r.memory() + max(window, 1)
	if r.HasEdges(EdgesCorrelation) && r.Recompute(EdgesCorrelation, r.Interval) <= 1 {
		reach += max(r.GraphWindow, minBlock) - 1 // their sums begin where the bar's block does
	}
	return reach
}

// least is how many bars are the fewest of which the newest can be a snapshot, and
// have a whole window.
func (r Recipe) least(window int) int { return r.firstBar() + max(window, 1) }

// wanted is the first bar of a market of which a snapshot has to be made for the
// newest one's window to have its bits: where the sums of correlations begin.
func (r Recipe) wanted(m *Market, window int) int {
	from := m.Bars - max(window, 1)
	if !r.HasEdges(EdgesCorrelation) || r.Recompute(EdgesCorrelation, r.Interval) > 1 {
		return from
	}
	for _, b := range blocks(m.Axis(), max(r.GraphWindow, minBlock), r.firstBar()) {
		if from < b.to {
			return b.from
		}
	}
	return from
}

// BuildNewest makes the panel whose last snapshot is of the newest bar of a market,
// of no more bars than Reach. It has what Build made of that bar and its window, to
// the bit, for a recipe that names each feature, as that of a result does: whether a
// symbol has a feature at most of these few bars decides nothing here, and one that
// lacks it is masked.
//
// An error wraps ErrInput and names what the market lacks.
func (r Recipe) BuildNewest(m *Market, window int) (*Panel, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	r.Interval = m.Interval
	if least := r.least(window); m.Bars < least {
		return nil, fault.Input("%d bars up to %s are too few: the model's recipe needs %d", m.Bars, m.stampOf(m.Bars-1), least).
			Fix("give the source candles from %d bars earlier on", least-m.Bars)
	}
	if reach := r.Reach(window); m.Bars > reach {
		m = m.Cut(m.Bars-reach, m.Bars)
	}
	for _, name := range r.Features {
		if err := m.supplies(name); err != nil {
			return nil, err
		}
	}
	r.from = r.wanted(m, window)
	p, err := r.BuildCut(m, &Panel{Features: r.Features, Reference: r.Reference})
	if err != nil {
		return nil, err
	}
	if p == nil || p.Bar(p.Len()-1) != m.Bars-1 {
		return nil, fault.Input("no symbol has all of its features at the newest bar, %s", m.stampOf(m.Bars-1)).
			Fix("load candles with fewer gaps before it, or set END to an earlier bar")
	}
	return p, nil
}

// supplies tells what of a feature no symbol has at any bar.
func (m *Market) supplies(name string) error {
	f, known := featureNamed(name)
	if !known {
		f = given(name)
	}
	var lacks []string
	for _, c := range f.needs {
		if !slices.ContainsFunc(m.Optional[c], func(values []float64) bool {
			return slices.ContainsFunc(values, func(v float64) bool { return !math.IsNaN(v) })
		}) {
			lacks = append(lacks, string(c))
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	return fault.Input("the model reads the feature %s, and no symbol has %s", name, strings.Join(lacks, " or ")).
		Fix("give the source that column, or predict with a model that was trained without it")
}
