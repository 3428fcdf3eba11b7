package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

// loadFiles reads DATA_DIR, one SYMBOL.csv or SYMBOL.parquet a symbol.
func loadFiles(ctx context.Context, cfg Config) (*data.Market, Report, error) {
	interval, err := ParseInterval(cfg.Interval)
	if err != nil {
		return nil, Report{}, err
	}
	span, err := cfg.Range()
	if err != nil {
		return nil, Report{}, err
	}
	selection, err := ParseSymbols(cfg.Symbols, cfg.Symbol)
	if err != nil {
		return nil, Report{}, err
	}
	paths, err := listFiles(cfg.Dir)
	if err != nil {
		return nil, Report{}, err
	}
	symbols, err := candidates(cfg, selection, paths)
	if err != nil {
		return nil, Report{}, err
	}
	all, err := readFiles(ctx, symbols, paths, interval, span)
	if err != nil {
		return nil, Report{}, err
	}
	if selection.Top > 0 {
		if symbols, all, err = mostTraded(symbols, all, selection.Top, cfg); err != nil {
			return nil, Report{}, err
		}
	}
	for i, s := range all {
		if len(s.times) == 0 {
			return nil, Report{}, noneIn(span, s, symbols[i])
		}
	}
	return assemble(symbols, all, interval)
}

func noneIn(span Range, s *series, symbol string) error {
	return bad(s.path, "has no candle with %s: choose another range, or leave %s out of SYMBOLS", span, symbol)
}

// listFiles finds each symbol's file by its name.
func listFiles(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, pathError("listing DATA_DIR (set it to the folder of the candle files)", err)
	}
	paths := map[string]string{}
	for _, e := range entries {
		name := e.Name()
		extension := filepath.Ext(name)
		symbol := strings.TrimSuffix(name, extension)
		if lower := strings.ToLower(extension); lower != ".csv" && lower != ".parquet" || strings.HasPrefix(name, ".") {
			continue
		}
		path := filepath.Join(dir, name)
		if other, ok := paths[symbol]; ok {
			return nil, fmt.Errorf("%w: both %s and %s are there for %s: remove one", data.ErrInput, other, path, symbol)
		}
		paths[symbol] = path
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%w: DATA_DIR=%s holds no .csv or .parquet file: set the folder of the candles", data.ErrInput, dir)
	}
	return paths, nil
}

// pathError marks what the user mends, a wrong path or its rights; a disk that
// fails is worth another try instead.
func pathError(doing string, err error) error {
	for _, mended := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EISDIR} {
		if errors.Is(err, mended) {
			return fmt.Errorf("%w: %s: %w", data.ErrInput, doing, err)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// candidates are the symbols to read: those named, or every file's.
func candidates(cfg Config, selection Selection, paths map[string]string) ([]string, error) {
	found := slices.Sorted(maps.Keys(paths))
	wanted := selection.Names
	if wanted == nil {
		wanted = found
	}
	var lacking []string
	for _, symbol := range append(slices.Clone(wanted), cfg.Symbol) {
		if symbol != "" && paths[symbol] == "" && !slices.Contains(lacking, symbol) {
			lacking = append(lacking, symbol)
		}
	}
	if lacking != nil {
		return nil, fmt.Errorf("%w: DATA_DIR=%s has no file of %s: add it, or choose among %s", data.ErrInput, cfg.Dir, strings.Join(lacking, ", "), strings.Join(found, ", "))
	}
	if selection.Top > len(found) {
		return nil, fmt.Errorf("%w: SYMBOLS=top:%d asks for more than the %d symbols in DATA_DIR=%s: set top:%d or less, or unset SYMBOLS", data.ErrInput, selection.Top, len(found), cfg.Dir, len(found))
	}
	return wanted, nil
}

// readFiles reads the files of the symbols side by side, cut to the range. The
// first failure in the symbols' order is told, with the names of the others.
func readFiles(ctx context.Context, symbols []string, paths map[string]string, interval time.Duration, span Range) ([]*series, error) {
	all, errs := make([]*series, len(symbols)), make([]error, len(symbols))
	sideBySide(len(symbols), func(i int) {
		if all[i], errs[i] = readFile(ctx, paths[symbols[i]], interval); errs[i] == nil {
			// A first cut lets memory go early. By LOOKBACK it keeps more
			// than the market's range if another symbol has newer bars.
			all[i].cut(span.bounds(all[i].newest(interval)))
		}
	})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("reading candles: %w", ctx.Err())
	}
	var first error
	var others []string
	for i, err := range errs {
		switch {
		case err == nil:
		case first == nil:
			first = err
		default:
			others = append(others, filepath.Base(paths[symbols[i]]))
		}
	}
	switch {
	case len(others) > 0:
		return nil, fmt.Errorf("%w (%d more files have errors: %s)", first, len(others), FirstOf(others))
	case first != nil:
		return nil, first
	}
	newest := int64(math.MinInt64)
	for _, s := range all {
		newest = max(newest, s.newest(interval))
	}
	for _, s := range all {
		s.cut(span.bounds(newest))
	}
	return all, nil
}

// sideBySide calls f with each number below n, as many at once as there are
// threads.
func sideBySide(n int, f func(i int)) {
	var running sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range n {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	running.Wait()
}

// FirstOf names the first few of many names, for a message of one line.
func FirstOf(names []string) string {
	const most = 5
	if more := len(names) - most; more > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

// newest is the close of the newest bar, Unix ms.
func (s *series) newest(interval time.Duration) int64 {
	if len(s.times) == 0 {
		return math.MinInt64
	}
	return s.times[len(s.times)-1] + interval.Milliseconds()
}

func readFile(ctx context.Context, path string, interval time.Duration) (*series, error) {
	file, size, err := openCandles(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var s *series
	if isCSV(path) {
		s, err = readCSV(ctx, file, path)
	} else {
		s, err = readParquet(ctx, file, size, path)
	}
	if err != nil {
		return nil, err
	}
	return s, s.tidy(interval)
}

// openCandles opens a file of candles of size bytes.
func openCandles(path string) (file *os.File, size int64, err error) {
	file, err = os.Open(path)
	if err != nil {
		return nil, 0, pathError("opening candles (look at the file and at who may read it)", err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = pathError("opening candles (look at the file and at who may read it)", err)
	case info.IsDir():
		err = bad(path, "is a folder: put one file a symbol into DATA_DIR")
	default:
		return file, info.Size(), nil
	}
	file.Close()
	return nil, 0, err
}

// mostTraded keeps the top symbols by quote volume over the range, most first.
// SYMBOL takes the place of the last one where it is not among them. Symbols
// without a candle in the range take no part. The ranking sees the whole range,
// as the name top:N by traded volume says: for nodes that were chosen before
// the test part began, list them.
func mostTraded(symbols []string, all []*series, top int, cfg Config) ([]string, []*series, error) {
	order := make([]int, 0, len(symbols))
	traded := make([]float64, len(symbols))
	for i, s := range all {
		if traded[i] = s.turnover(); len(s.times) > 0 || symbols[i] == cfg.Symbol {
			order = append(order, i)
		}
	}
	if len(order) < top {
		return nil, nil, fmt.Errorf("%w: SYMBOLS=top:%d, and only %d symbols in DATA_DIR=%s have candles in the range: set top:%d or less", data.ErrInput, top, len(order), cfg.Dir, len(order))
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(traded[b], traded[a]) })
	if at := slices.IndexFunc(order, func(i int) bool { return symbols[i] == cfg.Symbol }); at >= top {
		order[top-1] = order[at]
	}
	return picked(symbols, order[:top]), picked(all, order[:top]), nil
}
