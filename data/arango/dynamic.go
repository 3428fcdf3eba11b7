package arango

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// snapshots makes a dynamic graph.
func (d *DB) snapshots(n *nodes, e *edges, c Choice) (*Graph, error) {
	if c.Interval <= 0 {
		return nil, fault.Internal("a graph of %d moments needs an interval", len(n.time))
	}
	if row := slices.Index(n.time, 0); row >= 0 {
		return nil, fault.Input("%s, and other nodes have their time", n.noTime).At("%s", n.at(n.noTimeAt)).Fix("correct or remove it")
	}
	names := map[string]int{}
	for row, name := range n.name {
		names[name] = row
	}
	if _, err := n.chosen(valuesOf(names), c); err != nil {
		return nil, err
	}
	symbols := c.Symbols
	if symbols == nil {
		symbols = slices.DeleteFunc(sortedKeys(names), func(name string) bool { return slices.Contains(c.Exclude, name) })
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
			return nil, fault.Input("no node has a label (y, label or target) nor a close that one could be made of, as %s shows", n.at(0)).At("%s", n.at(0)).Fix("give the nodes one of them")
		}
	}
	features, fill, out, err := n.choose(without, "labels are made of it, and a price says nothing across symbols")
	if err != nil {
		return nil, err
	}
	s := &data.Snapshots{Symbols: symbols, Features: features, Dropped: out, Interval: c.Interval, Times: timeAxis}
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
				return nil, fault.Input("close is %v, and a price is above 0", n.close[row]).At("%s", n.at(row)).Fix("correct it")
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
	return &Graph{Features: features, Dropped: out, Snapshots: s}, nil
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
		return nil, fault.Input("the graph has no node within START, END and LOOKBACK; its times run from %s to %s", stamp(all[0]), stamp(all[len(all)-1])).Fix("choose another range")
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
