package source

import (
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/data/internal/barlength"
)

// Bars need not open at whole multiples of INTERVAL since 1970: those of a stock
// exchange begin when it opens, at half past the hour or at midnight of its time
// zone. Their distance from the multiples, the offset, must be the same for all
// symbols, and a whole number of quarters of an hour, since no exchange opens at
// another time.
const offsetUnit = 15 * time.Minute

// misfit is the fault of bars that have another length than INTERVAL.
type misfit struct {
	error
	path, symbol string
	apart        int64 // ms
}

func (m misfit) Unwrap() error { return m.error }

// checkGrid rejects candles of another interval. The most frequent distance
// between neighbours shows it, once it occurs again: missing bars only add
// longer ones.
func (s *series) checkGrid(interval time.Duration) error {
	step := interval.Milliseconds()
	s.apart = s.usualDistance()
	if s.apart != step && s.apart > 0 && !s.asked && !s.hasGaps(step) {
		return s.misfit(interval)
	}
	s.apart = step
	if err := s.checkLength(step); err != nil {
		return err
	}
	offset, other, at := s.offsets(step)
	switch {
	case at >= 0 && !sameDay(offset, other, interval):
		return s.offGrid(offset, at, interval)
	case offset%offsetUnit.Milliseconds() != 0:
		remedy := s.remedy
		if len(s.times) > 1 { // all are wrong alike: times of closing, perhaps
			remedy = "write the times at which the bars open, to the minute"
		}
		return s.badAt(s.places[0], "open_time is %s, not a whole multiple of INTERVAL=%s since 1970", stamp(s.times[0]), intervalName(interval)).Fix("%s", remedy)
	}
	return nil
}

// hasGaps reports whether a series of bars of the step lacks so many that a
// longer distance is more frequent: one between bars that are on no grid of it.
func (s *series) hasGaps(step int64) bool {
	if s.apart < step || s.apart%step != 0 {
		return false
	}
	_, _, off := s.offsets(step)
	_, _, longer := s.offsets(s.apart)
	return off < 0 && longer >= 0
}

// misfit is the fault of bars whose usual distance is not the interval.
func (s *series) misfit(interval time.Duration) error {
	if err := s.checkLength(s.apart); err != nil {
		return err
	}
	apart := time.Duration(s.apart) * time.Millisecond
	name := intervalName(apart)
	err := bad(s.path, "does not fit INTERVAL=%s, its bars are %s apart", intervalName(interval), durationName(apart)).Fix("set INTERVAL=%s", name)
	if name == "" {
		err = bad(s.path, "does not fit INTERVAL=%s, its bars are %s apart, which is no bar length", intervalName(interval), durationName(apart)).Fix("%s", resample(apart))
	}
	return misfit{err, s.path, s.symbol, s.apart}
}

// resample is what to do about bars of a length that INTERVAL cannot be.
func resample(apart time.Duration) string {
	var longer []string
	for _, l := range barlength.All {
		if l.Length > apart {
			longer = append(longer, l.Name)
		}
	}
	if len(longer) == 0 {
		return "provide bars of 1d or less"
	}
	return "resample it to one of " + strings.Join(longer, ", ") + ", and set INTERVAL to that"
}

// offGrid is the fault of a bar at an index that opens at another time than
// those before it.
func (s *series) offGrid(offset int64, at int, interval time.Duration) error {
	shorter := 0
	for i := 1; i < len(s.times); i++ {
		if s.times[i]-s.times[i-1] < interval.Milliseconds() {
			shorter++
		}
	}
	if shorter >= longRun/2 {
		return s.mixed(interval.Milliseconds(), at)
	}
	remedy := s.remedy
	if interval == day {
		remedy = "write dates as open times, such as 2024-01-31"
	}
	if offset == 0 {
		return s.badAt(s.places[at], "open_time is %s, not a whole multiple of INTERVAL=%s since 1970", stamp(s.times[at]), intervalName(interval)).Fix("%s", remedy)
	}
	return s.badAt(s.places[at], "open_time is %s, not a whole number of INTERVAL=%s after the first, %s", stamp(s.times[at]), intervalName(interval), stamp(s.times[0])).Fix("%s", remedy)
}

// mixed is the fault of a series whose bars are of several lengths.
func (s *series) mixed(usual int64, at int) error {
	length := durationName(time.Duration(usual) * time.Millisecond)
	return s.badAt(s.places[at], "bars of %s and of another length are in one series, from %s on", length, stamp(s.times[at])).Fix("resample all to the longer one, or remove those of the other")
}

// longRun is how many bars in a row of another length are no gaps.
const longRun = 12

// checkLength rejects a stretch of longer bars in a series, as downloads of older
// candles have: laid out as short ones they would be wrong.
func (s *series) checkLength(step int64) error {
	run := 0
	for i := 1; i < len(s.times); i++ {
		d := s.times[i] - s.times[i-1]
		if d == step || i > 1 && d != s.times[i-1]-s.times[i-2] {
			run = 0
			continue
		}
		if run++; run == longRun && (intervalName(time.Duration(d)*time.Millisecond) != "" || d == 7*day.Milliseconds()) {
			return s.mixed(step, i-run)
		}
	}
	return nil
}

// offsets are the distances of the open times from whole multiples of the step:
// that of the first, and another one, of the time at an index; -1: all have the
// same.
func (s *series) offsets(step int64) (offset, other int64, at int) {
	for i, t := range s.times {
		o := t % step
		switch {
		case i == 0:
			offset = o
		case o != offset && at == 0:
			other, at = o, i
		case o != offset && o != other:
			return offset, -1, i // a third one, so none is that of summer time
		}
	}
	if at == 0 {
		at = -1
	}
	return offset, other, at
}
