package source

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// series is what every source yields of one symbol: its candles, column by
// column, with the place that each came from. order sorts and checks them, cut
// keeps a range, join adds what else was known at each close, and an assembly
// lays them out in a market.
type series struct {
	origin
	times  []int64
	values [quantities][]float64 // each [R]; nil where the source lacks the column
	own    own

	rows, duplicates, disordered int

	symbol    string
	long      bool  // whether it is one of many of a file in long format
	began     int   // the place of the first row
	timesOnly bool  // whether nothing but its times is kept, since nobody wants it
	apart     int64 // ms between most neighbours; 0: not known
}

// origin is where candles were read, for messages.
type origin struct {
	path   string                 // of the whole: a file, a collection
	unit   string                 // what counts places in it: line, row
	names  func(place int) string // names a place, instead of path and unit
	places []int                  // [R] of each candle; lines and rows from 1
	remedy string                 // for one candle that is impossible

	asked bool // the source was asked for bars of the interval, and needs no guess at theirs
}

// newSeries has no candle yet, and the columns that are found in a header.
func newSeries(from origin, at places) *series {
	s := &series{origin: from}
	for q := range s.values {
		if at[q] >= 0 {
			s.values[q] = []float64{}
		}
	}
	return s
}

// newSeriesOf has no candle yet, and the columns before end.
func newSeriesOf(from origin, end quantity) *series {
	s := &series{origin: from}
	for q := range end {
		s.values[q] = []float64{}
	}
	return s
}

func (s *series) candle(i int) candle {
	c := unknownCandle
	for q, column := range s.values {
		if column != nil {
			c[q] = column[i]
		}
	}
	return c
}

// add appends a candle. One that is impossible is an error with its place.
func (s *series) add(place int, openTime int64, c *candle) error {
	if s.timesOnly {
		s.times = append(s.times, openTime)
		return nil
	}
	if err := s.check(place, c); err != nil {
		return err
	}
	s.places = append(s.places, place)
	s.times = append(s.times, openTime)
	for q, column := range s.values {
		if column != nil {
			s.values[q] = append(column, c[q])
		}
	}
	return nil
}

// check validates the candle at a place.
func (o *origin) check(place int, c *candle) error {
	if err := c.validate(); err != nil {
		return o.badAt(place, "%w", err).Fix("%s", o.remedy)
	}
	return nil
}

// bad is a fault of the whole of a source: its name is the subject of the
// sentence.
func bad(path, format string, a ...any) *fault.Error {
	return fault.Input("%s %w", path, fmt.Errorf(format, a...)).At("%s", path)
}

// badAt is a fault at one place.
func (o *origin) badAt(place int, format string, a ...any) *fault.Error {
	return fault.Input(format, a...).At("%s", o.where(place))
}

// where names a place.
func (o *origin) where(place int) string {
	if o.names == nil {
		return o.path + ", " + o.within(place)
	}
	return o.names(place)
}

// within names a place beside the path.
func (o *origin) within(place int) string {
	if o.names == nil {
		return fmt.Sprintf("%s %d", o.unit, place)
	}
	return strings.TrimPrefix(o.names(place), filepath.Dir(o.path)+string(filepath.Separator))
}

// stamp writes an open time as the source has it and as people read it.
func stamp(ms int64) string {
	return fmt.Sprintf("%d (%s)", ms, time.UnixMilli(ms).UTC().Format(time.RFC3339))
}

// newest is the close of the newest bar, Unix ms.
func (s *series) newest(interval time.Duration) int64 {
	if len(s.times) == 0 {
		return math.MinInt64
	}
	return s.times[len(s.times)-1] + interval.Milliseconds()
}

// extent is the first open time of any series and the close of the newest bar.
func extent(all []*series, interval time.Duration) (first, last int64) {
	first, last = math.MaxInt64, math.MinInt64
	for _, s := range all {
		if len(s.times) > 0 {
			first, last = min(first, s.times[0]), max(last, s.newest(interval))
		}
	}
	return first, last
}

// cutAll keeps of all series the range, which may count back from the newest
// bar of any of them.
func cutAll(all []*series, span Range, interval time.Duration) {
	_, newest := extent(all, interval)
	for _, s := range all {
		s.cut(span.bounds(newest))
	}
}

// cut keeps the candles whose open time is in [from, to) and releases the
// memory of the others.
func (s *series) cut(from, to int64) {
	first, _ := slices.BinarySearch(s.times, from)
	last, _ := slices.BinarySearch(s.times, to)
	if last = max(first, last); last-first == len(s.times) {
		return
	}
	s.keep(first, last)
}

// turnover is the summed quote volume.
func (s *series) turnover() (sum float64) {
	for i := range s.times {
		c := s.candle(i)
		sum += c.quoteTurnover()
	}
	return sum
}
