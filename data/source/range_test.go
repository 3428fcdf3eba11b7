package source

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

// rejected fails unless err is one that the user fixes and says each part.
func rejected(t *testing.T, err error, parts ...string) {
	t.Helper()
	if !errors.Is(err, data.ErrInput) {
		t.Fatalf("error is %v, not one that wraps data.ErrInput", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not tell %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q is more than one line", err)
	}
}

func utc(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestAnIntervalIsReadByBinancesName(t *testing.T) {
	for name, want := range map[string]time.Duration{"1m": time.Minute, "5m": 5 * time.Minute, "30m": 30 * time.Minute, "1h": time.Hour, "12h": 12 * time.Hour, "1d": 24 * time.Hour} {
		if got, err := ParseInterval(name); err != nil || got != want {
			t.Errorf("ParseInterval(%q) = %v, %v, not %v", name, got, err, want)
		}
		if got := intervalName(want); got != name {
			t.Errorf("intervalName(%v) = %q, not %q", want, got, name)
		}
	}
	for _, name := range []string{"", "7m", "1w", "1M", "five"} {
		_, err := ParseInterval(name)
		rejected(t, err, "INTERVAL", "1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d")
	}
	for name, meant := range map[string]string{"5": "5m", "5M": "5m", "5min": "5m", "PT5M": "5m", "60m": "1h", "1H": "1h", "5m ": "5m", "300": "5m", "1D": "1d", "60": "1m or 1h"} {
		_, err := ParseInterval(name)
		rejected(t, err, "INTERVAL", "set INTERVAL="+meant)
	}
}

func TestALookbackIsANumberAndAUnit(t *testing.T) {
	for text, want := range map[string]time.Duration{"90m": 90 * time.Minute, "12h": 12 * time.Hour, "30d": 720 * time.Hour, "2w": 336 * time.Hour} {
		if got, err := ParseLookback(text); err != nil || got != want {
			t.Errorf("ParseLookback(%q) = %v, %v, not %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "30", "0d", "-1d", "1.5d", "30 d", "30D", "1y", "9999999999w", "99999999999999999999d"} {
		_, err := ParseLookback(text)
		rejected(t, err, "LOOKBACK", "30d")
	}
}

func TestTheRangeIsReadFromItsVariables(t *testing.T) {
	june1, june2 := utc(t, "2024-06-01T00:00:00Z"), utc(t, "2024-06-02T00:00:00Z")
	for _, c := range []struct {
		name                 string
		start, end, lookback string
		want                 Range
	}{
		{"nothing set", "", "", "", Range{}},
		{"dates are midnight UTC", "2024-06-01", "2024-06-02", "", Range{Start: june1, End: june2}},
		{"a time zone is honoured", "2024-06-01T03:00:00+03:00", "", "", Range{Start: june1}},
		{"lookback alone", "", "", "30d", Range{Lookback: 30 * day}},
		{"lookback before an end", "", "2024-06-02", "24h", Range{End: june2, Lookback: day}},
		{"time range of dates", "", "", "2024-06-01:2024-06-02", Range{Start: june1, End: june2}},
		{"time range of times", "", "", "2024-06-01T00:00:00Z:2024-06-02T00:00:00Z", Range{Start: june1, End: june2}},
		{"time range of both", "", "", "2024-06-01:2024-06-02T00:00:00Z", Range{Start: june1, End: june2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Config{Start: c.start, End: c.end, Lookback: c.lookback}.Range()
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestARangeThatSaysTwoThingsIsRejected(t *testing.T) {
	for _, c := range []struct {
		start, end, lookback string
		tells                []string
	}{
		{"01.06.2024", "", "", []string{"START", "01.06.2024", "2024-06-01"}},
		{"", "2024-06-31", "", []string{"END", "2024-06-31"}},
		{"2024-06-02", "2024-06-01", "", []string{"START 2024-06-02T00:00:00Z", "not before END 2024-06-01T00:00:00Z: set START to an earlier time, or END to a later one"}},
		{"2024-06-01", "2024-06-01", "", []string{"not before END"}},
		{"2024-06-01", "", "30d", []string{"START=2024-06-01", "LOOKBACK=30d", "unset one"}},
		{"", "2024-06-03", "2024-06-01:2024-06-02", []string{"TIME_RANGE", "END=2024-06-03", "unset one"}},
		{"", "", "2024-06-01:", []string{"TIME_RANGE", "2024-06-01:2024-06-02"}},
		{"", "", "2024-06-02:2024-06-01", []string{"not before END"}},
	} {
		_, err := Config{Start: c.start, End: c.end, Lookback: c.lookback}.Range()
		rejected(t, err, c.tells...)
	}
}

func TestALookbackCountsBackFromTheEndOrTheNewestClose(t *testing.T) {
	newest := utc(t, "2024-06-10T00:00:00Z").UnixMilli()
	end := utc(t, "2024-06-05T00:00:00Z")
	for _, c := range []struct {
		r        Range
		from, to int64
	}{
		{Range{}, math.MinInt64, math.MaxInt64},
		{Range{Lookback: day}, newest - day.Milliseconds(), math.MaxInt64},
		{Range{Lookback: day, End: end}, end.UnixMilli() - day.Milliseconds(), end.UnixMilli()},
		{Range{Start: end}, end.UnixMilli(), math.MaxInt64},
	} {
		if from, to := c.r.bounds(newest); from != c.from || to != c.to {
			t.Errorf("%v: bounds are %d, %d, not %d, %d", c.r, from, to, c.from, c.to)
		}
	}
}

func TestEveryWrongVariableIsToldAtOnce(t *testing.T) {
	err := Config{Source: Files, Symbol: "BTC USDT", Interval: "7m", Start: "soon", Lookback: "x"}.Validate()
	if !errors.Is(err, data.ErrInput) {
		t.Fatalf("error is %v", err)
	}
	for _, part := range []string{"DATA_DIR", "SYMBOL=", "INTERVAL", "START"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not tell %s", err, part)
		}
	}
}
