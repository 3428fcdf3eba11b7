package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/streamforge/gnn-trainer/data/internal/parquetfile"
)

// readParquet reads the candles of one symbol from a Parquet file of size
// bytes. Only the columns of a candle are read, page by page. path names the
// file in errors.
func readParquet(ctx context.Context, r io.ReaderAt, size int64, path string) (s *series, err error) {
	defer func() {
		if cause := recover(); cause != nil { // the library panics on some malformed files
			s, err = nil, bad(path, "cannot be read as Parquet (%v): write it again", cause)
		}
	}()
	if err := parquetfile.CheckFooter(r, size); err != nil {
		return nil, bad(path, "cannot be read as Parquet (%v): write it again", err)
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, bad(path, "cannot be read as Parquet (%v): write it again", err)
	}
	header := make([]string, 0, 16)
	for _, column := range file.Root().Columns() {
		header = append(header, column.Name())
	}
	at, err := locate(header)
	if err != nil {
		return nil, bad(path, "cannot be read: %v", err)
	}

	s = newSeries(path, "row", at)
	for q := openTime; q >= 0; q-- { // open_time first: it says how many rows there are
		if at[q] < 0 {
			continue
		}
		if err := s.readColumn(ctx, file, file.Root().Columns()[at[q]], q); err != nil {
			return nil, err
		}
	}
	if len(s.times) == 0 {
		return nil, bad(path, "has no rows: write its candles, or remove the file")
	}
	for i := range s.times {
		s.places = append(s.places, i+1)
		if c := s.candle(i); c.flaw() != "" {
			return nil, badAt(path, s.unit, i+1, "%s: correct or remove this row", c.flaw())
		}
	}
	return s, nil
}

// readColumn reads one column of all row groups into the series.
func (s *series) readColumn(ctx context.Context, file *parquet.File, column *parquet.Column, q quantity) error {
	if !column.Leaf() || column.Repeated() {
		return bad(s.path, "has %s as a nested column: write it as a plain one", q)
	}
	as, err := encodingOf(column.Type(), q)
	if err != nil {
		return bad(s.path, "has %s as %v", q, err)
	}
	if err := checkCodec(file, column); err != nil {
		return bad(s.path, "has %s %v", q, err)
	}
	row := 0
	buffer := make([]parquet.Value, 1024)
	for _, group := range file.RowGroups() {
		pages := group.ColumnChunks()[column.Index()].Pages()
		for {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return errors.Join(bad(s.path, "cannot be read as Parquet (column %s: %v): write it again", q, err), pages.Close())
			}
			err = s.readPage(ctx, page.Values(), buffer, as, q, &row)
			parquet.Release(page)
			if err != nil {
				return errors.Join(err, pages.Close())
			}
		}
		if err := pages.Close(); err != nil {
			return fmt.Errorf("closing a page of %s: %w", s.path, err)
		}
	}
	if row != len(s.times) {
		return bad(s.path, "has %d values of %s and %d of open_time: write it again", row, q, len(s.times))
	}
	return nil
}

// checkCodec refuses the compression that the library (v0.32) decodes wrongly:
// of LZ4_RAW it gives zeros, without an error, and a damaged page of it grows
// a buffer until the memory is gone. LZ4, its older framing, it does not know.
func checkCodec(file *parquet.File, column *parquet.Column) error {
	for _, group := range file.Metadata().RowGroups {
		switch codec := group.Columns[column.Index()].MetaData.Codec; codec {
		case format.Uncompressed, format.Snappy, format.Gzip, format.Zstd, format.Brotli:
		default:
			return fmt.Errorf("compressed with %v, which cannot be read: write it with snappy, gzip, zstd or brotli", codec)
		}
	}
	return nil
}

// readPage appends one page's values; row counts them.
func (s *series) readPage(ctx context.Context, values parquet.ValueReader, buffer []parquet.Value, as encoding, q quantity, row *int) error {
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("reading %s: %w", s.path, ctx.Err())
		}
		n, err := values.ReadValues(buffer)
		for _, v := range buffer[:n] {
			*row++
			if err := s.addValue(v, as, q); err != nil {
				return badAt(s.path, s.unit, *row, "%s %v: correct or remove this row", q, err)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return bad(s.path, "cannot be read as Parquet (column %s: %v): write it again", q, err)
		}
	}
}

// addValue decodes one value and appends it to its column.
func (s *series) addValue(v parquet.Value, as encoding, q quantity) error {
	if q == openTime {
		t, err := as.time(v)
		s.times = append(s.times, t)
		return err
	}
	x, present, err := as.number(v)
	switch {
	case err != nil:
		return err
	case !present && !q.optional():
		return errors.New("is null, and a bar may be missing but not in part")
	case !present:
		x = math.NaN()
	}
	s.values[q] = append(s.values[q], x)
	return nil
}
