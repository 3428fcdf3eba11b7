package arango

import (
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// file makes a graph without time.
func (d *DB) file(n *nodes, e *edges, c Choice) (*Graph, error) {
	rows, err := n.chosen(n.order(), c)
	if err != nil {
		return nil, err
	}
	features, fill, out, err := n.choose("", "")
	if err != nil {
		return nil, err
	}
	g := &Graph{Features: features, Dropped: out, File: &pyg.File{}}
	f, count := g.File, len(rows)
	f.Data = pyg.Data{NumNodes: count, NumFeatures: len(features), X: make([]float32, count*len(features)), Y: make([]int64, count)}
	spots, present := n.spots(), make([]bool, count)
	masked, ret := n.mask("node_mask"), []float32(nil)
	if n.returned > 0 {
		ret = make([]float32, count)
	}
	for i, row := range rows {
		spots[row] = i
		x := f.Data.X[i*len(features) : (i+1)*len(features)]
		fill(row, x)
		f.Symbols = append(f.Symbols, n.name[row])
		f.Data.Y[i] = n.y[row]
		present[i] = masked == nil || masked[row]
		if present[i] && slices.ContainsFunc(x, func(v float32) bool { return v != v }) {
			present[i] = false
			d.report.Masked++
		}
		if !present[i] {
			clear(x)
			f.Data.Y[i] = pyg.Unlabelled
		}
		if ret != nil && f.Data.Y[i] != pyg.Unlabelled && !math.IsNaN(n.ret[row]) {
			ret[i] = float32(n.ret[row])
		}
	}
	f.Data.Ret = ret
	if masked != nil || slices.Contains(present, false) {
		f.Data.NodeMask = present
	}
	d.report.Nodes = count
	if at := n.time[rows[0]]; at != 0 && !slices.ContainsFunc(rows, func(row int) bool { return n.time[row] != at }) {
		f.Data.OpenTime = []int64{at}
	}
	for _, m := range []struct {
		name string
		mask *[]bool
	}{{"train_mask", &f.TrainMask}, {"val_mask", &f.ValidMask}, {"test_mask", &f.TestMask}} {
		if all := n.mask(m.name); all != nil {
			for _, row := range rows {
				*m.mask = append(*m.mask, all[row])
			}
		}
	}
	spot := d.spotting(e, spots, func(i int) bool { return present[i] })
	order, err := e.order(spot, &d.report)
	if err != nil {
		return nil, err
	}
	f.Data.EdgeIndex = make([]int64, 2*len(order))
	weight, attr := e.weights()
	for at, k := range order {
		f.Data.EdgeIndex[at], f.Data.EdgeIndex[len(order)+at] = int64(spots[e.source[k]]), int64(spots[e.target[k]])
		if weight != nil {
			f.Data.EdgeWeight = append(f.Data.EdgeWeight, weight(k))
		}
		if attr != nil {
			f.Data.EdgeAttr = append(f.Data.EdgeAttr, attr(k))
		}
	}
	return g, nil
}

// chosen are the rows of the symbols in their order; nil: all.
func (n *nodes) chosen(rows []int, c Choice) ([]int, error) {
	row := make(map[string]int, len(rows))
	for _, r := range rows {
		row[n.name[r]] = r
	}
	has := func(name string) bool { _, ok := row[name]; return ok }
	if unknown := slices.DeleteFunc(slices.Clone(c.Exclude), has); len(unknown) > 0 {
		return nil, fault.Input("EXCLUDE names %s, and the graph's nodes are %s", listed(unknown), listed(sortedKeys(row))).At("EXCLUDE").Fix("choose among these, or unset it")
	}
	if c.Symbols == nil {
		return slices.DeleteFunc(slices.Clone(rows), func(r int) bool { return slices.Contains(c.Exclude, n.name[r]) }), nil
	}
	var all []int
	var lacking []string
	for _, s := range c.Symbols {
		if r, ok := row[s]; ok {
			all = append(all, r)
		} else {
			lacking = append(lacking, s)
		}
	}
	if lacking != nil {
		return nil, fault.Input("SYMBOLS names %s, and the graph's nodes are %s", listed(lacking), listed(sortedKeys(row))).At("SYMBOLS").Fix("choose among these, or unset it")
	}
	return all, nil
}
