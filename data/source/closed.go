package source

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// clockSlack is how far this machine's clock may be behind: a bar that opens so
// soon has not closed, and is none of the future.
const clockSlack = time.Minute

// dropOpen removes the newest bar where it has not closed: by the clock, or when
// the file was written, so that it holds a part of a bar as if it were the whole.
// A bar that has not begun is an error, unless END leaves it out: then the times
// are in another zone than UTC, or the clock is wrong. note reports what was
// removed.
func (s *series) dropOpen(now, written time.Time, span Range, interval time.Duration) (note string, err error) {
	_, end := span.bounds(math.MaxInt64)
	last, _ := slices.BinarySearch(s.times, end)
	if last == 0 {
		return "", nil
	}
	future, _ := slices.BinarySearch(s.times, now.Add(clockSlack).UnixMilli()+1)
	if future < last {
		remedy := "write the times in UTC, correct the clock"
		if s.times[future]-now.UnixMilli() > 2*day.Milliseconds() { // no zone is as far away
			remedy = s.remedy
		}
		err := s.badAt(s.places[future], "open_time is %s, and it is %s now", rfc3339(s.times[future]), now.UTC().Format(time.RFC3339))
		switch {
		case future == 0 && remedy == s.remedy: // END would leave no bar
			return "", err.Fix("correct the open times of the whole file, or the clock")
		case future == 0:
			return "", err.Fix("write the times in UTC, or correct the clock")
		}
		return "", err.Fix("%s, or set END=%s, which leaves out %d bars", remedy, now.UTC().Truncate(time.Minute).Format(time.RFC3339), last-future)
	}
	closed, _ := slices.BinarySearch(s.times[:last], now.Add(-interval).UnixMilli()+1) // how many
	opened := s.times[min(closed, last-1)]
	closes := opened + interval.Milliseconds()
	why := ""
	switch {
	case closed < last:
		why = "has not closed"
	case interval < day && written.UnixMilli() >= opened && written.UnixMilli() < closes:
		why = "had not closed when the file was written"
	default:
		return "", nil
	}
	s.keep(0, min(closed, last-1))
	return fmt.Sprintf("the bar of %s %s and is not read", time.UnixMilli(opened).UTC().Format(time.RFC3339), why), nil
}

// keep drops all candles but those with an index in [from, to).
func (s *series) keep(from, to int) {
	s.places, s.times = slices.Clone(s.places[from:to]), slices.Clone(s.times[from:to])
	for q, column := range s.values {
		if column != nil {
			s.values[q] = slices.Clone(column[from:to])
		}
	}
	s.own = s.own.each(func(column []float64) []float64 { return slices.Clone(column[from:to]) })
}

// openBars are the sentences about bars that were left out since they had not
// closed, each with the names it is true of.
func openBars(bars, names []string) (notes []string) {
	of := map[string][]string{}
	for i, bar := range bars {
		if bar != "" {
			of[bar] = append(of[bar], names[i])
		}
	}
	for _, bar := range slices.Sorted(maps.Keys(of)) {
		notes = append(notes, FirstOf(of[bar])+": "+bar)
	}
	return notes
}
