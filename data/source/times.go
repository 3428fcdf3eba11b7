package source

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// timeForm is how a column writes times.
type timeForm int

const (
	anyForm    timeForm = iota // no row was seen yet
	unixMillis                 // or microseconds: Binance's files changed from one to the other in 2025
	unixSeconds
	unixNanos
	dates
	zonedDates
)

func (f timeForm) String() string {
	return [...]string{"", "Unix milliseconds", "Unix seconds", "Unix nanoseconds", "dates", "dates with a time zone"}[f]
}

// timeColumn reads the times of one column. Its first row shows in which form
// they are; a row in another form is an error. The zero value has seen no row.
type timeColumn struct{ form timeForm }

const (
	timesFix = "write the column as Unix milliseconds or as 2024-01-31 00:05:00 (UTC)"
	lastTime = int64(1e13) // Unix ms, in 2286: a later one would have 14 digits
)

// text reads a time that is written out, to Unix ms.
func (c *timeColumn) text(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return c.integer(v)
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil { // a frame with gaps writes its integers so
		if mantissa, _, ok := strings.Cut(strings.ToLower(text), "e"); ok && digits(mantissa) < 8 && v >= 1e9 && v < 1e19 {
			return 0, c.wrong("export the column again with all its digits, or as 2024-01-31 00:05:00", shorten(text), "is rounded, as a spreadsheet writes long numbers")
		}
		return c.double(v)
	}
	at, zoned, ok := parseDate(text)
	switch {
	case !ok && dayOrMonth(text):
		return 0, c.wrong("write the column as 2024-01-31 00:05:00 (UTC)", shorten(text), "leaves open which part of it is the day")
	case !ok:
		return 0, c.wrong(timesFix, shorten(text), "is in no form of time that is read")
	case zoned:
		return c.agreed(zonedDates, text, at)
	}
	return c.agreed(dates, text, at)
}

// integer reads a Unix time whose unit shows in its number of digits, or the
// digits of a date. Times from 2001 to 2286 have 10 digits in seconds, 13 in
// milliseconds, 16 in microseconds and 19 in nanoseconds, so none can be taken
// for another.
func (c *timeColumn) integer(v int64) (int64, error) {
	written := strconv.FormatInt(v, 10)
	part := func(form timeForm, perMilli int64, unit string) (int64, error) {
		if v%perMilli != 0 {
			return 0, c.wrong("round the column to whole milliseconds", written, "is "+unit+", and not a whole millisecond")
		}
		return c.agreed(form, written, v/perMilli)
	}
	switch {
	case v >= 1e12 && v < 1e13:
		return c.agreed(unixMillis, written, v)
	case v >= 1e15 && v < 1e16:
		return part(unixMillis, 1e3, "microseconds")
	case v >= 1e18:
		return part(unixNanos, 1e6, "nanoseconds")
	case v >= 1e9 && v < 1e10:
		return c.agreed(unixSeconds, written, v*1000)
	}
	for _, layout := range []string{"20060102", "20060102150405"} {
		if at, err := time.Parse(layout, written); err == nil && inRange(at) {
			return c.agreed(dates, written, at.UnixMilli())
		}
	}
	switch {
	case v < 0:
		return 0, c.wrong(timesFix, written, "is below 0, and no time before 1970 is read")
	case v > 20_000 && v < 80_000:
		return 0, c.dayNumber(written)
	case v < 10_000_000:
		return 0, c.wrong("write the times at which the bars open, as 2024-01-31 00:05:00 (UTC)", written, "is the number of a row rather than a time")
	case v < 170_000_000:
		return 0, c.wrong("multiply the column by 60, or write it as 2024-01-31 00:05:00 (UTC)", written, "counts minutes rather than seconds")
	}
	return 0, c.wrong(timesFix, written, "is no Unix time in seconds (10 digits), milliseconds (13) or finer (16, 19)")
}

// dayNumber is the fault of the number by which a spreadsheet counts days.
func (c *timeColumn) dayNumber(text string) error {
	return c.wrong("format the column as 2024-01-31 00:05:00, and export it again", text, "is the number of a day, as a spreadsheet has it")
}

// double reads a time that is held as a floating-point number.
func (c *timeColumn) double(v float64) (int64, error) {
	const exact = 1 << 53 // above it, doubles skip integers
	switch {
	case v > 20_000 && v < 80_000:
		return 0, c.dayNumber(strconv.FormatFloat(v, 'f', -1, 64))
	case v > 2.4e6 && v < 2.6e6 && (v != math.Trunc(v) || c.form == anyForm):
		return 0, c.wrong("write the column as 2024-01-31 00:05:00 (UTC)", strconv.FormatFloat(v, 'f', -1, 64), "is a Julian day")
	case !(v >= -exact && v <= exact) || v != math.Trunc(v):
		return 0, c.wrong(timesFix, strconv.FormatFloat(v, 'f', -1, 64), "is not a whole Unix time in seconds or milliseconds")
	}
	return c.integer(int64(v))
}

// agreed is the time, if it is in the form of the rows before it.
func (c *timeColumn) agreed(form timeForm, text string, ms int64) (int64, error) {
	if c.form == anyForm {
		c.form = form
	}
	switch {
	case c.form != form:
		return 0, fmt.Errorf("%s is of %v, and the rows before it have %v (13 digits are milliseconds)", text, form, c.form)
	case ms < 0 || ms >= lastTime:
		return 0, fmt.Errorf("%s is not between 1970 and 2286", text)
	}
	return ms, nil
}

// wrong is a fault of the column, with its remedy, where the row is the first;
// of this row alone where others were read.
func (c *timeColumn) wrong(remedy, text, what string) error {
	err := fault.Input("%s %s", text, what)
	if c.form == anyForm {
		return err.Fix("%s", remedy)
	}
	return err
}

// digits counts those of a number, without zeros in front.
func digits(number string) (n int) {
	for _, r := range strings.TrimLeft(number, "+-0.,") {
		if r >= '0' && r <= '9' {
			n++
		}
	}
	return n
}
