package arango

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/pyg"
)

// Choice is the part of a prepared graph that is wanted.
type Choice struct {
	Symbols  []string                            // nodes, in this order; nil: all, in the graph's
	Interval time.Duration                       // between the snapshots of a dynamic graph
	Bounds   func(newest int64) (from, to int64) // of a dynamic graph's times, when the newest is known; nil: all
}

// Graph is a prepared graph: one of the two.
type Graph struct {
	Features  []string
	LeftOut   []data.LeftOut
	File      *pyg.File       // a graph without time
	Snapshots *data.Snapshots // a graph whose nodes come again at several times
}

// Graph reads a prepared graph.
//
// Nodes are vertices, or documents of type "node". Numbers are attributes of
// the document or of the object `attributes` in it, and become features in the
// order of their names; a list x takes their place, named by feature_names. A
// node is named by symbol, node or name, else by its _key. A label is y, label
// or target.
//
// Edges have _from and _to, or source and target: an _id, a _key or a name.
// Their weight is edge_weight or weight, or 1 where no edge has one.
//
// The graph is dynamic where a name comes again: then each node carries its
// time (open_time, timestamp, ts or time), an edge joins nodes of one time, and
// labels may be left to be made from close.
//
// The order that the server gives documents in does not matter.
func (d *DB) Graph(ctx context.Context, l *Layout, c Choice) (*Graph, Report, error) {
	d.report = Report{}
	n, err := d.nodes(ctx, l)
	if err != nil {
		return nil, d.report, err
	}
	dynamic, err := n.dynamic()
	if err != nil {
		return nil, d.report, err
	}
	e, err := d.edges(ctx, l, n, dynamic)
	if err != nil {
		return nil, d.report, err
	}
	if e.wide {
		d.report.Ignored = append(d.report.Ignored, "edge_attr of several values")
	}
	if l.Mixed {
		if err := d.countOthers(ctx, l); err != nil {
			return nil, d.report, err
		}
	}
	var g *Graph
	if dynamic {
		g, err = d.snapshots(n, e, c)
	} else {
		g, err = d.file(n, e, c)
	}
	return g, d.report, err
}

// countOthers counts the documents of a mixed collection that were not read.
func (d *DB) countOthers(ctx context.Context, l *Layout) error {
	return d.do(ctx, "counting the documents of "+l.Name, func(ctx context.Context) error {
		collection, err := d.db.Collection(ctx, l.Name)
		if err != nil {
			return err
		}
		all, err := collection.Count(ctx)
		d.report.Other = max(0, int(all)-d.report.Documents)
		return err
	})
}

