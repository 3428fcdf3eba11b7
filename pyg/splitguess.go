package pyg

import (
	"fmt"
	"slices"
	"strings"
)

// dividesNodes tells whether values divide the nodes as a split does, under a
// name that does not tell so by itself: names of splits for each node or in a
// dict under any name, two or three numbers or texts under a weak one.
func (a *attributes) dividesNodes(name string, v any, n int) bool {
	if d, ok := v.(*pyDict); ok {
		return dictOfSplits(d)
	}
	if texts, ok := textsOf(v); ok {
		kinds := distinct(texts)
		return len(texts) == n && (namesOfSplits(kinds) || weakName(name) && (len(kinds) == 2 || len(kinds) == 3))
	}
	masks := slices.Equal(words(name), []string{"mask"}) || slices.Equal(words(name), []string{"masks"})
	if !masks && !weakName(name) {
		return false
	}
	parts := a.parts(v, n)
	return parts == 3 || parts == 2 && !masks // a mask of two values may be any
}

// dictOfSplits tells whether a dict holds the nodes of a split under each key.
func dictOfSplits(d *pyDict) bool {
	var found [3]bool
	for _, e := range d.entries {
		key, _ := e.key.(string)
		split, _, ok := splitOf(key)
		if !ok || !couldDivide(e.value) {
			return false
		}
		found[split] = true
	}
	return found[trainSplit] && (found[testSplit] || found[validSplit])
}

// namesOfSplits tells whether all texts name splits, and not all the same one.
func namesOfSplits(kinds []string) bool {
	var found [3]bool
	for _, k := range kinds {
		split, _, ok := splitOf(k)
		if short, isShort := shortWords[strings.ToLower(k)]; !ok && isShort {
			split, ok = short, true
		}
		if !ok && !slices.Contains([]string{"", "none", "nan", "unused", "other"}, strings.ToLower(k)) {
			return false
		}
		found[split] = found[split] || ok
	}
	return found[trainSplit] && (found[testSplit] || found[validSplit])
}

// parts is into how many parts numbers divide the nodes; 0: they are not one for
// each node, or not two or three that follow each other, as codes of splits do.
func (a *attributes) parts(v any, n int) int {
	var values []int64
	switch v := v.(type) {
	case *object:
		if v.array() && (v.class.name != "ndarray" || v.length() == n || v.length() < 0) {
			return 2 // its values are not read
		}
		return 0
	case *tensorRef:
		if len(v.shape) == 2 && (v.dtype == boolType || v.dtype.integer != nil) && (v.shape[0] == n && (v.shape[1] == 2 || v.shape[1] == 3) || v.shape[1] == n && (v.shape[0] == 2 || v.shape[0] == 3)) {
			return 3 // a mask in each column or row
		}
		convert := v.dtype.integer
		if float := v.dtype.float; convert == nil && float != nil {
			convert = func(b []byte) int64 {
				if f := float(b); f == float64(int8(f)) {
					return int64(f)
				}
				return 1 << 20 // no code of a split
			}
		}
		if size := v.squeezed(); convert == nil || len(size) != 1 || size[0] != n {
			return 0
		}
		read, err := load(a.archive, "", v, convert)
		if err != nil {
			return 0
		}
		values = read
	default:
		items, ok := listItems(v)
		if !ok || len(items) != n {
			return 0
		}
		for _, item := range items {
			switch item := item.(type) {
			case bool:
				values = append(values, int64(b2i(item)))
			case int64:
				values = append(values, item)
			default:
				return 0
			}
		}
	}
	kinds := distinct(values)
	if len(kinds) < 2 || len(kinds) > 3 || slices.Max(kinds)-slices.Min(kinds) > 2 {
		return 0
	}
	return len(kinds)
}

// distinct are the first few different values.
func distinct[T comparable](values []T) (kinds []T) {
	const few = 20
	for _, v := range values {
		if !slices.Contains(kinds, v) {
			if kinds = append(kinds, v); len(kinds) == few {
				return kinds
			}
		}
	}
	return kinds
}

// textsOf gives the items of a list of strings; None is an empty one.
func textsOf(v any) ([]string, bool) {
	items, ok := listItems(v)
	if !ok || len(items) == 0 {
		return nil, false
	}
	texts := make([]string, len(items))
	some := false
	for i, item := range items {
		text, ok := item.(string)
		if !ok && item != nil {
			return nil, false
		}
		texts[i], some = text, some || ok
	}
	return texts, some
}

// shapeAndType are those of an array of NumPy, as far as its pickle shows them.
func (o *object) shapeAndType() (shape []int, kind string) {
	for _, arg := range slices.Concat(o.built[:min(len(o.built), 8)], o.args[:min(len(o.args), 8)]) {
		switch arg := arg.(type) {
		case tuple:
			if s, ok := ints(arg); ok && shape == nil {
				shape = s
			}
		case *object:
			if arg.class.name == "dtype" && len(arg.args) > 0 {
				kind = fmt.Sprint(arg.args[0])
			}
		}
	}
	return shape, kind
}

// array tells whether an object is an array or a column of other libraries.
func (o *object) array() bool {
	return slices.Contains([]string{"ndarray", "Series", "Categorical", "Index", "DataFrame"}, o.class.name) || o.tensor
}

// length is the first size of an array; -1: it is not known.
func (o *object) length() int {
	if shape, _ := o.shapeAndType(); len(shape) > 0 {
		return shape[0]
	}
	return -1
}
