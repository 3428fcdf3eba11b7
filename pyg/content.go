package pyg

import (
	"slices"
	"strings"
)

// What follows "save one Data alone" for what people save in place of one.
const (
	saveFirst   = "save one of its graphs: torch.save(dataset[0], path)"
	saveOneData = "save one torch_geometric.data.Data"
)

// attributesOf gives the named values of the one graph that a file holds: a
// Data, a class of it, a plain dict, or what PyG stores of a dataset of one.
func attributesOf(v any) (*pyDict, error) {
	switch v := v.(type) {
	case *pyDict:
		return v, plainDict(v)
	case *object:
		return v.attributes()
	case *pyList:
		if len(v.items) > 0 && !slices.ContainsFunc(v.items, func(item any) bool { return !isGraph(item) }) {
			return nil, invalid("the file holds a list of %d graphs", len(v.items)).Fix("save one of them: torch.save(graphs[0], path)")
		}
		if pair, _ := listItems(first(v.items)); len(pair) > 1 {
			if d, ok := pair[0].(*pyDict); ok && ofOGB(d) {
				return nil, fromOGB("a list of (graph, labels), as OGB has them", d, "saved[0][0]", "t(saved[0][1])")
			}
		}
		return tupleOf("a list", v.items) // [graph, labels], too
	case tuple:
		return tupleOf("a tuple", v)
	case *tensorRef:
		return nil, invalid("the file holds one tensor, %v, and a graph is needed", v).
			Fix("save Data(x=..., edge_index=..., y=...) of torch_geometric.data")
	}
	return nil, invalid("the file holds %s", describe(v)).Fix(saveOneData + " or a dict of tensors")
}

func first(items []any) any {
	if len(items) == 0 {
		return nil
	}
	return items[0]
}

func holdsDict(v any) bool {
	_, ok := v.(*pyDict)
	return ok
}

// isGraph tells whether a value is a Data or of a class of graphs.
func isGraph(v any) bool {
	o, ok := v.(*object)
	return ok && (o.class.name == "Data" || o.class.name == "HeteroData" || o.state.get("_store") != nil)
}

// attributes gives the named values of a Data; of a class that derives from it,
// which a file does not tell but by its state, too.
func (o *object) attributes() (*pyDict, error) {
	has := func(name string) bool { return o.state.get(name) != nil }
	switch name := o.class.name; {
	case name == "HeteroData" || has("_node_store_dict"):
		return nil, invalid("the file holds a HeteroData, with nodes of several types").
			Fix("save one Data of it: torch.save(data.to_homogeneous(), path)")
	case strings.HasSuffix(name, "Batch") && (o.class.module == "torch_geometric.data.batch" || has("_slice_dict")):
		return nil, invalid("the file holds a Batch of several graphs").
			Fix("save one Data of it: torch.save(batch.to_data_list()[0], path)")
	case name == "TemporalData":
		return nil, invalid("the file holds a TemporalData, which has events and no x and edge_index").
			Fix("save one Data of it: Data(x=..., edge_index=torch.stack([data.src, data.dst]), y=...)")
	case strings.HasPrefix(o.class.module, "torch_geometric.datasets.") || has("_data") || has("_data_list") || has("_indices"):
		return nil, invalid("the file holds a dataset of PyG, %s", o.class).Fix(saveFirst)
	case name == "SparseTensor" || o.class == sparse:
		return nil, invalid("the file holds the edges alone, a %s", o.class).
			Fix("save Data(x=..., edge_index=..., y=...), with edge_index of torch_geometric.utils.to_edge_index(adj.t())")
	case strings.HasPrefix(o.class.module, "dgl"):
		return nil, invalid("the file holds a graph of DGL").Fix("save torch_geometric.utils.from_dgl(graph) with its x, edge_index and y")
	case strings.HasPrefix(o.class.module, "networkx"):
		return nil, invalid("the file holds a graph of NetworkX").Fix("save torch_geometric.utils.from_networkx(graph) with its x, edge_index and y")
	case has("_modules") || has("_parameters"):
		return nil, invalid("the file holds a model, %s, and a graph is needed", o.class).Fix("save the data in its place: torch.save(data, path)")
	case o.class.name != "Data" && !has("_store"):
		if o.class.name == "ndarray" || o.tensor {
			return nil, invalid("the file holds a %s, and a graph is needed", o.class).Fix("save Data(x=..., edge_index=..., y=...) of torch_geometric.data")
		}
		return nil, invalid("the file holds a %s", o.class).Fix(saveOneData)
	}
	store, ok := o.state.get("_store").(*object)
	if !ok {
		return nil, invalid("the Data has no _store: PyG older than 2.0 wrote it").Fix("load it there and save data.to_dict()")
	}
	mapping, ok := store.state.get("_mapping").(*pyDict)
	if !ok {
		return nil, invalid("the Data holds no attributes").Fix("save one with x, edge_index and y")
	}
	return mapping, nil
}

// plainDict rejects a dict that holds something other than a graph's tensors.
func plainDict(d *pyDict) error {
	if ofOGB(d) {
		return fromOGB("a dict with node_feat, a graph as OGB has it", d, "saved", labelsIn(d, "g"))
	}
	if d.get("x") != nil || d.get("edge_index") != nil {
		return nil
	}
	if fault := graphWithin(d); fault != nil {
		return fault
	}
	weights := 0
	for _, e := range d.entries {
		key, ok := e.key.(string)
		switch {
		case !ok:
		case key == "_global_store":
			return invalid("the file holds the dict of a HeteroData").Fix("save one Data of it: torch.save(data.to_homogeneous(), path)")
		case slices.Contains([]string{"state_dict", "model_state_dict", "model", "optimizer_state_dict"}, key) && holdsDict(e.value):
			return errStateDict
		case strings.HasSuffix(key, ".weight") || strings.HasSuffix(key, ".bias") || key == "weight" || key == "bias":
			weights++
		}
	}
	switch {
	case weights > 0:
		return errStateDict
	case holdsDict(d.get("data")) && holdsDict(d.get("slices")):
		return invalid("the file holds many snapshots, as this program's dataset.pt does").
			Fix("set DATA_DIR to a graph.pt, which holds one")
	}
	return nil
}

var errStateDict = invalid("the file holds a model's state dict, and a graph is needed").Fix("save the data in its place: torch.save(data, path)")
