package source

import (
	"bytes"
	"context"
	"io"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
)

// Folder is what a look at DATA_DIR found.
type Folder struct {
	Symbols []string // whose files a load reads
	Rows    int64    // about how many candles the longest file holds

	// Bars is T of the market, of the first and the last candles of each file;
	// 0: they do not show it. Whole is that every candle was looked at, so that
	// a load finds the same.
	Bars  int64
	Whole bool

	Wrong    []error  // that a load would end with, a file each
	Files    []string // the names of the wrong files
	Unread   []string // as in Report
	Warnings []string // as in Report
}

// Of a file that is longer than lookWhole bytes a look reads lookRows candles
// at either end; of a CSV those of the last lookEnd bytes.
const (
	lookWhole = 256 << 10
	lookRows  = 1000
	lookEnd   = 64 << 10
)

// LookAtFiles reads of each file that a load would read from DATA_DIR the
// header or schema, and its first and last candles, as a load does. err is that
// they could not be found. Errors that the user fixes wrap data.ErrInput.
func LookAtFiles(ctx context.Context, cfg Config) (f Folder, err error) {
	q, err := cfg.query()
	if err != nil {
		return f, err
	}
	l, err := listFolder(q)
	if err != nil {
		return f, err
	}
	chosen, err := l.choose()
	if err != nil {
		return f, err
	}
	files := make([]*file, len(chosen))
	errs := sideBySide(ctx, len(chosen), func(i int) (err error) {
		files[i], err = lookAtFile(ctx, chosen[i], q)
		return err
	})
	if ctx.Err() != nil {
		return f, context.Cause(ctx)
	}
	q.compareLengths(errs, files)
	f.Whole = true
	rows := map[string]int64{} // by symbol
	for i, err := range errs {
		if err != nil {
			f.wrong(chosen[i].path, err)
			f.Symbols = append(f.Symbols, chosen[i].name.symbol)
			continue
		}
		f.Whole = f.Whole && files[i].whole
		for _, s := range files[i].series {
			rows[s.symbol] += files[i].rows
			f.Rows = max(f.Rows, rows[s.symbol])
			f.Symbols = append(f.Symbols, s.symbol)
		}
	}
	f.Unread, f.Warnings = unreadIn(files), l.notes
	slices.Sort(f.Symbols)
	if f.Symbols = slices.Compact(f.Symbols); len(f.Wrong) > 0 {
		f.Whole = false
		return f, nil
	}
	if err := q.checkOwn(files); err != nil {
		return f, err
	}
	n, err := l.nodes(files)
	if err != nil {
		return f, err
	}
	f.Symbols = n.symbols
	if f.Whole {
		return f, f.cut(n, q)
	}
	f.Warnings = slices.Concat(f.Warnings, n.notes)
	first, last := extent(n.all, q.interval)
	f.Bars = barsBetween(first, last, q.span, q.interval)
	return f, nil
}

func (f *Folder) wrong(path string, err error) {
	f.Wrong, f.Files = append(f.Wrong, err), append(f.Files, filepath.Base(path))
}

// cut does with whole files what a load does once they are read.
func (f *Folder) cut(n *nodes, q query) error {
	if err := align(n.all, q.interval); err != nil {
		return err
	}
	cutAll(n.all, q.span, q.interval)
	if err := n.narrow(q, "DATA_DIR="+q.Dir); err != nil {
		return err
	}
	f.Symbols = n.symbols
	f.Warnings = slices.Concat(f.Warnings, n.notes, copies(n.symbols, n.all, q.leaveOut))
	for i, s := range n.all {
		if err := s.checkNotEmpty(n.symbols[i], q); err != nil {
			f.wrong(s.path, err)
		}
	}
	if f.Whole = len(f.Wrong) == 0; f.Whole {
		first, last := extent(n.all, q.interval)
		f.Bars = (last - first) / q.interval.Milliseconds()
		if times := sessionTimes(n.all, axis{start: first, bars: f.Bars, step: q.interval}); times != nil {
			f.Bars = int64(len(times))
		}
	}
	return nil
}

// barsBetween is how many bars of the range open from first to before last.
func barsBetween(first, last int64, span Range, interval time.Duration) int64 {
	from, to := span.bounds(last)
	return max(0, min(to, last)-max(from, first)) / interval.Milliseconds()
}

// lookAtFile reads the first and the last candles of a file, all of a short one
// and of one that holds several symbols.
func lookAtFile(ctx context.Context, of candleFile, q query) (*file, error) {
	c, err := openCandles(of.path)
	if err != nil {
		return nil, of.orNoSymbol(err)
	}
	defer c.Close()
	var l look
	if c.text != nil {
		l, err = lookAtCSV(ctx, c, of, q)
	} else {
		l, err = lookAtParquet(ctx, c, of, q)
	}
	if err != nil {
		return nil, err
	}
	f, err := q.tidy(of, l.table, c.written)
	if err != nil {
		return nil, err
	}
	if f.whole = l.whole; !l.whole {
		f.rows = l.rows
	}
	return f, nil
}

// look is what was seen of one file.
type look struct {
	*table
	rows  int64 // about how many candles it has, where not all were seen
	whole bool
}

func lookAtCSV(ctx context.Context, c *content, of candleFile, q query) (l look, err error) {
	text, err := openCSV(c.text, of.path, q.Columns...)
	if err != nil {
		return l, err
	}
	l.table, text.wanted = text.table, q.wanted(of)
	most := lookRows
	if c.size <= lookWhole && !c.packed || c.size <= lookWhole/4 || text.symbols >= 0 {
		most = math.MaxInt
	}
	if l.whole, err = text.read(ctx, most); err != nil || l.whole {
		return l, err
	}
	seen := text.lines.InputOffset() + int64(text.bytes)
	l.rows = c.size * int64(text.count) / seen
	if c.packed { // its end cannot be read by itself; text packs to about a third
		l.rows *= 3
		return l, nil
	}
	from := max(seen, c.size-lookEnd)
	end := make([]byte, c.size-from)
	n, err := c.ReadAt(end, from)
	if err != nil && err != io.EOF {
		return l, pathError("reading candles", "check the file and who may read it", err)
	}
	end = end[:n]
	// Which line a quoted text with a line's end in it begins on is not known.
	if _, lines, ok := bytes.Cut(end, []byte("\n")); ok && !bytes.ContainsRune(end, '"') {
		return l, text.readEnd(bytes.NewReader(lines))
	}
	return l, nil
}

func lookAtParquet(ctx context.Context, c *content, of candleFile, q query) (l look, err error) {
	l.table, l.rows, err = readParquetRows(ctx, c, c.size, of.path, q.wanted(of), q.Columns, func(t *table, file *parquet.File) []rows {
		all := allRows(file)
		if file.NumRows() <= 2*lookRows || t.symbols >= 0 {
			l.whole = true
			return all
		}
		first, last := all[0], all[len(all)-1]
		if len(all) == 1 { // of one group, not the same rows twice
			last.from = min(lookRows, last.to)
		}
		first.to = min(first.to, lookRows)
		if skip := last.to - lookRows; skip > last.from {
			last.from = skip
		}
		last.number += last.from
		return []rows{first, last}
	})
	return l, err
}
