package source

import (
	"strings"
	"time"
)

// parseDate reads a date, with or without a time of day and a zone, in which the
// year stands first. Without a zone it is UTC.
func parseDate(text string) (ms int64, zoned, ok bool) {
	text = strings.TrimSpace(text)
	day, clock := text, ""
	if i := strings.IndexAny(text, "Tt _"); i > 0 {
		day, clock = text[:i], strings.TrimSpace(text[i+1:])
	}
	day = strings.NewReplacer("/", "-", ".", "-").Replace(day)
	if ms, ok := parseNamedMonth(text); ok {
		return ms, false, true
	}
	date, err := time.Parse("2006-1-2", day)
	if err != nil && len(day) == len("20060102") {
		date, err = time.Parse("20060102", day)
	}
	if err != nil || !inRange(date) {
		return 0, false, false
	}
	if clock == "" {
		return date.UnixMilli(), false, true
	}
	for _, utc := range []string{"UTC", "GMT", "Z", "z"} {
		if before, found := strings.CutSuffix(clock, utc); found {
			clock, zoned = strings.TrimSpace(before), true
			break
		}
	}
	ahead := time.Duration(0)
	if i := strings.LastIndexAny(clock, "+-"); i > 0 {
		for _, layout := range []string{"-07:00", "-0700", "-07"} {
			if zone, err := time.Parse(layout, clock[i:]); err == nil {
				_, seconds := zone.Zone()
				ahead, clock, zoned = time.Duration(seconds)*time.Second, strings.TrimSpace(clock[:i]), true
				break
			}
		}
	}
	for _, layout := range []string{"15:04:05", "15:04", "15", "150405", "3:04:05 PM", "3:04 PM", "3-PM"} {
		if at, err := time.Parse(layout, clock); err == nil && at.Nanosecond()%1e6 == 0 {
			since := at.Sub(time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC))
			return date.Add(since - ahead).UnixMilli(), zoned, true
		}
	}
	return 0, false, false
}

// parseNamedMonth reads a date whose month is a word.
func parseNamedMonth(text string) (ms int64, ok bool) {
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= 'a' && r <= 'z' }) {
		return 0, false
	}
	for _, day := range []string{"Jan 2, 2006", "January 2, 2006", "2 Jan 2006", "2 January 2006", "2-Jan-2006"} {
		for _, clock := range []string{"", " 15:04", " 15:04:05"} {
			if at, err := time.Parse(day+clock, text); err == nil && inRange(at) {
				return at.UnixMilli(), true
			}
		}
	}
	return 0, false
}

func inRange(t time.Time) bool { return t.Year() >= 1970 && t.Year() < 2286 }

// dayOrMonth reports whether a text begins with two numbers of which either may
// be the day.
func dayOrMonth(text string) bool {
	for _, layout := range []string{"1/2/2006", "2/1/2006", "1-2-2006", "2-1-2006", "2.1.2006", "1/2/06", "2/1/06"} {
		day, _, _ := strings.Cut(text, " ")
		if _, err := time.Parse(layout, strings.TrimSuffix(day, ",")); err == nil {
			return true
		}
	}
	return false
}
