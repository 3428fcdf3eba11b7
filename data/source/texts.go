package source

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/data/internal/symbolname"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// textColumn is what was seen of a column that is not read, and may name the
// symbol all the same.
type textColumn struct {
	at     int
	name   string
	length bool // whether its name is that of a length of bars
	named  bool // whether it has one of the loose names of a column of symbols

	values []textValue // that differ, in the order of their first rows
	last   string
	runs   int  // stretches of rows with one value
	off    bool // whether it holds numbers, times, or too many values to be names
}

// textValue is a value of a column, and the place of the first row that has it.
type textValue struct {
	text  string
	began int
}

// mostTexts is how many values may differ in a column that names something.
const mostTexts = 16

// plainTexts are names of columns that describe candles, and no symbol.
var plainTexts = []string{"exchange", "venue", "provider", "source", "quote", "quote_currency", "currency", "tz", "timezone", "sector", "industry", "country", "weekday", "session"}

// lengthNames are those of a column of the lengths of bars.
var lengthNames = []string{"interval", "timeframe", "period", "resolution", "granularity", "freq", "frequency"}

// textColumns are those of a header that may name the symbol; at is what was
// found in it, and symbols the column that names it for certain, or -1.
func textColumns(header []string, at places, symbols int) (all []*textColumn) {
	for i, h := range header {
		switch {
		case i == symbols, slices.Contains(at[:], i):
		case isOneOf(lengthNames, h):
			all = append(all, &textColumn{at: i, name: shortenName(h), length: true})
		case isOneOf(looseSymbolNames, h):
			all = append(all, &textColumn{at: i, name: shortenName(h), named: true})
		case strings.TrimSpace(h) != "" && !isKnown(h) && !isOneOf(plainTexts, h):
			all = append(all, &textColumn{at: i, name: shortenName(h)})
		}
	}
	return all
}

// see notes the value of a row.
func (c *textColumn) see(place int, text string) {
	if c.off || text == c.last {
		return
	}
	c.last = strings.Clone(text)
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	c.runs++
	if slices.ContainsFunc(c.values, func(v textValue) bool { return v.text == text }) {
		return
	}
	if _, _, date := parseDate(text); !c.named && (date || isNumber(text, true)) || len(c.values) == mostTexts {
		c.off, c.values = true, nil
		return
	}
	c.values = append(c.values, textValue{strings.Clone(text), place})
}

// names reports whether a value is the name of one of the symbols, which are
// canonical. One letter is a name only in a column that is called after it.
func (c *textColumn) names(value textValue, symbols map[string]bool) bool {
	name := canonical(value.text)
	before, _, _ := strings.Cut(symbolname.Plain(value.text), ".") // 600000.SH
	return (len(name) > 1 || c.named) && (symbols[name] || c.named && symbols[canonical(before)])
}

// checkTexts rejects a file of one symbol in which a column that is not read names
// another of the symbols that there are, or ceases to name its own. A column that
// changes midway and may be a name has a sentence in notes.
func (f *listing) checkTexts(read []*file) (notes []string, err error) {
	all := map[string]bool{}
	for symbol := range f.files {
		all[canonical(symbol)] = true
	}
	for _, file := range read {
		if len(file.symbols) != 1 || len(file.series) != 1 || file.series[0].long {
			continue
		}
		own := canonical(file.name.symbol)
		for _, c := range file.texts {
			note, err := file.checkText(c, own, all)
			if err != nil {
				return nil, err
			}
			if note != "" {
				notes = append(notes, note)
			}
		}
	}
	return notes, nil
}

