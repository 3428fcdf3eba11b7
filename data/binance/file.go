package binance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/snappy"

	"github.com/streamforge/gnn-trainer/data/internal/parquetfile"
)

// coveredKey is the key of a file's metadata that lists the times its rows
// are all of: FROM-TO, comma-separated, Unix ms, TO excluded. A bar in there
// that the file lacks is one that the exchange lacks.
const coveredKey = "covered"

// unfinished is how the names of files begin that are being written.
const unfinished = ".new-"

// errTorn is a file that is not a whole one of ours.
var errTorn = errors.New("damaged")

func (s spans) String() string {
	texts := make([]string, len(s))
	for i, p := range s {
		texts[i] = fmt.Sprintf("%d-%d", p.from, p.to)
	}
	return strings.Join(texts, ",")
}

func parseSpans(text string) (spans, error) {
	if text == "" {
		return nil, nil
	}
	var all spans
	for _, t := range strings.Split(text, ",") {
		from, to, _ := strings.Cut(t, "-")
		f, err := strconv.ParseInt(from, 10, 64)
		e, err2 := strconv.ParseInt(to, 10, 64)
		if err != nil || err2 != nil {
			return nil, fmt.Errorf("%q covers nothing", t)
		}
		all = append(all, span{f, e})
	}
	return all, nil
}

// writeFile replaces a file as a whole; synced: it outlasts a power cut.
func writeFile[R row](path string, rows []R, covered spans, synced bool) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), unfinished+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	w := parquet.NewGenericWriter[R](f, parquet.Compression(&snappy.Codec{}), parquet.KeyValueMetadata(coveredKey, covered.String()),
		parquet.PageBufferSize(64<<10), parquet.WriteBufferSize(64<<10))
	if _, err = w.Write(rows); err != nil {
		return err
	}
	if err = w.Close(); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if synced {
		if err = f.Sync(); err != nil {
			return err
		}
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// open opens a file that writeFile wrote, and gives what it covers.
func open(path string, use func(file *parquet.File, covered spans) error) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	defer func() {
		if cause := recover(); cause != nil { // the library panics on some malformed files
			err = fmt.Errorf("%v", cause)
		}
		// A failure of the file system does not condemn the file: to remove it
		// would lose it.
		var system *fs.PathError
		if err != nil && !errors.As(err, &system) {
			err = fmt.Errorf("%w: %s: %w", errTorn, path, err)
		}
	}()
	if err := parquetfile.CheckFooter(f, info.Size()); err != nil {
		return err
	}
	file, err := parquet.OpenFile(f, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(64<<10))
	if err != nil {
		return err
	}
	text, ok := file.Lookup(coveredKey)
	if !ok {
		return errors.New("it does not list what it covers")
	}
	covered, err := parseSpans(text)
	if err != nil {
		return err
	}
	return use(file, covered)
}

// readCovered is what a file covers. An error is of the file system, or
// errTorn: the file is not one of ours.
func readCovered(path string) (covered spans, err error) {
	err = open(path, func(_ *parquet.File, c spans) error {
		covered = c
		return nil
	})
	return covered, err
}

// readFile gives the rows of a file, in rising order, and what it covers. An
// error is of the file system, or errTorn: the file is not one of ours.
func readFile[R row](path string) (rows []R, covered spans, err error) {
	err = open(path, func(file *parquet.File, c spans) error {
		covered = c
		rows = make([]R, 0, min(file.NumRows(), mostRows))
		r := parquet.NewGenericReader[R](file)
		defer func() { _ = r.Close() }() // it was only read
		for int64(len(rows)) < file.NumRows() {
			rows = slices.Grow(rows, min(int(file.NumRows())-len(rows), mostRows))
			n, err := r.Read(rows[len(rows):cap(rows)])
			rows = rows[:len(rows)+n]
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			if n == 0 {
				return errors.New("it has fewer rows than it claims")
			}
		}
		for i := 1; i < len(rows); i++ {
			if rows[i].at() <= rows[i-1].at() {
				return errors.New("its rows are not in order")
			}
		}
		return nil
	})
	return rows, covered, err
}

// mostRows are read at a time, so that a footer that lies costs no memory.
const mostRows = 1 << 17
