package arango

import (
	"context"
	"slices"

	driver "github.com/arangodb/go-driver"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// Saved is one snapshot as it is written.
type Saved struct {
	Symbols  []string // [N]
	Features []string // [F]
	Data     pyg.Data
}

// writer is what our documents have in saved_by: no others are removed.
const writer = "gnn-trainer"

// Save writes a snapshot as the named graph name, in collections name_nodes and
// name_edges.
//
// A vertex {_key, symbol, x, feature_names, y, node_mask, index, open_time} has
// each feature by its name too; an edge {_key, _from, _to, edge_weight,
// edge_attr, index}. Keys are made of the symbols alone, so that writing the
// same graph again changes nothing, and documents are written in the order of
// the tensors, which is the order that adbpyg-adapter reads them in. What an
// earlier save has left and this graph does not have is removed at the end.
// A collection that holds documents of others is rejected.
//
// Every request may be repeated: a save that broke off is completed by the next.
func (d *DB) Save(ctx context.Context, name string, g Saved) error {
	nodesName, edgesName := name+"_nodes", name+"_edges"
	if err := d.create(ctx, name, nodesName, edgesName); err != nil {
		return err
	}
	for _, c := range []string{nodesName, edgesName} {
		var foreign int
		if err := d.one(ctx, foreignIn(c, writer), &foreign); err != nil {
			return err
		}
		if foreign > 0 {
			return fault.Input("GRAPH_SAVE=%s would be written to collection %s, which holds %d documents of others", name, c, foreign).At("GRAPH_SAVE").Fix("set another name")
		}
	}
	keys := vertexKeys(g.Symbols)
	vertices := documents{nodesName, keys, func(i int) map[string]any { return vertex(g, i, keys[i]) }}
	edges := documents{edgesName, edgeKeys(g, keys), func(k int) map[string]any {
		return edge(g, k, nodesName+"/"+keys[g.Data.Sources()[k]], nodesName+"/"+keys[g.Data.Targets()[k]])
	}}
	for _, w := range []documents{vertices, edges} {
		if err := d.write(ctx, w); err != nil {
			return err
		}
	}
	// Edges first: none is ever left without its ends.
	for _, w := range []documents{edges, vertices} {
		if err := d.tidy(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// vertex is the document of node i.
func vertex(g Saved, i int, key string) map[string]any {
	x := g.Data.X[i*g.Data.NumFeatures : (i+1)*g.Data.NumFeatures]
	v := map[string]any{}
	for j, f := range g.Features {
		v[f] = x[j]
	}
	// After the features: what these are called means nothing else.
	v["_key"], v["symbol"], v["x"], v["feature_names"], v["index"], v["saved_by"] = key, g.Symbols[i], x, g.Features, i, writer
	v["node_mask"] = g.Data.NodeMask == nil || g.Data.NodeMask[i]
	if g.Data.Y != nil {
		v["y"] = g.Data.Y[i*max(g.Data.Horizons, 1)] // of the first horizon
	}
	if g.Data.Ret != nil {
		v["ret"] = g.Data.Ret[i*max(g.Data.Horizons, 1)]
	}
	if g.Data.OpenTime != nil {
		v["open_time"] = g.Data.OpenTime[0]
	}
	return v
}

// edge is the document of edge k, without its key.
func edge(g Saved, k int, from, to string) map[string]any {
	e := map[string]any{"_from": from, "_to": to, "index": k, "saved_by": writer}
	if g.Data.EdgeWeight != nil {
		e["edge_weight"] = g.Data.EdgeWeight[k]
	}
	if g.Data.EdgeAttr != nil {
		e["edge_attr"] = []float32{g.Data.EdgeAttr[k]}
	}
	if g.Data.EdgeType != nil {
		e["edge_type"] = g.Data.EdgeType[k]
	}
	return e
}

// create makes the named graph with its collections, unless it is there.
func (d *DB) create(ctx context.Context, name, nodesName, edgesName string) error {
	return d.do(ctx, "creating graph "+name, func(ctx context.Context) error {
		g, err := d.db.Graph(ctx, name)
		if driver.IsNotFoundGeneral(err) {
			// An answer that was lost leaves the graph there: the next try finds it.
			_, err = d.db.CreateGraphV2(ctx, name, &driver.CreateGraphOptions{
				EdgeDefinitions: []driver.EdgeDefinition{{Collection: edgesName, From: []string{nodesName}, To: []string{nodesName}}},
			})
			if driver.IsArangoErrorWithErrorNum(err, driver.ErrGraphDuplicate) {
				return nil
			}
			if driver.IsArangoErrorWithErrorNum(err, driver.ErrGraphEdgeDefinitionIsDocument, driver.ErrArangoCollectionTypeInvalid, driver.ErrGraphWrongCollectionTypeVertex) {
				return fault.Input("GRAPH_SAVE=%s cannot be made with collections %s and %s (%w)", name, nodesName, edgesName, err).At("GRAPH_SAVE").Fix("set another name")
			}
			return err
		}
		if err != nil {
			return err
		}
		defined := g.EdgeDefinitions()
		ours := []string{nodesName}
		if len(defined) != 1 || defined[0].Collection != edgesName || !slices.Equal(defined[0].From, ours) || !slices.Equal(defined[0].To, ours) || len(g.OrphanCollections()) > 0 {
			return fault.Input("GRAPH_SAVE=%s is a graph of other collections than %s and %s", name, nodesName, edgesName).At("GRAPH_SAVE").Fix("set another name")
		}
		return nil
	})
}
