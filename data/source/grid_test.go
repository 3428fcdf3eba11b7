package source

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// openings are candles that open at the times.
func openings(level float64, times ...time.Time) string {
	var text strings.Builder
	text.WriteString(plainHeader)
	for i, at := range times {
		fmt.Fprintf(&text, "%d,10,20,5,%v,100\n", at.UnixMilli(), level+float64(i%5))
	}
	return text.String()
}

// weekdays are the times of day, in a zone, of the weekdays from a date on.
func weekdays(zone *time.Location, year int, month time.Month, days int, hours ...time.Duration) (times []time.Time) {
	for d := range days {
		date := time.Date(year, month, 1+d, 0, 0, 0, 0, zone)
		if w := date.Weekday(); w == time.Saturday || w == time.Sunday {
			continue
		}
		for _, h := range hours {
			times = append(times, date.Add(h))
		}
	}
	return times
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("no time zones here: %v", err)
	}
	return z
}

func hours(first time.Duration, count int) (all []time.Duration) {
	for i := range count {
		all = append(all, first+time.Duration(i)*time.Hour)
	}
	return all
}

func TestBarsOfAStockExchangeLieOnAGridOfTheirOwn(t *testing.T) {
	half := 9*time.Hour + 30*time.Minute
	for _, c := range []struct {
		name, interval string
		times          []time.Time
		offset         time.Duration // of bar 0
	}{
		{"days at 05:00 UTC", "1d", weekdays(time.FixedZone("", -5*3600), 2024, 1, 60, 0), 5 * time.Hour},
		{"days at midnight", "1d", weekdays(time.UTC, 2024, 1, 60, 0), 0},
		{"hours from half past nine", "1h", weekdays(time.FixedZone("", -5*3600), 2024, 1, 30, hours(half, 7)...), 30 * time.Minute},
		{"hours in Bombay", "1h", weekdays(time.FixedZone("", 19800), 2024, 1, 30, hours(9*time.Hour+15*time.Minute, 6)...), 45 * time.Minute},
		{"half hours", "30m", weekdays(time.FixedZone("", -5*3600), 2024, 1, 30, half, half+30*time.Minute, half+time.Hour), 0},
		{"four hours", "4h", weekdays(time.FixedZone("", -5*3600), 2024, 1, 30, half, half+4*time.Hour), 150 * time.Minute},
	} {
		m, err := loadFrom(t, map[string]string{"A.csv": openings(10, c.times...), "B.csv": openings(11, c.times[3:]...)}, func(cfg *Config) { cfg.Interval = c.interval })
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		step, _ := ParseInterval(c.interval)
		if got := time.Duration(m.start%step.Milliseconds()) * time.Millisecond; got != c.offset {
			t.Errorf("%s: the bars open %v past the multiples of %s, not %v", c.name, got, c.interval, c.offset)
		}
		if got := m.closes["A"][0]; got != 10 || m.start != c.times[0].UnixMilli() {
			t.Errorf("%s: the first bar closes at %v", c.name, got)
		}
	}
}

func TestDailyBarsThatFollowSummerTimeAreThoseOfTheirDates(t *testing.T) {
	for _, name := range []string{"America/New_York", "Europe/Berlin", "Europe/London", "Australia/Sydney"} {
		times := weekdays(zone(t, name), 2024, 1, 366, 0)
		m, err := loadFrom(t, map[string]string{"A.csv": openings(10, times...), "B.csv": openings(11, times[:20]...)}, func(c *Config) { c.Interval = "1d" })
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if first := time.UnixMilli(m.start).UTC(); !first.Equal(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: the first bar is of %v", name, first)
		}
		if m.bars != len(times) {
			t.Fatalf("%s: %d bars of %d days", name, m.bars, len(times))
		}
		for i, at := range times {
			date := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
			if m.OpenTime(i) != date.UnixMilli() || m.closes["A"][i] != 10+float64(i%5) {
				t.Fatalf("%s: the bar of %v is not that of its date", name, at)
			}
		}
	}
}

// A resumed run asks for the extent of the market that its first start had.
func TestDailyBarsOfAPinnedExtentAreTheSame(t *testing.T) {
	for _, name := range []string{"America/New_York", "Europe/Berlin", "Australia/Sydney", "Asia/Tokyo", "UTC"} {
		times := weekdays(zone(t, name), 2024, 2, 200, 0)
		cfg := Config{Source: Files, Dir: folder(t, map[string]string{"A.csv": openings(10, times...), "B.csv": openings(11, times[20:]...)}), Symbol: "A", Interval: "1d", Lookback: "150d"}
		m, _, err := Load(t.Context(), cfg)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		again, _, err := Load(t.Context(), cfg.Pinned(cfg.Pin(m)))
		if err != nil || again.Start != m.Start || again.Bars != m.Bars || !slices.Equal(again.Close[0], m.Close[0]) {
			t.Errorf("%s: %d bars and then %d, %v", name, m.Bars, again.Bars, err)
		}
	}
}

