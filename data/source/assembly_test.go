package source

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

func seriesOf(t *testing.T, path, text string) *series {
	t.Helper()
	s, err := parseCSV(text)
	if err != nil {
		t.Fatal(err)
	}
	s.path = path
	return s
}

func TestAMarketKeepsMissingBarsMissing(t *testing.T) {
	long := seriesOf(t, "A.csv", plainHeader+line(0, 10)+line(1, 11)+line(2, 12)+line(3, 13))
	lists := seriesOf(t, "B.csv", plainHeader+line(1, 6)+line(3, 7)+line(3, 7))
	later := seriesOf(t, "C.csv", "open_time,open,high,low,close,volume,funding_rate,bid_size\n"+
		fmt.Sprintf("%d,10,20,5,10,100,0.0001,\n", t0+4*fiveMinutes))
	m, report, err := assemble([]string{"A", "B", "C"}, []*series{long, lists, later}, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if m.Start != t0 || m.Bars != 5 || m.OpenTime(4) != t0+4*fiveMinutes {
		t.Errorf("market begins at %d with %d bars", m.Start, m.Bars)
	}
	present := []string{"11110", "01010", "00001"}
	for i, want := range present {
		for b := range m.Bars {
			if got := m.Present(i, b); got != (want[b] == '1') {
				t.Errorf("%s has bar %d: %v", m.Symbols[i], b, got)
			}
			for _, column := range [][][]float64{m.Open, m.High, m.Low, m.Close, m.Volume} {
				if math.IsNaN(column[i][b]) != (want[b] == '0') {
					t.Errorf("%s bar %d is there in part", m.Symbols[i], b)
				}
			}
		}
	}
	if m.Close[0][2] != 12 || m.Close[1][3] != 7 {
		t.Errorf("closes are %v", m.Close)
	}
	if rate := m.Optional[data.FundingRate]; len(rate) != 3 || rate[2][4] != 0.0001 || !math.IsNaN(rate[0][0]) {
		t.Errorf("funding rates are %v", rate)
	}
	if _, ok := m.Optional[data.BidSize]; ok {
		t.Error("a column without a value is in the market")
	}
	if want := (Report{Rows: 8, Duplicates: 1, Missing: 1}); !reflect.DeepEqual(report, want) {
		t.Errorf("report is %+v, not %+v", report, want)
	}
}

func TestAMistypedYearIsFoundBeforeMemoryIsTaken(t *testing.T) {
	far := fmt.Sprintf("%d,10,20,5,10,100\n", time.Date(2285, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	early := fmt.Sprintf("%d,10,20,5,10,100\n", time.Date(2002, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	good := func(path string) *series {
		return seriesOf(t, path, plainHeader+line(0, 10)+line(1, 11)+line(2, 12))
	}
	for _, c := range []struct {
		name  string
		other *series
		tells []string
	}{
		{"one row far ahead", seriesOf(t, "B.csv", plainHeader+line(0, 10)+line(1, 10)+far+line(2, 10)), []string{"B.csv, line 4", "(2285-01-01T00:00:00Z)", "B.csv, line 5", "correct or remove it"}},
		{"one row far behind", seriesOf(t, "B.csv", plainHeader+line(0, 10)+early+line(1, 10)), []string{"B.csv, line 3", "(2002-01-01T00:00:00Z)"}},
		{"a whole file far ahead", seriesOf(t, "B.csv", plainHeader+far), []string{"B.csv, line 2", "A000.csv, line 4", "correct or remove it"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, symbols := []*series{c.other}, []string{"B"}
			for i := range 120 {
				symbols = append(symbols, fmt.Sprintf("A%03d", i))
				all = append(all, good(symbols[i+1]+".csv"))
			}
			_, _, err := assemble(symbols, all, 5*time.Minute)
			rejected(t, err, c.tells...)
		})
	}
}

func TestACandleOfAnotherCenturyIsRejectedByItsPlace(t *testing.T) {
	text := plainHeader
	for i := range 20 {
		text += line(i, 10)
	}
	odd := seriesOf(t, "A.csv", text+line(20*365*288, 10)) // 20 years on
	_, _, err := assemble([]string{"A"}, []*series{odd}, 5*time.Minute)
	if !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), "A.csv, line 22") {
		t.Errorf("got %v", err)
	}
}
