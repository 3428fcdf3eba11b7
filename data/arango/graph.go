package arango

import (
	"context"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/pyg"
)

// Choice is the part of a prepared graph that is wanted.
type Choice struct {
	Symbols  []string                            // nodes, in this order; nil: all, in the graph's
	Exclude  []string                            // nodes that are left out where Symbols is nil
	Interval time.Duration                       // between the snapshots of a dynamic graph
	Bounds   func(newest int64) (from, to int64) // of a dynamic graph's times, when the newest is known; nil: all
}

// Graph is a prepared graph: one of the two.
type Graph struct {
	Features  []string
	Dropped   []data.DroppedFeature
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
