package data

import (
	"runtime"

	"github.com/streamforge/gnn-trainer/pyg"
)

// Dataset is a panel with its targets and one fold: what a method is fitted on
// and evaluated against. A Dataset is read only and safe for concurrent use.
type Dataset struct {
	*Panel
	Fold
	Targets *Targets

	// Folds are all of a walk-forward, in time order, where Fold is the last of
	// them unless OfFold chose another; nil: there is no other.
	Folds []Fold

	Warnings []string // what of given labels, splits, edges or features is odd, and was not rejected
}

// Build makes panel, targets and fold of a market. An error wraps ErrInput and
// names the value and its remedy.
func Build(m *Market, c Config) (*Dataset, error) { return build(m, c, func() {}) }

// BuildReleasing is Build for a market that nobody needs any more: m loses its
// series as soon as targets and features are made of them, before edges take
// memory.
func BuildReleasing(m *Market, c Config) (*Dataset, error) {
	return build(m, c, func() {
		m.Open, m.High, m.Low, m.Close, m.Volume, m.Optional = nil, nil, nil, nil, nil, nil
		runtime.GC() // or edges may fill the memory beside them before it is next due
	})
}

func build(m *Market, c Config, release func()) (*Dataset, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if err := c.CheckBars(m.Bars); err != nil {
		return nil, err
	}
	targets, err := NewTargets(m, c.TargetConfig, c.MaxGap)
	if err != nil {
		return nil, err
	}
	p, err := c.Recipe.build(m, c.Signals, release)
	if err != nil {
		return nil, err
	}
	targets.of(p)
	d, err := c.dataset(p, targets)
	if err != nil {
		return nil, err
	}
	return d, d.warnOfColumns()
}

// dataset adds the fold.
func (c FoldConfig) dataset(p *Panel, y *Targets) (*Dataset, error) {
	folds, err := c.Folds(p, y)
	if err != nil {
		return nil, err
	}
	y.relate()
	d := &Dataset{Panel: p, Fold: folds[len(folds)-1], Targets: y}
	if len(folds) > 1 {
		d.Folds = folds
	}
	return d, nil
}

// NumFolds is how many folds there are, at least one.
func (d *Dataset) NumFolds() int { return max(1, len(d.Folds)) }

// OfFold is the same panel and targets with the fold of that number, from 1.
func (d *Dataset) OfFold(number int) *Dataset {
	if d.Folds == nil {
		return d
	}
	of := *d
	of.Fold = d.Folds[number-1]
	return &of
}

// Len is the number of snapshots: those of the panel, or one for each split of a
// graph without time.
func (d *Dataset) Len() int { return len(d.Splits) }

// EvalMask reports which nodes of snapshot t are evaluated and get predictions
// [N]: of a market the present ones, of a graph without time those of the
// snapshot's split. It aliases the panel: read it only.
func (f *Fold) EvalMask(p *Panel, t int) []bool {
	if f.evalMask != nil {
		return row(f.evalMask, t, p.NumNodes())
	}
	return p.Mask(t)
}

// EvalMask is that of the dataset's fold.
func (d *Dataset) EvalMask(t int) []bool { return d.Fold.EvalMask(d.Panel, t) }

// Snapshot is the graph at snapshot t. X, NodeMask, Y, Ret, OpenTime and EdgeAttr
// alias the shared panels: read them only. EdgeIndex is made anew from the
// compact store, and so is EdgeWeight where it is the correlation clamped
// at 0.
func (d *Dataset) Snapshot(t int) pyg.Data {
	e := d.Edges(t)
	g := pyg.Data{
		NumNodes:    d.NumNodes(),
		NumFeatures: d.NumFeatures(),
		Horizons:    d.Targets.NumHorizons(),
		X:           d.X(t),
		NodeMask:    d.Mask(t),
		EdgeIndex:   e.index(),
		EdgeWeight:  e.Weight,
		EdgeAttr:    e.Attr,
		EdgeType:    e.types(),
	}
	g.Y, g.Ret = d.Targets.At(t)
	if d.openTime != nil {
		g.OpenTime = row(d.openTime, t, 1)
	}
	return g
}
