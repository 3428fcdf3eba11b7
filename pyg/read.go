package pyg

import (
	"fmt"
	"io"
	"slices"
)

// File is a graph read from a file of torch.save, with what a graph for
// training carries beside PyG's Data of this package.
type File struct {
	Data Data

	TrainMask []bool // [N] train_mask; nil: absent
	ValidMask []bool // [N] val_mask; nil: absent
	TestMask  []bool // [N] test_mask; nil: absent

	Symbols []string // [N] symbols, the nodes' names; nil: absent
	Ignored []string // attributes that nothing here uses, in the file's order
}

// ReadData reads a graph that torch.save wrote: a torch_geometric.data.Data or
// a plain dict of tensors with the same names. x [N, F] and edge_index [2, E]
// are required; node_mask, edge_weight, edge_attr, y, ret, open_time,
// train_mask, val_mask, test_mask, symbols and num_nodes are optional.
//
// Values convert where the meaning is plain: integers to int64; floats, rounded
// to the nearest, integers of 16 bits at most and bools to float32. Every float
// must be finite and every edge_weight not negative. An edge_attr of more than
// one column is ignored.
//
// The file is not trusted: no code in it runs, and memory stays in proportion
// to size. Errors about its content wrap ErrInvalid.
func ReadData(r io.ReaderAt, size int64) (*File, error) {
	a, v, err := open(r, size)
	if err != nil {
		return nil, err
	}
	attrs, err := attributesOf(v)
	if err != nil {
		return nil, err
	}
	g := attributes{archive: a, values: attrs, used: map[string]bool{}}
	return g.file()
}

// open gives a file's archive and the value that its pickle holds.
func open(r io.ReaderAt, size int64) (*archive, any, error) {
	a, err := openArchive(r, size)
	if err != nil {
		return nil, nil, err
	}
	pickle, err := a.read("data.pkl", maxPickle)
	if err != nil {
		return nil, nil, err
	}
	v, err := unpickle(pickle)
	return a, v, err
}

// attributesOf gives the named values of a Data or of a plain dict.
func attributesOf(v any) (*pyDict, error) {
	switch v := v.(type) {
	case *pyDict:
		return v, nil
	case *object:
		if v.class.name != "Data" {
			return nil, invalid("the file holds a %s", v.class.name).Fix("save one torch_geometric.data.Data")
		}
		store, ok := v.state.get("_store").(*object)
		if !ok {
			return nil, invalid("the Data has no _store: PyG older than 2.0 wrote it").Fix("load it there and save data.to_dict()")
		}
		mapping, ok := store.state.get("_mapping").(*pyDict)
		if !ok {
			return nil, invalid("the Data holds no attributes")
		}
		return mapping, nil
	}
	return nil, invalid("the file holds %s", describe(v)).Fix("save one torch_geometric.data.Data or a dict of tensors")
}

// get gives the newest value of a key, as a dict of Python would; nil where
// there is none.
func (d *pyDict) get(key string) any {
	if d != nil {
		for _, e := range slices.Backward(d.entries) {
			if e.key == key {
				return e.value
			}
		}
	}
	return nil
}

// describe words a value of a pickle for a message.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case *tensorRef:
		return "a tensor of " + v.String()
	case *pyDict:
		return "a dict"
	case *pyList:
		return "a list"
	case tuple:
		return "a tuple"
	case string:
		return fmt.Sprintf("the string %.40q", v)
	case bool:
		return "a bool"
	case int64, float64:
		return fmt.Sprintf("the number %v", v)
	case *object:
		return "a " + v.class.name
	}
	return "no value"
}

// String is the tensor's dtype and shape, such as float32 [2, 3].
func (t *tensorRef) String() string { return t.dtype.name + " " + shapeString(t.shape) }
