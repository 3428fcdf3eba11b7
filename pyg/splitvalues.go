package pyg

import (
	"slices"
	"strings"
)

// splitMask reads a split's nodes: of numbers that are all 0 or 1, one a node,
// as a mask, of other integers as the nodes' numbers. Having failed, it is nil.
func (a *attributes) splitMask(name string, v any, n int) []bool {
	values, isBool := a.splitValues(name, v, n)
	if a.err != nil {
		return nil
	}
	flags := !slices.ContainsFunc(values, func(v int64) bool { return v != 0 && v != 1 })
	parts := words(name)
	asMask := isBool || slices.Contains(parts, "mask") || slices.Contains(parts, "masks") || flags && len(values) == n && n > 2
	mask := make([]bool, n)
	switch {
	case asMask && len(values) != n:
		a.reject(invalid("%s holds %d values, the graph has %d nodes", name, len(values), n).
			Fix("save a bool for each node; numbers of nodes belong in %s", withoutMask(name)))
		return nil
	case asMask && !flags:
		a.reject(invalid("%s is a mask, and holds values other than 0 and 1", name).Fix("save it as bool; numbers of nodes belong in %s", withoutMask(name)))
		return nil
	case asMask:
		for i, v := range values {
			mask[i] = v == 1
		}
	default:
		for _, v := range values {
			switch {
			case v < 0 || v >= int64(n):
				a.reject(invalid("%s holds node %d, outside 0..%d", name, v, n-1).Fix("save numbers of nodes that there are"))
				return nil
			case mask[v]:
				a.reject(invalid("%s holds node %d twice", name, v).Fix("save it after .unique()"))
				return nil
			}
			mask[v] = true
		}
	}
	if !slices.Contains(mask, true) {
		fix := "put the split's nodes into it"
		if split, _, _ := splitOf(lastWord(name)); split == validSplit {
			fix = "put nodes into it or leave it out, so that some of the training nodes validate"
		}
		a.reject(invalid("%s holds no node", name).Fix("%s", fix))
		return nil
	}
	return mask
}

// withoutMask is the name of a split's attribute for numbers of nodes.
func withoutMask(name string) string {
	split, _, _ := splitOf(lastWord(name))
	return []string{"train_idx", "val_idx", "test_idx"}[split]
}

// lastWord is the key of a dict's value, split_idx["train"], or the name.
func lastWord(name string) string {
	if _, key, ok := strings.Cut(name, "["); ok {
		return strings.Trim(key, `"]`)
	}
	return name
}

// splitValues loads the values of a mask or of numbers of nodes.
func (a *attributes) splitValues(name string, v any, n int) (values []int64, isBool bool) {
	if items, ok := listItems(v); ok {
		for _, item := range items {
			switch item := item.(type) {
			case bool:
				isBool = true
				values = append(values, int64(b2i(item)))
			case int64:
				values = append(values, item)
			default:
				a.reject(invalid("%s holds %s, and bools or numbers of nodes are needed", name, describe(item)).Fix("save it as a tensor of one of them"))
				return nil, false
			}
		}
		return values, isBool
	}
	t, ok := v.(*tensorRef)
	switch {
	case !ok:
		a.reject(invalid("%s is %s, and a mask or numbers of nodes are needed", name, describe(v)).Fix("save %s in its place", tensorOf(name, v)))
		return nil, false
	case len(t.shape) == 2 && t.shape[0] == n && t.shape[1] > 1:
		a.reject(invalid("%s is a tensor of %v: it holds %d divisions of the nodes, and one is needed", name, t, t.shape[1]).
			Fix("save one column of each mask, such as data.train_mask = data.train_mask[:, 0]"))
		return nil, false
	case len(t.squeezed()) != 1:
		a.reject(invalid("%s is a tensor of %v, and a mask [%d] or a list of the numbers of nodes is needed", name, t, n).Fix("save it in one dimension"))
		return nil, false
	}
	convert := t.dtype.integer
	if t.dtype == boolType {
		convert, isBool = func(b []byte) int64 { return int64(min(b[0], 1)) }, true
	} else if convert == nil && t.dtype.float != nil {
		convert = func(b []byte) int64 {
			v := t.dtype.float(b)
			if isBool = isBool || v == 0 || v == 1; v == 0 || v == 1 { // a mask that was computed
				return int64(v)
			}
			a.reject(invalid("%s holds %s such as %v, and a mask or numbers of nodes are needed", name, t.dtype.name, v).
				Fix("save a mask after .bool(), numbers of nodes after .long()"))
			return 0
		}
	}
	if convert == nil {
		a.reject(invalid("%s holds %s, and bool or int64 is needed", name, t.dtype.name).Fix("save it after .real.bool()"))
		return nil, false
	}
	values, err := load(a.archive, name, t, convert)
	if a.err == nil {
		a.err = err
	}
	return values, isBool
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func listItems(v any) ([]any, bool) {
	switch v := v.(type) {
	case *pyList:
		return v.items, true
	case tuple:
		return v, true
	}
	return nil, false
}

// squeezed is a tensor's shape without a trailing size of 1.
func (t *tensorRef) squeezed() []int {
	if last := len(t.shape) - 1; last > 0 && t.shape[last] == 1 {
		return t.shape[:last]
	}
	return t.shape
}
