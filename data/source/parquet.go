package source

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"

	"github.com/streamforge/gnn-trainer/data/internal/parquetfile"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// readParquet reads the candles of a Parquet file of size bytes. Only the columns
// of a candle, and of symbols, are read, page by page. path names the file in
// errors, wanted and columns are as for readCSV.
func readParquet(ctx context.Context, r io.ReaderAt, size int64, path string, wanted func(symbol string) bool, columns ...string) (t *table, err error) {
	t, _, err = readParquetRows(ctx, r, size, path, wanted, columns, func(_ *table, file *parquet.File) []rows { return allRows(file) })
	return t, err
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
func readParquetRows(ctx context.Context, r io.ReaderAt, size int64, path string, wanted func(symbol string) bool, columns []string, choose func(t *table, file *parquet.File) []rows) (t *table, of int64, err error) {
	defer recoverParquet(path, &err)
	p, err := openParquet(r, size, path, columns...)
	if err != nil {
		return nil, 0, err
	}
	p.wanted = wanted
	p.chosen = choose(p.table, p.file)
	if err := p.read(ctx); err != nil {
		return nil, 0, err
	}
	return p.table, p.file.NumRows(), nil
}

// recoverParquet makes a fault of a panic of the library, which some malformed
// files cause.
func recoverParquet(path string, err *error) {
	if cause := recover(); cause != nil {
		*err = bad(path, "cannot be read as Parquet (%v)", cause).Fix("write it again")
	}
}

// openParquet reads the schema.
func openParquet(r io.ReaderAt, size int64, path string, columns ...string) (p *parquetRows, err error) {
	defer recoverParquet(path, &err)
	if err := parquetfile.CheckFooter(r, size); err != nil {
		return nil, bad(path, "cannot be read as Parquet (%v)", err).Fix("write it again")
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, bad(path, "cannot be read as Parquet (%v)", err).Fix("write it again")
	}
	header := make([]string, 0, 16)
	for _, column := range file.Root().Columns() {
		header = append(header, column.Name())
	}
	t, err := newTable(origin{path: path, unit: "row", remedy: "correct or remove this row"}, header, columns)
	if err != nil {
		return nil, err
	}
	return &parquetRows{table: t, file: file}, nil
}

// parquetRows are the chosen rows of a file.
type parquetRows struct {
	*table
	file   *parquet.File
	chosen []rows
	of     []*series // of each row; nil: all are of one series
}

func (p *parquetRows) read(ctx context.Context) error {
	if p.symbols >= 0 {
		if err := p.readSymbols(ctx); err != nil {
			return err
		}
	}
	for _, c := range p.texts {
		if err := p.readText(ctx, c); err != nil {
			return err
		}
	}
	for q := openTime; q >= 0; q-- { // open_time first: it decides how many rows there are
		if p.at[q] < 0 {
			continue
		}
		if err := p.readColumn(ctx, q); err != nil {
			return err
		}
	}
	for k := range p.ownAt {
		if err := p.readOwn(ctx, k); err != nil {
			return err
		}
	}
	claimed, read := int64(0), p.rows()
	for _, part := range p.chosen {
		claimed += part.to - part.from
	}
	switch {
	case read == 0:
		return bad(p.path, "has no rows").Fix("write its candles, or remove the file")
	case claimed != int64(read):
		return bad(p.path, "has %d rows, and its row groups claim %d", read, claimed).Fix("write it again")
	}
	row := 0
	for _, part := range p.chosen {
		for k := range part.to - part.from {
			if s := p.series(row); !s.timesOnly {
				s.places = append(s.places, int(part.number+k))
			}
			row++
		}
	}
	for _, s := range p.all {
		for i, place := range s.places {
			c := s.candle(i)
			if err := s.check(place, &c); err != nil {
				return err
			}
		}
	}
	return nil
}

// series is that of a row, counted from 0 among those chosen.
func (p *parquetRows) series(row int) *series {
	if p.of == nil {
		return p.all[0]
	}
	return p.of[row]
}

// readSymbols reads the column of symbols.
func (p *parquetRows) readSymbols(ctx context.Context) error {
	p.of = []*series{}
	return p.readValues(ctx, p.symbols, p.column, func(place int, v parquet.Value) error {
		text := ""
		switch v.Kind() {
		case parquet.ByteArray, parquet.FixedLenByteArray:
			text = string(v.ByteArray())
		case parquet.Int32, parquet.Int64:
			text = v.String()
		}
		s, err := p.table.of(place, text)
		p.of = append(p.of, s)
		return err
	})
}

// readText looks at a column that may name the symbol.
func (p *parquetRows) readText(ctx context.Context, c *textColumn) error {
	column := p.file.Root().Columns()[c.at]
	if !column.Leaf() || column.Repeated() || column.Type() == nil {
		return nil
	}
	if as, err := encodingOf(column.Type(), closePrice); err != nil || as.decimal || column.Type().Kind() != parquet.ByteArray {
		return nil
	}
	return p.readValues(ctx, c.at, c.name, func(place int, v parquet.Value) error {
		if !v.IsNull() {
			c.see(place, string(v.ByteArray()))
		}
		return nil
	})
}

// readColumn reads one column of a candle.
func (p *parquetRows) readColumn(ctx context.Context, q quantity) error {
	column := p.file.Root().Columns()[p.at[q]]
	if !column.Leaf() || column.Repeated() {
		return bad(p.path, "has %s as a nested column", q).Fix("write it as a plain one")
	}
	as, err := encodingOf(column.Type(), q)
	if err != nil {
		return bad(p.path, "has %s as %w", q, err)
	}
	row := 0
	err = p.readValues(ctx, p.at[q], q.String(), func(place int, v parquet.Value) error {
		if p.of != nil && row >= len(p.of) {
			return bad(p.path, "has more values of %s than of %s", q, p.column).Fix("write it again")
		}
		s := p.series(row)
		row++
		if s.timesOnly && q != openTime {
			return nil
		}
		if err := s.addValue(v, as, q); err != nil {
			return orRemedy(p.badAt(place, "%s %w", q, err), "correct or remove this row")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if read := p.rows(); row != read {
		return bad(p.path, "has %d values of %s and %d of open_time", row, q, read).Fix("write it again")
	}
	return nil
}

// readOwn reads a column of the user's own.
func (p *parquetRows) readOwn(ctx context.Context, k int) error {
	name, at := p.own.names[k], p.ownAt[k]
	if at < 0 {
		return nil
	}
	const remedy = "write it as a plain column of doubles, or take it out of FEATURES"
	column := p.file.Root().Columns()[at]
	if !column.Leaf() || column.Repeated() {
		return bad(p.path, "has %s as a nested column", name).Fix(remedy)
	}
	as, err := encodingOf(column.Type(), fundingRate) // of any numbers, and optional
	if err != nil {
		return bad(p.path, "has %s as %w", name, err).Fix(remedy)
	}
	row, rows := 0, p.rows()
	err = p.readValues(ctx, at, name, func(place int, v parquet.Value) error {
		if row >= rows {
			return bad(p.path, "has more values of %s than of open_time", name).Fix("write it again")
		}
		s := p.series(row)
		row++
		if s.timesOnly {
			return nil
		}
		x, present, err := as.number(v)
		if err == nil && present && math.IsInf(x, 0) {
			err = fmt.Errorf("is %v", x)
		}
		if err != nil {
			return p.badAt(place, "%s %w", name, err).Fix("correct it, leave it null where it is not known, or take it out of FEATURES")
		}
		if !present {
			x = math.NaN()
		}
		s.own.values[k] = append(s.own.values[k], x)
		return nil
	})
	if err == nil && row != rows {
		return bad(p.path, "has %d values of %s and %d of open_time", row, name, rows).Fix("write it again")
	}
	return err
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
		what := "NaN"
		if v.IsNull() {
			what = "null"
		}
		return fault.Input("is %s, and a bar may be missing but not in part", what).Fix("remove this row")
	case !present:
		x = math.NaN()
	}
	s.values[q] = append(s.values[q], x)
	return nil
}
