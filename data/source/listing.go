package source

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// candleFile is a file of DATA_DIR that may be read.
type candleFile struct {
	path string
	name fileName
}

func (f candleFile) base() string { return filepath.Base(f.path) }

// listing is what the names in DATA_DIR show.
type listing struct {
	query
	files map[string][]candleFile // by symbol; several are months of it
	odd   []candleFile            // whose names are no symbols: right for long format only
	other map[string]candleFile   // by symbol, one of another interval, where it has none of this one
	notes []string                // what is left out, a sentence each
}

// listFolder finds the files of candles by their names.
func listFolder(q query) (*listing, error) {
	entries, err := os.ReadDir(q.Dir)
	if err != nil {
		return nil, pathError("listing DATA_DIR", "set it to the folder of the candle files", err)
	}
	f := &listing{query: q, files: map[string][]candleFile{}, other: map[string]candleFile{}}
	all := map[string][]candleFile{}
	var unread, folders, others []string
	for _, e := range entries {
		name := e.Name()
		stem, ok := stemOf(name)
		file := candleFile{filepath.Join(q.Dir, name), parseFileName(stem)}
		switch {
		case strings.HasPrefix(name, "."), strings.HasPrefix(name, "~$"): // and what Excel locks files by
		case ok && publishedOther.MatchString(stem):
			others = append(others, name)
		case !ok && e.IsDir():
			folders = append(folders, name)
		case !ok && holdsCandles(name):
			unread = append(unread, name)
		case !ok:
		case checkName(file.name.symbol) != nil:
			f.odd = append(f.odd, file)
		default:
			all[file.name.symbol] = append(all[file.name.symbol], file)
		}
	}
	if len(all)+len(f.odd) == 0 {
		return nil, f.empty(unread, folders)
	}
	if len(unread) > 0 {
		f.note("%s not read, since candles are in .csv, .csv.gz, .zip or .parquet: %s", are(unread), convert(unread))
	}
	if folders = withCandles(q.Dir, folders); len(folders) > 0 {
		f.note("%s not read, since candles are in DATA_DIR itself", are(folders))
	}
	if len(others) > 0 {
		f.note("%s not read, since the name is of no candles", are(others))
	}
	var skipped []string
	for symbol, files := range all {
		var others []string
		if f.files[symbol], others, err = f.ofInterval(symbol, files); err != nil {
			return nil, err
		}
		if len(f.files[symbol]) == 0 {
			delete(f.files, symbol)
		}
		skipped = append(skipped, others...)
	}
	switch {
	case len(f.files)+len(f.odd) == 0:
		return nil, f.otherInterval()
	case len(skipped) > 0:
		slices.Sort(skipped)
		f.note("%s not read, since INTERVAL=%s and the name has another", are(skipped), q.Interval)
	}
	return f, nil
}

func (f *listing) note(format string, a ...any) { f.notes = append(f.notes, fmt.Sprintf(format, a...)) }

// are is the first few of names with their verb.
func are(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return FirstOf(names) + " are"
}

// empty is the fault of a folder without a file that is read.
func (f *listing) empty(unread, folders []string) error {
	err := fault.Input("DATA_DIR=%s holds no .csv or .parquet file", f.Dir).At("DATA_DIR")
	if len(unread) > 0 {
		return fault.Input("DATA_DIR=%s holds no .csv or .parquet file, but %s", f.Dir, FirstOf(unread)).At("DATA_DIR").Fix("%s", convert(unread))
	}
	switch folders = withCandles(f.Dir, folders); len(folders) {
	case 0:
		return err.Fix("set the folder of the candles")
	case 1:
		return err.Fix("set DATA_DIR=%s", filepath.Join(f.Dir, folders[0]))
	}
	return fault.Input("DATA_DIR=%s holds no .csv or .parquet file, but the folders %s with such", f.Dir, firstOf(folders, 3)).At("DATA_DIR").
		Fix("put the files of one length of bars into one folder, and set DATA_DIR to it")
}

// withCandles are those of the folders within another that hold files which are
// read, with a mark behind the name that shows it is a folder.
func withCandles(dir string, folders []string) (with []string) { return candlesWithin(dir, folders, 3) }

