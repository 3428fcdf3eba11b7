package source

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/spelling"
)

// dumpHeader names the 12 columns of the files that Binance publishes without
// a header.
var dumpHeader = []string{
	"open_time", "open", "high", "low", "close", "volume", "close_time", "quote_asset_volume", "number_of_trades",
	"taker_buy_base_asset_volume", "taker_buy_quote_asset_volume", "ignore",
}

// places is where in a file each column is, -1 where it is not.
type places [quantities + 1]int

// tidyName is a column's name as it is compared: in small letters, without the
// marks that some programs put around it.
func tidyName(name string) string {
	name = strings.Trim(strings.ToLower(strings.TrimSpace(name)), "#<> ")
	return strings.Join(strings.Fields(name), "_")
}

// bareName is a column's name without case and separators: openTime and "Open
// Time" are open_time.
func bareName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("_-. ", r) {
			return -1
		}
		return r
	}, tidyName(name))
}

// isOneOf reports whether a column has one of the names.
func isOneOf(names []string, name string) bool {
	bare := bareName(name)
	return slices.ContainsFunc(names, func(one string) bool { return bareName(one) == bare })
}

func tidyNames(header []string) []string {
	names := make([]string, len(header))
	for i, h := range header {
		names[i] = tidyName(h)
	}
	return names
}

// precedence are the names of a column in groups: one of an earlier group wins
// over those of a later one, so a file may hold both open_time and a date.
func precedence(q quantity) [][]string {
	if q == openTime {
		return timeNames
	}
	return [][]string{columnNames[q][:1], columnNames[q][1:]}
}

// timeNames are those of the open time. The last is the index of a pandas frame
// that has no name.
var timeNames = [][]string{{"open_time"}, {"timestamp", "ts"}, {"datetime"}, {"unix"}, {"date"}, {"time"}, {"__index_level_0__"}}

// locate finds the columns by name, whatever their case and separators. A column's own name
// wins over its aliases, so a file may hold both open_time and a ts that means
// something else; what is left ambiguous is an error, as is a missing required
// column.
func locate(header []string) (places, error) {
	names := tidyNames(header)
	var p places
	for q := range p {
		p[q] = -1
		for _, group := range precedence(quantity(q)) {
			at := columnsOf(names, group)
			if len(at) > 1 {
				return p, fault.Input("columns %d (%s) and %d (%s) are both %s", at[0]+1, shortenName(header[at[0]]), at[1]+1, shortenName(header[at[1]]), columnNames[q][0]).Fix("remove or rename one")
			}
			if len(at) == 1 {
				p[q] = at[0]
				break
			}
		}
		if p[q] < 0 && !quantity(q).optional() {
			return p, lacksColumn(header, names, quantity(q))
		}
	}
	if name := names[p[openTime]]; (name == "date" || name == "time") && slices.Contains(names, "date") && slices.Contains(names, "time") {
		return p, fault.Input("the columns date and time share the open time").Fix("write both in one column open_time, as 2024-01-31 00:05:00")
	}
	return p, nil
}

// columnsOf are the columns with one of the names, those with exactly one before
// others.
func columnsOf(header, names []string) (at []int) {
	for _, has := range []func([]string, string) bool{slices.Contains[[]string], isOneOf} {
		for i, name := range header {
			if has(names, name) {
				at = append(at, i)
			}
		}
		if at != nil {
			break
		}
	}
	return at
}

// lacksColumn is the fault of a header that lacks a column.
func lacksColumn(header, names []string, q quantity) error {
	aliases := columnNames[q]
	switch {
	case q == openTime && len(names) > 0 && names[0] == "":
		return fault.Input("the first column has no name, and none is called %s", q).Fix("name it open_time, if it holds the open times")
	case q == openTime && len(names) > 0 && names[0] == "price" && slices.Contains(names, "close"):
		return fault.Input("the header has several lines, as yfinance writes them").Fix("download it with multi_level_index=False")
	}
	if wide := columnsEnding(names, "open"); wide > 1 && columnsEnding(names, "close") == wide {
		return fault.Input("there is no column %s, but %d symbols have columns of their own", q, wide).Fix("write each symbol to a file of its own, with columns open_time,open,high,low,close,volume")
	}
	if requiredIn(header) < 2 {
		return fault.Input("there is no column %s among %s", strings.Join(aliases, " or "), shorten(strings.Join(header, ","))).Fix("correct the header, or remove the file if it holds no candles")
	}
	meant := ""
	name := meantBy(names, aliases)
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, aliases[0]+"_") && !isKnown(n) }); name == "" && i >= 0 {
		name = shortenName(header[i])
	}
	if name != "" {
		meant = fmt.Sprintf(" (is %s meant?)", name)
	}
	among := shorten(strings.Join(header, ","))
	if meant != "" && len(among) > 45 {
		among = strconv.Quote(strings.Join(header, ",")[:40]) + "..."
	}
	return fault.Input("there is no column %s among %s%s", strings.Join(aliases, " or "), among, meant).Fix("add it, or correct the header")
}

// columnsEnding counts the names that end with another.
func columnsEnding(names []string, with string) (n int) {
	for _, name := range names {
		if strings.HasSuffix(bareName(name), with) && bareName(name) != with {
			n++
		}
	}
	return n
}

// requiredIn counts the required columns among the fields of a line.
func requiredIn(fields []string) (n int) {
	names := tidyNames(fields)
	for q := range quantities + 1 {
		if quantity(q).optional() {
			continue
		}
		if slices.ContainsFunc(precedence(quantity(q)), func(group []string) bool {
			return columnsOf(names, group) != nil
		}) {
			n++
		}
	}
	return n
}

// known are the names that some column is found by, and those of Binance's
// files that none is.
var known = func() map[string]bool {
	all := map[string]bool{}
	for _, aliases := range columnNames {
		for _, name := range aliases {
			all[bareName(name)] = true
		}
	}
	for _, name := range slices.Concat(slices.Concat(timeNames...), symbolNames, looseSymbolNames, dumpHeader) {
		all[bareName(name)] = true
	}
	return all
}()

func isKnown(name string) bool { return known[bareName(name)] }

// meantBy is the one of a file's names, in small letters, that is no column's
// and one slip of the pen, or two in a long one, from an alias; or "".
func meantBy(names, aliases []string) string {
	best, least := "", 3
	for _, name := range names {
		if isKnown(name) {
			continue
		}
		for _, alias := range aliases {
			d := spelling.Distance(bareName(name), bareName(alias))
			if len(alias) > 2 && d <= max(1, min(2, len(alias)/6)) && d < least {
				best, least = name, d
			}
		}
	}
	return shortenName(best)
}

// shortenName quotes the name of a column where it does not look like one.
func shortenName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '"' || !unicode.IsPrint(r) }) || len(name) > 40 {
		return shorten(name)
	}
	return name
}

// shorten quotes text from a file for a message of one line.
func shorten(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "..."
	}
	return strconv.Quote(s)
}

// parseNumber reads a value of a file; an empty text is no value.
func parseNumber(text string) (v float64, present bool, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, false, nil
	}
	v, err = strconv.ParseFloat(text, 64)
	if err != nil || v != v {
		return 0, true, fmt.Errorf("%s is not a number", shorten(text))
	}
	return v, true, nil
}