// file makes a graph without time.
func (d *DB) file(n *nodes, e *edges, c Choice) (*Graph, error) {
	rows, err := n.chosen(n.order(), c.Symbols)
	if err != nil {
		return nil, err
	}
	features, fill, out, err := n.choose("", "")
	if err != nil {
		return nil, err
	}
	g := &Graph{Features: features, LeftOut: out, File: &pyg.File{}}
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

// spots is a table of the places of rows among the nodes that are wanted, -1
// where a row is not.
func (n *nodes) spots() []int {
	spots := make([]int, len(n.place))
	for i := range spots {
		spots[i] = -1
	}
	return spots
}

// spotting counts the edges that are dropped, and gives the place of a row, -1
// where it is not wanted or not present.
func (d *DB) spotting(e *edges, spots []int, present func(spot int) bool) func(row int32) int {
	for k := range e.place {
		a, b := spots[e.source[k]], spots[e.target[k]]
		switch {
		case a < 0 || b < 0:
			d.report.Outside++
		case !present(a) || !present(b):
			d.report.MaskedEdges++
		}
	}
	return func(row int32) int {
		if s := spots[row]; s >= 0 && present(s) {
			return s
		}
		return -1
	}
}

// chosen are the rows of the symbols in their order; nil: all.
func (n *nodes) chosen(rows []int, symbols []string) ([]int, error) {
	if symbols == nil {
		return rows, nil
	}
	row := make(map[string]int, len(rows))
	for _, r := range rows {
		row[n.name[r]] = r
	}
	var all []int
	var lacking []string
	for _, s := range symbols {
		if r, ok := row[s]; ok {
			all = append(all, r)
		} else {
			lacking = append(lacking, s)
		}
	}
	if lacking != nil {
		return nil, refusal("SYMBOLS names %s, and the graph's nodes are %s: choose among these, or unset it", listed(lacking), listed(sortedKeys(row)))
	}
	return all, nil
}

// snapshots makes a dynamic graph.
func (d *DB) snapshots(n *nodes, e *edges, c Choice) (*Graph, error) {
	if c.Interval <= 0 {
		return nil, fmt.Errorf("a graph of %d moments needs an interval", len(n.time))
	}
	if row := slices.Index(n.time, 0); row >= 0 {
		return nil, refusal("%s: %s, and other nodes have their time: correct or remove it", n.at(n.noTimeAt), n.noTime)
	}
	names := map[string]int{}
	for row, name := range n.name {
		names[name] = row
	}
	symbols := sortedKeys(names)
	if c.Symbols != nil {
		if _, err := n.chosen(valuesOf(names), c.Symbols); err != nil {
			return nil, err
		}
		symbols = c.Symbols
	}
	node := map[string]int{}
	for i, s := range symbols {
		node[s] = i
	}
	timeAxis, err := axis(n.time, c)
	if err != nil {
		return nil, err
	}
	moment := map[int64]int{}
	for t, ms := range timeAxis {
		moment[ms] = t
	}
	without := ""
	if n.labelled == 0 {
		without = "close"
		if n.priced == 0 {
			return nil, refusal("no node has a label (y, label or target) nor a close that one could be made of, as %s shows: give the nodes one of them", n.at(0))
		}
	}
	features, fill, out, err := n.choose(without, "labels are made of it, and a price says nothing across symbols")
	if err != nil {
		return nil, err
	}
	s := &data.Snapshots{Symbols: symbols, Features: features, LeftOut: out, Interval: c.Interval, Times: timeAxis}
	count, width := len(symbols), len(features)
	s.X, s.Mask = make([]float32, len(timeAxis)*count*width), make([]bool, len(timeAxis)*count)
	if n.labelled > 0 {
		s.Y = slices.Repeat([]int64{pyg.Unlabelled}, len(s.Mask))
	}
	if n.priced > 0 {
		s.Close = slices.Repeat([]float64{math.NaN()}, len(s.Mask))
	}
	masked := n.mask("node_mask")
	spots, owner := n.spots(), make([]int32, len(s.Mask)) // owner: the row of a node and moment, from 1
	for row := range n.place {
		i, wanted := node[n.name[row]]
		t, within := moment[n.time[row]]
		if !wanted || !within {
			continue
		}
		at := t*count + i
		if owner[at] != 0 {
			return nil, n.twice(int(owner[at])-1, row)
		}
		owner[at], spots[row] = int32(row)+1, at
		d.report.Nodes++
		if s.Close != nil {
			if n.close[row] <= 0 {
				return nil, refusal("%s: close is %v, and a price is above 0: correct it", n.at(row), n.close[row])
			}
			s.Close[at] = n.close[row]
		}
		x := s.X[at*width : (at+1)*width]
		fill(row, x)
		s.Mask[at] = masked == nil || masked[row]
		if s.Mask[at] && slices.ContainsFunc(x, func(v float32) bool { return v != v }) {
			s.Mask[at] = false
			d.report.Masked++
		}
		if !s.Mask[at] {
			clear(x)
		} else if s.Y != nil {
			s.Y[at] = n.y[row]
		}
	}
	spot := d.spotting(e, spots, func(at int) bool { return s.Mask[at] })
	order, err := e.order(spot, &d.report)
	if err != nil {
		return nil, err
	}
	s.Edges = e.byMoment(order, spots, len(timeAxis), count)
	return &Graph{Features: features, LeftOut: out, Snapshots: s}, nil
}

// byMoment cuts edges, in the order of their targets, into those of each
// moment.
func (e *edges) byMoment(order, spots []int, moments, count int) []data.Edges {
	weight, attr := e.weights()
	all := make([]data.Edges, moments)
	k := 0
	for t := range all {
		one := data.Edges{RowPtr: make([]int32, count+1)}
		for i := range count {
			for ; k < len(order) && spots[e.target[order[k]]] == t*count+i; k++ {
				one.Sources = append(one.Sources, int32(spots[e.source[order[k]]]-t*count))
				if weight != nil {
					one.Weight = append(one.Weight, weight(order[k]))
				}
				if attr != nil {
					one.Attr = append(one.Attr, attr(order[k]))
				}
			}
			one.RowPtr[i+1] = int32(len(one.Sources))
		}
		// None is not the same as unweighted.
		if weight != nil && one.Weight == nil {
			one.Weight = []float32{}
		}
		if attr != nil && one.Attr == nil {
			one.Attr = []float32{}
		}
		all[t] = one
	}
	return all
}

// axis is the times that there are and are wanted, rising.
func axis(times []int64, c Choice) ([]int64, error) {
	all := slices.Clone(times)
	slices.Sort(all)
	all = slices.Compact(all)
	if c.Bounds == nil {
		return all, nil
	}
	from, to := c.Bounds(all[len(all)-1] + c.Interval.Milliseconds())
	first, _ := slices.BinarySearch(all, from)
	last, _ := slices.BinarySearch(all, to)
	if first >= last {
		return nil, refusal("the graph has no node within START, END and LOOKBACK; its times run from %s to %s: choose another range", stamp(all[0]), stamp(all[len(all)-1]))
	}
	return all[first:last], nil
}

func valuesOf(m map[string]int) []int {
	all := make([]int, 0, len(m))
	for _, v := range m {
		all = append(all, v)
	}
	slices.SortFunc(all, cmp.Compare[int])
	return all
}

// stamp writes a time for people.
func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