// candlesWithin looks so many levels deep, as data/spot/monthly of Binance has
// them, and at the first few folders of each.
func candlesWithin(dir string, folders []string, levels int) (with []string) {
	const most = 100
	for _, name := range folders[:min(len(folders), most)] {
		inside, _ := os.ReadDir(filepath.Join(dir, name))
		if slices.ContainsFunc(inside, func(e os.DirEntry) bool { _, ok := stemOf(e.Name()); return ok && !e.IsDir() }) {
			with = append(with, name+"/")
		}
		var deeper []string
		for _, e := range inside {
			if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
				deeper = append(deeper, filepath.Join(name, e.Name()))
			}
		}
		if levels > 1 && len(with) < most {
			with = append(with, candlesWithin(dir, deeper, levels-1)...)
		}
	}
	return with
}

// ofInterval are the files of a symbol that have bars of INTERVAL by their
// names, and the names of the others.
func (f *listing) ofInterval(symbol string, files []candleFile) (right []candleFile, others []string, err error) {
	periods := map[string]candleFile{}
	for _, file := range files {
		if length, known := lengthOf(file.name.interval); file.name.interval != "" && (!known || length != f.interval) {
			others = append(others, file.base())
			f.other[symbol] = file
			continue
		}
		twin, known := periods[file.name.period]
		if !known && len(right) > 0 && (file.name.period == "" || right[0].name.period == "") {
			twin, known = right[0], true
		}
		if known {
			return nil, nil, fault.Input("both %s and %s are there for %s", twin.path, file.path, symbol).At("%s", file.path).Fix("remove one")
		}
		periods[file.name.period] = file
		right = append(right, file)
	}
	if len(right) > 0 {
		delete(f.other, symbol)
	}
	return right, others, nil
}

// otherInterval is the fault of a folder, or of the symbols named, with bars of
// another interval alone.
func (f *listing) otherInterval(symbols ...string) error {
	if len(symbols) == 0 {
		symbols = slices.Sorted(maps.Keys(f.other))
	}
	if file, ok := f.other[symbols[0]]; ok {
		err := fault.Input("%s holds bars of %s by its name, and INTERVAL=%s", file.path, file.name.interval, f.Interval).At("%s", file.path)
		if length, _ := lengthOf(file.name.interval); intervalName(length) != "" {
			return err.Fix("set INTERVAL=%s, or provide bars of %s", intervalName(length), f.Interval)
		}
		return err.Fix("provide bars of %s", f.Interval)
	}
	return nil
}

// choose picks the files to read: those of the symbols that are named, or all.
// Of the others those in long format may hold what is lacking.
func (f *listing) choose() (chosen []candleFile, err error) {
	var rest []candleFile
	for _, symbol := range symbolsOf(f.files) {
		if f.wants(symbol) {
			chosen = append(chosen, f.files[symbol]...)
		} else {
			rest = append(rest, f.files[symbol]...)
		}
	}
	lacking := f.lacking(f.selection.Names, func(symbol string) bool { return f.files[symbol] != nil })
	switch {
	case f.selection.Names == nil:
		chosen = append(chosen, f.odd...)
	case len(lacking) == 0:
		var odd []string
		for _, file := range f.odd {
			odd = append(odd, file.base())
		}
		if len(odd) > 0 {
			f.note("%s not read, since the name is no symbol", are(odd))
		}
		return chosen, nil
	default:
		rest = append(rest, f.odd...)
	}
	long := slices.DeleteFunc(rest, func(file candleFile) bool { return !isLong(file.path) })
	if len(lacking) > 0 && len(long) == 0 && !slices.ContainsFunc(chosen, func(file candleFile) bool { return isLong(file.path) }) {
		return nil, f.lacks(lacking, symbolsOf(f.files))
	}
	return append(chosen, long...), nil
}

// lacks is the fault of symbols that no file has.
func (f *listing) lacks(lacking, there []string) error {
	if err := f.otherInterval(lacking[0]); f.other[lacking[0]].path != "" {
		return err
	}
	err := fault.Input("DATA_DIR=%s has no file of %s", f.Dir, FirstOf(lacking)).At("DATA_DIR")
	if len(there) == 0 {
		return err.Fix("name each file after its symbol, as %s.csv", lacking[0])
	}
	if remedy := meant(lacking, there); remedy != "" {
		return err.Fix("%s", remedy)
	}
	return f.orColumn(err.Fix("add it, or choose among %s", FirstOf(there)), lacking)
}

// isLong reports whether a file has a column of symbols.
func isLong(path string) bool {
	c, err := openCandles(path)
	if err != nil {
		return false
	}
	defer c.Close()
	if c.text == nil {
		t, err := openParquet(c, c.size, path)
		return err == nil && t.symbols >= 0
	}
	t, err := openCSV(c.text, path)
	return err == nil && t.symbols >= 0
}
