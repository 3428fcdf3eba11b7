package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// loadFiles reads DATA_DIR: a file a symbol, several files of months, or files in
// long format that hold many symbols.
func loadFiles(ctx context.Context, q query) (*data.Market, Report, error) {
	f, err := listFolder(q)
	if err != nil {
		return nil, Report{}, err
	}
	chosen, err := f.choose()
	if err != nil {
		return nil, Report{}, err
	}
	read, err := readFiles(ctx, chosen, q)
	if err != nil {
		return nil, Report{}, err
	}
	if err := q.checkOwn(read); err != nil {
		return nil, Report{}, err
	}
	n, err := f.nodes(read)
	if err != nil {
		return nil, Report{}, err
	}
	if err := align(n.all, q.interval); err != nil { // before a cut: it may move daily bars
		return nil, Report{}, err
	}
	cutAll(n.all, q.span, q.interval)
	if err := n.narrow(q, "DATA_DIR="+q.Dir); err != nil {
		return nil, Report{}, err
	}
	for i, s := range n.all {
		if err := s.checkNotEmpty(n.symbols[i], q); err != nil {
			return nil, Report{}, err
		}
	}
	m, report, err := assemble(n.symbols, n.all, q.interval)
	if _, ok := err.(sparse); ok {
		err = f.orPeriods(err)
	}
	report.Unread = unreadIn(read)
	report.Warnings = slices.Concat(f.notes, n.notes, copies(n.symbols, n.all, q.leaveOut))
	return m, report, err
}

// file is what was read of one file.
type file struct {
	candleFile
	series  []*series
	symbols []string // all that it holds
	from    origin
	unread  []unread
	texts   []*textColumn
	rows    int64  // about how many candles the longest of its series has
	whole   bool   // whether series has all of them
	open    string // the bar that was left out since it had not closed

	header []string
	ownAt  []int // as in table
}

// readFiles reads files side by side, cut to the range. The first failure in
// their order is reported, with the names of the others.
func readFiles(ctx context.Context, files []candleFile, q query) ([]*file, error) {
	all := make([]*file, len(files))
	errs := sideBySide(ctx, len(files), func(i int) (err error) {
		if all[i], err = readFile(ctx, files[i], q); err != nil {
			return err
		}
		for _, s := range all[i].series {
			// A first cut releases memory early. By LOOKBACK it keeps more
			// than the market's range if another symbol has newer bars.
			if q.interval < day {
				s.cut(q.span.bounds(s.newest(q.interval)))
			}
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("reading candles: %w", ctx.Err())
	}
	q.compareLengths(errs, all)
	var first error
	var others []string
	for i, err := range errs {
		switch {
		case err == nil:
		case first == nil:
			first = err
		default:
			others = append(others, filepath.Base(files[i].path))
		}
	}
	if len(others) > 0 {
		return nil, fmt.Errorf("%w (%d more files have errors: %s)", first, len(others), firstOf(others, 2))
	}
	return all, first
}

// compareLengths gives the faults of files whose bars have another length than
// INTERVAL the remedy for a folder of several lengths: no INTERVAL fits all.
func (q query) compareLengths(errs []error, all []*file) {
	lengths := map[int64]string{} // a file of each
	for i, err := range errs {
		if m, ok := errors.AsType[misfit](err); ok {
			lengths[m.apart] = m.path
		} else if err == nil && all[i] != nil {
			for _, s := range all[i].series {
				if s.apart > 0 && len(s.times) > 1 {
					lengths[q.interval.Milliseconds()] = s.path
				}
			}
		}
	}
	if len(lengths) < 2 {
		return
	}
	for i, err := range errs {
		m, ok := errors.AsType[misfit](err)
		if !ok {
			continue
		}
		found := fault.Of(m.error)
		if fits := lengths[q.interval.Milliseconds()]; fits != "" {
			remedy := "resample it to " + q.Interval
			if m.apart > q.interval.Milliseconds() { // nobody can make short bars of long ones
				remedy = "provide its bars of " + q.Interval
			}
			if m.symbol != q.Symbol {
				remedy += ", or " + q.leaveOut(m.symbol)
			}
			errs[i] = found.Fix("%s", remedy)
			continue
		}
		longest := slices.Max(slices.Collect(maps.Keys(lengths)))
		if name := intervalName(time.Duration(longest) * time.Millisecond); name != "" {
			errs[i] = found.Fix("resample all files to %s, the longest that they have, and set INTERVAL=%s", name, name)
		} else {
			errs[i] = found.Fix("resample all files to one length, since they have several, and set INTERVAL to it")
		}
	}
}

// readFile reads one file.
func readFile(ctx context.Context, of candleFile, q query) (*file, error) {
	c, err := openCandles(of.path)
	if err != nil {
		return nil, of.orNoSymbol(err)
	}
	defer c.Close()
	var t *table
	if c.text != nil {
		t, err = readCSV(ctx, c.text, of.path, q.wanted(of), q.Columns...)
	} else {
		t, err = readParquet(ctx, c, c.size, of.path, q.wanted(of), q.Columns...)
	}
	if err != nil {
		return nil, err
	}
	return q.tidy(of, t, c.written)
}

// orNoSymbol is the fault of a file that is named after no symbol, and of other
// files err.
func (f candleFile) orNoSymbol(err error) error {
	if checkName(f.name.symbol) == nil {
		return err
	}
	if name := f.base(); strconv.QuoteToGraphic(name) != `"`+name+`"` || strings.TrimSpace(f.name.symbol) != f.name.symbol {
		return bad(f.path, "is named after no symbol, its name is %s", strconv.QuoteToASCII(name)).Fix("name it after its symbol, such as BTCUSDT.csv")
	}
	return bad(f.path, "is named after no symbol").Fix("remove it if it is a copy, or name it after its symbol, such as BTCUSDT.csv")
}

// tidy sorts and checks what was read of a file.
func (q query) tidy(of candleFile, t *table, written time.Time) (*file, error) {
	named := of.name.symbol
	if t.symbols < 0 || len(t.all) == 1 {
		if err := of.orNoSymbol(nil); err != nil {
			return nil, err
		}
	}
	all, err := t.series(named)
	if err != nil {
		return nil, err
	}
	f := &file{candleFile: of, from: t.origin, unread: t.unread, texts: t.texts, whole: true, header: t.heading, ownAt: t.ownAt}
	for _, s := range all {
		f.symbols = append(f.symbols, s.symbol)
		if s.timesOnly {
			continue
		}
		if err := s.order(q.interval); err != nil {
			return nil, t.orSymbols(err)
		}
		f.rows = max(f.rows, int64(len(s.times)))
		note, err := s.dropOpen(q.now, written, q.span, q.interval)
		if err != nil {
			return nil, err
		}
		if note != "" && f.open == "" {
			f.open = note
		}
		f.series = append(f.series, s)
	}
	return f, nil
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
func FirstOf(names []string) string { return firstOf(names, 5) }

func firstOf(names []string, most int) string {
	if more := len(names) - most; more > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
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
