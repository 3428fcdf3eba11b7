package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// ParseExclude reads EXCLUDE, a list of symbols that the source's own choice
// leaves out. Symbols that SYMBOL or SYMBOLS name cannot be among them. The error
// wraps data.ErrInput.
func ParseExclude(exclude, symbols, symbol string) ([]string, error) {
	var excluded []string
	for _, name := range strings.Split(exclude, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if err := checkName(name); err != nil {
			return nil, fault.Input("EXCLUDE=%s: %s %w", exclude, shortenName(name), err).At("EXCLUDE")
		}
		if !slices.Contains(excluded, name) {
			excluded = append(excluded, name)
		}
	}
	if slices.Contains(excluded, symbol) {
		return nil, fault.Input("EXCLUDE=%s leaves out SYMBOL=%s, which is always a node", exclude, symbol).At("EXCLUDE").Fix("remove it from EXCLUDE, or set another SYMBOL")
	}
	for _, name := range strings.Split(symbols, ",") {
		if name = strings.TrimSpace(name); slices.Contains(excluded, name) {
			return nil, fault.Input("SYMBOLS names %s, and EXCLUDE leaves it out", name).At("EXCLUDE").Fix("remove it from one of the two")
		}
	}
	return excluded, nil
}

func (q query) excluded(symbol string) bool { return slices.Contains(q.exclude, symbol) }

// wants reports whether a symbol that the source has may become a node.
func (q query) wants(symbol string) bool {
	if q.selection.Names != nil {
		return slices.Contains(q.selection.Names, symbol)
	}
	return !q.excluded(symbol)
}

// wanted is wants for the symbols of a file in long format.
func (q query) wanted(of candleFile) func(symbol string) bool {
	return func(symbol string) bool {
		return q.wants(symbol) || canonical(symbol) == canonical(of.name.symbol)
	}
}

// checkExcluded rejects a symbol of EXCLUDE that is nearly one that there is. note
// names those that there are not at all.
func (q query) checkExcluded(there []string, where string) (notes []string, err error) {
	var unknown []string
	for _, symbol := range q.exclude {
		if !slices.Contains(there, symbol) {
			unknown = append(unknown, symbol)
		}
	}
	if len(unknown) == 0 {
		return nil, nil
	}
	if remedy := meant(unknown, there); remedy != "" {
		return nil, fault.Input("EXCLUDE names %s, which %s has not", FirstOf(unknown), where).At("EXCLUDE").Fix("%s", remedy)
	}
	return []string{fmt.Sprintf("EXCLUDE names %s, which %s has not", FirstOf(unknown), where)}, nil
}

// leaveOut is how to leave a symbol out, in the imperative.
func (q query) leaveOut(symbol string) string {
	if q.selection.Names != nil {
		return "leave " + symbol + " out of SYMBOLS"
	}
	return "set EXCLUDE=" + strings.Join(append(slices.Clone(q.exclude), symbol), ",")
}
