package source

import (
	"bufio"
	"bytes"
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

// readCSV reads the candles of text with a header, or of one of Binance's files
// without. path names it in errors; wanted are the symbols whose values are kept
// of a file in long format, nil: all; columns are those of the user's own.
func readCSV(ctx context.Context, r io.Reader, path string, wanted func(symbol string) bool, columns ...string) (*table, error) {
	t, err := openCSV(r, path, columns...)
	if err != nil {
		return nil, err
	}
	t.table.wanted = wanted
	_, err = t.read(ctx, math.MaxInt)
	return t.table, err
}

// csvText is CSV that is being read.
type csvText struct {
	dialect
	*table
	lines *csv.Reader
	times timeColumn
	count int // candles read
}

// sampleBytes of a text show its dialect.
const sampleBytes = 1 << 16

// openCSV reads the header.
func openCSV(r io.Reader, path string, columns ...string) (*csvText, error) {
	text := bufio.NewReaderSize(r, sampleBytes+16)
	if mark, _ := text.Peek(3); string(mark) == "\uFEFF" {
		_, _ = text.Discard(3) // it was peeked, so it is there
	} else if len(mark) > 1 && (string(mark[:2]) == "\xFF\xFE" || string(mark[:2]) == "\xFE\xFF") {
		return nil, bad(path, "is UTF-16 text").Fix("save it as UTF-8")
	}
	sample, err := text.Peek(sampleBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, csvError(path, 0, err)
	}
	if err == nil { // there is more: the last line may be cut
		if i := bytes.LastIndexByte(sample, '\n'); i >= 0 {
			sample = sample[:i+1]
		}
	}
	switch {
	case 3*bytes.Count(sample, []byte{0}) > len(sample):
		return nil, bad(path, "is UTF-16 text").Fix("save it as UTF-8")
	case bytes.IndexByte(sample, 0) >= 0 && requiredIn(splitLine(firstLine(sample), ',')) > 1:
		line := 1 + bytes.Count(sample[:bytes.IndexByte(sample, 0)], []byte{'\n'})
		from := origin{path: path, unit: "line"}
		return nil, from.badAt(line, "a byte is 0, as in a file whose writing was cut off").Fix("write the file again, or remove this line")
	case bytes.IndexByte(sample, 0) >= 0:
		return nil, bad(path, "is no text").Fix("write its candles as CSV in UTF-8, or as Parquet")
	case bytes.IndexByte(sample, '\n') < 0 && bytes.Count(sample, []byte("\r")) > 1:
		return nil, bad(path, "ends its lines with a carriage return alone").Fix("save it with the line ends of Unix or Windows")
	}
	d, err := readDialect(path, sample)
	if err != nil {
		return nil, err
	}
	t := &csvText{dialect: d}
	if t.table, err = newTable(origin{path: path, unit: "line", remedy: "correct or remove this line"}, d.header, columns); err != nil {
		return nil, err
	}
	_, _ = text.Discard(d.bytes)
	t.lines = newLines(text, d.comma)
	return t, nil
}

func firstLine(text []byte) []byte {
	line, _ := cutLine(text)
	return line
}

// read adds the candles behind the header, the most first of them; whole reports
// that there are no others.
func (t *csvText) read(ctx context.Context, most int) (whole bool, err error) {
	for n := 0; t.count < most; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return false, fmt.Errorf("reading %s: %w", t.path, ctx.Err())
		}
		record, err := t.lines.Read()
		switch {
		case errors.Is(err, io.EOF) && t.count == 0:
			return false, bad(t.path, "has a header and no candle").Fix("write its candles, or remove the file")
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, csvError(t.path, t.above, err)
		case slices.Equal(record, t.header): // of files that were joined
			continue
		}
		line, _ := t.lines.FieldPos(0)
		if err := t.addRecord(t.above+line, record); err != nil {
			return false, err
		}
	}
	return false, nil
}

