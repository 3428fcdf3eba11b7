package report

import (
	"math"
	"strconv"
	"time"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
)

// number is a value of a chart, to six digits, or to all of a whole number; null
// where it is not known.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if !finite(float64(n)) {
		return []byte("null"), nil
	}
	if whole := int64(n); number(whole) == n {
		return strconv.AppendInt(nil, whole, 10), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', 6, 64), nil
}

func numbers[F ~float64](values []F) []number {
	list := make([]number, len(values))
	for i, v := range values {
		list[i] = number(v)
	}
	return list
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// absent is what a cell shows that is not known.
const absent = "–"

// unbroken is the space between a number and its unit.
const unbroken = "\u00a0"

// decimals is a number to so many decimals.
func decimals[F ~float64](v F, places int) string {
	if !finite(float64(v)) {
		return absent
	}
	return minus(strconv.FormatFloat(float64(v), 'f', places, 64))
}

// signed is the same with a sign.
func signed[F ~float64](v F, places int) string {
	s := decimals(v, places)
	if v > 0 {
		s = "+" + s
	}
	return s
}

// percent is a share in percent.
func percent[F ~float64](share F, places int) string {
	if !finite(float64(share)) {
		return absent
	}
	return decimals(100*share, places) + unbroken + "%"
}

func signedPercent[F ~float64](share F, places int) string {
	if !finite(float64(share)) {
		return absent
	}
	return signed(100*share, places) + unbroken + "%"
}

// minus writes a negative number with the sign for it, which screen readers read
// and lines are not broken at.
func minus(s string) string {
	if s[0] == '-' {
		return "−" + s[1:]
	}
	return s
}

func span(i evaluation.Interval, places int, format func(evaluation.Float, int) string) string {
	if !finite(float64(i.Low)) {
		return absent
	}
	return format(i.Low, places) + " … " + format(i.High, places)
}

// stamp is a time to the minute.
func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04") }

// day is a date.
func day(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02") }

// spread are the places of at most so many of n values, evenly spread, the last
// one among them.
func spread(n, most int) []int {
	count := min(n, most)
	places := make([]int, count)
	for k := range places {
		places[k] = (k+1)*n/count - 1
	}
	return places
}

// chosen are the values at the places.
func chosen[E any](values []E, places []int) []E {
	list := make([]E, len(places))
	for k, at := range places {
		list[k] = values[at]
	}
	return list
}
