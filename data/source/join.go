package source

import (
	"math"
	"time"
)

const (
	// bookAge is how long an order book counts as known: hours later it says
	// nothing of the market.
	bookAge = time.Hour
	// fundingAge is three of the longest funding periods.
	fundingAge = 24 * time.Hour
)

// observations are values of one symbol that were seen at times, Unix ms,
// rising; each value is of the time at its place.
type observations struct {
	times  []int64
	values map[quantity][]float64
}

// join gives each bar the last values that were known at its close: those of
// the last time before it that is not older than oldest. What was seen at the
// very moment of the close counts as seen after it.
func (s *series) join(o *observations, interval, oldest time.Duration) {
	seen := lastKnown(o.times, s.times, interval, oldest)
	for q, values := range o.values {
		column := make([]float64, len(s.times))
		for i, at := range seen {
			column[i] = math.NaN()
			if at >= 0 {
				column[i] = values[at]
			}
		}
		s.values[q] = column
	}
}

// lastKnown is for each bar, by its open time, the place of the last of the
// times before its close, -1 where there is none that is young enough. Both
// rise.
func lastKnown(times, opens []int64, interval, oldest time.Duration) []int {
	at := make([]int, len(opens))
	next := 0
	for i, open := range opens {
		closing := open + interval.Milliseconds()
		for next < len(times) && times[next] < closing {
			next++
		}
		at[i] = next - 1
		if next > 0 && closing-times[next-1] > oldest.Milliseconds() {
			at[i] = -1
		}
	}
	return at
}
