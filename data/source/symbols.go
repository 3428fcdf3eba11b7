package source

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/streamforge/gnn-trainer/data"
)

// Selection says which symbols become nodes: Names, or the Top symbols by quote
// volume, or, when both are unset, every symbol there is.
type Selection struct {
	Names []string // in node order, SYMBOL among them
	Top   int
}

// ParseSymbols reads SYMBOLS, a list `A,B,C` or `top:N`. A SYMBOL that the list
// lacks is added at its end. The error wraps data.ErrInput.
func ParseSymbols(symbols, symbol string) (Selection, error) {
	bad := func(format string, a ...any) (Selection, error) {
		return Selection{}, fmt.Errorf("%w: %s", data.ErrInput, fmt.Sprintf(format, a...))
	}
	if symbol != "" {
		if why := badName(symbol); why != "" {
			return bad("SYMBOL=%q %s", symbol, why)
		}
	}
	if strings.TrimSpace(symbols) == "" {
		return Selection{}, nil
	}
	if count, ok := strings.CutPrefix(strings.TrimSpace(symbols), "top:"); ok {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return bad("SYMBOLS=%s asks for %q symbols: write top:20, or a list", symbols, count)
		}
		return Selection{Top: n}, nil
	}
	var s Selection
	for i, name := range strings.Split(symbols, ",") {
		name = strings.TrimSpace(name)
		if why := badName(name); why != "" {
			return bad("SYMBOLS=%s: name %d, %q, %s", symbols, i+1, name, why)
		}
		if slices.Contains(s.Names, name) {
			return bad("SYMBOLS=%s names %s twice: remove one", symbols, name)
		}
		s.Names = append(s.Names, name)
	}
	if symbol != "" && !slices.Contains(s.Names, symbol) {
		s.Names = append(s.Names, symbol)
	}
	return s, nil
}

// badName says what is wrong with a symbol's name, which is also a file's; ""
// if nothing is.
func badName(name string) string {
	switch {
	case name == "":
		return "is empty: remove the comma, or write the symbol"
	case strings.HasPrefix(name, "."):
		return "begins with a dot: write a symbol such as BTCUSDT"
	case strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`/\:`, r)
	}):
		return "holds a space or one of / \\ : which no symbol does: write it such as BTCUSDT"
	}
	return ""
}
