package data

import "time"

// Axis is the time axis of a market: T bars of one interval. Bar t opens at
// Start + t*Interval.
type Axis struct {
	Interval time.Duration // length of a bar; 0: a graph without time
	Start    int64         // open time of bar 0, Unix ms
	Bars     int           // T
}

// OpenTime is when bar t opens, Unix ms.
func (a Axis) OpenTime(t int) int64 { return a.Start + int64(t)*a.Interval.Milliseconds() }

// stampOf is when bar t opens, as messages write it.
func (a Axis) stampOf(t int) string { return stamp(time.UnixMilli(a.OpenTime(t))) }
