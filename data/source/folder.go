package source

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
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

	Wrong  []error  // that a load would end with, a file each
	Files  []string // the names of the wrong files
	Unread []string // as in Report
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
	paths, err := listFiles(cfg.Dir)
	if err != nil {
		return f, err
	}
	if f.Symbols, err = candidates(q, paths); err != nil {
		return f, err
	}
	looks := make([]look, len(f.Symbols))
	errs := sideBySide(ctx, len(f.Symbols), func(i int) (err error) {
		looks[i], err = lookAtFile(ctx, paths[f.Symbols[i]], q.interval)
		return err
	})
	if ctx.Err() != nil {
		return f, context.Cause(ctx)
	}
	wrong := func(symbol string, err error) {
		f.Wrong, f.Files = append(f.Wrong, err), append(f.Files, filepath.Base(paths[symbol]))
	}
	f.Whole = true
	var all []*series
	for i, err := range errs {
		if err != nil {
			wrong(f.Symbols[i], err)
			continue
		}
		all = append(all, looks[i].series)
		f.Rows = max(f.Rows, looks[i].rows)
		f.Whole = f.Whole && looks[i].whole
	}
	f.Unread = unreadIn(all)
	if len(f.Wrong) > 0 {
		f.Whole = false
		return f, nil
	}
	if f.Whole {
		f.Symbols, err = f.cut(all, q, wrong)
		return f, err
	}
	first, last := extent(all, q.interval)
	f.Bars = barsBetween(first, last, q.span, q.interval)
	return f, nil
}

// cut does with whole files what a load does once they are read.
func (f *Folder) cut(all []*series, q query, wrong func(string, error)) ([]string, error) {
	cutAll(all, q.span, q.interval)
	symbols, all, err := mostTraded(f.Symbols, all, q, "DATA_DIR="+q.Dir)
	if err != nil {
		return f.Symbols, err
	}
	for i, s := range all {
		if err := s.checkNotEmpty(symbols[i], q.span.String()); err != nil {
			wrong(symbols[i], err)
		}
	}
	if f.Whole = len(f.Wrong) == 0; f.Whole {
		first, last := extent(all, q.interval)
		f.Bars = (last - first) / q.interval.Milliseconds()
	}
	return symbols, nil
}

// barsBetween is how many bars of the range open from first to before last.
func barsBetween(first, last int64, span Range, interval time.Duration) int64 {
	from, to := span.bounds(last)
	return max(0, min(to, last)-max(from, first)) / interval.Milliseconds()
}

// look is what was seen of one file.
type look struct {
	series *series // in order
	rows   int64   // about how many candles it has
	whole  bool    // series has all of them
}

func lookAtFile(ctx context.Context, path string, interval time.Duration) (l look, err error) {
	file, size, err := openCandles(path)
	if err != nil {
		return l, err
	}
	defer file.Close()
	if isCSV(path) {
		l, err = lookAtCSV(ctx, file, size, path)
	} else {
		l, err = lookAtParquet(ctx, file, size, path)
	}
	if err != nil {
		return l, err
	}
	return l, l.series.order(interval)
}

func lookAtCSV(ctx context.Context, file *os.File, size int64, path string) (l look, err error) {
	text, err := openCSV(file, path)
	if err != nil {
		return l, err
	}
	l.series = text.series
	most := lookRows
	if size <= lookWhole {
		most = math.MaxInt
	}
	if l.whole, err = text.read(ctx, most); err != nil {
		return l, err
	}
	read := len(l.series.times)
	if l.rows = int64(read); l.whole {
		return l, nil
	}
	seen := text.lines.InputOffset()
	l.rows = size * l.rows / seen
	from := max(seen, size-lookEnd)
	end := make([]byte, size-from)
	n, err := file.ReadAt(end, from)
	if err != nil && err != io.EOF {
		return l, pathError("reading candles", "check the file and who may read it", err)
	}
	end = end[:n]
	// Which line a quoted text with a line's end in it begins on is not known.
	if _, lines, ok := bytes.Cut(end, []byte("\n")); ok && !bytes.ContainsRune(end, '"') {
		err = text.readEnd(bytes.NewReader(lines))
	}
	return l, err
}

func lookAtParquet(ctx context.Context, file io.ReaderAt, size int64, path string) (l look, err error) {
	l.series, l.rows, err = readParquetRows(ctx, file, size, path, func(file *parquet.File) []rows {
		all := allRows(file)
		if file.NumRows() <= 2*lookRows {
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
