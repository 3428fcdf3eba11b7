package source

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestADuplicateBarIsDroppedAndCounted(t *testing.T) {
	s, err := parseCSV(plainHeader + line(0, 10) + line(1, 11) + line(1, 11) + line(2, 12) + line(0, 10))
	if err != nil {
		t.Fatal(err)
	}
	if want := []float64{10, 11, 12}; !slices.Equal(s.values[closePrice], want) || s.duplicates != 2 || s.rows != 5 {
		t.Errorf("closes are %v with %d duplicates in %d rows, not %v with 2 in 5", s.values[closePrice], s.duplicates, s.rows, want)
	}
}

func TestTwoCandlesOfOneBarAreRejectedWithBothLines(t *testing.T) {
	_, err := parseCSV(plainHeader + line(0, 10) + line(1, 11) + line(2, 12) + line(1, 11.5))
	rejected(t, err, "X.csv", "1704067500000 (2024-01-01T00:05:00Z) twice", "close 11 at line 3", "11.5 at line 5", "remove one")
}

func TestDisorderIsSortedAndCounted(t *testing.T) {
	for _, c := range []struct {
		name       string
		bars       []int
		disordered int
	}{
		{"in order", []int{0, 1, 2, 3}, 0},
		{"newest first", []int{3, 2, 1, 0}, 3},
		{"one late", []int{0, 2, 1, 3}, 1},
		{"one early", []int{3, 0, 1, 2}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := plainHeader
			for _, b := range c.bars {
				text += line(b, 10+float64(b))
			}
			s, err := parseCSV(text)
			if err != nil {
				t.Fatal(err)
			}
			if want := []float64{10, 11, 12, 13}; !slices.Equal(s.values[closePrice], want) || s.disordered != c.disordered {
				t.Errorf("closes are %v, %d disordered; want %v, %d", s.values[closePrice], s.disordered, want, c.disordered)
			}
			if want := slices.Index(c.bars, 1) + 2; s.places[1] != want {
				t.Errorf("bar 1 is said to be at line %d, not %d", s.places[1], want)
			}
		})
	}
}

func TestBarsOfAnotherIntervalAreRejected(t *testing.T) {
	at := func(minutes ...int64) string {
		text := plainHeader
		for _, m := range minutes {
			text += fmt.Sprintf("%d,10,20,5,10,100\n", t0+m*60000)
		}
		return text
	}
	for _, c := range []struct {
		name, text string
		tells      []string
	}{
		{"hours", at(0, 60, 120, 180), []string{"INTERVAL=5m", "bars are 1h apart", "set INTERVAL=1h"}},
		{"hours with a gap", at(0, 60, 120, 300, 360), []string{"set INTERVAL=1h"}},
		{"minutes", at(0, 1, 2, 3, 4, 5), []string{"set INTERVAL=1m"}},
		{"days", at(0, 1440, 2880), []string{"set INTERVAL=1d"}},
		{"seven minutes", at(0, 7, 14), []string{"7m apart", "no bar length", "resample"}},
		{"off the grid", at(1, 6, 11), []string{"line 2", "1704067260000 (2024-01-01T00:01:00Z)", "not a whole multiple of INTERVAL=5m"}},
		{"one off the grid", at(0, 5, 10, 15, 22, 25), []string{"line 6", "2024-01-01T00:22:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseCSV(c.text)
			rejected(t, err, c.tells...)
		})
	}
	for _, text := range []string{at(0), at(0, 60), at(0, 5, 10, 60, 65), at(0, 10, 15, 35, 40, 70)} {
		if _, err := parseCSV(text); err != nil {
			t.Errorf("bars with gaps are rejected: %v", err)
		}
	}
}

func TestACutIncludesItsBeginAndExcludesItsEnd(t *testing.T) {
	var text strings.Builder
	text.WriteString(plainHeader)
	for i := range 10 {
		text.WriteString(line(i, 10))
	}
	for _, c := range []struct {
		from, to    int64
		first, last int64
		bars        int
	}{
		{t0, t0 + 10*fiveMinutes, 0, 9, 10},
		{t0 + 2*fiveMinutes, t0 + 4*fiveMinutes, 2, 3, 2},
		{t0 + 1, t0 + 4*fiveMinutes + 1, 1, 4, 4},
		{t0 + 20*fiveMinutes, t0 + 30*fiveMinutes, 0, 0, 0},
		{t0 - 5, t0, 0, 0, 0},
		{t0 + 5*fiveMinutes, t0, 0, 0, 0},
	} {
		s, err := parseCSV(text.String())
		if err != nil {
			t.Fatal(err)
		}
		s.cut(c.from, c.to)
		if len(s.times) != c.bars || len(s.values[closePrice]) != c.bars || len(s.places) != c.bars {
			t.Errorf("cut to [%d, %d) keeps %d bars, not %d", c.from, c.to, len(s.times), c.bars)
		} else if c.bars > 0 && (s.times[0] != t0+c.first*fiveMinutes || s.times[c.bars-1] != t0+c.last*fiveMinutes) {
			t.Errorf("cut to [%d, %d) keeps %v", c.from, c.to, s.times)
		}
	}
}

func TestTheNewestBarIsKnownByItsClose(t *testing.T) {
	s, err := parseCSV(plainHeader + line(0, 10) + line(1, 11))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.newest(5*time.Minute), t0+2*fiveMinutes; got != want {
		t.Errorf("newest close is %d, not %d", got, want)
	}
}
