package data

import (
	"slices"
	"strings"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/spelling"
)

// The values of EDGES, which may list several but for the last. Empty counts as
// correlation.
const (
	EdgesCorrelation = "correlation" // of one-bar returns
	EdgesPartial     = "partial"     // regression coefficients of each on all others
	EdgesLeadLag     = "leadlag"     // correlation with the source's return of the bar before
	EdgesStatic      = "static"      // of EDGES_FILE
	EdgesNone        = "none"        // no node receives a message
)

// edgeKinds are those that a list may hold.
var edgeKinds = []string{EdgesCorrelation, EdgesPartial, EdgesLeadLag, EdgesStatic}

// EdgeTypes are the types of edges in the order of EDGES, whose indices are
// edge_type; none: no nodes are joined.
func (r Recipe) EdgeTypes() []string {
	switch r.Edges {
	case "":
		return []string{EdgesCorrelation}
	case EdgesNone:
		return nil
	}
	types := strings.Split(r.Edges, ",")
	for k := range types {
		types[k] = strings.TrimSpace(types[k])
	}
	return types
}

// HasEdges reports whether some edges are of a type.
func (r Recipe) HasEdges(kind string) bool { return slices.Contains(r.EdgeTypes(), kind) }

// SignedEdges reports whether a weight may be negative: of partial and leadlag
// edges, and of static ones where the file has such a weight.
func (r Recipe) SignedEdges() bool {
	return slices.ContainsFunc(r.EdgeTypes(), r.signed)
}

func (r Recipe) signed(kind string) bool {
	switch kind {
	case EdgesPartial, EdgesLeadLag:
		return true
	case EdgesStatic:
		return slices.ContainsFunc(r.Static, func(e StaticEdge) bool { return e.Weight < 0 })
	}
	return false
}

// EdgesPerNode is how many sources a node among so many has at most by a type;
// with EDGE_THRESHOLD, all others.
func (r Recipe) EdgesPerNode(kind string, nodes int) int {
	others := max(nodes-1, 0)
	switch kind {
	case EdgesPartial:
		if !r.EdgeTopKGiven {
			return others
		}
	case EdgesStatic:
		return min(others, len(r.Static))
	case EdgesCorrelation:
		if r.EdgeThreshold != nil {
			return others
		}
	}
	return min(r.EdgeTopK, others)
}

// Recompute is how many bars the edges of a type last, of a market whose bars are
// of an interval: EDGE_EVERY; unset: a bar for correlation, a day for others; 0:
// they stay.
func (r Recipe) Recompute(kind string, interval time.Duration) int {
	switch {
	case kind == EdgesStatic:
		return 0
	case r.EdgeEvery > 0:
		return r.EdgeEvery
	case kind == EdgesCorrelation || interval <= 0:
		return 1
	}
	return max(1, int(24*time.Hour/interval))
}

// edgeReach is how many bars before its own the edges of a snapshot are made of,
// so that none depends on where the market begins.
func (r Recipe) edgeReach() int {
	reach := r.GraphWindow
	for _, kind := range r.EdgeTypes() {
		own := r.GraphWindow + max(r.Recompute(kind, r.Interval), 1) - 1
		if kind == EdgesLeadLag {
			own++ // the source's return of the bar before
		}
		if kind != EdgesStatic {
			reach = max(reach, own)
		}
	}
	return reach
}

// minRidge is what lets the smallest eigenvalue of C + ridge I stand out of the
// rounding of thousands of symbols.
const minRidge = 1e-6

func (r Recipe) edgeProblems(p *problems) {
	list := r.Edges
	if list == "" || list == EdgesNone {
		return
	}
	seen := map[string]bool{}
	for _, kind := range r.EdgeTypes() {
		switch {
		case kind == EdgesNone:
			p.Add(fault.Input("EDGES is %q, and none stands alone", list).At("EDGES").Fix("set EDGES=none, or take none out"))
		case !slices.Contains(edgeKinds, kind):
			f := fault.Input("EDGES names %q", kind).At("EDGES").Fix("set a list of %s, or none", strings.Join(edgeKinds, ", "))
			if meant := spelling.Closest(kind, edgeKinds); meant != "" {
				f = f.Fix("set %s in its place", meant)
			}
			p.Add(f)
		case seen[kind]:
			p.Add(fault.Input("EDGES names %s twice", kind).At("EDGES").Fix("name it once"))
		}
		seen[kind] = true
	}
	if seen[EdgesPartial] {
		p.check(r.EdgeRidge >= minRidge && r.EdgeRidge <= maxRidge, fault.Input("EDGE_RIDGE is %v", r.EdgeRidge).At("EDGE_RIDGE").
			Fix("set a number from %f to %d", minRidge, maxRidge))
	}
	if seen[EdgesStatic] && r.Static == nil && r.EdgesFile == "" {
		p.Add(fault.Input("EDGES=static needs EDGES_FILE").At("EDGES_FILE").Fix("set it to a CSV file with the columns source, target and weight"))
	}
	p.check(r.EdgeEvery >= 0 && r.EdgeEvery <= maxBars, fault.Input("EDGE_EVERY is %d", r.EdgeEvery).At("EDGE_EVERY").
		Fix("set a number of bars from 1 to %d", maxBars))
}

// maxRidge leaves coefficients of a thousandth of what they would be.
const maxRidge = 1000
