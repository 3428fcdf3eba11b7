package source

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

// series holds the candles of one file, column by column.
type series struct {
	path   string
	unit   string                 // what counts places in the file: line, row
	places []int                  // [R] where each candle stands, from 1
	names  func(place int) string // in place of path and unit: how a place is named
	times  []int64
	values [quantities][]float64 // each [R]; nil where the file lacks the column

	rows, duplicates, disordered int
	unread                       []unread // columns of the file
}

func newSeries(path, unit string, at places) *series {
	s := &series{path: path, unit: unit}
	for q := range s.values {
		if at[q] >= 0 {
			s.values[q] = []float64{}
		}
	}
	return s
}

func (s *series) candle(i int) candle {
	var c candle
	for q, column := range s.values {
		c[q] = math.NaN()
		if column != nil {
			c[q] = column[i]
		}
	}
	return c
}

func (s *series) add(place int, openTime int64, c *candle) {
	s.places = append(s.places, place)
	s.times = append(s.times, openTime)
	for q, column := range s.values {
		if column != nil {
			s.values[q] = append(column, c[q])
		}
	}
}

// bad is an error about the whole file.
func bad(path, format string, a ...any) error {
	return fmt.Errorf("%w: %s %s", data.ErrInput, path, fmt.Sprintf(format, a...))
}

// badAt is an error about one place in the file.
func badAt(path, unit string, place int, format string, a ...any) error {
	return fmt.Errorf("%w: %s, %s %d: %s", data.ErrInput, path, unit, place, fmt.Sprintf(format, a...))
}

// badCandle is an error about one candle.
func (s *series) badCandle(i int, format string, a ...any) error {
	return fmt.Errorf("%w: %s: %s", data.ErrInput, s.where(i), fmt.Sprintf(format, a...))
}

// where names the place of a candle.
func (s *series) where(i int) string {
	if s.names == nil {
		return s.path + ", " + s.place(i)
	}
	return s.place(i)
}

// place names the place of a candle beside the path.
func (s *series) place(i int) string {
	if s.names == nil {
		return fmt.Sprintf("%s %d", s.unit, s.places[i])
	}
	return s.names(s.places[i])
}

// stamp writes an open time as the file has it and as people read it.
func stamp(ms int64) string {
	return fmt.Sprintf("%d (%s)", ms, time.UnixMilli(ms).UTC().Format(time.RFC3339))
}

// tidy sorts the candles by open time and drops repetitions, counting both, and
// checks that they are bars of the interval.
func (s *series) tidy(interval time.Duration) error {
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
}

func picked[T any](column []T, at []int) []T {
	out := make([]T, len(at))
	for i, j := range at {
		out[i] = column[j]
	}
	return out
}

// dropDuplicates keeps the first of each run of equal candles. Candles that
// claim one open time with different values are an error: nothing says which
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
		for q := range quantities {
			if was[q] != is[q] && !(math.IsNaN(was[q]) && math.IsNaN(is[q])) {
				return bad(s.path, "has open_time %s twice, with %s %v at %s and %v at %s: remove one of them",
					stamp(t), q, was[q], s.place(first), is[q], s.place(i))
			}
		}
		s.duplicates++
	}
	if s.duplicates > 0 {
		s.pick(keep)
	}
	return nil
}

// checkGrid refuses candles of another interval. The most frequent distance
// between neighbours tells it, once it occurs again: missing bars only add
// longer ones.
func (s *series) checkGrid(interval time.Duration) error {
	step := interval.Milliseconds()
	seen := map[int64]int{}
	for i := range len(s.times) - 1 {
		seen[s.times[i+1]-s.times[i]]++
	}
	var usual int64
	for d, n := range seen {
		if n > seen[usual] || n == seen[usual] && d < usual {
			usual = d
		}
	}
	if usual != step && seen[usual] > 1 {
		apart := time.Duration(usual) * time.Millisecond
		if name := intervalName(apart); name != "" {
			return bad(s.path, "does not fit INTERVAL=%s, its bars are %s apart: set INTERVAL=%s", intervalName(interval), name, name)
		}
		return bad(s.path, "does not fit INTERVAL=%s, its bars are %s apart, which is no bar length: resample it to one of %s", intervalName(interval), durationName(apart), intervalNames())
	}
	for i, t := range s.times {
		if t%step != 0 {
			return s.badCandle(i, "open_time is %s, not a whole multiple of INTERVAL=%s since 1970: correct or remove this candle", stamp(t), intervalName(interval))
		}
	}
	return nil
}

// cut keeps the candles whose open time is in [from, to) and lets the memory
// of the others go.
func (s *series) cut(from, to int64) {
	first, _ := slices.BinarySearch(s.times, from)
	last, _ := slices.BinarySearch(s.times, to)
	if last = max(first, last); last-first == len(s.times) {
		return
	}
	s.places, s.times = slices.Clone(s.places[first:last]), slices.Clone(s.times[first:last])
	for q, column := range s.values {
		if column != nil {
			s.values[q] = slices.Clone(column[first:last])
		}
	}
}

// turnover is the summed quote volume.
func (s *series) turnover() (sum float64) {
	for i := range s.times {
		c := s.candle(i)
		sum += c.quoteTurnover()
	}
	return sum
}
