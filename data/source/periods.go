package source

import (
	"slices"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// absence is the months, or days, that lack among the published files of a symbol.
type absence struct {
	symbol  string
	periods []string
}

// absentPeriods are those of the symbols that become nodes.
func (f *listing) absentPeriods() (all []absence) {
	for _, symbol := range symbolsOf(f.files) {
		if !f.wants(symbol) {
			continue
		}
		var periods []string
		for _, file := range f.files[symbol] {
			periods = append(periods, file.name.period)
		}
		if absent := between(periods); absent != nil {
			all = append(all, absence{symbol, absent})
		}
	}
	return all
}

// between are the periods that lack between the first and the last: days where
// all are days, and otherwise months, of which a day is enough.
func between(periods []string) (absent []string) {
	slices.Sort(periods)
	if len(periods) < 2 || periods[0] == "" {
		return nil
	}
	layout, months, days := time.DateOnly, 0, 1
	if slices.ContainsFunc(periods, func(p string) bool { return len(p) == len("2006-01") }) {
		layout, months, days = "2006-01", 1, 0
	}
	first, err := time.Parse(layout, periods[0][:len(layout)])
	last, wrong := time.Parse(layout, periods[len(periods)-1][:len(layout)])
	if err != nil || wrong != nil {
		return nil
	}
	for at := first; at.Before(last); at = at.AddDate(0, months, days) {
		name := at.Format(layout)
		if !slices.ContainsFunc(periods, func(p string) bool { return strings.HasPrefix(p, name) }) {
			absent = append(absent, name)
		}
	}
	return absent
}

// orPeriods gives the fault of a market that is nearly empty the remedy for one
// of which months lack.
func (f *listing) orPeriods(err error) error {
	if all := f.absentPeriods(); len(all) > 0 {
		return fault.Of(err).Fix("add the files of %s of %s, or set START and END", firstOf(all[0].periods, 3), all[0].symbol)
	}
	return err
}
