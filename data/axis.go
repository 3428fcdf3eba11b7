package data

import "time"

// Axis is the time axis of a market: T bars of one interval. Bar t opens at
// Start + t*Interval, or at Times[t] in a market with closing hours.
type Axis struct {
	Interval time.Duration // length of a bar; 0: a graph without time
	Start    int64         // open time of bar 0, Unix ms
	Bars     int           // T

	// Times are the open times of the bars [T], Unix ms, rising, whole multiples
	// of Interval apart; nil: one bar follows the other without a break.
	Times []int64
}

// OpenTime is when bar t opens, Unix ms. Behind the last bar, of which nobody
// knows whether the market opens then, bars follow each other without a break.
func (a Axis) OpenTime(t int) int64 {
	step := a.Interval.Milliseconds()
	switch last := len(a.Times) - 1; {
	case last < 0:
		return a.Start + int64(t)*step
	case t > last:
		return a.Times[last] + int64(t-last)*step
	}
	return a.Times[t]
}

// CloseTime is when bar t closes, Unix ms.
func (a Axis) CloseTime(t int) int64 { return a.OpenTime(t) + a.Interval.Milliseconds() }

// stampOf is when bar t opens, as messages write it.
func (a Axis) stampOf(t int) string { return stamp(time.UnixMilli(a.OpenTime(t))) }
