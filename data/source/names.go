package source

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data/internal/symbolname"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// fileName is what the name of a file shows, without its extension.
type fileName struct {
	symbol   string
	interval string // as in the names that Binance and freqtrade give files; "": it shows none
	period   string // the month or day of its candles, as Binance publishes them; "": it shows none
}

// publishedName is SYMBOL-INTERVAL, and behind it a month or day:
// BTCUSDT-5m-2024-01, BTC_USDT-5m, BTC_USDT_USDT-1h-futures.
var publishedName = regexp.MustCompile(`^(.+?)[-_](\d+(?:s|m|min|h|H|d|D|w|mo|M))(?:[-_](\d{4}-\d{2}(?:-\d{2})?))?(?:-(?:futures|spot))?$`)

func parseFileName(stem string) fileName {
	if parts := publishedName.FindStringSubmatch(stem); parts != nil {
		return fileName{parts[1], parts[2], parts[3]}
	}
	return fileName{symbol: stem}
}

// genericName is that of a file which is named after what it holds, and not after
// a symbol: its column of symbols names that.
var genericName = regexp.MustCompile(`(?i)^(part|chunk|data|dataset|candles?|klines?|ohlcv?|prices?|market|quotes|bars|all|export|output|history|download)([-_. ]?[0-9a-f-]*)$`)

// extensions are those of the files that are read, the longer ones first.
var extensions = []string{".csv.gz", ".csv.zip", ".csv", ".zip", ".parquet"}

// stemOf is the name of a file without its extension; not ok: it is not read.
func stemOf(name string) (stem string, ok bool) {
	for _, extension := range extensions {
		if n := len(name) - len(extension); n > 0 && strings.EqualFold(name[n:], extension) {
			return name[:n], true
		}
	}
	return "", false
}

// candleForms are the extensions under which candles stand that are not read.
var candleForms = []string{".feather", ".arrow", ".ipc", ".json", ".jsonl", ".ndjson", ".h5", ".hdf", ".hdf5", ".pkl", ".pickle", ".xls", ".xlsx", ".ods", ".tsv", ".txt", ".dat", ".orc", ".avro", ".npz", ".npy", ".pq", ".db", ".sqlite", ".duckdb", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".tgz", ".bak", ".old", ".tmp", ".part", ".crdownload"}

// holdsCandles reports whether a file that is not read may be meant to be.
func holdsCandles(name string) bool {
	lower := strings.ToLower(name)
	for _, document := range []string{"readme", "license", "notes", "requirements", "changelog"} {
		if strings.HasPrefix(lower, document) {
			return false
		}
	}
	if strings.Contains(lower, ".csv") || strings.Contains(lower, ".parquet") {
		return !strings.HasSuffix(lower, ".checksum") && !strings.HasSuffix(lower, ".sha256") && !strings.HasSuffix(lower, ".md5")
	}
	return slices.ContainsFunc(candleForms, func(extension string) bool { return strings.HasSuffix(lower, extension) })
}

// publishedOther is the name of a file that Binance publishes beside its candles.
var publishedOther = regexp.MustCompile(`(?i)-(aggTrades|trades|fundingRate|metrics|bookTicker|bookDepth|liquidationSnapshot|BVOLIndex|EOHSummary)-\d{4}-\d{2}(-\d{2})?$`)

// convert is what to do about files that are not read, by their names.
func convert(names []string) string {
	if slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".feather") }) {
		return "convert them, as by pandas.read_feather(f).to_parquet(g)"
	}
	return "convert them to Parquet, as by to_parquet of pandas, or to CSV"
}

// canonical is a symbol without separators, in capitals.
func canonical(symbol string) string { return symbolname.Canonical(symbol) }

// meant is a remedy that suggests the real names of symbols that there are not;
// "": it knows none.
func meant(lacking, among []string) string { return symbolname.Meant(lacking, among) }

// symbolsOf are the symbols of a folder's files by their names.
func symbolsOf(files map[string][]candleFile) []string { return slices.Sorted(maps.Keys(files)) }

// anyLong reports whether one of the files has a column of symbols.
func (c Config) anyLong(entries []os.DirEntry) bool {
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		_, ok := stemOf(e.Name())
		return ok && isLong(filepath.Join(c.Dir, e.Name()))
	})
}

// suggest gives the fault of a name that can be no symbol, such as BTC/USDT, the
// symbol of the file that may be meant.
func (c Config) suggest(wrong error) error {
	var there, names []string
	entries, _ := os.ReadDir(c.Dir)
	for _, e := range entries {
		if stem, ok := stemOf(e.Name()); ok {
			there = append(there, parseFileName(stem).symbol)
		}
	}
	list := strings.Split(c.Symbols, ",")
	if isJSON(c.Symbols) || nearlyTop.MatchString(strings.TrimSpace(c.Symbols)) {
		list = nil
	}
	for _, name := range append(list, c.Symbol) {
		if name = strings.TrimSpace(name); name != "" && checkName(name) != nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(there)
	there = slices.Compact(there)
	switch remedy := meant(names, there); {
	case remedy != "":
		return fault.Of(wrong).Fix("%s", remedy)
	case c.anyLong(entries):
		var plain []string
		for _, name := range names {
			to := symbolname.Plain(name)
			if checkName(to) != nil {
				to = canonical(name)
			}
			if to != "" {
				plain = append(plain, to+" for "+name)
			}
		}
		if len(plain) > 0 {
			return fault.Of(wrong).Fix("write %s", firstOf(plain, 3))
		}
	case len(there) > 0 && len(names) > 0:
		return fault.Of(wrong).Fix("choose among %s", FirstOf(there))
	}
	return wrong
}
