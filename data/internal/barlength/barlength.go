// Package barlength knows the lengths of bars, and the spellings that exchanges,
// pandas and others have for them.
package barlength

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Length is a length of bars by Binance's name.
type Length struct {
	Name   string
	Length time.Duration
}

// All are those that divide a day.
var All = []Length{
	{"1m", time.Minute},
	{"3m", 3 * time.Minute},
	{"5m", 5 * time.Minute},
	{"15m", 15 * time.Minute},
	{"30m", 30 * time.Minute},
	{"1h", time.Hour},
	{"2h", 2 * time.Hour},
	{"4h", 4 * time.Hour},
	{"6h", 6 * time.Hour},
	{"8h", 8 * time.Hour},
	{"12h", 12 * time.Hour},
	{"1d", day},
}

// Name is Binance's name of a length; "" for one that is not among All.
func Name(d time.Duration) string {
	for _, l := range All {
		if l.Length == d {
			return l.Name
		}
	}
	return ""
}

// Names lists all.
func Names() string {
	var names []string
	for _, l := range All {
		names = append(names, l.Name)
	}
	return strings.Join(names, ", ")
}

var (
	numberFirst = regexp.MustCompile(`^(\d+(?:\.\d+)?) ?-?([a-z]+)$`)
	unitFirst   = regexp.MustCompile(`^([a-z]+) ?(\d+)$`)
	iso         = regexp.MustCompile(`^p(?:t(\d+)([smh])|(\d+)(d))$`)
	clock       = regexp.MustCompile(`^(?:(\d+) days? )?(\d{1,2}):(\d{2})(?::(\d{2}))?$`)
)

var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute, "t": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour, "hourly": time.Hour,
	"d": day, "day": day, "days": day, "daily": day,
}

// Meant are the lengths that a spelling may stand for: 5min, 5T, PT5M, M5, 60m,
// 1H, 00:05:00, daily. A number alone is of seconds or of minutes.
func Meant(text string) (lengths []time.Duration) {
	add := func(n string, unit time.Duration) {
		number, err := strconv.ParseFloat(n, 64)
		if d := time.Duration(number * float64(unit)); err == nil && Name(d) != "" && !slices.Contains(lengths, d) {
			lengths = append(lengths, d)
		}
	}
	text = strings.TrimSpace(text)
	if text == "1M" || text == "M" { // a month
		return nil
	}
	text = strings.ToLower(text)
	if _, err := strconv.Atoi(text); err == nil {
		add(text, time.Second)
		add(text, time.Minute)
		return lengths
	}
	if unit, known := units[text]; known {
		add("1", unit)
	} else if parts := numberFirst.FindStringSubmatch(text); parts != nil {
		add(parts[1], units[parts[2]])
	} else if parts := unitFirst.FindStringSubmatch(text); parts != nil {
		add(parts[2], units[parts[1]])
	} else if parts := iso.FindStringSubmatch(text); parts != nil {
		add(parts[1]+parts[3], units[parts[2]+parts[4]])
	} else if parts := clock.FindStringSubmatch(text); parts != nil {
		number := func(s string) time.Duration { n, _ := strconv.Atoi(s); return time.Duration(n) }
		add("1", number(parts[1])*day+number(parts[2])*time.Hour+number(parts[3])*time.Minute+number(parts[4])*time.Second)
	}
	return lengths
}

// Same reports whether a spelling may stand for the length that name has.
func Same(spelling, name string) bool {
	return spelling == name || slices.ContainsFunc(Meant(spelling), func(d time.Duration) bool { return Name(d) == name })
}
