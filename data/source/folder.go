package source

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/streamforge/gnn-trainer/data/internal/parquetfile"
)

// LookAtFiles tells which symbols a load would read from DATA_DIR, and how many
// candles the longest of their files holds: of a CSV by its size and the length
// of its first lines, of a Parquet file by its footer. Errors that the user
// mends wrap data.ErrInput.
func LookAtFiles(cfg Config) (symbols []string, rows int64, err error) {
	selection, err := ParseSymbols(cfg.Symbols, cfg.Symbol)
	if err != nil {
		return nil, 0, err
	}
	paths, err := listFiles(cfg.Dir)
	if err != nil {
		return nil, 0, err
	}
	if symbols, err = candidates(cfg, selection, paths); err != nil {
		return nil, 0, err
	}
	for _, symbol := range symbols {
		n, err := rowsOf(paths[symbol])
		if err != nil {
			return nil, 0, err
		}
		rows = max(rows, n)
	}
	return symbols, rows, nil
}

// rowsOf is about how many candles a file holds.
func rowsOf(path string) (rows int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, pathError("opening candles", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, pathError("opening candles", err)
	}
	if info.IsDir() {
		return 0, bad(path, "is a folder: put one file a symbol into DATA_DIR")
	}
	if !isCSV(path) {
		return rowsOfParquet(file, info.Size(), path)
	}
	start := make([]byte, 64<<10)
	n, err := io.ReadFull(file, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, pathError("reading candles", err)
	}
	lines := int64(bytes.Count(start[:n], []byte("\n")))
	if lines == 0 {
		return min(info.Size(), 1), nil
	}
	return info.Size() * lines / int64(n), nil
}

func rowsOfParquet(file io.ReaderAt, size int64, path string) (rows int64, err error) {
	defer func() {
		if cause := recover(); cause != nil { // the library panics on some malformed files
			err = bad(path, "cannot be read as Parquet (%v): write it again", cause)
		}
	}()
	if err = parquetfile.CheckFooter(file, size); err == nil {
		var opened *parquet.File
		if opened, err = parquet.OpenFile(file, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true)); err == nil {
			return opened.NumRows(), nil
		}
	}
	return 0, bad(path, "cannot be read as Parquet (%v): write it again", err)
}
