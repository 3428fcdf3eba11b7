package source

import (
	"slices"
	"time"
)

// The rule that finds a market with closing hours. It asks for a pattern, since
// an outage, a thin symbol or a lost month leaves bars out as well.
const (
	// leastDays and leastWeeks are how often the pattern must have been seen.
	leastDays, leastWeeks = 3, 2
	// closedShare is the share of the slots of a day or week that never open.
	closedShare = 0.1
	// explainedShare is the share of all empty bars that lie in such slots: the
	// rest are holidays.
	explainedShare = 0.8
	// oddShare is the share of days or weeks on which such a slot may be open.
	oddShare = 0.05
)

const week = 7 * day

// sessionTimes are the open times of a market with closing hours, those at which
// some symbol has a candle; nil for one that never closes. Such a market has
// slots of the day or of the week in which no symbol ever trades. The time axis
// of all is a.
func sessionTimes(all []*series, a axis) []int64 {
	step := a.step.Milliseconds()
	open := make([]bool, a.bars)
	for _, s := range all {
		for _, t := range s.times {
			open[(t-a.start)/step] = true
		}
	}
	if !closesBy(open, week, a.step, leastWeeks) && !closesBy(open, day, a.step, leastDays) && !closesOnWeekends(open, a) {
		return nil
	}
	var times []int64
	for bar, ok := range open {
		if ok {
			times = append(times, a.openTime(bar))
		}
	}
	return times
}

// closesBy reports whether the market closes at the same slots of each period,
// seen so often at least.
func closesBy(open []bool, period, step time.Duration, least int) bool {
	slots := int(period / step)
	if slots < 2 || len(open) < least*slots {
		return false
	}
	seen, opened, empty := make([]int, slots), make([]int, slots), 0
	for bar, ok := range open {
		seen[bar%slots]++
		if ok {
			opened[bar%slots]++
		} else {
			empty++
		}
	}
	closed, explained := 0, 0
	for slot := range slots {
		if float64(opened[slot]) <= oddShare*float64(seen[slot]) {
			closed++
			explained += seen[slot] - opened[slot]
		}
	}
	return float64(closed) >= closedShare*float64(slots) && float64(explained) >= explainedShare*float64(empty)
}

// closesOnWeekends reports whether a market that is open else is closed over each
// whole Saturday (UTC) and a day about it, and on no other day: one weekend is
// enough to see that, as in a week of currencies.
func closesOnWeekends(open []bool, a axis) bool {
	const shortest, longest = 40 * time.Hour, 80 * time.Hour
	weekends, closed, empty := 0, 0, 0
	for bar := 0; bar < len(open); {
		if open[bar] {
			bar++
			continue
		}
		from := bar
		for bar < len(open) && !open[bar] {
			bar++
		}
		empty += bar - from
		begin, end := time.UnixMilli(a.openTime(from)).UTC(), time.UnixMilli(a.openTime(bar)).UTC()
		saturday := begin.Truncate(day)
		for saturday.Weekday() != time.Saturday || saturday.Before(begin) {
			saturday = saturday.Add(day)
		}
		if length := end.Sub(begin); length >= shortest && length <= longest && !saturday.Add(day).After(end) {
			weekends++
			closed += bar - from
		}
	}
	return a.step < day && weekends > 0 && float64(closed) >= explainedShare*float64(empty)
}

// barOf is the number of the bar that opens at t.
func (a axis) barOf(t int64) int {
	if a.times == nil {
		return int((t - a.start) / a.step.Milliseconds())
	}
	bar, _ := slices.BinarySearch(a.times, t)
	return bar
}
