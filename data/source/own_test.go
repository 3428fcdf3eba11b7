package source

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
)

// ownBars are candles from bar first on with a column of the user's own, whose
// value at a bar is its number and a half.
func ownBars(name string, first, count int) string {
	text := "open_time,open,high,low,close,volume," + name + "\n"
	for t := first; t < first+count; t++ {
		text += fmt.Sprintf("%d,10,20,5,10,100,%v\n", t0+int64(t)*fiveMinutes, float64(t)+0.5)
	}
	return text
}

type ownRow struct {
	OpenTime int64    `parquet:"open_time"`
	Open     float64  `parquet:"open"`
	High     float64  `parquet:"high"`
	Low      float64  `parquet:"low"`
	Close    float64  `parquet:"close"`
	Volume   float64  `parquet:"volume"`
	Signal   *float64 `parquet:"My_Signal,optional"`
	Steps    int32    `parquet:"steps"`
}

func loadOwn(t *testing.T, files map[string]string, columns ...string) (*data.Market, error) {
	t.Helper()
	cfg := Config{Source: Files, Dir: folder(t, files), Interval: "5m", Columns: columns}
	m, _, err := Load(context.Background(), cfg)
	looked, lookErr := LookAtFiles(context.Background(), cfg)
	if lookErr = errors.Join(append(looked.Wrong, lookErr)...); (err == nil) != (lookErr == nil) {
		t.Errorf("a load ends with %v and a look with %v", err, lookErr)
	}
	return m, err
}

func TestColumnsOfTheUsersOwnAreReadFromEveryKindOfFile(t *testing.T) {
	rows := make([]ownRow, 12)
	for i := range rows {
		v := float64(i) + 0.5
		rows[i] = ownRow{t0 + int64(i)*fiveMinutes, 10, 20, 5, 10, 100, &v, int32(-i)}
	}
	rows[3].Signal = nil
	m, err := loadOwn(t, map[string]string{
		"A.csv":            strings.Replace(ownBars("My Signal", 0, 12), ",4.5\n", ",\n", 1),
		"B.parquet":        string(parquetFile(t, rows)),
		"C-5m-2024-01.csv": ownBars("my_signal", 0, 6),
		"C-5m-2024-02.csv": ownBars("my_signal", 6, 6) + fmt.Sprintf("%d,10,20,5,10,100,11.5\n", t0+11*fiveMinutes), // once more
		"D.csv":            bars(0, 12, 10),
		"part-0.csv":       strings.ReplaceAll(strings.ReplaceAll(ownBars("my_signal,symbol", 0, 12), ".5\n", ".5,E\n"), "100,", "100,"),
	}, "my_signal", "steps")
	if err != nil {
		t.Fatal(err)
	}
	column, steps := m.Optional["my_signal"], m.Optional["steps"]
	for i, symbol := range m.Symbols {
		for b := range m.Bars {
			want := float64(b) + 0.5
			if symbol == "D" || symbol == "A" && b == 4 || symbol == "B" && b == 3 {
				want = math.NaN()
			}
			if got := column[i][b]; got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Errorf("%s at bar %d is %v, want %v", symbol, b, got, want)
			}
			if got := steps[i][b]; symbol == "B" && got != float64(-b) || symbol != "B" && !math.IsNaN(got) {
				t.Errorf("steps of %s at bar %d is %v", symbol, b, got)
			}
		}
	}
}

func TestAColumnThatNobodyNamesIsNotRead(t *testing.T) {
	m, err := loadOwn(t, map[string]string{"A.csv": ownBars("mine", 0, 12)})
	if err != nil || len(m.Optional) != 0 {
		t.Errorf("%v, %v", m.Optional, err)
	}
}

func TestAColumnThatCannotBeReadIsNamedWithItsRemedy(t *testing.T) {
	for name, test := range map[string]struct {
		text, column, want string
	}{
		"it is nearly one that there is": {ownBars("momentum", 0, 12), "momentun", `FEATURES names "momentun", which is no feature and no column of A.csv: set momentum in its place`},
		"it is nearly a feature":         {ownBars("mine", 0, 12), "rsi_15", "set rsi_14 in its place"},
		"it is nowhere":                  {ownBars("mine", 0, 12), "sentiment", "set names such as log_return_1, which docs/results.md lists, and take it out"},
		"it holds text":                  {strings.Replace(ownBars("mine", 0, 12), ",2.5\n", ",high\n", 1), "mine", `A.csv, line 4: correct it, leave it empty where it is not known, or take it out of FEATURES`},
		"it is infinite":                 {strings.Replace(ownBars("mine", 0, 12), ",2.5\n", ",inf\n", 1), "mine", "mine is +Inf"},
		"two have its name":              {ownBars("Mine,mine", 0, 1)[:46] + "\n" + fmt.Sprintf("%d,10,20,5,10,100,1,2\n", t0), "mine", "are both mine"},
		"a bar has two values":           {ownBars("mine", 0, 12) + fmt.Sprintf("%d,10,20,5,10,100,7\n", t0+11*fiveMinutes), "mine", "with mine 11.5 at"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadOwn(t, map[string]string{"A.csv": test.text}, test.column)
			if !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAParquetColumnOfAnotherKindIsRejected(t *testing.T) {
	type row struct {
		OpenTime int64   `parquet:"open_time"`
		Open     float64 `parquet:"open"`
		High     float64 `parquet:"high"`
		Low      float64 `parquet:"low"`
		Close    float64 `parquet:"close"`
		Volume   float64 `parquet:"volume"`
		Flag     bool    `parquet:"flag"`
		List     []int64 `parquet:"list,list"`
		Text     string  `parquet:"text"`
	}
	rows := []row{{t0, 10, 20, 5, 10, 1, true, []int64{1}, "x"}, {t0 + fiveMinutes, 10, 20, 5, 10, 1, false, nil, "y"}}
	file := string(parquetFile(t, rows))
	for column, want := range map[string]string{
		"flag": "A.parquet has flag as BOOLEAN", "list": "A.parquet has list as a nested column", "text": `text "x" is not a number`,
	} {
		_, err := loadOwn(t, map[string]string{"A.parquet": file}, column)
		if !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "take it out of FEATURES") {
			t.Errorf("%s: %v", column, err)
		}
	}
}

// A column of a symbol keeps to its candles when they are sorted and cut.
func TestAColumnFollowsItsCandles(t *testing.T) {
	lines := strings.SplitAfter(ownBars("mine", 0, 12), "\n")
	slices.Reverse(lines[1:13])
	cfg := Config{Source: Files, Dir: filepath.Dir(folder(t, nil)), Interval: "5m", Columns: []string{"mine"}}
	cfg.Dir = folder(t, map[string]string{"A.csv": strings.Join(lines, "")})
	cfg.Start = rfc3339(t0 + 5*fiveMinutes)
	m, report, err := Load(context.Background(), cfg)
	if err != nil || report.Disordered != 11 {
		t.Fatal(report, err)
	}
	if got := m.Optional["mine"][0]; !slices.Equal(got, []float64{5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5}) {
		t.Errorf("%v", got)
	}
}
