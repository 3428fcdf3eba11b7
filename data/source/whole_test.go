package source

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// What holds for every row has the remedy of the column.
func TestAColumnThatIsWrongInEveryRowHasARemedyOfItsOwn(t *testing.T) {
	rows := func(change func(i int, fields []string)) string {
		all := strings.Split(strings.TrimSuffix(wave(0, 20, 10), "\n"), "\n")
		for i := range all[1:] {
			fields := strings.Split(all[i+1], ",")
			change(i, fields)
			all[i+1] = strings.Join(fields, ",")
		}
		return strings.Join(all, "\n") + "\n"
	}
	from := 1704067200000
	for _, c := range []struct {
		name   string
		change func(i int, fields []string)
		remedy string
	}{
		{"a second late", func(i int, f []string) { f[0] = fmt.Sprint(from + i*300_000 + 1000) }, "write the times at which the bars open"},
		{"closing times", func(i int, f []string) { f[0] = fmt.Sprint(from + i*300_000 + 299_999) }, "write the times at which the bars open"},
		{"Julian days", func(i int, f []string) { f[0] = fmt.Sprint(2460310.5 + float64(i)/288) }, "write the column as 2024-01-31 00:05:00"},
		{"days of a spreadsheet", func(i int, f []string) { f[0] = fmt.Sprint(45292 + i) }, "format the column as"},
		{"minutes", func(i int, f []string) { f[0] = fmt.Sprint(from/60_000 + 5*i) }, "multiply the column by 60"},
		{"rows", func(i int, f []string) { f[0] = fmt.Sprint(i) }, "write the times at which the bars open"},
		{"zeros", func(_ int, f []string) { f[0] = "0" }, "write the times at which the bars open"},
		{"below 0", func(i int, f []string) { f[0] = fmt.Sprint(-from + i) }, "write the column as Unix milliseconds"},
		{"dollars", func(_ int, f []string) { f[4] = "$" + f[4] }, "plain numbers"},
		{"thousands", func(_ int, f []string) { f[5] += "K" }, "plain numbers"},
		{"a unit", func(_ int, f []string) { f[5] += " BTC" }, "plain numbers"},
	} {
		_, err := loadFrom(t, map[string]string{"A.csv": rows(c.change), "B.csv": rows(c.change), "C.csv": rows(c.change)}, nil)
		rejected(t, err, "A.csv, line 2", c.remedy)
	}
}

// A long path takes no other part of the message away, and stands in it once.
func TestAMessageWithALongPathIsWhole(t *testing.T) {
	const long = 94 // with the name of a file 100
	temporary := t.TempDir()
	if len(temporary) > long-2 {
		t.Skip("the folder for temporary files has a long path itself")
	}
	dir := filepath.Join(temporary, strings.Repeat("d", long-1-len(temporary)))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		strings.Replace(wave(0, 20, 10), "1704067200000", "45292", 1), strings.Replace(wave(0, 20, 10), "1704067200000", "28401120", 1), strings.Replace(wave(0, 20, 10), "1704067200000", "0", 1),
		"https://www.CryptoDataDownload.com\nunix,open,high,low,close,Volume XYZ,date,symbol\n", strings.Replace(wave(0, 20, 10), "volume", "turnover", 1), "symbol,name\nA,B\n",
	} {
		for _, name := range []string{"A.csv", "B.csv", "C.csv"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := Load(t.Context(), Config{Source: Files, Dir: dir, Symbol: "A", Interval: "5m"})
		if err == nil {
			t.Fatalf("%.40q is read", text)
		}
		if printed := fault.Of(err).Error(); len(printed) > 300 || strings.Contains(printed, " ... ") || strings.Count(printed, dir) != 1 {
			t.Errorf("%.40q: %s", text, printed)
		}
	}
}
