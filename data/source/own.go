package source

import (
	"math"
	"path/filepath"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// own is the columns of a user's own that FEATURES names, in a table or a series.
type own struct {
	names  []string    // [C] as FEATURES has them
	values [][]float64 // [C][R]; nil where the source lacks the column
}

// locateOwn finds the columns [C] in a header; -1: there is none of the name.
func locateOwn(header, names []string) ([]int, error) {
	at, tidy := make([]int, len(names)), tidyNames(header)
	for k, name := range names {
		found := columnsOf(tidy, []string{tidyName(name)})
		switch {
		case len(found) == 0:
			at[k] = -1
		case len(found) > 1:
			return nil, fault.Input("columns %d (%s) and %d (%s) are both %s", found[0]+1, shortenName(header[found[0]]), found[1]+1, shortenName(header[found[1]]), name).Fix("remove or rename one")
		default:
			at[k] = found[0]
		}
	}
	return at, nil
}

// of is a series' own columns without a value, where at is what a header has.
func (o own) of(at []int) own {
	some := own{names: o.names, values: make([][]float64, len(o.names))}
	for k := range some.values {
		if at[k] >= 0 {
			some.values[k] = []float64{}
		}
	}
	return some
}

// each is the columns with f applied to those that are there.
func (o own) each(f func([]float64) []float64) own {
	changed := own{names: o.names, values: make([][]float64, len(o.values))}
	for k, column := range o.values {
		if column != nil {
			changed.values[k] = f(column)
		}
	}
	return changed
}

// add appends a row's values.
func (o own) add(row []float64) {
	for k, column := range o.values {
		if column != nil {
			o.values[k] = append(column, row[k])
		}
	}
}

// differs is a column in which two rows differ; -1: they are the same.
func (o own) differs(a, b int) int {
	return slices.IndexFunc(o.values, func(column []float64) bool {
		return column != nil && column[a] != column[b] && !(math.IsNaN(column[a]) && math.IsNaN(column[b]))
	})
}

// joinOwn puts the columns of several series one behind the other. What one lacks
// is unknown in its rows.
func joinOwn(parts []*series) own {
	first := parts[0].own
	whole := own{names: first.names, values: make([][]float64, len(first.names))}
	for k := range whole.values {
		if !slices.ContainsFunc(parts, func(p *series) bool { return p.own.values != nil && p.own.values[k] != nil }) {
			continue
		}
		for _, p := range parts {
			if p.own.values != nil && p.own.values[k] != nil {
				whole.values[k] = append(whole.values[k], p.own.values[k]...)
			} else {
				whole.values[k] = append(whole.values[k], slices.Repeat([]float64{math.NaN()}, len(p.times))...)
			}
		}
	}
	return whole
}

// checkOwn rejects a name of FEATURES that no file has as a column.
func (q query) checkOwn(read []*file) error {
	for k, name := range q.Columns {
		among := data.FeatureNames()
		there := false
		for _, f := range read {
			there = there || f.ownAt[k] >= 0
			for _, h := range f.header {
				if h = tidyName(h); h != "" && !slices.Contains(among, h) {
					among = append(among, h)
				}
			}
		}
		if !there && len(read) > 0 {
			files := filepath.Base(read[0].path)
			if len(read) > 1 {
				files = "the files of DATA_DIR"
			}
			return data.UnknownFeature(name, " and no column of "+files, among)
		}
	}
	return nil
}
