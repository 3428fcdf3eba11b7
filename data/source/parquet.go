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
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// readParquet reads the candles of one symbol from a Parquet file of size
// bytes. Only the columns of a candle are read, page by page. path names the
// file in errors.
func readParquet(ctx context.Context, r io.ReaderAt, size int64, path string) (s *series, err error) {
	s, _, err = readParquetRows(ctx, r, size, path, func(file *parquet.File) []rows { return allRows(file) })
	return s, err
}

// rows are those of a row group from one to before another; number is that of
// the first of them in the file, from 1.
type rows struct {
	group            int
	from, to, number int64
}

// allRows are the rows of every group.
func allRows(file *parquet.File) (all []rows) {
	number := int64(1)
	for i, group := range file.RowGroups() {
		all = append(all, rows{i, 0, group.NumRows(), number})
		number += group.NumRows()
	}
	return all
}

// readParquetRows reads those of the rows that choose gives, and returns how many
// the file has.
func readParquetRows(ctx context.Context, r io.ReaderAt, size int64, path string, choose func(*parquet.File) []rows) (s *series, of int64, err error) {
	defer func() {
		if cause := recover(); cause != nil { // the library panics on some malformed files
			s, err = nil, bad(path, "cannot be read as Parquet (%v)", cause).Fix("write it again")
		}
	}()
	if err := parquetfile.CheckFooter(r, size); err != nil {
		return nil, 0, bad(path, "cannot be read as Parquet (%v)", err).Fix("write it again")
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, 0, bad(path, "cannot be read as Parquet (%v)", err).Fix("write it again")
	}
	header := make([]string, 0, 16)
	for _, column := range file.Root().Columns() {
		header = append(header, column.Name())
	}
	at, err := locate(header)
	if err != nil {
		return nil, 0, bad(path, "cannot be read: %w", err)
	}

	s = newSeries(origin{path: path, unit: "row", remedy: "correct or remove this row"}, at)
	s.unread = unreadOf(header, at)
	chosen := choose(file)
	for q := openTime; q >= 0; q-- { // open_time first: it decides how many rows there are
		if at[q] < 0 {
			continue
		}
		if err := s.readColumn(ctx, file, file.Root().Columns()[at[q]], q, chosen); err != nil {
			return nil, 0, err
		}
	}
	if len(s.times) == 0 {
		return nil, 0, bad(path, "has no rows").Fix("write its candles, or remove the file")
	}
	claimed := int64(0)
	for _, part := range chosen {
		claimed += part.to - part.from
	}
	if claimed != int64(len(s.times)) {
		return nil, 0, bad(path, "has %d rows, and its row groups claim %d", len(s.times), claimed).Fix("write it again")
	}
	for _, part := range chosen {
		for k := range part.to - part.from {
			s.places = append(s.places, int(part.number+k))
		}
	}
	for i, place := range s.places {
		c := s.candle(i)
		if err := s.check(place, &c); err != nil {
			return nil, 0, err
		}
	}
	return s, file.NumRows(), nil
}

// readColumn reads the chosen rows of one column into the series.
func (s *series) readColumn(ctx context.Context, file *parquet.File, column *parquet.Column, q quantity, chosen []rows) error {
	if !column.Leaf() || column.Repeated() {
		return bad(s.path, "has %s as a nested column", q).Fix("write it as a plain one")
	}
	as, err := encodingOf(column.Type(), q)
	if err != nil {
		return bad(s.path, "has %s as %w", q, err)
	}
	if err := checkCodec(file, column); err != nil {
		return bad(s.path, "has %s %w", q, err)
	}
	read := int64(0)
	buffer := make([]parquet.Value, 1024)
	for _, part := range chosen {
		n, err := s.readRows(ctx, file.RowGroups()[part.group].ColumnChunks()[column.Index()].Pages(), part, buffer, as, q)
		if err != nil {
			return err
		}
		read += n
	}
	if read != int64(len(s.times)) {
		return bad(s.path, "has %d values of %s and %d of open_time", read, q, len(s.times)).Fix("write it again")
	}
	return nil
}

// readRows appends values of one column, and returns of how many rows.
func (s *series) readRows(ctx context.Context, pages parquet.Pages, part rows, buffer []parquet.Value, as encoding, q quantity) (read int64, err error) {
	defer func() {
		if wrong := pages.Close(); wrong != nil && err == nil {
			err = fmt.Errorf("closing a page of %s: %w", s.path, wrong)
		}
	}()
	if part.from > 0 {
		if err := pages.SeekToRow(part.from); err != nil {
			return 0, bad(s.path, "cannot be read as Parquet (column %s: %v)", q, err).Fix("write it again")
		}
	}
	for read < part.to-part.from {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return read, bad(s.path, "cannot be read as Parquet (column %s: %v)", q, err).Fix("write it again")
		}
		read, err = s.readPage(ctx, page.Values(), buffer, as, q, part, read)
		parquet.Release(page)
		if err != nil {
			return read, err
		}
	}
	return read, nil
}

// checkCodec rejects the compression that the library (v0.32) decodes wrongly:
// of LZ4_RAW it gives zeros, without an error, and a damaged page of it grows
// a buffer until the memory is gone. LZ4, its older framing, it does not know.
func checkCodec(file *parquet.File, column *parquet.Column) error {
	for _, group := range file.Metadata().RowGroups {
		switch codec := group.Columns[column.Index()].MetaData.Codec; codec {
		case format.Uncompressed, format.Snappy, format.Gzip, format.Zstd, format.Brotli:
		default:
			return fault.Input("compressed with %v, which cannot be read", codec).Fix("write it with snappy, gzip, zstd or brotli")
		}
	}
	return nil
}

// readPage appends the values of one page, read rows after the first that is
// wanted, and gives how many are read then.
func (s *series) readPage(ctx context.Context, values parquet.ValueReader, buffer []parquet.Value, as encoding, q quantity, part rows, read int64) (int64, error) {
	for {
		if ctx.Err() != nil {
			return read, fmt.Errorf("reading %s: %w", s.path, ctx.Err())
		}
		n, err := values.ReadValues(buffer)
		for _, v := range buffer[:n] {
			if read == part.to-part.from {
				return read, nil
			}
			read++
			if err := s.addValue(v, as, q); err != nil {
				return read, s.badAt(int(part.number+read-1), "%s %w", q, err).Fix("correct or remove this row")
			}
		}
		if errors.Is(err, io.EOF) {
			return read, nil
		} else if err != nil {
			return read, bad(s.path, "cannot be read as Parquet (column %s: %v)", q, err).Fix("write it again")
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
