package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

const plainHeader = "open_time,open,high,low,close,volume\n"

// t0 is 2024-01-01T00:00:00Z, and fiveMinutes a bar, both in ms.
const (
	t0          = int64(1704067200000)
	fiveMinutes = int64(300000)
)

// line is a candle at bar t whose close is close.
func line(t int, close float64) string {
	return fmt.Sprintf("%d,10,20,5,%v,100\n", t0+int64(t)*fiveMinutes, close)
}

func parseCSV(text string) (*series, error) {
	t, err := readCSV(context.Background(), strings.NewReader(text), "X.csv", nil)
	if err != nil {
		return nil, err
	}
	return t.all[0], t.all[0].order(5 * time.Minute)
}

func TestCSVIsReadInTheFormsThatFilesHave(t *testing.T) {
	plain := plainHeader + line(0, 10) + line(1, 11) + line(2, 12)
	dump := func(unit int64) string {
		var b strings.Builder
		for i := range int64(3) {
			fmt.Fprintf(&b, "%d,10,20,5,%d,100,%d,1500.5,42,40,600,0\n", (t0+i*fiveMinutes)*unit, 10+i, (t0+(i+1)*fiveMinutes)*unit-1)
		}
		return b.String()
	}
	for _, c := range []struct{ name, text string }{
		{"plain", plain},
		{"no newline at the end", strings.TrimSuffix(plain, "\n")},
		{"byte order mark", "\uFEFF" + plain},
		{"carriage returns", strings.ReplaceAll(plain, "\n", "\r\n")},
		{"both", "\uFEFF" + strings.ReplaceAll(plain, "\n", "\r\n")},
		{"empty lines", strings.ReplaceAll(plain, "\n", "\n\n")},
		{"quoted", strings.ReplaceAll(plain, "100\n", "\"100\"\n")},
		{"spaces", strings.ReplaceAll(plain, ",", ", ")},
		{"Binance's file without header", dump(1)},
		{"Binance's file in microseconds", dump(1000)},
		{"Binance's file in microseconds with a byte order mark", "\uFEFF" + dump(1000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := parseCSV(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if want := []int64{t0, t0 + fiveMinutes, t0 + 2*fiveMinutes}; !slices.Equal(s.times, want) {
				t.Errorf("open times are %v, not %v", s.times, want)
			}
			if want := []float64{10, 11, 12}; !slices.Equal(s.values[closePrice], want) {
				t.Errorf("closes are %v, not %v", s.values[closePrice], want)
			}
			if strings.Contains(c.text, "1500.5") && (s.values[quoteVolume][0] != 1500.5 || s.values[takerBuyVolume][2] != 40) {
				t.Errorf("quote volume is %v and taker volume %v", s.values[quoteVolume], s.values[takerBuyVolume])
			}
		})
	}
}

func TestAnEmptyOptionalValueIsMissing(t *testing.T) {
	s, err := parseCSV("open_time,open,high,low,close,volume,best_bid,best_ask\n" +
		fmt.Sprintf("%d,10,20,5,10,100,,\n%d,10,20,5,10,100,9,11\n", t0, t0+fiveMinutes))
	if err != nil {
		t.Fatal(err)
	}
	if v := s.values[bestBid]; !math.IsNaN(v[0]) || v[1] != 9 {
		t.Errorf("best bids are %v, not missing and 9", v)
	}
	if s.values[fundingRate] != nil {
		t.Error("a column that the file lacks has values")
	}
}

func TestCSVThatCannotBeRightIsRejectedWithItsPlace(t *testing.T) {
	for _, c := range []struct {
		name, text string
		tells      []string
	}{
		{"nothing", "", []string{"X.csv is empty"}},
		{"only a mark", "\uFEFF", []string{"X.csv is empty"}},
		{"header only", plainHeader, []string{"X.csv has a header and no candle"}},
		{"UTF-16", "\xFF\xFEo\x00", []string{"UTF-16", "save it as UTF-8"}},
		{"no close", "open_time,open,high,low,volume\n", []string{"X.csv", "no column close", "add it"}},
		{"no header", line(0, 10), []string{"line 1", "6 numbers where the header should be"}},
		{"short line", plainHeader + line(0, 10) + "1,2\n", []string{"X.csv, line 3", "2 fields where the header has 6"}},
		{"long line", plainHeader + strings.TrimSpace(line(0, 10)) + ",1\n", []string{"line 2", "7 fields"}},
		{"text", plainHeader + strings.Replace(line(0, 10), "100", "n/a", 1), []string{"line 2", `volume "n/a" is not a number`, "correct or remove"}},
		{"NaN", plainHeader + strings.Replace(line(0, 10), "100", "NaN", 1), []string{"line 2", `volume "NaN" is not a number`}},
		{"infinity", plainHeader + strings.Replace(line(0, 10), "100", "Inf", 1), []string{"line 2", "volume is +Inf"}},
		{"too large for a float", plainHeader + strings.Replace(line(0, 10), "100", "1e999", 1), []string{"line 2", `volume "1e999"`}},
		{"empty close", plainHeader + strings.Replace(line(0, 10), "5,10,", "5,,", 1), []string{"line 2", "close is empty"}},
		{"impossible", plainHeader + line(0, 10) + "\n" + line(1, 21), []string{"X.csv, line 4", "close is 21, above high 20", "correct or remove"}},
		{"first line of a dump", strings.Repeat("1704067200000,", 11) + "x", []string{"no column"}},
		{"impossible first line of a dump", fmt.Sprintf("%d,10,20,5,10,-100,1,1,1,1,1,0\n", t0), []string{"line 1", "volume is -100"}},
		{"time in words", plainHeader + "yesterday,10,20,5,10,100\n", []string{"line 2", `open_time "yesterday"`, "milliseconds"}},
		{"a line in seconds", plainHeader + line(0, 10) + "1704067500,10,20,5,10,100\n", []string{"line 3", "open_time 1704067500", "Unix seconds", "13 digits", "correct or remove this line"}},
		{"a line with a date", plainHeader + line(0, 10) + "2024-01-01 00:05:00,10,20,5,10,100\n", []string{"line 3", "is of dates", "have Unix milliseconds"}},
		{"a line without a zone", plainHeader + "2024-01-01 00:00:00Z,10,20,5,10,100\n2024-01-01 00:05:00,10,20,5,10,100\n", []string{"line 3", "is of dates", "dates with a time zone"}},
		{"open quote", plainHeader + line(0, 10) + "\"1,2\n", []string{"X.csv, line", "no CSV", "quotes"}},
		{"optional in words", "open_time,open,high,low,close,volume,funding_rate\n" + strings.TrimSpace(line(0, 10)) + ",none\n", []string{"line 2", `funding_rate "none"`, "leave it empty"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseCSV(c.text)
			rejected(t, err, c.tells...)
		})
	}
}

func TestReadingCSVStopsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := readCSV(ctx, strings.NewReader(plainHeader+line(0, 10)), "X.csv", nil)
	if !errors.Is(err, context.Canceled) || errors.Is(err, data.ErrInput) {
		t.Errorf("error is %v, not a cancellation", err)
	}
}

