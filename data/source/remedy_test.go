package source

import (
	"math"
	"strings"
	"testing"
	"time"
)

// Who does what a message advises is not rejected for the same thing again.
func TestARemedyThatIsFollowedHelps(t *testing.T) {
	good := wave(0, 20, 10)
	type setup struct {
		files  map[string]string
		change func(*Config)
	}
	one := func(text string) map[string]string { return map[string]string{"A.csv": text} }
	two := func(name, text string) map[string]string { return map[string]string{"A.csv": good, name: text} }
	interval := func(to string) func(*Config) { return func(c *Config) { c.Interval = to } }
	row := func(change func(*plainRow)) string {
		rows := plainRows(9)
		change(&rows[4])
		return string(parquetFile(t, rows))
	}
	without := append(plainRows(9)[:4], plainRows(9)[5:]...)
	hourly := openings(10, every(0, 12, 30)...)
	for _, c := range []struct {
		name         string
		wrong, right setup
		remedy       string
	}{
		{"a NaN", setup{map[string]string{"A.parquet": row(func(r *plainRow) { r.Close = math.NaN() })}, nil}, setup{map[string]string{"A.parquet": string(parquetFile(t, without))}, nil}, "remove this row"},
		{"an empty close", setup{one(good + strings.Replace(line(20, 10), ",10,100", ",,100", 1)), nil}, setup{one(good), nil}, "remove the line"},
		{"a bar twice", setup{one(good + line(3, 11)), nil}, setup{one(good), nil}, "remove one of them"},
		{"another interval", setup{one(hourly), nil}, setup{one(hourly), interval("1h")}, "set INTERVAL=1h"},
		{"another spelling", setup{one(good), interval("5T")}, setup{one(good), interval("5m")}, "set INTERVAL=5m"},
		{"two lengths", setup{two("B.csv", hourly), nil}, setup{two("B.csv", hourly), func(c *Config) { c.Exclude = "B" }}, "set EXCLUDE=B"},
		{"two lengths, with EXCLUDE", setup{map[string]string{"A.csv": good, "B.csv": hourly, "C.csv": "x"}, func(c *Config) { c.Exclude = "C" }}, setup{map[string]string{"A.csv": good, "B.csv": hourly, "C.csv": "x"}, func(c *Config) { c.Exclude = "C,B" }}, "set EXCLUDE=C,B"},
		{"two lengths, of a list", setup{two("B.csv", hourly), func(c *Config) { c.Symbols = "A,B" }}, setup{two("B.csv", hourly), func(c *Config) { c.Symbols = "A" }}, "leave B out of SYMBOLS"},
		{"another symbol's column", setup{two("B.csv", longHeader("symbol")+strings.Join(rowsOf("C", 0, 20, 10), "")), nil}, setup{two("C.csv", longHeader("symbol")+strings.Join(rowsOf("C", 0, 20, 10), "")), nil}, "name the file C"},
		{"a copy", setup{two("A (1).csv", good), nil}, setup{one(good), nil}, "remove it if it is a copy"},
		{"a name with a space", setup{two("B USDT.csv", wave(0, 20, 11)), nil}, setup{two("BUSDT.csv", wave(0, 20, 11)), nil}, "name it after its symbol"},
		{"a symbol with a slash", setup{two("B-USDT.csv", wave(0, 20, 11)), func(c *Config) { c.Symbols = "A,B/USDT" }}, setup{two("B-USDT.csv", wave(0, 20, 11)), func(c *Config) { c.Symbols = "A,B-USDT" }}, "write B-USDT for B/USDT"},
		{"a symbol with a slash that there is not", setup{one(good), func(c *Config) { c.Symbol = "X/USDT" }}, setup{one(good), func(c *Config) { c.Symbol = "A" }}, "choose among A"},
		{"too many", setup{two("B.csv", good), func(c *Config) { c.Symbols = "top:3" }}, setup{two("B.csv", good), func(c *Config) { c.Symbols = "top:2" }}, "set top:2 or less"},
		{"no bar in the range", setup{two("B.csv", wave(100, 20, 10)), func(c *Config) { c.End = "2024-01-01T01:00:00Z" }}, setup{two("B.csv", wave(100, 20, 10)), func(c *Config) { c.End, c.Exclude = "2024-01-01T01:00:00Z", "B" }}, "set EXCLUDE=B"},
		{"CSV under another name", setup{map[string]string{"A.parquet": good}, nil}, setup{one(good), nil}, "name it A.csv"},
		{"an index without a name", setup{one(strings.Replace(good, "open_time", "", 1)), nil}, setup{one(good), nil}, "name it open_time"},
		{"several files in a zip", setup{map[string]string{"A.zip": zipped(t, "A.csv", good, "B.csv", good)}, nil}, setup{two("B.csv", good), nil}, "unpack them"},
		{"both packed and not", setup{two("A.csv.gz", gzipped(t, good)), nil}, setup{one(good), nil}, "remove one"},
		{"bars of the future", setup{one(good), func(c *Config) { c.Clock = at(10) }}, setup{one(good), func(c *Config) { c.Clock, c.End = at(10), "2024-01-01T00:50:00Z" }}, "END=2024-01-01T00:50:00Z"},
		{"summer time, and one day more", setup{one(openings(10, append(weekdays(time.FixedZone("", -18000), 2024, 1, 30, 0), time.Date(2024, 3, 1, 9, 0, 0, 0, time.UTC))...)), interval("1d")}, setup{one(openings(10, weekdays(time.UTC, 2024, 1, 30, 0)...)), interval("1d")}, "write dates as open times"},
		{"seconds among milliseconds", setup{one(good + "1704073200,10,20,5,10,100\n"), nil}, setup{one(good), nil}, "correct or remove this line"},
		{"no header", setup{one(strings.TrimPrefix(good, plainHeader)), nil}, setup{one(good), nil}, "write open_time,open,high,low,close,volume and the further columns above them"},
		{"a twin by its interval", setup{map[string]string{"A-1h.csv": hourly}, nil}, setup{map[string]string{"A-1h.csv": hourly}, interval("1h")}, "set INTERVAL=1h"},
	} {
		_, err := loadFrom(t, c.wrong.files, c.wrong.change)
		if err == nil || !strings.Contains(err.Error(), c.remedy) {
			t.Errorf("%s: %v does not advise %q", c.name, err, c.remedy)
			continue
		}
		if _, err := loadFrom(t, c.right.files, c.right.change); err != nil {
			t.Errorf("%s: who follows %q gets %v", c.name, c.remedy, err)
		}
	}
}
