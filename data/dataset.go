package data

import (
	"time"

	"github.com/streamforge/gnn-trainer/pyg"
)

// Split is the part of the time axis that a snapshot belongs to.
type Split string

// The parts, in time order. Gap snapshots lie within HORIZON bars before the
// next part begins, so their labels would reach into it: they are in no part.
const (
	Train Split = "train"
	Valid Split = "valid"
	Test  Split = "test"
	Live  Split = "live" // the newest, whose labels the future still holds
	Gap   Split = "gap"
)

// LeftOut is a feature that the data cannot support, and why.
type LeftOut struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`

	// Lacking are the symbols that lack what most of the others have.
	Lacking []string `json:"-"`
}

// Dataset is a sequence of snapshots of one set of nodes, in time order.
// Feature rows, masks, labels and returns live in panels shared by all
// snapshots. A Dataset is read only and safe for concurrent use.
type Dataset struct {
	Symbols  []string      // [N] node order
	Features []string      // [F] names, StreamForge's order first
	LeftOut  []LeftOut     // features that the data cannot support
	Interval time.Duration // length of a bar; 0 for a graph without time
	Horizon  int           // bars; 0 for a graph without time
	Splits   []Split       // [T] the part of each snapshot

	// Mean and Std [F] are fitted on the present nodes of the training part
	// only. Std is 1 where a feature is constant there, float32's rounding aside.
	Mean, Std []float32

	// Density is the mean over snapshots of E / (P (P-1)), P the nodes present.
	Density float64

	// Of a dynamic graph that somebody else has prepared: its edges came with
	// it, and its labels too or not.
	EdgesGiven, LabelsGiven bool

	// A graph without time has one x, one mask and one list of edges for all
	// its snapshots: their T is 1.
	static bool

	openTime []int64   // [T] Unix ms; nil for a graph without time
	x        []float32 // [T, N, F] raw, 0 at masked nodes
	mask     []bool    // [T, N]
	y        []int64   // [T, N]
	ret      []float32 // [T, N]; nil where a graph without time has none
	rows     []bool    // [T, N] of a graph without time; nil: mask
	edges    []Edges   // [T]
}

// Len is the number of snapshots T.
func (d *Dataset) Len() int { return len(d.Splits) }

// NumNodes is N, the same in every snapshot.
func (d *Dataset) NumNodes() int { return len(d.Symbols) }

// NumFeatures is F.
func (d *Dataset) NumFeatures() int { return len(d.Features) }

// OpenTimes are the open times of the snapshots [T], Unix ms, rising; nil for
// a graph without time. They alias the dataset: read them only.
func (d *Dataset) OpenTimes() []int64 { return d.openTime }

// Outcomes are what came of snapshot t: class and forward log return of each
// node [N], as in Snapshot; the returns are nil where there are none. They
// alias the dataset: read them only.
func (d *Dataset) Outcomes(t int) (y []int64, ret []float32) {
	n := d.NumNodes()
	if d.ret != nil {
		ret = row(d.ret, t, n)
	}
	return row(d.y, t, n), ret
}

// panel is where snapshot t lies in x, mask and edges.
func (d *Dataset) panel(t int) int {
	if d.static {
		return 0
	}
	return t
}

// Rows tells which nodes snapshot t reports predictions for [N]: of a market
// the present ones, of a graph without time those of the snapshot's part. It
// aliases the dataset: read it only.
func (d *Dataset) Rows(t int) []bool {
	if d.rows != nil {
		return row(d.rows, t, d.NumNodes())
	}
	return row(d.mask, d.panel(t), d.NumNodes())
}

// Edges is the compact form of snapshot t's edges: what Snapshot says in
// int64, in the same order. Only a derived Weight is made anew.
func (d *Dataset) Edges(t int) Edges {
	e := d.edges[d.panel(t)]
	if e.Weight == nil && e.Attr != nil {
		e.Weight = make([]float32, len(e.Attr))
		for i, v := range e.Attr {
			e.Weight[i] = max(v, 0)
		}
	}
	return e
}

// Snapshot is the graph at bar t. X, NodeMask, Y, Ret, OpenTime and EdgeAttr
// alias the shared panels: read them only. EdgeIndex is made anew from the
// compact store, and so is EdgeWeight where it is the correlation clamped
// at 0.
func (d *Dataset) Snapshot(t int) pyg.Data {
	n, p, e := d.NumNodes(), d.panel(t), d.Edges(t)
	g := pyg.Data{
		NumNodes:    n,
		NumFeatures: d.NumFeatures(),
		X:           row(d.x, p, n*d.NumFeatures()),
		NodeMask:    row(d.mask, p, n),
		EdgeIndex:   e.index(),
		EdgeWeight:  e.Weight,
		EdgeAttr:    e.Attr,
	}
	g.Y, g.Ret = d.Outcomes(t)
	if d.openTime != nil {
		g.OpenTime = row(d.openTime, t, 1)
	}
	return g
}

// row is row t of a panel [T, width], with no room to append into the next.
func row[E any](panel []E, t, width int) []E {
	return panel[t*width : (t+1)*width : (t+1)*width]
}
