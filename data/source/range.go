package source

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/internal/barlength"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

const day = 24 * time.Hour

// ParseInterval reads the length of a bar by Binance's name for it: 1m, 3m, 5m,
// 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h or 1d. Other spellings are rejected with the
// right one. The error wraps data.ErrInput.
func ParseInterval(s string) (time.Duration, error) {
	for _, i := range barlength.All {
		if i.Name == s {
			return i.Length, nil
		}
	}
	err := fault.Input("INTERVAL=%q is no bar length", s).At("INTERVAL")
	var names []string
	for _, length := range barlength.Meant(s) {
		names = append(names, barlength.Name(length))
	}
	if len(names) > 0 {
		return 0, err.Fix("set INTERVAL=%s", strings.Join(names, " or "))
	}
	return 0, err.Fix("set one of %s", intervalNames())
}

func intervalNames() string { return barlength.Names() }

// intervalName is the inverse of ParseInterval; "" for any other length.
func intervalName(d time.Duration) string { return barlength.Name(d) }

// lengthOf is the length that a file's name has.
func lengthOf(spelling string) (length time.Duration, known bool) {
	lengths := barlength.Meant(spelling)
	if len(lengths) != 1 {
		return 0, false
	}
	return lengths[0], true
}

// ParseTime reads an instant as RFC 3339 or as a date, 2006-01-02, which is
// midnight UTC. The error wraps data.ErrInput.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fault.Input("%q is no time", s).Fix("write it as 2024-06-01 or 2024-06-01T00:00:00Z")
}

// ParseLookback reads a positive number of minutes, hours, days or weeks: 90m,
// 12h, 30d, 2w. The error wraps data.ErrInput.
func ParseLookback(s string) (time.Duration, error) {
	var l data.Length
	if l.UnmarshalText([]byte(s)) == nil {
		return time.Duration(l), nil
	}
	return 0, fault.Input("LOOKBACK=%q is no duration", s).At("LOOKBACK").Fix("write it as 30d, 12h, 90m or 2w")
}

// Range is the part of the time axis that the user asked for. Start is
// included, End excluded; both compare with a bar's open time. A zero field
// sets no bound. Lookback counts back from End or, without it, from the close
// of the newest bar; it and Start exclude each other.
type Range struct {
	Start, End time.Time
	Lookback   time.Duration
}

// Range reads START, END and LOOKBACK; the last may hold START:END, as
// TIME_RANGE does. All errors are reported together and wrap data.ErrInput.
func (c Config) Range() (Range, error) {
	var (
		r    Range
		errs []error
	)
	bad := func(variable, remedy, format string, a ...any) {
		errs = append(errs, fault.Input(format, a...).At("%s", variable).Fix("%s", remedy))
	}
	instant := func(name, value string, to *time.Time) {
		if value == "" {
			return
		}
		t, err := ParseTime(value)
		if err != nil {
			errs = append(errs, fault.Input("reading %s: %w", name, err).At("%s", name))
		}
		*to = t
	}
	start, end := c.Start, c.End
	switch {
	case strings.Contains(c.Lookback, ":"):
		from, to, ok := splitRange(c.Lookback)
		switch {
		case !ok:
			bad("TIME_RANGE", "write it as 2024-06-01:2024-06-02", "TIME_RANGE=%q is no range", c.Lookback)
		case start != "" || end != "":
			bad("TIME_RANGE", "unset one of them", "TIME_RANGE=%s and START=%s, END=%s set the same thing", c.Lookback, start, end)
		default:
			start, end = from, to
		}
	case c.Lookback != "" && start != "":
		bad("LOOKBACK", "unset one of them", "START=%s and LOOKBACK=%s both set where the range begins", start, c.Lookback)
	case c.Lookback != "":
		d, err := ParseLookback(c.Lookback)
		if err != nil {
			errs = append(errs, err)
		}
		r.Lookback = d
	}
	instant("START", start, &r.Start)
	instant("END", end, &r.End)
	if len(errs) == 0 && !r.Start.IsZero() && !r.End.IsZero() && !r.Start.Before(r.End) {
		bad("START", "set START to an earlier time, or END to a later one", "START %s is not before END %s", r.Start.Format(time.RFC3339), r.End.Format(time.RFC3339))
	}
	return r, errors.Join(errs...)
}

// splitRange cuts START:END at the one colon that leaves a time on either side;
// RFC 3339 has colons of its own.
func splitRange(s string) (start, end string, ok bool) {
	for i, c := range s {
		if c != ':' {
			continue
		}
		_, errStart := ParseTime(s[:i])
		_, errEnd := ParseTime(s[i+1:])
		if errStart == nil && errEnd == nil {
			return s[:i], s[i+1:], true
		}
	}
	return "", "", false
}

// bounds are the first open time that is in the range and the first after it,
// Unix ms, when newest is the close of the newest bar.
func (r Range) bounds(newest int64) (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	if !r.Start.IsZero() {
		from = r.Start.UnixMilli()
	}
	if !r.End.IsZero() {
		to = r.End.UnixMilli()
	}
	if r.Lookback > 0 {
		last := newest
		if !r.End.IsZero() {
			last = to
		}
		from = last - r.Lookback.Milliseconds()
	}
	return from, to
}

// Bounds are the first time that START, END and LOOKBACK ask for and the first
// after it, Unix ms, when the newest bar closes at newest.
func (c Config) Bounds(newest int64) (from, to int64, err error) {
	r, err := c.Range()
	if err != nil {
		return 0, 0, err
	}
	from, to = r.bounds(newest)
	return from, to, nil
}

// String names the range as the user wrote it, for messages.
func (r Range) String() string {
	var parts []string
	if !r.Start.IsZero() {
		parts = append(parts, "START="+r.Start.Format(time.RFC3339))
	}
	if !r.End.IsZero() {
		parts = append(parts, "END="+r.End.Format(time.RFC3339))
	}
	if r.Lookback > 0 {
		parts = append(parts, "LOOKBACK="+durationName(r.Lookback))
	}
	return strings.Join(parts, ", ")
}

// durationName writes whole days, hours or minutes as ParseLookback reads them.
func durationName(d time.Duration) string {
	switch {
	case d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	case d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	}
	return d.String()
}
