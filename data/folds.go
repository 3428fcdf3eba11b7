package data

import (
	"fmt"
	"sort"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// Split is the use of a snapshot: it trains, validates, tests, is live, or
// has none.
type Split string

// The splits, in time order. A gap snapshot lies so close before the next split
// that its return would reach into it: it is used for nothing.
const (
	Train Split = "train"
	Valid Split = "valid"
	Test  Split = "test"
	Live  Split = "live" // the newest, whose returns the future still holds
	Gap   Split = "gap"
)

// FoldConfig is how time is divided. The variables are documented in
// internal/config, which reads them.
type FoldConfig struct {
	TrainEnd      time.Time `env:"TRAIN_END"`
	ValidEnd      time.Time `env:"VALID_END"`
	TrainFraction float64   `env:"TRAIN_FRACTION" envDefault:"0.6"`
	ValidFraction float64   `env:"VALID_FRACTION" envDefault:"0.2"`

	WalkForward `env:"-"`
}

func (c FoldConfig) problems(p *problems) {
	train, valid := c.TrainFraction, c.ValidFraction
	p.check(train > 0 && train < 1, fault.Input("TRAIN_FRACTION is %v", train).
		Fix("set a share above 0 and below 1"))
	p.check(valid > 0 && valid < 1, fault.Input("VALID_FRACTION is %v", valid).
		Fix("set a share above 0 and below 1"))
	// Shares such as 0.7 and 0.3 may add up to a hair less than 1.
	p.check(!(train+valid >= 1-1e-9), fault.Input("TRAIN_FRACTION %v and VALID_FRACTION %v leave nothing to test on", train, valid).
		Fix("set them to a sum below 1"))

	switch {
	case c.TrainEnd.IsZero() != c.ValidEnd.IsZero():
		set, unset := "TRAIN_END", "VALID_END"
		if c.TrainEnd.IsZero() {
			set, unset = unset, set
		}
		p.check(false, fault.Input("%s is set but %s is not", set, unset).
			Fix("set both or neither"))
	case !c.TrainEnd.IsZero():
		p.check(c.TrainEnd.Before(c.ValidEnd), fault.Input("TRAIN_END %s is not before VALID_END %s", stamp(c.TrainEnd), stamp(c.ValidEnd)).
			Fix("set TRAIN_END to an earlier time, or VALID_END to a later one"))
	}
	c.WalkForward.problems(p, !c.TrainEnd.IsZero())
}

// Fold is one division of the snapshots into splits, with the scaler of its
// training split.
type Fold struct {
	// Number counts the folds from 1; 0: there is one alone.
	Number int
	// Splits [T] is the split of each snapshot at the first horizon. Train,
	// valid and gap are the same at every horizon.
	Splits []Split
	Scaler

	liveFrom []int  // [H] first live snapshot of each horizon; nil for a graph without time
	testTo   int    // first snapshot after the test window
	evalMask []bool // [T, N] of a graph without time; nil: the panel's mask
}

// SplitAt is the split of snapshot t at horizon h: a return over fewer bars is
// known earlier, so that the newest snapshots may test at one horizon and be
// live at another. They test in the last fold alone.
func (f *Fold) SplitAt(t, h int) Split {
	split := f.Splits[t]
	switch {
	case f.liveFrom == nil || split != Live && split != Test:
		return split
	case t >= f.liveFrom[h]:
		return Live
	case t >= f.testTo:
		return Gap
	}
	return Test
}

// Folds divides the panel's snapshots by time and fits each fold's scaler. The
// folds are in time order; several are a walk-forward (walkforward.go).
// Before each boundary the snapshots whose longest return reaches it are gap
// (the purging of López de Prado, Advances in Financial Machine Learning, 2018,
// chapter 7): a return of one split never uses a price of the next.
//
// An error wraps ErrInput.
func (c FoldConfig) Folds(p *Panel, y *Targets) ([]Fold, error) {
	folds, err := c.divide(p.Axis, p.bars, y)
	if err != nil {
		return nil, err
	}
	folds[0].unlabelLive(y) // live snapshots are the same in all folds
	for k := range folds {
		f := &folds[k]
		if err := f.checkLabels(y); err != nil {
			return nil, err
		}
		if f.Scaler, err = fitScaler(p, f); err != nil {
			return nil, err
		}
	}
	return folds, nil
}

// window is how one fold divides the bars: from trainFrom they train, from
// validFrom they validate, and from testFrom up to testTo, which is excluded, they
// test.
type window struct{ trainFrom, validFrom, testFrom, testTo int }

// divide divides the snapshots of bars (rising) into folds without scalers.
func (c FoldConfig) divide(axis Axis, bars []int, y *Targets) ([]Fold, error) {
	reach := 0
	var liveFrom []int
	for h := range y.Horizons {
		r := y.Reach(h)
		reach = max(reach, r)
		liveFrom = append(liveFrom, sort.Search(len(bars), func(s int) bool { return bars[s]+r >= axis.Bars }))
	}
	settled := sort.Search(len(bars), func(s int) bool { return bars[s]+reach >= axis.Bars })
	if settled == 0 {
		return nil, fault.Input("no snapshot is followed by HORIZON=%s bars", y.Horizons).
			At("HORIZON").Fix("load more bars (START, LOOKBACK) or lower HORIZON")
	}
	windows, err := c.windows(axis, bars[:settled], reach)
	if err != nil {
		return nil, err
	}
	folds := make([]Fold, len(windows))
	for k, w := range windows {
		f := Fold{Splits: make([]Split, len(bars)), liveFrom: liveFrom, testTo: sort.SearchInts(bars, w.testTo)}
		if len(windows) > 1 {
			f.Number = k + 1
		}
		size := map[Split]int{}
		for s, t := range bars {
			f.Splits[s] = w.split(t, reach)
			if s >= liveFrom[0] {
				f.Splits[s] = Live
			}
			size[f.Splits[s]]++
		}
		for _, split := range []Split{Train, Valid, Test} {
			if size[split] == 0 {
				return nil, fault.Input("the %s split%s is empty: %s cut the %d labelled snapshots from %s to %s into train %d, valid %d and test %d, with gaps of %d bars (HORIZON=%s) between", split, f.ofFold(), c.boundaryNames(), settled, axis.stampOf(bars[0]), axis.stampOf(bars[settled-1]), size[Train], size[Valid], size[Test], reach, y.Horizons).
					At("the %s split", split).Fix("%s", c.widen())
			}
		}
		folds[k] = f
	}
	return folds, nil
}

// split is that of the snapshot of bar t, whose longest return takes reach bars.
// What is in no split is gap: also what a fold does not train on any more, and
// what comes after its test window.
func (w window) split(t, reach int) Split {
	switch {
	case t >= w.trainFrom && t+reach < w.validFrom:
		return Train
	case t >= w.validFrom && t+reach < w.testFrom:
		return Valid
	case t >= w.testFrom && t < w.testTo:
		return Test
	}
	return Gap
}

// windows are those of the folds; bars are those of the snapshots whose returns
// are known at every horizon.
func (c FoldConfig) windows(axis Axis, bars []int, reach int) ([]window, error) {
	if c.Count > 1 {
		return c.walk(axis, bars)
	}
	validFrom, testFrom, err := c.boundaries(axis, bars, reach)
	return []window{{0, validFrom, testFrom, axis.Bars}}, err
}

// ofFold names the fold in a message, where there are several.
func (f *Fold) ofFold() string {
	if f.Number == 0 {
		return ""
	}
	return fmt.Sprintf(" of fold %d", f.Number)
}

// widen is the remedy of an empty split.
func (c FoldConfig) widen() string {
	if c.Count > 1 {
		return c.WalkForward.widen()
	}
	return "move the boundaries or load more bars (START, LOOKBACK)"
}

// emptySplit is EmptySplit of so many snapshots, live ones included.
func (c FoldConfig) emptySplit(snapshots, reach int) Split {
	labelled := snapshots - reach
	if !c.TrainEnd.IsZero() {
		return ""
	}
	if c.Count > 1 {
		return c.emptyFold(labelled, reach)
	}
	valid, test := shareOf(c.TrainFraction, labelled, reach), shareOf(c.TrainFraction+c.ValidFraction, labelled, reach)
	switch {
	case valid-reach < 1:
		return Train
	case test-valid-reach < 1:
		return Valid
	case labelled-test < 1:
		return Test
	}
	return ""
}

// shareOf is the place of a boundary among labelled snapshots and the live ones
// behind them. Rounded, because 0.7 + 0.1 falls short of 0.8.
func shareOf(share float64, labelled, live int) int {
	if s := int(share*float64(labelled) + 0.5); s < labelled {
		return s
	}
	return labelled + live
}

// boundaries is the first bar of validation and of test; bars are those of the
// snapshots whose returns are known at every horizon.
func (c FoldConfig) boundaries(axis Axis, bars []int, reach int) (validFrom, testFrom int, err error) {
	if c.TrainEnd.IsZero() {
		at := func(share float64) int {
			if s := shareOf(share, len(bars), reach); s < len(bars) {
				return bars[s]
			}
			return axis.Bars
		}
		return at(c.TrainFraction), at(c.TrainFraction + c.ValidFraction), nil
	}
	from := func(end time.Time) int {
		return sort.Search(axis.Bars, func(t int) bool { return !time.UnixMilli(axis.OpenTime(t)).Before(end) })
	}
	validFrom, testFrom = from(c.TrainEnd), from(c.ValidEnd)
	for _, b := range []struct {
		name string
		end  time.Time
		bar  int
	}{{"TRAIN_END", c.TrainEnd, validFrom}, {"VALID_END", c.ValidEnd, testFrom}} {
		if b.bar <= bars[0] || b.bar > bars[len(bars)-1] {
			return 0, 0, fault.Input("%s %s is outside the labelled snapshots, which run from %s to %s", b.name, stamp(b.end), axis.stampOf(bars[0]), axis.stampOf(bars[len(bars)-1])).
				At("%s", b.name).Fix("move it between them or load other bars (START, END)")
		}
	}
	return validFrom, testFrom, nil
}

// boundaryNames is how a message names what set the boundaries.
func (c FoldConfig) boundaryNames() string {
	switch {
	case c.Count > 1 && c.TrainLength > 0:
		return fmt.Sprintf("FOLDS=%d, FOLD_TRAIN=%s, TRAIN_FRACTION=%v and VALID_FRACTION=%v", c.Count, c.TrainLength, c.TrainFraction, c.ValidFraction)
	case c.Count > 1:
		return fmt.Sprintf("FOLDS=%d, TRAIN_FRACTION=%v and VALID_FRACTION=%v", c.Count, c.TrainFraction, c.ValidFraction)
	case c.TrainEnd.IsZero():
		return fmt.Sprintf("TRAIN_FRACTION=%v and VALID_FRACTION=%v", c.TrainFraction, c.ValidFraction)
	}
	return fmt.Sprintf("TRAIN_END=%s and VALID_END=%s", stamp(c.TrainEnd), stamp(c.ValidEnd))
}

// unlabelLive removes what somebody claims to know of the future.
func (f *Fold) unlabelLive(y *Targets) {
	horizons := len(y.Horizons)
	for h, from := range f.liveFrom {
		for at := from*y.width + h; at < len(y.class); at += horizons {
			y.class[at] = pyg.Unlabelled
			if y.value != nil {
				y.value[at] = 0
			}
		}
	}
}

// checkLabels rejects a split that has snapshots but no label at the first
// horizon, and a train split of one class: nothing can be trained or measured on
// it.
func (f *Fold) checkLabels(y *Targets) error {
	labels, horizons := map[Split]int{}, max(1, len(y.Horizons))
	classes := map[int64]int{} // of the train split
	for t, split := range f.Splits {
		class, _ := y.At(t)
		for at := 0; at < len(class); at += horizons {
			if class[at] != pyg.Unlabelled {
				labels[split]++
				if split == Train {
					classes[class[at]]++
				}
			}
		}
	}
	for _, split := range []Split{Train, Valid, Test} {
		if labels[split] == 0 {
			return fault.Input("the %s split%s has no label", split, f.ofFold()).
				At("the %s split", split).Fix("move the boundaries (TRAIN_FRACTION and VALID_FRACTION, or TRAIN_END and VALID_END of a market) or give other data")
		}
	}
	if y.Given && f.Number == 0 || len(classes) > 1 {
		return nil // given labels are checked where they are read (classes.go)
	}
	for class := range classes {
		return fault.Input("all labels of the train split%s are of class %s, and from one class nothing is learned", f.ofFold(), className[class]).
			At("the train split").Fix("load a market whose prices move, or more bars of it (START, LOOKBACK)")
	}
	return nil
}

// Snapshots are the numbers of a split's snapshots, at the first horizon.
func (f *Fold) Snapshots(split Split) []int {
	var numbers []int
	for t, s := range f.Splits {
		if s == split {
			numbers = append(numbers, t)
		}
	}
	return numbers
}
