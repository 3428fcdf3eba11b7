package source

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Selection is which symbols become nodes: Names, or the Top symbols by quote
// volume, or, when both are unset, every symbol there is.
type Selection struct {
	Names []string // in node order, SYMBOL among them
	Top   int
}

// ParseSymbols reads SYMBOLS, a list `A,B,C` or `top:N`. A SYMBOL that the list
// lacks is added at its end. The error wraps data.ErrInput.
func ParseSymbols(symbols, symbol string) (Selection, error) {
	bad := func(format string, a ...any) *fault.Error { return fault.Input(format, a...).At("SYMBOLS") }
	if symbol != "" {
		if err := checkName(symbol); err != nil {
			return Selection{}, fault.Input("SYMBOL=%q %w", symbol, err).At("SYMBOL")
		}
	}
	if strings.TrimSpace(symbols) == "" {
		return Selection{}, nil
	}
	if count, ok := strings.CutPrefix(strings.TrimSpace(symbols), "top:"); ok {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return Selection{}, bad("SYMBOLS=%s asks for %q symbols", symbols, count).Fix("write top:20, or a list")
		}
		return Selection{Top: n}, nil
	}
	if n := nearlyTop.FindStringSubmatch(strings.TrimSpace(symbols)); n != nil {
		return Selection{}, bad("SYMBOLS=%s is no list of symbols", symbols).Fix("write top:%s for the most traded ones", n[1])
	}
	if isJSON(symbols) {
		return Selection{}, bad("SYMBOLS=%s is a list of JSON", symbols).Fix("write the symbols with commas between them, such as BTCUSDT,ETHUSDT")
	}
	var s Selection
	for i, name := range strings.Split(symbols, ",") {
		name = strings.TrimSpace(name)
		if err := checkName(name); err != nil {
			return Selection{}, bad("SYMBOLS=%s: name %d, %q, %w", symbols, i+1, name, err)
		}
		if slices.Contains(s.Names, name) {
			return Selection{}, bad("SYMBOLS=%s names %s twice", symbols, name).Fix("remove one")
		}
		s.Names = append(s.Names, name)
	}
	if symbol != "" && !slices.Contains(s.Names, symbol) {
		s.Names = append(s.Names, symbol)
	}
	return s, nil
}

// nearlyTop is top:N in another spelling.
var nearlyTop = regexp.MustCompile(`(?i)^top *[:=_-]? *(\d+)$`)

func isJSON(symbols string) bool { return strings.HasPrefix(strings.TrimSpace(symbols), "[") }

// checkName validates a symbol's name, which is also a file's.
func checkName(name string) error {
	switch {
	case name == "":
		return fault.Input("is empty").Fix("remove the comma, or write the symbol")
	case strings.HasPrefix(name, "."):
		return fault.Input("begins with a dot").Fix("write a symbol such as BTCUSDT")
	case strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune("/\\:()[]{}\"'`;*?<>|", r)
	}):
		err := fault.Input(`holds a space or one of / \ : ( ) and the like, which no symbol does`)
		if plain := canonical(name); strings.ContainsAny(name, "/:") && plain != "" && len(plain) <= 40 {
			return err.Fix("write it such as %s", plain)
		}
		if strings.ContainsAny(name, "; ") {
			return err.Fix("write it such as BTCUSDT, and commas between symbols")
		}
		return err.Fix("write it such as BTCUSDT")
	}
	return nil
}

// lacking are the wanted symbols, and SYMBOL, that there are not.
func (q query) lacking(wanted []string, has func(symbol string) bool) (lacking []string) {
	for _, symbol := range append(slices.Clone(wanted), q.Symbol) {
		if symbol != "" && !has(symbol) && !slices.Contains(lacking, symbol) {
			lacking = append(lacking, symbol)
		}
	}
	return lacking
}

// mostTraded keeps the top symbols by quote volume over the range, most first;
// without top, all. SYMBOL takes the place of the last one where it is not among
// them. Symbols with fewer bars than a snapshot needs take no part: the next ones
// stand in their place, and notes names them. The ranking sees the whole range,
// as the name top:N by traded volume says: for nodes that were chosen before the
// test split began, list them.
func mostTraded(symbols []string, all []*series, q query, where string) (chosen []string, of []*series, notes []string, err error) {
	top := q.selection.Top
	if top == 0 {
		return symbols, all, nil, nil
	}
	least := q.leastBars(all)
	order := make([]int, 0, len(symbols))
	traded := make([]float64, len(symbols))
	for i, s := range all {
		if traded[i] = s.turnover(); len(s.times) > 0 || symbols[i] == q.Symbol {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(traded[b], traded[a]) })
	var enough, few []int
	for _, i := range order {
		if len(all[i].times) < least && symbols[i] != q.Symbol {
			few = append(few, i)
		} else {
			enough = append(enough, i)
		}
	}
	if len(enough) < top {
		err := fault.Input("SYMBOLS=top:%d, and only %d symbols have candles of the range in %s", top, len(enough), where)
		if len(few) > 0 {
			err = fault.Input("SYMBOLS=top:%d, and only %d symbols have the %d bars that a run needs in %s", top, len(enough), least, where)
		}
		return nil, nil, nil, err.At("SYMBOLS").Fix("set top:%d or less, or unset SYMBOLS", len(enough))
	}
	last := enough[top-1]
	if at := slices.IndexFunc(enough, func(i int) bool { return symbols[i] == q.Symbol }); at >= top {
		enough[top-1] = enough[at]
	}
	for _, i := range few {
		if traded[i] > traded[last] {
			notes = append(notes, passedOver(symbols[i], len(all[i].times), least, top))
		}
	}
	return picked(symbols, enough[:top]), picked(all, enough[:top]), notes, nil
}

// passedOver is the sentence about a symbol that top:N leaves out.
func passedOver(symbol string, bars, least, top int) string {
	return fmt.Sprintf("%s is not among top:%d: it has %d bars, and a run needs %d; the next symbol by volume takes its place", symbol, top, bars, least)
}

// leastBars is how many bars a symbol needs; 0 where no symbol has as many, so
// that the market is too short, which is reported as such.
func (q query) leastBars(all []*series) int {
	if !slices.ContainsFunc(all, func(s *series) bool { return len(s.times) >= q.LeastBars }) {
		return 0
	}
	return q.LeastBars
}

// checkNotEmpty rejects a symbol that was chosen and has no candle in the range.
func (s *series) checkNotEmpty(symbol string, q query) error {
	if len(s.times) > 0 {
		return nil
	}
	remedy := "choose another range"
	if symbol != q.Symbol {
		remedy += ", or " + q.leaveOut(symbol)
	}
	if q.span == (Range{}) {
		return bad(s.path, "has no bar of %s that has closed", symbol).Fix("wait for it, or add older bars")
	}
	return bad(s.path, "has no candle with %s", q.span).Fix("%s", remedy)
}