func (f *file) checkText(c *textColumn, own string, all map[string]bool) (note string, err error) {
	if c.length {
		return "", nil
	}
	for i, v := range c.values {
		mine := c.names(v, map[string]bool{own: true})
		switch {
		case i == 0 && !mine && c.names(v, all):
			return "", f.from.badAt(v.began, "%s is %s, and the file is named after %s", c.name, shortenName(v.text), shortenName(f.name.symbol)).
				Fix("write the candles of %s to it, or correct or remove the column %s", shortenName(f.name.symbol), c.name)
		case i > 0 && (c.names(v, all) || c.names(c.values[i-1], map[string]bool{own: true})):
			return "", f.from.badAt(v.began, "%s changes from %s to %s, and the file is named after %s", c.name, shortenName(c.values[i-1].text), shortenName(v.text), shortenName(f.name.symbol)).
				Fix("write each symbol to a file of its own, or correct or remove the column %s", c.name)
		}
	}
	if n := len(c.values); n > 1 && (c.named || c.runs == n && n <= mostTexts/4) {
		return fmt.Sprintf("%s has a column %s, which is not read and changes from %s to %s at %s: correct the file if that names its symbol",
			f.base(), c.name, shortenName(c.values[0].text), shortenName(c.values[1].text), f.from.unitOf(c.values[1].began)), nil
	}
	return "", nil
}

// unitOf names a place within a file that a sentence has named already.
func (o *origin) unitOf(place int) string {
	if place < 0 {
		return fmt.Sprintf("%s %d from the end", o.unit, -place)
	}
	return fmt.Sprintf("%s %d", o.unit, place)
}

// repeated is the fault of an open time that a series has twice.
type repeated struct{ error }

func (r repeated) Unwrap() error { return r.error }

// orSymbols gives the fault of a file whose open times repeat the remedy for a
// column of symbols under a name that is not known.
func (t *table) orSymbols(err error) error {
	if _, ok := err.(repeated); !ok {
		return err
	}
	for _, c := range t.texts {
		switch {
		case len(c.values) > 1 && c.length:
			return fault.Of(err).Fix("keep the rows of one %s, and remove the others", c.name)
		case len(c.values) > 1 && t.symbols < 0:
			return fault.Of(err).Fix("call the column %s symbol if it names the symbols, or remove one of the bars", c.name)
		}
	}
	return err
}

// orColumn gives the fault of symbols that are lacking the remedy for a file whose
// column of symbols has a name that is not known.
func (f *listing) orColumn(err *fault.Error, lacking []string) *fault.Error {
	for _, symbol := range symbolsOf(f.files) {
		for _, file := range f.files[symbol] {
			if strings.EqualFold(filepath.Ext(file.path), ".zip") { // one of all symbols, perhaps
				c, packed := openCandles(file.path)
				if packed != nil {
					return fault.Of(packed)
				}
				c.Close()
			}
			if genericName.MatchString(symbol) {
				if unread := unreadable(file.path); unread != nil {
					return fault.Of(unread)
				}
			}
			if c := textsOf(file.path); c != nil && (genericName.MatchString(symbol) || slices.ContainsFunc(c.values, func(v textValue) bool { return canonical(v.text) == canonical(lacking[0]) })) {
				return err.Fix("call the column %s of %s symbol if it names the symbols", c.name, file.base())
			}
		}
	}
	return err
}

// unreadable is why a CSV file cannot be read, as its beginning shows.
func unreadable(path string) error {
	c, err := openCandles(path)
	if err != nil {
		return err
	}
	defer c.Close()
	if c.text != nil {
		_, err = openCSV(c.text, path)
	}
	return err
}

// textsOf is a column of the first lines of a file that may name symbols; nil:
// there is none.
func textsOf(path string) *textColumn {
	c, err := openCandles(path)
	if err != nil {
		return nil
	}
	defer c.Close()
	if c.text == nil {
		return nil
	}
	t, err := openCSV(c.text, path)
	if err != nil || t.symbols >= 0 {
		return nil
	}
	for range mostTexts {
		record, err := t.lines.Read()
		if err != nil {
			break
		}
		for _, c := range t.texts {
			if c.at < len(record) {
				c.see(0, record[c.at])
			}
		}
	}
	for _, c := range t.texts {
		if len(c.values) > 0 && !c.length {
			return c
		}
	}
	return nil
}
