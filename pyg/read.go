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

	TrainMask  []bool    // [N] the nodes to train on; nil: absent
	ValidMask  []bool    // [N] the nodes to validate on; nil: absent
	TestMask   []bool    // [N] the nodes to test on; nil: absent
	SplitNames [3]string // the attributes that the masks come from; empty: train_mask, val_mask, test_mask

	Symbols  []string // [N] symbols, the nodes' names; nil: absent
	Ignored  []string // attributes that nothing here uses, in the file's order
	Warnings []string // what in the file looks as if it were used, and is not
}

// ReadData reads a graph that torch.save wrote: a torch_geometric.data.Data or
// a plain dict of tensors with the same names. x [N, F] and edge_index [2, E]
// are required; node_mask, edge_weight, edge_attr, y, ret, open_time,
// train_mask, val_mask, test_mask, symbols and num_nodes are optional. The masks
// may have the names and forms of splits.go.
//
// Values convert where the meaning is plain: integers to int64; floats, rounded
// to the nearest, integers of 16 bits at most and bools to float32; a y of
// floats that are all integers, NaN for Unlabelled, to int64; a column [N, 1] to
// [N]. Every float must be finite and every edge_weight not negative. An
// edge_attr of more than one column is ignored, and so are attributes of other
// names, whatever they hold.
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
		return "a " + v.class.String()
	case global:
		return "the class or function " + v.String()
	}
	return "no value"
}

// String is the tensor's dtype and shape, such as float32 [2, 3].
func (t *tensorRef) String() string { return t.dtype.name + " " + shapeString(t.shape) }
