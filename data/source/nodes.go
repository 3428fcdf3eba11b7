package source

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// nodes are the symbols of a market with their candles.
type nodes struct {
	symbols []string
	all     []*series
	notes   []string // what was left out, a sentence each
}

// nodes are those of the files that were read: named ones in their order, or all
// by name. Months of a symbol are joined.
func (f *listing) nodes(read []*file) (n *nodes, err error) {
	n = &nodes{}
	parts := map[string][]*series{}
	of := map[*series]*file{}
	var open, names []string
	for _, file := range read {
		open, names = append(open, file.open), append(names, file.base())
		for _, s := range file.series {
			if f.wants(s.symbol) {
				parts[s.symbol], of[s] = append(parts[s.symbol], s), file
			}
		}
	}
	if n.notes, err = f.checkTexts(read); err != nil {
		return nil, err
	}
	for _, absent := range f.absentPeriods() {
		n.notes = append(n.notes, absent.symbol+" has no file of "+firstOf(absent.periods, 3)+" between those that are there")
	}
	n.notes = append(n.notes, openBars(open, names)...)
	there := make([]string, 0, len(parts))
	for symbol := range parts {
		there = append(there, symbol)
	}
	slices.Sort(there)
	if n.symbols = f.selection.Names; n.symbols == nil {
		n.symbols = there
	}
	if lacking := f.lacking(n.symbols, func(symbol string) bool { return parts[symbol] != nil }); lacking != nil {
		return nil, f.lacks(lacking, there)
	}
	if f.selection.Top > len(there) {
		return nil, fault.Input("SYMBOLS=top:%d asks for more than the %d symbols in DATA_DIR=%s", f.selection.Top, len(there), f.Dir).At("SYMBOLS").Fix("set top:%d or less, or unset SYMBOLS", len(there))
	}
	for _, symbol := range n.symbols {
		whole, err := f.joined(parts[symbol], of)
		if err != nil {
			return nil, err
		}
		n.all = append(n.all, whole)
		parts[symbol] = nil
	}
	n.notes = append(n.notes, nearlyOne(n.symbols)...)
	there = slices.Clone(there)
	for _, file := range read {
		there = append(there, file.symbols...)
	}
	for symbol := range f.files {
		there = append(there, symbol)
	}
	notes, err := f.checkExcluded(there, "DATA_DIR="+f.Dir)
	n.notes = append(n.notes, notes...)
	return n, err
}

// joined is the series of a symbol of one or several files: months, or files in
// long format.
func (f *listing) joined(parts []*series, of map[*series]*file) (*series, error) {
	if len(parts) == 1 {
		return parts[0], nil
	}
	for _, s := range parts[1:] {
		first := parts[0]
		months := of[first].name.period != "" && of[s].name.period != ""
		if of[first] != of[s] && !(first.long && s.long) && !months {
			return nil, fault.Input("both %s and %s are there for %s", first.path, s.path, s.symbol).At("%s", s.path).Fix("remove one, or its rows of %s", s.symbol)
		}
	}
	slices.SortStableFunc(parts, func(a, b *series) int {
		if len(a.times) == 0 || len(b.times) == 0 {
			return len(b.times) - len(a.times)
		}
		return cmp.Compare(a.times[0], b.times[0])
	})
	whole := concatenated(parts)
	whole.path = fmt.Sprintf("%s and %d more", parts[0].path, len(parts)-1)
	rows, disordered := whole.rows, whole.disordered
	if err := whole.order(f.interval); err != nil {
		return nil, err
	}
	whole.rows, whole.disordered = rows, disordered // their overlap is no disorder
	return whole, nil
}

// narrow keeps the most traded of the symbols where top:N asks for them.
func (n *nodes) narrow(q query, where string) (err error) {
	var notes []string
	n.symbols, n.all, notes, err = mostTraded(n.symbols, n.all, q, where)
	n.notes = append(n.notes, notes...)
	return err
}
