package result

import (
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
)

// Recipe is how the panel of the model is built from a market again.
func (m *Metadata) Recipe() data.Recipe {
	g := m.Graph
	r := data.Recipe{
		Features: m.FeatureNames, Reference: m.Reference, MaxGap: m.MaxGap, Edges: g.Edges, GraphWindow: g.Window, EdgeTopK: 1, EdgeThreshold: g.Threshold, EdgeReturns: g.Returns,
		Static: g.Static, StaticSHA256: g.StaticSHA256, Interval: m.interval(),
	}
	if g.TopK != nil {
		r.EdgeTopK, r.EdgeTopKGiven = *g.TopK, !g.Dense
	}
	if g.Ridge != nil {
		r.EdgeRidge = *g.Ridge
	}
	for k, kind := range r.EdgeTypes() { // what differs from the default was set, for all of them
		if k < len(g.Every) && g.Every[k] != r.Recompute(kind, r.Interval) {
			r.EdgeEvery = g.Every[k]
			break
		}
	}
	return r
}

// SetRecipe records the recipe of a panel that was built from a market. The
// features are FeatureNames. Interval must be set.
func (m *Metadata) SetRecipe(r data.Recipe) {
	m.MaxGap, m.Graph.Edges = r.MaxGap, r.Edges
	m.Graph.Window, m.Graph.Returns, m.Graph.Threshold = r.GraphWindow, r.EdgeReturns, r.EdgeThreshold
	types := r.EdgeTypes()
	var every []int
	for _, kind := range types {
		every = append(every, r.Recompute(kind, m.interval()))
	}
	if slices.ContainsFunc(every, func(bars int) bool { return bars != 1 }) {
		m.Graph.Every = every
	}
	partial, correlation := r.HasEdges(data.EdgesPartial), r.HasEdges(data.EdgesCorrelation)
	m.Graph.Dense = partial && !r.EdgeTopKGiven
	if partial {
		m.Graph.Ridge = &r.EdgeRidge
	}
	if r.HasEdges(data.EdgesStatic) {
		m.Graph.Static, m.Graph.StaticSHA256 = r.Static, r.StaticSHA256
	}
	reads := len(types) == 0 || r.HasEdges(data.EdgesLeadLag) || partial && !m.Graph.Dense || correlation && r.EdgeThreshold == nil
	if reads {
		m.Graph.TopK = &r.EdgeTopK
	}
}

// interval is the length of a bar; 0: it is not known.
func (m *Metadata) interval() time.Duration {
	interval, _ := source.ParseInterval(m.Interval)
	return interval
}
