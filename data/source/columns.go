package source

import (
	"fmt"
	"maps"
	"path/filepath"
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

// allNumbers reports whether a first line holds values instead of a header.
func allNumbers(fields []string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool {
		_, err := strconv.ParseFloat(strings.TrimSpace(f), 64)
		return err != nil
	})
}

// places is where in a file each column is, -1 where it is not.
type places [quantities + 1]int

// locate finds the columns by name, whatever their case. A column's own name
// wins over its aliases, so a file may hold both open_time and a ts that means
// something else; what is left ambiguous is an error, as is a missing required
// column.
func locate(header []string) (places, error) {
	names := make([]string, len(header))
	for i, h := range header {
		names[i] = strings.ToLower(strings.TrimSpace(h))
	}
	var p places
	for q := range p {
		p[q] = -1
		aliases := columnNames[q]
		for _, group := range [][]string{aliases[:1], aliases[1:]} {
			var at []int
			for i, name := range names {
				if slices.Contains(group, name) {
					at = append(at, i)
				}
			}
			if len(at) > 1 {
				return p, fault.Input("columns %d (%s) and %d (%s) are both %s", at[0]+1, header[at[0]], at[1]+1, header[at[1]], aliases[0]).Fix("remove or rename one")
			}
			if len(at) == 1 {
				p[q] = at[0]
				break
			}
		}
		if p[q] < 0 && !quantity(q).optional() {
			meant := ""
			if name := meantBy(names, aliases); name != "" {
				meant = fmt.Sprintf(" (is %s meant?)", name)
			}
			return p, fault.Input("there is no column %s among %s%s", strings.Join(aliases, " or "), shorten(strings.Join(header, ",")), meant).Fix("add it, or correct the header")
		}
	}
	return p, nil
}

// known are the names that some column is found by, and those of Binance's
// files that none is.
var known = func() map[string]bool {
	all := map[string]bool{}
	for _, aliases := range columnNames {
		for _, name := range aliases {
			all[name] = true
		}
	}
	for _, name := range dumpHeader {
		all[name] = true
	}
	return all
}()

// meantBy is the one of a file's names, in small letters, that is no column's
// and one slip of the pen, or two in a long one, from an alias; or "".
func meantBy(names, aliases []string) string {
	best, least := "", 3
	for _, name := range names {
		if known[name] {
			continue
		}
		for _, alias := range aliases {
			d := spelling.Distance(name, alias)
			if len(alias) > 2 && d <= max(1, min(2, len(alias)/6)) && d < least {
				best, least = name, d
			}
		}
	}
	return shortenName(best)
}

// unread is a column that is not read, and the optional one that its name is
// nearly.
type unread struct{ name, meant string }

// unreadOf are those of a header, where at is what was found in it.
func unreadOf(header []string, at places) []unread {
	lacking := map[string]quantity{} // by all names
	for q := range quantities {
		if at[q] < 0 && q.optional() {
			for _, alias := range columnNames[q] {
				lacking[alias] = q
			}
		}
	}
	var all []unread
	for _, h := range header {
		name := strings.ToLower(strings.TrimSpace(h))
		if known[name] {
			continue
		}
		if meant := spelling.Nearest(name, maps.Keys(lacking)); meant != "" {
			all = append(all, unread{shortenName(name), meant})
		}
	}
	return all
}

// unreadIn has a sentence for each of the columns of the files that are not
// read and nearly one that is.
func unreadIn(all []*series) []string {
	var found []unread
	files := map[unread][]string{}
	for _, s := range all {
		for _, u := range s.unread {
			if files[u] == nil {
				found = append(found, u)
			}
			files[u] = append(files[u], filepath.Base(s.path))
		}
	}
	var sentences []string
	for _, u := range found {
		in, has := files[u][0], "has"
		if more := len(files[u]) - 1; more > 0 {
			in, has = fmt.Sprintf("%s and %d more", in, more), "have"
		}
		sentences = append(sentences, fmt.Sprintf("%s %s a column %s, which is not read: %s is", in, has, u.name, u.meant))
	}
	return sentences
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
	const most = 120
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

// parseOpenTime reads an open time, Unix ms or microseconds, as text.
func parseOpenTime(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		return openTimeMillis(v)
	}
	v, err := strconv.ParseFloat(text, 64) // a frame with gaps writes its integers so
	if err != nil {
		return 0, fmt.Errorf("%s is not a Unix time in milliseconds", shorten(text))
	}
	return wholeOpenTime(v)
}

// wholeOpenTime takes an open time that a file holds as a floating-point number.
func wholeOpenTime(v float64) (int64, error) {
	const exact = 1 << 53 // above it, doubles skip integers
	if !(v >= -exact && v <= exact) || v != float64(int64(v)) {
		return 0, fmt.Errorf("%v is not a whole Unix time in milliseconds", v)
	}
	return openTimeMillis(int64(v))
}

// openTimeMillis makes Unix ms of an integer. Times from 2001 to 2286 have 13
// digits in milliseconds and 16 in microseconds, the unit of Binance's files
// since 2025, so the two cannot be taken for each other.
func openTimeMillis(v int64) (int64, error) {
	switch {
	case v >= 1e12 && v < 1e13:
		return v, nil
	case v >= 1e15 && v < 1e16:
		if v%1000 != 0 {
			return 0, fmt.Errorf("%d is microseconds, and not a whole millisecond", v)
		}
		return v / 1000, nil
	}
	return 0, fmt.Errorf("%d is no Unix time between 2001 and 2286 in milliseconds (13 digits) or microseconds (16 digits)", v)
}
