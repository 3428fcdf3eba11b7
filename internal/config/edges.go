package config

import (
	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/nn/catalog"
)

// edgeVariables say how a market's graph is made; one that is read has its own.
var edgeVariables = []string{"EDGES", "EDGES_FILE", "GRAPH_WINDOW", "MAX_GAP", "EDGE_TOP_K", "EDGE_THRESHOLD", "EDGE_RETURNS", "EDGE_RIDGE", "EDGE_EVERY"}

// resolveEdges reads EDGES_FILE, and what the edges' defaults depend on.
func (c *Config) resolveEdges(s settings, faults *fault.List) {
	c.Data.EdgeTopKGiven = s.has("EDGE_TOP_K")
	if interval, err := source.ParseInterval(c.Source.Interval); err == nil {
		c.Data.Interval = interval
	}
	if c.Data.EdgesFile == "" || !c.Data.HasEdges(data.EdgesStatic) {
		return
	}
	edges, digest, err := data.ReadStaticEdges(c.Data.EdgesFile)
	if err != nil {
		addAll(faults, err)
		return
	}
	c.Data.Static, c.Data.StaticSHA256 = edges, digest
}

// checkEdges rejects signed weights beside a model that cannot take them.
func (c *Config) checkEdges(s settings, faults *fault.List) {
	if s.has("EDGE_EVERY") && c.Data.EdgeEvery == 0 {
		faults.Add(lookup("EDGE_EVERY").wrong(s.as["EDGE_EVERY"], s.values["EDGE_EVERY"]))
	}
	model, known := catalog.Lookup(c.Model.Type)
	if !known || model.Signed || !c.Data.SignedEdges() || c.Source.Source == PyG {
		return
	}
	faults.Add(fault.Input("EDGES=%.60s has negative weights, which MODEL_TYPE=%s cannot take", c.Data.Edges, model.Type).At("MODEL_TYPE").
		Fix("set MODEL_TYPE=%s, or EDGES=correlation", catalog.OneOf(catalog.SignedTypes())))
}

// ineffectiveEdges adds the variables that none of the edge types reads.
func (c *Config) ineffectiveEdges(why map[string]reason) {
	of := func(kinds ...string) bool {
		for _, kind := range kinds {
			if c.Data.HasEdges(kind) {
				return true
			}
		}
		return false
	}
	for name, kinds := range map[string][]string{
		"EDGE_TOP_K":     {data.EdgesCorrelation, data.EdgesPartial, data.EdgesLeadLag},
		"EDGE_THRESHOLD": {data.EdgesCorrelation},
		"EDGE_RETURNS":   {data.EdgesCorrelation, data.EdgesLeadLag},
		"EDGE_RIDGE":     {data.EdgesPartial},
		"EDGE_EVERY":     {data.EdgesCorrelation, data.EdgesPartial, data.EdgesLeadLag},
		"EDGES_FILE":     {data.EdgesStatic},
	} {
		switch {
		case c.Data.Edges == data.EdgesNone:
			why[name] = duplicates("EDGES=none joins no nodes")
		case !of(kinds...):
			why[name] = reason{"it is read by EDGES=" + catalog.OneOf(kinds) + " alone", "unset it, or add one of them to EDGES"}
		}
	}
	// As they could be set, these would be other edges.
	if c.Data.EdgeEvery == 0 && c.Data.Edges != data.EdgesNone {
		why["EDGE_EVERY"] = harmless
	}
	if !c.Data.EdgeTopKGiven && of(data.EdgesPartial) {
		why["EDGE_TOP_K"] = harmless
	}
	if c.Data.EdgeThreshold != nil && of(data.EdgesCorrelation) && !of(data.EdgesPartial, data.EdgesLeadLag) {
		why["EDGE_TOP_K"] = duplicates("EDGE_THRESHOLD already selects the neighbours")
	}
}
