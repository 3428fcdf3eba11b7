package source

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// readCSV reads the candles of one symbol from comma-separated text with a
// header, or from one of Binance's files without. path names it in errors.
func readCSV(ctx context.Context, r io.Reader, path string) (*series, error) {
	text := bufio.NewReaderSize(r, 1<<16)
	if mark, _ := text.Peek(3); string(mark) == "\uFEFF" {
		_, _ = text.Discard(3) // it was peeked, so it is there
	} else if len(mark) > 1 && (string(mark[:2]) == "\xFF\xFE" || string(mark[:2]) == "\xFE\xFF") {
		return nil, bad(path, "is UTF-16 text: save it as UTF-8")
	}
	lines := csv.NewReader(text)
	lines.FieldsPerRecord = -1 // told apart here, with the line named
	lines.ReuseRecord = true

	header, err := lines.Read()
	if errors.Is(err, io.EOF) {
		return nil, bad(path, "is empty: write its candles, or remove the file")
	} else if err != nil {
		return nil, csvError(path, err)
	}
	record, bare := header, allNumbers(header)
	header = slices.Clone(header)
	if bare {
		if len(header) != len(dumpHeader) {
			return nil, badAt(path, "line", 1, "there are %d numbers where the header should be: write open_time,open,high,low,close,volume and the further columns above them", len(header))
		}
		header = dumpHeader
	}
	at, err := locate(header)
	if err != nil {
		return nil, bad(path, "cannot be read: %v", err)
	}
	s := newSeries(path, "line", at)
	if bare {
		if err := s.addRecord(lines, record, len(header), at); err != nil {
			return nil, err
		}
	}
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("reading %s: %w", path, ctx.Err())
		}
		switch record, err = lines.Read(); {
		case errors.Is(err, io.EOF) && len(s.times) == 0:
			return nil, bad(path, "has a header and no candle: write its candles, or remove the file")
		case errors.Is(err, io.EOF):
			return s, nil
		case err != nil:
			return nil, csvError(path, err)
		}
		if err := s.addRecord(lines, record, len(header), at); err != nil {
			return nil, err
		}
	}
}

// csvError tells text that is not CSV from a disk that cannot be read.
func csvError(path string, err error) error {
	if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
		return badAt(path, "line", syntax.Line, "the text is no CSV (%v): mend its quotes", syntax.Err)
	}
	return fmt.Errorf("reading %s: %w", path, err)
}

// addRecord checks one line and adds its candle.
func (s *series) addRecord(lines *csv.Reader, record []string, columns int, at places) error {
	line, _ := lines.FieldPos(0)
	wrong := func(format string, a ...any) error { return badAt(s.path, s.unit, line, format, a...) }
	if len(record) != columns {
		return wrong("there are %d fields where the header has %d: complete or remove this line", len(record), columns)
	}
	opened, err := parseOpenTime(record[at[openTime]])
	if err != nil {
		return wrong("open_time %v: correct or remove this line", err)
	}
	var c candle
	for q := range quantities {
		c[q] = math.NaN()
		if at[q] < 0 {
			continue
		}
		v, present, err := parseNumber(record[at[q]])
		switch {
		case err != nil && q.optional():
			return wrong("%s %v: correct it, or leave it empty where it is not known", q, err)
		case err != nil:
			return wrong("%s %v: correct or remove this line", q, err)
		case present:
			c[q] = v
		case !q.optional():
			return wrong("%s is empty: remove the line, a bar may be missing but not in part", q)
		}
	}
	if flaw := c.flaw(); flaw != "" {
		return wrong("%s: correct or remove this line", flaw)
	}
	s.add(line, opened, &c)
	return nil
}

// isCSV tells by name which reader a file needs.
func isCSV(path string) bool { return strings.HasSuffix(strings.ToLower(path), ".csv") }
