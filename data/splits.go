package data

import (
	"fmt"
	"sort"
	"time"
)

// split puts the snapshots of bars (rising) into parts by time. The newest,
// whose close HORIZON bars later is yet to come, are live. Before each boundary
// the snapshots whose label reaches it are gap (the purging of López de Prado,
// Advances in Financial Machine Learning, 2018, chapter 7): a label of one part
// never uses a close of the next.
func (c Config) split(m *Market, bars []int) ([]Split, error) {
	settled := sort.Search(len(bars), func(s int) bool { return bars[s]+c.Horizon >= m.Bars })
	if settled == 0 {
		return nil, inputError("no snapshot is followed by HORIZON=%d bars; load more bars (START, LOOKBACK) or lower HORIZON", c.Horizon)
	}
	validFrom, testFrom, err := c.boundaries(m, bars[:settled])
	if err != nil {
		return nil, err
	}
	splits := make([]Split, len(bars))
	size := map[Split]int{}
	for s, t := range bars {
		switch {
		case s >= settled:
			splits[s] = Live
		case t < validFrom && t+c.Horizon < validFrom:
			splits[s] = Train
		case t >= validFrom && t+c.Horizon < testFrom:
			splits[s] = Valid
		case t >= testFrom:
			splits[s] = Test
		default:
			splits[s] = Gap
		}
		size[splits[s]]++
	}
	for _, part := range []Split{Train, Valid, Test} {
		if size[part] == 0 {
			return nil, inputError("the %s part is empty: %s cut the %d labelled snapshots from %s to %s into train %d, valid %d and test %d, with gaps of HORIZON=%d bars between; move the boundaries or load more bars (START, LOOKBACK)",
				part, c.boundaryNames(), settled, m.stampOf(bars[0]), m.stampOf(bars[settled-1]), size[Train], size[Valid], size[Test], c.Horizon)
		}
	}
	return splits, nil
}

// EmptyPart is a part that no snapshot of a market of so many bars falls into,
// where every bar has all its candles; "" where each part has some, or
// TRAIN_END and VALID_END set them.
func (c Config) EmptyPart(bars int) Split {
	labelled := bars - c.Horizon - c.firstBar()
	if !c.TrainEnd.IsZero() {
		return ""
	}
	valid, test := c.shareOf(c.TrainFraction, labelled), c.shareOf(c.TrainFraction+c.ValidFraction, labelled)
	switch {
	case valid-c.Horizon < 1:
		return Train
	case test-valid-c.Horizon < 1:
		return Valid
	case labelled-test < 1:
		return Test
	}
	return ""
}

// shareOf is the place of a boundary among labelled snapshots and the live ones
// behind them. Rounded, because 0.7 + 0.1 falls short of 0.8.
func (c Config) shareOf(share float64, labelled int) int {
	if s := int(share*float64(labelled) + 0.5); s < labelled {
		return s
	}
	return labelled + c.Horizon
}

// boundaries is the first bar of validation and of test; bars are those of the
// snapshots whose labels are known.
func (c Config) boundaries(m *Market, bars []int) (validFrom, testFrom int, err error) {
	if c.TrainEnd.IsZero() {
		at := func(share float64) int {
			if s := c.shareOf(share, len(bars)); s < len(bars) {
				return bars[s]
			}
			return m.Bars
		}
		return at(c.TrainFraction), at(c.TrainFraction + c.ValidFraction), nil
	}
	from := func(end time.Time) int {
		return sort.Search(m.Bars, func(t int) bool { return !time.UnixMilli(m.OpenTime(t)).Before(end) })
	}
	validFrom, testFrom = from(c.TrainEnd), from(c.ValidEnd)
	for _, b := range []struct {
		name string
		end  time.Time
		bar  int
	}{{"TRAIN_END", c.TrainEnd, validFrom}, {"VALID_END", c.ValidEnd, testFrom}} {
		if b.bar <= bars[0] || b.bar > bars[len(bars)-1] {
			return 0, 0, inputError("%s %s is outside the labelled snapshots, which run from %s to %s; move it between them or load other bars (START, END)",
				b.name, stamp(b.end), m.stampOf(bars[0]), m.stampOf(bars[len(bars)-1]))
		}
	}
	return validFrom, testFrom, nil
}

// boundaryNames is how a message names what set the boundaries.
func (c Config) boundaryNames() string {
	if c.TrainEnd.IsZero() {
		return fmt.Sprintf("TRAIN_FRACTION=%v and VALID_FRACTION=%v", c.TrainFraction, c.ValidFraction)
	}
	return fmt.Sprintf("TRAIN_END=%s and VALID_END=%s", stamp(c.TrainEnd), stamp(c.ValidEnd))
}