// readEnd adds the candles of the last lines of the file, which are counted
// from its end.
func (t *csvText) readEnd(end io.Reader) error {
	lines := newLines(end, t.comma)
	lines.ReuseRecord = false
	records, err := lines.ReadAll()
	if err != nil {
		return fault.Input("the text of its last lines is no CSV (%w)", err).At("%s", t.path).Fix("correct its quotes")
	}
	t.origin.names = func(place int) string {
		if place < 0 {
			return fmt.Sprintf("%s, line %d from the end", t.path, -place)
		}
		return fmt.Sprintf("%s, %s %d", t.path, t.unit, place)
	}
	for _, s := range t.all {
		s.origin.names = t.origin.names
	}
	for i, record := range records {
		if err := t.addRecord(i-len(records), record); err != nil {
			return err
		}
	}
	return nil
}

// csvError separates text that is not CSV, and a packed file that is damaged,
// from a disk that cannot be read. Lines are counted behind those above.
func csvError(path string, above int, err error) error {
	if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
		from := origin{path: path, unit: "line"}
		return from.badAt(above+syntax.Line, "the text is no CSV (%v)", syntax.Err).Fix("correct its quotes")
	}
	if damaged, ok := errors.AsType[*fault.Error](err); ok {
		return damaged
	}
	return fault.Transient("reading candles: %w", err).At("%s", path)
}

// addRecord checks one line, which stands at place, and adds its candle.
func (t *csvText) addRecord(line int, record []string) error {
	wrong := func(format string, a ...any) *fault.Error { return t.badAt(line, format, a...) }
	want := len(t.header)
	for len(record) > want && strings.TrimSpace(record[len(record)-1]) == "" {
		record = record[:len(record)-1] // behind a separator at the end of the line
	}
	if n := len(record); n != want {
		err := wrong("there are %d fields where the header has %d", n, want)
		if t.comma == ',' && n > want+2 && n < 2*want {
			return err.Fix("complete or remove this line; save a file of decimal commas with ; between fields")
		}
		if t.count == 0 && n > want {
			return err.Fix("name each column in the header")
		}
		return err.Fix("complete or remove this line")
	}
	symbol := ""
	if t.symbols >= 0 {
		symbol = record[t.symbols]
	}
	for _, c := range t.texts {
		c.see(line, record[c.at])
	}
	s, err := t.of(line, symbol)
	if err != nil {
		return err
	}
	when := record[t.at[openTime]]
	if t.decimalComma {
		when = strings.Replace(when, ",", ".", 1)
	}
	opened, err := t.times.text(when)
	if err != nil {
		return orRemedy(wrong("open_time %w", err), "correct or remove this line")
	}
	t.count++
	if s.timesOnly {
		return s.add(line, opened, nil)
	}
	c := unknownCandle
	for q := range quantities {
		if t.at[q] < 0 {
			continue
		}
		v, present, err := t.number(record[t.at[q]])
		switch {
		case err != nil && q.optional() && !markedNumber.MatchString(record[t.at[q]]):
			return wrong("%s %v", q, err).Fix("correct it, or leave it empty where it is not known")
		case err != nil && markedNumber.MatchString(record[t.at[q]]):
			return wrong("%s %v", q, err).Fix("write plain numbers such as 1234.5 in the whole column")
		case err != nil:
			return wrong("%s %v", q, err).Fix("correct or remove this line")
		case present:
			c[q] = v
		case !q.optional():
			return wrong("%s is empty", q).Fix("remove the line, a bar may be missing but not in part")
		}
	}
	row, err := t.ownOf(line, record)
	if err == nil {
		err = s.add(line, opened, &c)
	}
	if err != nil {
		return err
	}
	s.own.add(row)
	return nil
}

// ownOf are the values of a line's own columns [C].
func (t *csvText) ownOf(line int, record []string) ([]float64, error) {
	if len(t.ownAt) == 0 {
		return nil, nil
	}
	row := make([]float64, len(t.ownAt))
	for k, at := range t.ownAt {
		row[k] = math.NaN()
		if at < 0 {
			continue
		}
		v, present, err := t.number(record[at])
		if err == nil && present && math.IsInf(v, 0) {
			err = fmt.Errorf("is %v", v)
		}
		if err != nil {
			return nil, t.badAt(line, "%s %w", t.own.names[k], err).Fix("correct it, leave it empty where it is not known, or take it out of FEATURES")
		}
		if present {
			row[k] = v
		}
	}
	return row, nil
}

// orRemedy is the fault with this remedy, unless it has one of its own.
func orRemedy(f *fault.Error, remedy string) error {
	if f.Remedy != "" {
		return f
	}
	return f.Fix("%s", remedy)
}
