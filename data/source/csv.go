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

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// readCSV reads the candles of one symbol from comma-separated text with a
// header, or from one of Binance's files without. path names it in errors.
func readCSV(ctx context.Context, r io.Reader, path string) (*series, error) {
	t, err := openCSV(r, path)
	if err != nil {
		return nil, err
	}
	_, err = t.read(ctx, math.MaxInt)
	return t.series, err
}

// csvText is CSV that is being read.
type csvText struct {
	lines   *csv.Reader
	at      places
	columns int
	first   []string // a candle where the header should be; nil: there is a header
	series  *series
}

// openCSV reads the header.
func openCSV(r io.Reader, path string) (*csvText, error) {
	text := bufio.NewReaderSize(r, 1<<16)
	if mark, _ := text.Peek(3); string(mark) == "\uFEFF" {
		_, _ = text.Discard(3) // it was peeked, so it is there
	} else if len(mark) > 1 && (string(mark[:2]) == "\xFF\xFE" || string(mark[:2]) == "\xFE\xFF") {
		return nil, bad(path, "is UTF-16 text").Fix("save it as UTF-8")
	}
	t := &csvText{lines: newLines(text)}
	from := origin{path: path, unit: "line", remedy: "correct or remove this line"}
	header, err := t.lines.Read()
	if errors.Is(err, io.EOF) {
		return nil, bad(path, "is empty").Fix("write its candles, or remove the file")
	} else if err != nil {
		return nil, csvError(path, err)
	}
	if allNumbers(header) {
		if len(header) != len(dumpHeader) {
			return nil, from.badAt(1, "there are %d numbers where the header should be", len(header)).Fix("write open_time,open,high,low,close,volume and the further columns above them")
		}
		t.first, header = slices.Clone(header), dumpHeader
	}
	if t.at, err = locate(header); err != nil {
		return nil, bad(path, "cannot be read: %w", err)
	}
	t.columns = len(header)
	t.series = newSeries(from, t.at)
	t.series.unread = unreadOf(header, t.at)
	return t, nil
}

func newLines(text io.Reader) *csv.Reader {
	lines := csv.NewReader(text)
	lines.FieldsPerRecord = -1 // checked later, with the line named
	lines.ReuseRecord = true
	return lines
}

// read adds the candles behind the header, the most first of them; whole reports
// that there are no others.
func (t *csvText) read(ctx context.Context, most int) (whole bool, err error) {
	s := t.series
	if t.first != nil {
		if err := s.addRecord(1, t.first, t.columns, t.at); err != nil {
			return false, err
		}
	}
	for n := 0; len(s.times) < most; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return false, fmt.Errorf("reading %s: %w", s.path, ctx.Err())
		}
		record, err := t.lines.Read()
		switch {
		case errors.Is(err, io.EOF) && len(s.times) == 0:
			return false, bad(s.path, "has a header and no candle").Fix("write its candles, or remove the file")
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, csvError(s.path, err)
		}
		line, _ := t.lines.FieldPos(0)
		if err := s.addRecord(line, record, t.columns, t.at); err != nil {
			return false, err
		}
	}
	return false, nil
}

// readEnd adds the candles of the last lines of the file, which are counted
// from its end.
func (t *csvText) readEnd(end io.Reader) error {
	s := t.series
	lines := newLines(end)
	lines.ReuseRecord = false
	records, err := lines.ReadAll()
	if err != nil {
		return fault.Input("the text of its last lines is no CSV (%w)", err).At("%s", s.path).Fix("correct its quotes")
	}
	s.names = func(place int) string {
		if place < 0 {
			return fmt.Sprintf("%s, line %d from the end", s.path, -place)
		}
		return fmt.Sprintf("%s, %s %d", s.path, s.unit, place)
	}
	for i, record := range records {
		if err := s.addRecord(i-len(records), record, t.columns, t.at); err != nil {
			return err
		}
	}
	return nil
}

// csvError separates text that is not CSV from a disk that cannot be read.
func csvError(path string, err error) error {
	if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
		from := origin{path: path, unit: "line"}
		return from.badAt(syntax.Line, "the text is no CSV (%v)", syntax.Err).Fix("correct its quotes")
	}
	return fault.Transient("reading candles: %w", err).At("%s", path)
}

// addRecord checks one line, which stands at place, and adds its candle.
func (s *series) addRecord(line int, record []string, columns int, at places) error {
	wrong := func(format string, a ...any) *fault.Error { return s.badAt(line, format, a...) }
	if len(record) != columns {
		return wrong("there are %d fields where the header has %d", len(record), columns).Fix("complete or remove this line")
	}
	opened, err := parseOpenTime(record[at[openTime]])
	if err != nil {
		return wrong("open_time %v", err).Fix("correct or remove this line")
	}
	c := unknownCandle
	for q := range quantities {
		if at[q] < 0 {
			continue
		}
		v, present, err := parseNumber(record[at[q]])
		switch {
		case err != nil && q.optional():
			return wrong("%s %v", q, err).Fix("correct it, or leave it empty where it is not known")
		case err != nil:
			return wrong("%s %v", q, err).Fix("correct or remove this line")
		case present:
			c[q] = v
		case !q.optional():
			return wrong("%s is empty", q).Fix("remove the line, a bar may be missing but not in part")
		}
	}
	return s.add(line, opened, &c)
}

// isCSV picks the reader of a file by its name.
func isCSV(path string) bool { return strings.HasSuffix(strings.ToLower(path), ".csv") }