func TestOpenTimesThatFitNoGridAreRejected(t *testing.T) {
	ny, tokyo := time.FixedZone("", -5*3600), time.FixedZone("", 9*3600)
	five := weekdays(ny, 2024, 1, 40, 0)
	minute := make([]time.Time, 20)
	for i := range minute {
		minute[i] = time.UnixMilli(t0 + int64(i)*fiveMinutes + 60_000)
	}
	for _, c := range []struct {
		name, interval string
		files          map[string]string
		tells          []string
	}{
		{"two exchanges", "1d", map[string]string{"A.csv": openings(10, five...), "B.csv": openings(11, weekdays(tokyo, 2024, 1, 40, 0)...)}, []string{"B.csv", "15:00", "A.csv", "05:00", "the same open times"}},
		{"hours of two exchanges", "1h", map[string]string{"A.csv": openings(10, weekdays(ny, 2024, 1, 20, hours(9*time.Hour, 5)...)...), "B.csv": openings(11, weekdays(ny, 2024, 1, 20, hours(570*time.Minute, 5)...)...)}, []string{"no whole number of INTERVAL=1h from those of A.csv"}},
		{"a minute off", "5m", map[string]string{"A.csv": openings(10, minute...)}, []string{"A.csv, line 2", "not a whole multiple of INTERVAL=5m", "the times at which the bars open"}},
		{"one day off", "1d", map[string]string{"A.csv": openings(10, append(slices.Clone(five), five[len(five)-1].Add(26*time.Hour))...)}, []string{"not a whole number of INTERVAL=1d after the first", "write dates"}},
		{"times of closing", "1h", map[string]string{"A.csv": openings(10, weekdays(ny, 2024, 1, 20, hours(10*time.Hour-time.Millisecond, 5)...)...)}, []string{"not a whole multiple of INTERVAL=1h"}},
	} {
		_, err := loadFrom(t, c.files, func(cfg *Config) { cfg.Interval = c.interval })
		t.Run(c.name, func(t *testing.T) { rejected(t, err, c.tells...) })
	}
}

// every are times that lie some bars of 5 minutes apart, from a bar on.
func every(first, step, count int) (times []time.Time) {
	for i := range count {
		times = append(times, time.UnixMilli(t0+int64(first+i*step)*fiveMinutes))
	}
	return times
}

func TestFilesOfSeveralBarLengthsAreToldWhatFitsAll(t *testing.T) {
	five, quarter, hour := openings(10, every(0, 1, 200)...), openings(11, every(0, 3, 60)...), openings(12, every(0, 12, 40)...)
	for _, c := range []struct {
		name, interval string
		files          map[string]string
		tells, not     []string
	}{
		{"one of another", "5m", map[string]string{"A.csv": five, "B.csv": hour}, []string{"B.csv does not fit INTERVAL=5m, its bars are 1h apart", "provide its bars of 5m, or set EXCLUDE=B"}, []string{"INTERVAL=1h"}},
		{"SYMBOL's", "1h", map[string]string{"A.csv": five, "B.csv": hour}, []string{"A.csv does not fit INTERVAL=1h", "resample it to 1h"}, []string{"INTERVAL=5m", "EXCLUDE=A"}},
		{"none fits", "1m", map[string]string{"A.csv": five, "B.csv": quarter}, []string{"resample all files to 15m, the longest that they have, and set INTERVAL=15m"}, []string{"set INTERVAL=5m"}},
		{"all have another", "1m", map[string]string{"A.csv": hour, "B.csv": hour}, []string{"set INTERVAL=1h"}, nil},
		{"of no length", "5m", map[string]string{"A.csv": openings(10, every(0, 2, 100)...)}, []string{"10m apart, which is no bar length", "one of 15m, 30m,"}, []string{" 5m,"}},
		{"of a week", "1d", map[string]string{"A.csv": openings(10, every(0, 2016, 30)...)}, []string{"7d apart", "provide bars of 1d or less"}, nil},
		{"first short, then long", "5m", map[string]string{"A.csv": openings(10, append(every(0, 1, 100), every(100, 12, 30)...)...)}, []string{"A.csv, line 103", "bars of 5m and of another length"}, nil},
		{"first long, then short", "5m", map[string]string{"A.csv": openings(10, append(every(0, 12, 30), every(360, 1, 100)...)...)}, []string{"bars of 5m and of another length"}, nil},
		{"mostly long", "5m", map[string]string{"A.csv": openings(10, append(every(0, 12, 200), every(2400, 1, 50)...)...)}, []string{"another length"}, []string{"set INTERVAL=1h"}},
		{"mostly short", "1h", map[string]string{"A.csv": openings(10, append(every(0, 12, 30), every(360, 1, 100)...)...)}, []string{"another length"}, []string{"set INTERVAL=5m"}},
		{"mostly long, at that length", "1h", map[string]string{"A.csv": openings(10, append(every(0, 12, 200), every(2400, 1, 50)...)...)}, []string{"another length", "resample all to the longer one"}, nil},
	} {
		_, err := loadFrom(t, c.files, func(cfg *Config) { cfg.Interval = c.interval })
		t.Run(c.name, func(t *testing.T) {
			rejected(t, err, c.tells...)
			for _, wrong := range c.not {
				if strings.Contains(err.Error(), wrong) {
					t.Errorf("%v advises %s", err, wrong)
				}
			}
		})
	}
	thin := []time.Time{}
	for i := range 400 { // bars that were traded now and then
		if i%10 == 0 || i%10 == 3 || i%10 == 7 {
			thin = append(thin, time.UnixMilli(t0+int64(i)*fiveMinutes))
		}
	}
	if m, err := loadFrom(t, map[string]string{"A.csv": five, "THIN.csv": openings(10, thin...)}, nil); err != nil || len(m.symbols) != 2 {
		t.Errorf("a thin symbol: %v", err)
	}
}
