package source

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata" // New York's clock, also where the system has none
)

// trading makes candles of three symbols at the times of the interval from start
// on, over so many days, for which open says yes.
func trading(start time.Time, days int, interval time.Duration, open func(t time.Time, symbol int) bool) []*series {
	var all []*series
	for symbol := range 3 {
		s := newSeries(origin{path: fmt.Sprintf("%c.csv", 'A'+symbol), unit: "line"}, places{})
		for t := start; t.Before(start.AddDate(0, 0, days)); t = t.Add(interval) {
			if open(t, symbol) {
				c := tradedCandle(100, 101, 99, 100, 1, 0, 0)
				if err := s.add(len(s.times)+1, t.UnixMilli(), &c); err != nil {
					panic(err)
				}
			}
		}
		all = append(all, s)
	}
	return all
}

var newYork = func() *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	return zone
}()

func weekday(t time.Time) bool {
	return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday
}

// holiday is one in twenty-five days, and a week at the end of January.
func holiday(t time.Time) bool {
	return t.YearDay()%25 == 0 || t.Month() == time.January && t.Day() > 24
}

func exchange(t time.Time) bool {
	local := t.In(newYork)
	minute := local.Hour()*60 + local.Minute()
	return weekday(local) && !holiday(local) && minute >= 9*60+30 && minute < 16*60
}

// forex is closed from Friday 22:00 to Sunday 22:00.
func forex(t time.Time, _ int) bool {
	return t.Weekday() != time.Saturday && (t.Weekday() != time.Friday || t.Hour() < 22) && (t.Weekday() != time.Sunday || t.Hour() >= 22)
}

func TestAMarketWithClosingHoursHasNoBarsWhileItIsClosed(t *testing.T) {
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	r := rand.New(rand.NewPCG(1, 1))
	for _, test := range []struct {
		name     string
		days     int
		interval time.Duration
		open     func(t time.Time, symbol int) bool
		sessions bool
	}{
		{"daily bars of weekdays, with holidays", 700, day, func(t time.Time, _ int) bool { return weekday(t) && !holiday(t) }, true},
		{"five minutes in exchange hours over a change of the clock", 200, 5 * time.Minute, func(t time.Time, _ int) bool { return exchange(t) }, true},
		{"half hours in exchange hours", 60, 30 * time.Minute, func(t time.Time, _ int) bool { return exchange(t) }, true},
		{"five minutes of four days", 4, 5 * time.Minute, func(t time.Time, _ int) bool { return exchange(t) }, true},
		{"thin symbols in exchange hours", 60, 5 * time.Minute, func(t time.Time, _ int) bool { return exchange(t) && r.IntN(3) > 0 }, true},
		{"an hour each night", 30, 15 * time.Minute, func(t time.Time, _ int) bool { return t.Hour() >= 3 }, true},
		{"a week of currencies", 9, time.Hour, forex, true},
		{"five days of currencies with a weekend", 5, 5 * time.Minute, func(t time.Time, symbol int) bool { return forex(t.AddDate(0, 0, -3), symbol) }, false},
		{"a lost Saturday", 9, time.Hour, func(t time.Time, _ int) bool { return t.Weekday() != time.Saturday }, false},
		{"two lost days in the week", 9, time.Hour, func(t time.Time, _ int) bool { return t.Weekday() != time.Tuesday && t.Weekday() != time.Wednesday }, false},
		{"a market that never closes", 60, 5 * time.Minute, func(time.Time, int) bool { return true }, false},
		{"outages", 60, 5 * time.Minute, func(t time.Time, _ int) bool { return t.YearDay()%9 != 0 || t.Hour() > 6 }, false},
		{"two lost weeks", 60, 5 * time.Minute, func(t time.Time, _ int) bool { return t.YearDay() < 20 || t.YearDay() > 33 }, false},
		{"a lost half", 60, time.Hour, func(t time.Time, _ int) bool { return t.YearDay() < 10 || t.YearDay() > 40 }, false},
		{"thin symbols", 30, 5 * time.Minute, func(time.Time, int) bool { return r.IntN(5) == 0 }, false},
		{"one day", 1, 5 * time.Minute, func(t time.Time, _ int) bool { return exchange(t.AddDate(0, 0, 1)) }, false},
		{"a minute of maintenance each night", 30, time.Minute, func(t time.Time, _ int) bool { return t.Hour() > 0 || t.Minute() > 0 }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := trading(start, test.days, test.interval, test.open)
			m, report, err := assemble([]string{"A", "B", "C"}, all, test.interval)
			if err != nil {
				t.Fatal(err)
			}
			if (m.Times != nil) != test.sessions {
				t.Fatalf("%d bars; sessions: %v, want %v", m.Bars, m.Times != nil, test.sessions)
			}
			if err := m.Validate(); err != nil {
				t.Fatal(err)
			}
			there := 0
			for bar := range m.Bars {
				seen := false
				for i := range m.Symbols {
					if m.Present(i, bar) {
						there++
						seen = true
					}
				}
				if test.sessions && !seen {
					t.Fatalf("nobody trades at bar %d, %s", bar, stamp(m.OpenTime(bar)))
				}
			}
			if want := len(all[0].times) + len(all[1].times) + len(all[2].times); there != want || report.Rows != 0 && report.Missing > want {
				t.Errorf("%d candles are on the axis, want %d; %d are missing", there, want, report.Missing)
			}
			for i, s := range all {
				for k, opened := range s.times {
					if bar := (axis{start: m.Start, step: m.Interval, times: m.Times}).barOf(opened); m.OpenTime(bar) != opened || !m.Present(i, bar) {
						t.Fatalf("candle %d of symbol %d is not at its time", k, i)
					}
				}
			}
		})
	}
}
