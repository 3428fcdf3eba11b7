package remedies

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// The candles of these trials: bars of five minutes from the first of June 2024.
const (
	firstBar = 1717200000000
	barMS    = 300_000
	goodBars = 40
)

const header = "open_time,open,high,low,close,volume"

// lines are those of a good file.
func lines(bars int, step int64) []string {
	all := []string{header}
	for i := range bars {
		price := 10 + i%7
		all = append(all, fmt.Sprintf("%d,%d,%d,%d,%d,%d", firstBar+int64(i)*step, price, price+1, price-1, price, 5+i%3))
	}
	return all
}

func (w *world) write(name string, all []string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(strings.Join(all, "\n")+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(name string) []string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// good writes three good files and sets what reads them.
func (w *world) good() {
	w.dir = w.t.TempDir()
	for name, value := range map[string]string{"DATA_SOURCE": "files", "DATA_DIR": w.dir, "SYMBOL": "AAA", "INTERVAL": "5m"} {
		w.vars[name] = value
	}
	for _, symbol := range []string{"AAA", "BBB", "CCC"} {
		all := lines(goodBars, barMS)
		for i := range all[1:] { // no two files are equal
			all[i+1] += strconv.Itoa(len(symbol) + int(symbol[0]))
		}
		w.write(symbol+".csv", all)
	}
}

// line replaces one of a file; numbers are those of messages.
func line(name string, number int, text string) func(*world) {
	return func(w *world) {
		all := w.read(name)
		all[number-1] = text
		w.write(name, all)
	}
}

// field replaces one of all values of a line.
func field(name string, number, column int, text string) func(*world) {
	return func(w *world) {
		all := w.read(name)
		values := strings.Split(all[number-1], ",")
		values[column] = text
		all[number-1] = strings.Join(values, ",")
		w.write(name, all)
	}
}

// variables sets some of them.
func variables(pairs ...string) func(*world) {
	return func(w *world) {
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			set(w, name, value)
		}
	}
}

// readsFiles is what a run does up to its market.
func readsFiles(w *world) error {
	c, err := config.Load(environ(w))
	if err != nil {
		return err
	}
	_, _, err = source.Load(context.Background(), c.Source)
	return err
}

var atLine = regexp.MustCompile(`([\w.-]+), (?:line|row) (\d+)$`)

// removeLine takes the line away that a fault is about.
func removeLine(w *world, f *fault.Error, _ []string) bool {
	m := atLine.FindStringSubmatch(f.Where)
	if m == nil {
		return false
	}
	number, err := strconv.Atoi(m[2])
	if err != nil {
		w.t.Fatal(err)
	}
	all := w.read(m[1])
	w.write(m[1], slices.Delete(all, number-1, number))
	return true
}

// anew writes the file that a fault is about as it should be.
func anew(w *world, f *fault.Error, _ []string) bool {
	name := regexp.MustCompile(`[A-Z]{3}\.csv`).FindString(f.Where + " " + f.What)
	if name == "" {
		return false
	}
	all := lines(goodBars, barMS)
	for i := range all[1:] {
		all[i+1] += "77"
	}
	w.write(name, all)
	return true
}

// byFiles follow the remedies of files.
var byFiles = append([]step{
	{regexp.MustCompile(`remove (it|the line|the row|this line|this row)\b.*`), removeLine},
	{regexp.MustCompile(`, or set ([A-Z]+)=(\S+)$`), func(w *world, _ *fault.Error, g []string) bool { return set(w, g[1], g[2]) }},
	{regexp.MustCompile(`^name the file (\w+),`), func(w *world, f *fault.Error, g []string) bool {
		name := regexp.MustCompile(`[A-Z]{3}\.csv`).FindString(f.Where)
		return os.Rename(filepath.Join(w.dir, name), filepath.Join(w.dir, g[1]+".csv")) == nil
	}},
	{regexp.MustCompile(`^remove one of them$`), func(w *world, f *fault.Error, _ []string) bool {
		m := regexp.MustCompile(`line (\d+)`).FindStringSubmatch(f.What)
		if m == nil {
			return false
		}
		g := *f
		g.Where = filepath.Base(strings.TrimSpace(regexp.MustCompile(`[A-Z]{3}\.csv`).FindString(f.Where+" "+f.What))) + ", line " + m[1]
		return removeLine(w, &g, nil)
	}},
	{regexp.MustCompile(`(\S+) for (\S+?)(,|$)`), func(w *world, _ *fault.Error, g []string) bool {
		changed := false
		for name, value := range w.vars {
			if slices.Contains(strings.Split(value, ","), g[2]) && strings.HasPrefix(name, "SYMBOL") || name == "EXCLUDE" && value == g[2] {
				w.vars[name], changed = strings.ReplaceAll(value, g[2], g[1]), true
			}
		}
		return changed
	}},
	{regexp.MustCompile(`choose among (\w+)`), func(w *world, _ *fault.Error, g []string) bool {
		set(w, "SYMBOLS", "")
		return set(w, "SYMBOL", g[1])
	}},
	{regexp.MustCompile(`^call the column (\w+)(?: of (\S+))? symbol\b`), func(w *world, f *fault.Error, g []string) bool {
		name := g[2]
		if name == "" {
			name = regexp.MustCompile(`\w+\.csv`).FindString(f.Where)
		}
		all := w.read(name)
		all[0] = strings.Replace(all[0], g[1], "symbol", 1)
		w.write(name, all)
		return w.vars["SYMBOL"] != "all" || set(w, "SYMBOL", "AAA")
	}},
	{regexp.MustCompile(`^set (top:\d+)`), func(w *world, _ *fault.Error, g []string) bool { return set(w, "SYMBOLS", g[1]) }},
	{regexp.MustCompile(`^set (it to )?the folder of`), func(w *world, _ *fault.Error, _ []string) bool {
		w.good()
		return true
	}},
	{regexp.MustCompile(`^choose another range`), func(w *world, _ *fault.Error, _ []string) bool {
		return set(w, "START", "") && set(w, "END", "") && set(w, "LOOKBACK", "")
	}},
	{regexp.MustCompile(`^(multiply|write|export|save|add|correct|rename|format|remove or rename|download) `), anew},
}, byVariables...)

// wrongFiles are bad inputs, each one change of three good files.
var wrongFiles = map[string]func(*world){
	"NaN":                                 field("AAA.csv", 9, 4, "NaN"),
	"nothing":                             field("AAA.csv", 9, 4, ""),
	"null":                                field("BBB.csv", 9, 2, "null"),
	"infinite":                            field("BBB.csv", 9, 2, "inf"),
	"words":                               field("BBB.csv", 9, 2, "n/a"),
	"high below low":                      field("CCC.csv", 5, 2, "1"),
	"below 0":                             field("CCC.csv", 5, 5, "-1"),
	"a price of 0":                        field("CCC.csv", 5, 3, "0"),
	"too few fields":                      line("AAA.csv", 7, "1717201500000,1,2"),
	"twice":                               line("AAA.csv", 7, "1717200000000,1,2,1,2,1"),
	"a time off the grid":                 field("AAA.csv", 7, 0, "1717201500001"),
	"a time years away":                   field("AAA.csv", 7, 0, "2337201500000"),
	"no time":                             field("AAA.csv", 7, 0, "soon"),
	"a rounded time":                      field("AAA.csv", 2, 0, "1.7172E+12"),
	"minutes":                             field("AAA.csv", 2, 0, "28620000"),
	"days of a spreadsheet":               field("AAA.csv", 2, 0, "45444"),
	"numbers of rows":                     field("AAA.csv", 2, 0, "0"),
	"a Julian day":                        field("AAA.csv", 2, 0, "2460462.5"),
	"dollars":                             field("AAA.csv", 2, 4, "$10"),
	"a file of other things":              func(w *world) { w.write("AAA.csv", []string{"symbol,name", "A,B"}) },
	"a date of two ways":                  field("AAA.csv", 2, 0, "01/02/2024"),
	"no column close":                     line("AAA.csv", 1, "open_time,open,high,low,last,volume"),
	"no column of time":                   line("AAA.csv", 1, "when,open,high,low,close,volume"),
	"a column twice":                      line("AAA.csv", 1, "open_time,open,open,low,close,volume"),
	"another length of bars":              variables("INTERVAL=1h"),
	"a shorter length of bars":            variables("INTERVAL=1m"),
	"INTERVAL=5min":                       variables("INTERVAL=5min"),
	"INTERVAL=5T":                         variables("INTERVAL=5T"),
	"INTERVAL=PT5M":                       variables("INTERVAL=PT5M"),
	"INTERVAL=300":                        variables("INTERVAL=300"),
	"INTERVAL=1H":                         variables("INTERVAL=1H"),
	"INTERVAL=60":                         variables("INTERVAL=60"),
	"no such symbol":                      variables("SYMBOL=DDD"),
	"a symbol in lower case":              variables("SYMBOL=aaa"),
	"a symbol of a list":                  variables("SYMBOLS=AAA,bbb"),
	"a symbol with a slash":               variables("SYMBOL=AAA/USDT"),
	"top of too many":                     variables("SYMBOLS=top:9"),
	"EXCLUDE in lower case":               variables("EXCLUDE=bbb"),
	"a range without candles":             variables("START=2030-01-01"),
	"a range before them":                 variables("END=2020-01-01"),
	"no folder":                           variables("DATA_DIR=/nowhere/at/all"),
	"an empty folder":                     func(w *world) { w.vars["DATA_DIR"] = w.t.TempDir() },
	"a file in place of a folder":         func(w *world) { w.vars["DATA_DIR"] = filepath.Join(w.dir, "AAA.csv") },
	"an empty file":                       func(w *world) { w.write("AAA.csv", nil) },
	"a header alone":                      func(w *world) { w.write("AAA.csv", []string{header}) },
	"a page in place of a file":           func(w *world) { w.write("AAA.csv", []string{"<!doctype html>", "<title>Sign in</title>"}) },
	"files of two lengths of bars":        func(w *world) { w.write("BBB.csv", lines(goodBars, 12*barMS)) },
	"a symbol that changes midway":        func(w *world) { w.write("AAA.csv", withSymbol("AAA", "XYZ")) },
	"a symbol other than the file's":      func(w *world) { w.write("AAA.csv", withSymbol("XYZ", "XYZ")) },
	"a market that names another symbol":  func(w *world) { w.write("AAA.csv", withText("market", "CCC", "CCC")) },
	"a ts_code that changes midway":       func(w *world) { w.write("AAA.csv", withText("ts_code", "AAA", "CCC")) },
	"an instId that changes to no symbol": func(w *world) { w.write("BBB.csv", withText("instId", "BBB", "XYZ")) },
	"symbols in a column called paper":    func(w *world) { w.long("paper") },
	"all of them taken for one symbol":    func(w *world) { w.long("paper"); w.vars["SYMBOL"] = "all" },
	"symbols with a slash in one file": func(w *world) {
		w.long("symbol", "AAA/USDT", "BBB/USDT")
		w.vars["SYMBOL"] = "AAA/USDT"
	},
	"a decimal comma in one line": func(w *world) {
		all := lines(goodBars, barMS)
		for i := range all {
			all[i] = strings.ReplaceAll(all[i], ",", ";")
		}
		all[5] = strings.Replace(all[5], ";", ";1,5;", 1)
		w.write("AAA.csv", all)
	},
}

// long puts all symbols into one file, with their names in a column.
func (w *world) long(column string, symbols ...string) {
	if symbols == nil {
		symbols = []string{"AAA", "BBB", "CCC"}
	}
	all := []string{header + "," + column}
	for i, symbol := range symbols {
		for _, bar := range lines(goodBars, barMS)[1:] {
			all = append(all, bar+strconv.Itoa(i+1)+","+symbol)
		}
	}
	for _, symbol := range []string{"AAA", "BBB", "CCC"} {
		if err := os.Remove(filepath.Join(w.dir, symbol+".csv")); err != nil {
			w.t.Fatal(err)
		}
	}
	w.write("all.csv", all)
}

// withSymbol are lines with a column of symbols that changes in the middle.
func withSymbol(first, then string) []string { return withText("symbol", first, then) }

// withText are lines with a column of text that changes in the middle.
func withText(column, first, then string) []string {
	all := lines(goodBars, barMS)
	all[0] += "," + column
	for i := range all[1:] {
		all[i+1] += "," + []string{first, then}[2*i/goodBars]
	}
	return all
}

func TestTheRemedyOfAWrongFileIsOne(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(wrongFiles)) {
		t.Run(name, func(t *testing.T) {
			w := &world{vars: maps.Clone(basis)}
			one := trial{name: name, check: readsFiles, steps: byFiles, prepare: func(w *world) {
				w.good()
				wrongFiles[name](w)
			}}
			one.try(t, w)
		})
	}
}
