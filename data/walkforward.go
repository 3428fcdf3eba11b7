package data

import (
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// WalkForward is how often a model is trained anew as time goes on. The variables
// are documented in internal/config, which reads them.
//
// The snapshots after the first TRAIN_FRACTION + VALID_FRACTION are cut into Count
// test windows of equal numbers, one after the other, and each fold trains on what
// precedes its window. Nothing that a fold trains or validates on follows its test
// window, so no embargo is needed: López de Prado's embargo (Advances in Financial
// Machine Learning, 2018, chapter 7) keeps features of training rows from looking
// back into test rows before them. The purge before the window is that of one
// split: a label that reaches it is in no split.
//
// Later folds do train on earlier test windows, as a model in use does. Where they
// begin with the weights of the fold before (Warm), those were fitted on nothing
// that validates later: validation windows never move back.
type WalkForward struct {
	Count       int    `env:"FOLDS" envDefault:"1"` // test windows; 0 counts as 1
	TrainLength Length `env:"FOLD_TRAIN"`           // of what trains and validates before a window; 0: everything
	Warm        bool   `env:"FOLD_WARM" envDefault:"false"`
}

// MaxFolds bounds the number of folds.
const MaxFolds = 100

func (c WalkForward) problems(p *problems, ends bool) {
	p.check(c.Count >= 0 && c.Count <= MaxFolds, fault.Input("FOLDS is %d", c.Count).
		Fix("set a number of folds from 1 to %d", MaxFolds))
	p.check(c.Count <= 1 || !ends, fault.Input("FOLDS=%d cuts the snapshots by TRAIN_FRACTION and VALID_FRACTION, and TRAIN_END and VALID_END are set", c.Count).
		Fix("unset one of them"))
}

// widen is the remedy of an empty split.
func (c WalkForward) widen() string {
	if c.TrainLength > 0 {
		return "lower FOLDS, raise FOLD_TRAIN or load more bars (START, LOOKBACK)"
	}
	return "lower FOLDS or load more bars (START, LOOKBACK)"
}

// walk are the windows of the folds.
func (c FoldConfig) walk(axis Axis, bars []int) ([]window, error) {
	starts := c.starts(len(bars))
	if starts == nil {
		return nil, fault.Input("FOLDS=%d asks for %d test windows, and TRAIN_FRACTION=%v and VALID_FRACTION=%v leave %d of the %d labelled snapshots for them", c.Count, c.Count, c.TrainFraction, c.ValidFraction, max(0, len(bars)-shareOf(c.TrainFraction+c.ValidFraction, len(bars), 0)), len(bars)).
			At("FOLDS").Fix("%s", c.WalkForward.widen())
	}
	windows := make([]window, c.Count)
	for k := range windows {
		w := window{testFrom: bars[starts[k]], testTo: axis.Bars}
		if k+1 < c.Count {
			w.testTo = bars[starts[k+1]]
		}
		from := 0
		if c.TrainLength > 0 {
			oldest := axis.OpenTime(w.testFrom) - time.Duration(c.TrainLength).Milliseconds()
			from = sort.Search(starts[k], func(s int) bool { return axis.OpenTime(bars[s]) >= oldest })
		}
		w.trainFrom, w.validFrom = bars[from], bars[from+c.trainShare(starts[k]-from)]
		windows[k] = w
	}
	return windows, nil
}

// starts are the numbers of the first snapshots of the test windows, of so many
// labelled ones; nil: there are too few for a snapshot in each.
func (c FoldConfig) starts(labelled int) []int {
	first := shareOf(c.TrainFraction+c.ValidFraction, labelled, 0)
	if labelled-first < c.Count || first == 0 {
		return nil
	}
	starts := make([]int, c.Count)
	for k := range starts {
		starts[k] = first + (labelled-first)*k/c.Count
	}
	return starts
}

// trainShare is how many of so many snapshots before a test window train; the
// others validate.
func (c FoldConfig) trainShare(before int) int {
	return before - int(c.ValidFraction/(c.TrainFraction+c.ValidFraction)*float64(before)+0.5)
}

// CheckFoldTrain rejects a FOLD_TRAIN of so few bars of an interval that a fold would
// have nothing to train or to validate on. The error wraps ErrInput.
func (c Config) CheckFoldTrain(interval time.Duration) error {
	if c.Count <= 1 || c.TrainLength == 0 || c.TrainFraction <= 0 || c.ValidFraction <= 0 || len(c.Horizons) == 0 {
		return nil
	}
	enough := func(bars int) bool {
		train := c.trainShare(bars)
		return train > c.reach() && bars-train > c.reach()
	}
	bars := int(time.Duration(c.TrainLength) / interval)
	if enough(bars) {
		return nil
	}
	least := sort.Search(maxBars, enough)
	return fault.Input("FOLD_TRAIN=%s is %d bars of %s, which with HORIZON=%s leave a fold nothing to train or to validate on", c.TrainLength, bars, Length(interval), c.Horizons).
		Fix("set FOLD_TRAIN=%s or more", lengthOf(least, interval))
}

// lengthOf is the least Length of so many bars.
func lengthOf(bars int, interval time.Duration) Length {
	return Length((time.Duration(bars)*interval + time.Minute - 1).Truncate(time.Minute))
}

// emptyFold is a split that is empty in some fold, of so many labelled snapshots
// without a gap; "": none is. FOLD_TRAIN counts once the bars' length is known.
func (c FoldConfig) emptyFold(labelled, reach int) Split {
	starts := c.starts(labelled)
	if starts == nil {
		return Test
	}
	first := starts[0] // of the fold that has the fewest
	switch train := c.trainShare(first); {
	case train-reach < 1:
		return Train
	case first-train-reach < 1:
		return Valid
	}
	return ""
}

// Length is a length of time that calendars know: minutes, hours, days or weeks.
type Length time.Duration

// UnmarshalText implements encoding.TextUnmarshaler: 90m, 12h, 60d, 2w.
func (l *Length) UnmarshalText(text []byte) error {
	const day = 24 * time.Hour
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': day, 'w': 7 * day}
	if len(text) > 0 {
		unit, known := units[text[len(text)-1]]
		n, err := strconv.ParseInt(string(text[:len(text)-1]), 10, 64)
		if known && err == nil && n > 0 && n <= math.MaxInt64/int64(unit) {
			*l = Length(time.Duration(n) * unit)
			return nil
		}
	}
	return errors.New("it is no length such as 60d, 12h, 90m or 2w")
}

// String is what UnmarshalText reads, in the largest unit that is whole; "" of 0.
func (l Length) String() string {
	d := time.Duration(l)
	if d == 0 {
		return ""
	}
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}} {
		if d%unit.of == 0 {
			return fmt.Sprintf("%d%s", d/unit.of, unit.name)
		}
	}
	return fmt.Sprintf("%dm", d/time.Minute)
}
