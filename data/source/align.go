package source

import (
	"path/filepath"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// sameDay reports whether two offsets of daily bars are those of midnight in one
// time zone, with and without summer time.
func sameDay(a, b int64, interval time.Duration) bool {
	apart := (a - b + day.Milliseconds()) % day.Milliseconds()
	return interval == day && (apart == time.Hour.Milliseconds() || apart == 23*time.Hour.Milliseconds())
}

// align brings all series, each of which is on a grid, to one. Daily bars that
// follow summer time become those of their dates.
func align(all []*series, interval time.Duration) error {
	step := interval.Milliseconds()
	var offsets []int64
	var of []*series
	see := func(o int64, s *series) {
		if !slices.Contains(offsets, o) {
			offsets, of = append(offsets, o), append(of, s)
		}
	}
	for _, s := range all {
		if len(s.times) == 0 {
			continue
		}
		offset, other, at := s.offsets(step)
		if see(offset, s); at >= 0 {
			see(other, s)
		}
	}
	switch {
	case len(offsets) < 2:
		return nil
	case len(offsets) > 2 || !sameDay(offsets[0], offsets[1], interval):
		last := len(of) - 1
		return unlike(of[0], of[last], offsets[last], interval)
	case (offsets[0]-offsets[1]+step)%step == time.Hour.Milliseconds():
		toDates(all, offsets[1])
	default:
		toDates(all, offsets[0])
	}
	return nil
}

// unlike is the fault of two series whose bars open at different times.
func unlike(a, b *series, offset int64, interval time.Duration) error {
	bar := b.times[0]
	for _, t := range b.times {
		if t%interval.Milliseconds() == offset {
			bar = t
			break
		}
	}
	return fault.Input("bars of %s open at %s, which is no whole number of INTERVAL=%s from those of %s, as %s", filepath.Base(b.path), clockOf(bar), intervalName(interval), filepath.Base(a.path), clockOf(a.times[0])).
		At("%s", b.path).Fix("give all symbols the same open times, or leave one of the two out")
}

func clockOf(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04") }

// toDates lays daily bars that open at low past midnight UTC, or an hour later,
// at the midnight of their date.
func toDates(all []*series, low int64) {
	step := day.Milliseconds()
	for _, s := range all {
		for i, t := range s.times {
			s.times[i] = (t - low) / step * step
			if low > step/2 { // east of Greenwich the date has changed already
				s.times[i] += step
			}
		}
	}
}
