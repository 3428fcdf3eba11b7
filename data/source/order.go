package source

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// order sorts the candles by open time and drops repetitions, counting both, and
// checks that they are bars of the interval.
func (s *series) order(interval time.Duration) error {
	s.rows = len(s.times)
	newest := int64(math.MinInt64)
	for _, t := range s.times {
		if t < newest {
			s.disordered++
		}
		newest = max(newest, t)
	}
	if s.disordered > 0 {
		order := make([]int, s.rows)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.times[a], s.times[b]) })
		s.pick(order)
	}
	if err := s.dropDuplicates(); err != nil {
		return err
	}
	return s.checkGrid(interval)
}

// pick keeps the candles at the given indices, in that order, over memory of
// their own.
func (s *series) pick(at []int) {
	s.places, s.times = picked(s.places, at), picked(s.times, at)
	for q, column := range s.values {
		if column != nil {
			s.values[q] = picked(column, at)
		}
	}
	s.own = s.own.each(func(column []float64) []float64 { return picked(column, at) })
}

func picked[T any](column []T, at []int) []T {
	out := make([]T, len(at))
	for i, j := range at {
		out[i] = column[j]
	}
	return out
}

// dropDuplicates keeps the first of each run of equal candles. Candles that
// claim one open time with different values are an error: nothing decides which
// of them is right.
func (s *series) dropDuplicates() error {
	keep := make([]int, 0, s.rows)
	for i, t := range s.times {
		if i == 0 || t != s.times[i-1] {
			keep = append(keep, i)
			continue
		}
		first := keep[len(keep)-1]
		was, is := s.candle(first), s.candle(i)
		twice := func(column any, was, is float64) error {
			return repeated{bad(s.path, "has open_time %s twice, with %s %v at %s and %v at %s",
				stamp(t), column, was, s.within(s.places[first]), is, s.within(s.places[i])).Fix("remove one of them")}
		}
		for q := range quantities {
			if was[q] != is[q] && !(math.IsNaN(was[q]) && math.IsNaN(is[q])) {
				return twice(q, was[q], is[q])
			}
		}
		if k := s.own.differs(first, i); k >= 0 {
			return twice(s.own.names[k], s.own.values[k][first], s.own.values[k][i])
		}
		s.duplicates++
	}
	if s.duplicates > 0 {
		s.pick(keep)
	}
	return nil
}

// usualDistance is the most frequent distance between neighbours, ms; 0: none
// occurs twice.
func (s *series) usualDistance() (usual int64) {
	seen := map[int64]int{}
	for i := range len(s.times) - 1 {
		seen[s.times[i+1]-s.times[i]]++
	}
	for d, n := range seen {
		if n > seen[usual] || n == seen[usual] && d < usual {
			usual = d
		}
	}
	if seen[usual] < 2 {
		return 0
	}
	return usual
}