// sound fails unless the series is what tidy promises.
func sound(t *testing.T, s *series, interval time.Duration) {
	t.Helper()
	if len(s.times) == 0 || len(s.places) != len(s.times) || len(s.times)+s.duplicates != s.rows {
		t.Fatalf("%d open times, %d places, %d rows, %d duplicates", len(s.times), len(s.places), s.rows, s.duplicates)
	}
	for i, at := range s.times {
		if at%interval.Milliseconds() != 0 || i > 0 && at <= s.times[i-1] {
			t.Fatalf("open time %d is off the grid or out of order", at)
		}
		if c := s.candle(i); c.validate() != nil {
			t.Fatalf("candle %d is impossible: %v", i, c.validate())
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(plainHeader + line(0, 10) + line(1, 11)))
	f.Add([]byte("\uFEFF" + strings.ReplaceAll(plainHeader+line(3, 10)+line(1, 11)+line(1, 11), "\n", "\r\n")))
	f.Add(fmt.Appendf(nil, "%d,10,20,5,10,100,1,1,1,1,1,0\n", t0*1000))
	f.Add([]byte("ts,open,high,low,close,volume,best_bid,best_ask\n1704067200000,1,1,1,1,0,,1e-9\n"))
	f.Add([]byte("open_time,open,high,low,close,volume\n\"1704067200000,1"))
	f.Add([]byte("\xFF\xFE"))
	f.Add([]byte("sep=;\nopen_time;open;high;low;close;volume;symbol\n1704067200000;1,5;2,5;1,25;1,5;9;A\n1704067500000;1,5;2,5;1,25;1,5;9;B\n"))
	f.Add([]byte("# title\nDate,Open,High,Low,Close,Volume,Ticker\n2024-01-01 00:00:00+00:00,1,2,1,2,3,A\n2024-01-01 00:00:00+00:00,1,2,1,2,3,B/C\n"))
	f.Add([]byte("ts\topen\thigh\tlow\tclose\tvolume\tname\n1704067200\t1\t1\t1\t1\t1\tX\n1704067500\t1\t1\t1\t1\t1\tY\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		t0, err := readCSV(context.Background(), bytes.NewReader(text), "X.csv", nil)
		var all []*series
		if err == nil {
			all, err = t0.series("X")
		}
		for _, s := range all {
			if err == nil {
				err = s.order(5 * time.Minute)
			}
		}
		if err != nil {
			if !errors.Is(err, data.ErrInput) {
				t.Fatalf("error %v is none that the user mends", err)
			}
			return
		}
		for _, s := range all {
			sound(t, s, 5*time.Minute)
		}
	})
}
