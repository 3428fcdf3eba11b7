package pyg

import (
	"fmt"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// tupleOf gives the attributes of a graph without slices, as PyG stores one of a
// dataset of one, and rejects every other tuple or list, which kind says, with
// what makes a Data of it.
func tupleOf(kind string, v tuple) (*pyDict, error) {
	if len(v) == 0 {
		return nil, invalid("the file holds %s of nothing", kind).Fix(saveOneData)
	}
	first, isDict := v[0].(*pyDict)
	if isDict && ofOGB(first) {
		labels := "..."
		if len(v) > 1 && v[1] != nil {
			labels = "t(saved[1])"
		}
		return nil, fromOGB(kind+" (graph, labels), as OGB has it", first, "saved[0]", labels)
	}
	if len(v) >= 2 && (isDict || isGraph(v[0])) {
		// (data, slices) or (data, slices, class), as InMemoryDataset writes them.
		switch {
		case v[1] == nil:
			return attributesOf(v[0])
		case holdsDict(v[1]) && !graphDict(v[1]):
			return nil, invalid("the file holds a dataset of PyG, a tuple (data, slices)").Fix(saveFirst)
		}
	}
	switch {
	case isGraph(v[0]) || graphDict(v[0]):
		err := invalid("the file holds %s, and first in it %s", kind, describe(v[0]))
		if len(v) == 2 && mayBeLabels(v[1]) {
			graph := "saved[0]"
			if !isDict {
				graph += ".to_dict()"
			}
			return nil, err.Fix("save that with its labels: torch.save({**%s, 'y': torch.as_tensor(saved[1])}, path)", graph)
		}
		return nil, err.Fix("save that alone: torch.save(saved[0], path)")
	case isTensor(v[0]):
		return nil, invalid("the file holds %s of tensors", kind).
			Fix("save Data(x=..., edge_index=..., y=...) of them, of torch_geometric.data")
	}
	if o, ok := v[0].(*object); ok && !o.array() { // of DGL or NetworkX, with labels
		if _, err := o.attributes(); err != nil {
			return nil, err
		}
	}
	return nil, invalid("the file holds %s", kind).Fix(saveOneData + " or a dict of tensors")
}

// mayBeLabels tells whether a value may be labels.
func mayBeLabels(v any) bool {
	o, ok := v.(*object)
	return couldDivide(v) && !holdsDict(v) || ok && o.array()
}

// graphDict tells whether a value is a dict with edges: slices have a dimension
// less than them.
func graphDict(v any) bool {
	d, ok := v.(*pyDict)
	if !ok {
		return false
	}
	edges, isTensor := d.get("edge_index").(*tensorRef)
	return isTensor && len(edges.shape) > 1 || !isTensor && d.get("edge_index") != nil
}

// ofOGB tells whether a dict is a graph of the Open Graph Benchmark without a
// library: edge_index, edge_feat, node_feat and num_nodes, mostly of NumPy.
func ofOGB(d *pyDict) bool {
	has := func(key string) bool {
		return slices.ContainsFunc(d.entries, func(e pyEntry) bool { return e.key == key })
	}
	return d.get("x") == nil && has("edge_index") && (has("node_feat") || has("edge_feat") && has("num_nodes"))
}

// fromOGB rejects such a dict, which is the Python expression g, with labels.
func fromOGB(what string, d *pyDict, g, labels string) *fault.Error {
	x := "t(g['node_feat'])"
	if d.get("node_feat") == nil {
		x = "..."
	}
	return invalid("the file holds %s", what).
		Fix("save Data(x=%s, edge_index=t(g['edge_index']), y=%s), where t = torch.as_tensor, g = %s", x, labels, g)
}

// graphWithin rejects a dict that holds a graph under one of its keys; nil: it holds none.
func graphWithin(d *pyDict) *fault.Error {
	for _, e := range d.entries {
		key, ok := e.key.(string)
		inner, isDict := e.value.(*pyDict)
		switch {
		case !ok || len(key) > 40:
		case isDict && ofOGB(inner):
			return fromOGB(fmt.Sprintf("a graph of OGB under %q", key), inner, fmt.Sprintf("saved[%q]", key), labelsIn(d, "saved"))
		case isGraph(e.value):
			return invalid("the file holds a dict, and under %q in it a %s", key, e.value.(*object).class).Fix("save that alone: torch.save(saved[%q], path)", key)
		case graphDict(e.value) && d.get("slices") == nil:
			return invalid("the file holds a dict, and under %q in it a dict with edge_index", key).Fix("save that alone: torch.save(saved[%q], path)", key)
		}
	}
	return nil
}

// labelsIn is the expression of the labels in a dict of Python, and of its split.
func labelsIn(d *pyDict, dict string) string {
	labels := "..."
	for _, name := range []string{"y", "label", "labels", "node_label", "target", "targets"} {
		if d.get(name) != nil {
			labels = fmt.Sprintf("t(%s[%q])", dict, name)
		}
	}
	for _, e := range d.entries { // a split is not left behind
		if name, ok := e.key.(string); ok && holdsDict(e.value) && splitGroup(name) && len(name) < 12 {
			labels += fmt.Sprintf(", split_idx=%s[%q]", dict, name)
		}
	}
	return labels
}
