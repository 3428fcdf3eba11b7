package arango

import (
	"context"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// fewDocuments are looked at to see what a collection holds.
const fewDocuments = 10

// sort puts one of COLLECTION_INPUTS where it belongs, by its first documents.
func (d *DB) sort(ctx context.Context, f *found, name string) error {
	l, err := d.named(ctx, name)
	if err != nil {
		return err
	}
	edges := false
	if l == nil {
		if edges, err = d.seek(ctx, f, name, false); err != nil || f.lacks != "" {
			return err
		}
	}
	kind := "graph"
	if l == nil && !edges {
		has := map[string]int{}
		looked := 0
		err := d.stream(ctx, firstOf(name, fewDocuments, append([]string{"_key"}, kindAttributes...)), nil, func(doc []byte) error {
			looked++
			return fields(doc, func(attribute []byte, v value) error {
				if !v.isNull() {
					has[string(attribute)]++
				}
				if t := v.text(); string(attribute) == "type" && (t == "node" || t == "edge") {
					has["type="]++
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		kind = kindOf(has)
	}
	switch kind {
	case "graph":
		if f.inputs.Graph != nil && !slices.Contains(join(f.inputs.Graph.Vertices, f.inputs.Graph.Edges), name) {
			return fault.Input("COLLECTION_INPUTS holds two prepared graphs, %s and %s", f.inputs.Graph.Name, name).At("COLLECTION_INPUTS").Fix("name the one to train on by GRAPH_COLLECTION_NAME")
		}
		if f.inputs.Graph == nil {
			f.inputs.Graph, err = d.layout(ctx, f, name)
		}
		return err
	case "candles":
		_, err := d.seek(ctx, f, name, true)
		f.inputs.Candles = appendNew(f.inputs.Candles, name)
		return err
	case "order book":
		f.inputs.OrderBook = appendNew(f.inputs.OrderBook, name)
	case "funding":
		f.inputs.Funding = appendNew(f.inputs.Funding, name)
	default:
		inputs, _ := names("COLLECTION_INPUTS", d.cfg.Inputs)
		if f.inputs.Graph != nil && slices.Contains(f.inputs.Graph.Vertices, name) || d.joined(ctx, inputs, name) {
			return nil // the nodes of an edge collection that is named too
		}
		return fault.Input("COLLECTION_INPUTS names %s, whose documents are no candles (open, high, low, close), order books (bids, asks), funding rates (funding_rate), nor nodes and edges (type)", name).At("COLLECTION_INPUTS").Fix("leave it out")
	}
	return nil
}

// joined reports whether an edge collection among the inputs joins the collection.
func (d *DB) joined(ctx context.Context, inputs []string, name string) bool {
	for _, other := range inputs {
		var f found
		if edges, err := d.seek(ctx, &f, other, false); err != nil || !edges {
			continue
		}
		if l, err := d.joining(ctx, &f, other); err == nil && l != nil && slices.Contains(l.Vertices, name) {
			return true
		}
	}
	return false
}

// kindOf is what documents with such attributes are; empty: none that is read.
func kindOf(has map[string]int) string {
	either := func(a, b string) bool { return has[a]+has[b] > 0 }
	switch {
	case has["type="] > 0:
		return "graph"
	case either("bids", "b") && either("asks", "a"):
		return "order book"
	case either("funding_rate", "fundingRate") && has["close"] == 0:
		return "funding"
	case has["open"] > 0 && has["high"] > 0 && has["low"] > 0 && has["close"] > 0:
		return "candles"
	}
	return ""
}

func appendNew(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}
