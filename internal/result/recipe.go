package result

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/nn/catalog"
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

// Network is the shape of the model, whose outputs are those of the task for each
// horizon. Centred and Classes follow from the task.
func (m *Metadata) Network() catalog.Config {
	c := catalog.Config{
		Type: m.ModelType, Features: len(m.FeatureNames), Hidden: m.Hidden, Layers: m.Layers, Heads: m.Heads, Outputs: len(m.Horizons) * m.Outputs,
		Encoder: m.Encoder, Window: m.Window, Members: m.Ensemble, Residual: m.Residual, Norm: m.Norm, Jump: m.JumpingKnowledge, Alpha: m.Alpha, Theta: m.Theta,
	}
	if m.NodeEmbedding > 0 {
		c.NodeEmbedding, c.Nodes = m.NodeEmbedding, len(m.Symbols)
	}
	if m.JumpingKnowledge == NoHead {
		c.Jump, c.Headless = catalog.JumpLast, true
	}
	return c
}

// NoHead is the jk of a network whose last layer gives the outputs.
const NoHead = "none"

// Scaler brings x to the scale of weights.pt.
func (m *Metadata) Scaler() data.Scaler {
	return data.Scaler{Low: m.FeatureLow, High: m.FeatureHigh, Mean: m.FeatureMean, Std: m.FeatureStd}
}

// ParseMetadata reads metadata.json. The error says what in it no reader could
// compute with.
func ParseMetadata(content []byte) (*Metadata, error) {
	m := &Metadata{}
	if err := json.Unmarshal(content, m); err != nil {
		return nil, fmt.Errorf("reading metadata: %w", err)
	}
	if m.FormatVersion != FormatVersion {
		return nil, fmt.Errorf("reading metadata: it has format_version %d, but this version reads %d; use the version that wrote it", m.FormatVersion, FormatVersion)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("reading metadata: %w", err)
	}
	return m, nil
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
