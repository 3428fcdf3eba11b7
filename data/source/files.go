package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// loadFiles reads DATA_DIR, one SYMBOL.csv or SYMBOL.parquet a symbol.
func loadFiles(ctx context.Context, q query) (*data.Market, Report, error) {
	paths, err := listFiles(q.Dir)
	if err != nil {
		return nil, Report{}, err
	}
	symbols, err := candidates(q, paths)
	if err != nil {
		return nil, Report{}, err
	}
	all, err := readFiles(ctx, symbols, paths, q)
	if err != nil {
		return nil, Report{}, err
	}
	if symbols, all, err = mostTraded(symbols, all, q, "DATA_DIR="+q.Dir); err != nil {
		return nil, Report{}, err
	}
	for i, s := range all {
		if err := s.checkNotEmpty(symbols[i], q.span.String()); err != nil {
			return nil, Report{}, err
		}
	}
	m, report, err := assemble(symbols, all, q.interval)
	report.Unread = unreadIn(all)
	return m, report, err
}

// listFiles finds each symbol's file by its name.
func listFiles(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, pathError("listing DATA_DIR", "set it to the folder of the candle files", err)
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
			return nil, fault.Input("both %s and %s are there for %s", other, path, symbol).At("%s", path).Fix("remove one")
		}
		paths[symbol] = path
	}
	if len(paths) == 0 {
		return nil, fault.Input("DATA_DIR=%s holds no .csv or .parquet file", dir).At("DATA_DIR").Fix("set the folder of the candles")
	}
	return paths, nil
}

// pathError is a fault of the input for a wrong path or its rights; a disk that
// fails is worth another try instead.
func pathError(doing, remedy string, err error) error {
	var place *fs.PathError
	where := ""
	if errors.As(err, &place) {
		where = place.Path
	}
	for _, wrong := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG, syscall.EISDIR} {
		if errors.Is(err, wrong) {
			return fault.Input("%s: %w", doing, err).At("%s", where).Fix("%s", remedy)
		}
	}
	return fault.Transient("%s: %w", doing, err).At("%s", where)
}

// candidates are the symbols to read: those named, or every file's.
func candidates(q query, paths map[string]string) ([]string, error) {
	found := slices.Sorted(maps.Keys(paths))
	wanted := q.selection.Names
	if wanted == nil {
		wanted = found
	}
	if lacking := q.lacking(wanted, func(symbol string) bool { return paths[symbol] != "" }); lacking != nil {
		return nil, fault.Input("DATA_DIR=%s has no file of %s", q.Dir, strings.Join(lacking, ", ")).At("DATA_DIR").Fix("add it, or choose among %s", strings.Join(found, ", "))
	}
	if q.selection.Top > len(found) {
		return nil, fault.Input("SYMBOLS=top:%d asks for more than the %d symbols in DATA_DIR=%s", q.selection.Top, len(found), q.Dir).At("SYMBOLS").Fix("set top:%d or less, or unset SYMBOLS", len(found))
	}
	return wanted, nil
}

// readFiles reads the files of the symbols side by side, cut to the range. The
// first failure in the symbols' order is reported, with the names of the others.
func readFiles(ctx context.Context, symbols []string, paths map[string]string, q query) ([]*series, error) {
	all := make([]*series, len(symbols))
	errs := sideBySide(ctx, len(symbols), func(i int) (err error) {
		if all[i], err = readFile(ctx, paths[symbols[i]], q.interval); err == nil {
			// A first cut releases memory early. By LOOKBACK it keeps more
			// than the market's range if another symbol has newer bars.
			all[i].cut(q.span.bounds(all[i].newest(q.interval)))
		}
		return err
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
	cutAll(all, q.span, q.interval)
	return all, nil
}

// sideBySide calls f with each number below n, as many at once as there are
// threads, and gives its errors by number. Once ctx has ended it calls no more.
func sideBySide(ctx context.Context, n int, f func(i int) error) []error {
	errs := make([]error, n)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error {
			if errs[i] = context.Cause(ctx); errs[i] == nil {
				errs[i] = f(i)
			}
			return nil
		})
	}
	_ = g.Wait()
	return errs
}

// FirstOf names the first few of many names, for a message of one line.
func FirstOf(names []string) string {
	const most = 5
	if more := len(names) - most; more > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
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
	return s, s.order(interval)
}

// openCandles opens a file of candles of size bytes.
func openCandles(path string) (file *os.File, size int64, err error) {
	file, err = os.Open(path)
	if err != nil {
		return nil, 0, pathError("opening candles", "check the file and who may read it", err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = pathError("opening candles", "check the file and who may read it", err)
	case info.IsDir():
		err = bad(path, "is a folder").Fix("put one file a symbol into DATA_DIR")
	default:
		return file, info.Size(), nil
	}
	file.Close()
	return nil, 0, err
}
