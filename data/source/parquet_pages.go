package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// readValues visits the chosen values of the column at an index, each with its
// number in the file, from 1.
func (p *parquetRows) readValues(ctx context.Context, index int, name string, visit func(place int, v parquet.Value) error) error {
	column := p.file.Root().Columns()[index]
	if !column.Leaf() || column.Repeated() {
		return bad(p.path, "has %s as a nested column", name).Fix("write it as a plain one")
	}
	if err := checkCodec(p.file, column); err != nil {
		return bad(p.path, "has %s %w", name, err)
	}
	buffer := make([]parquet.Value, 1024)
	for _, part := range p.chosen {
		pages := p.file.RowGroups()[part.group].ColumnChunks()[column.Index()].Pages()
		if err := p.readRows(ctx, pages, part, buffer, name, visit); err != nil {
			return err
		}
	}
	return nil
}

// readRows visits the values of one column in one row group.
func (p *parquetRows) readRows(ctx context.Context, pages parquet.Pages, part rows, buffer []parquet.Value, name string, visit func(place int, v parquet.Value) error) (err error) {
	defer func() {
		if wrong := pages.Close(); wrong != nil && err == nil {
			err = fmt.Errorf("closing a page of %s: %w", p.path, wrong)
		}
	}()
	unreadable := func(err error) error {
		return bad(p.path, "cannot be read as Parquet (column %s: %v)", name, err).Fix("write it again")
	}
	if part.from > 0 {
		if err := pages.SeekToRow(part.from); err != nil {
			return unreadable(err)
		}
	}
	for read := int64(0); read < part.to-part.from; {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return unreadable(err)
		}
		err = func() error {
			defer parquet.Release(page)
			for values := page.Values(); ; {
				if ctx.Err() != nil {
					return fmt.Errorf("reading %s: %w", p.path, ctx.Err())
				}
				n, err := values.ReadValues(buffer)
				for _, v := range buffer[:n] {
					if read == part.to-part.from {
						return nil
					}
					read++
					if err := visit(int(part.number+read-1), v); err != nil {
						return err
					}
				}
				if errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return unreadable(err)
				}
			}
		}()
		if err != nil {
			return err
		}
	}
	return nil
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
