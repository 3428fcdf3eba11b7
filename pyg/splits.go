package pyg

import (
	"fmt"
	"slices"
)

// splits reads the division of the nodes that a file brings along: a mask or the
// numbers of its nodes for each split, under the names of splitnames.go, or a
// dict of those. A name that looks like a split and is not understood is
// rejected, unless the file has a split beside it: nodes that somebody keeps for
// the test must not be trained on.
func (a *attributes) splits(n int) {
	var odd []string
	for _, e := range a.values.entries {
		name, ok := e.key.(string)
		if !ok || a.used[name] || a.err != nil {
			continue
		}
		value := a.values.get(name)
		if value == nil {
			continue
		}
		if split, bare, ok := splitOf(name); ok {
			if bare && !couldDivide(value) {
				odd = append(odd, name)
				continue
			}
			a.used[name] = true
			a.addSplit(split, name, a.splitMask(name, value, n))
			continue
		}
		group, isDict := value.(*pyDict)
		switch {
		case isDict && splitGroup(name):
			a.used[name] = true
			a.splitDict(name, group, n)
		case likeSplit(name) || a.dividesNodes(name, value, n):
			odd = append(odd, name)
		case slices.Contains(words(name), "mask") && name != "node_mask":
			a.warn("%s looks like a mask, and is not used: only node_mask and the masks of splits are", name)
		}
	}
	for _, name := range odd {
		a.oddSplit(name)
	}
}

func (a *attributes) warn(format string, args ...any) {
	a.out.Warnings = append(a.out.Warnings, fmt.Sprintf(format, args...))
}

// oddSplit rejects what looks like a split and is none, or warns of it.
func (a *attributes) oddSplit(name string) {
	value := a.values.get(name)
	perNode := couldDivide(value)
	if o, ok := value.(*object); ok && o.foreign() {
		perNode = true
	}
	if t, ok := value.(*tensorRef); ok && len(t.shape) > 0 && t.shape[0] == a.out.Data.NumNodes {
		perNode = true
	}
	complete := a.out.TrainMask != nil && a.out.TestMask != nil
	if complete || !perNode || ofEdges(name) {
		a.warn("%s looks like a split of the nodes, and is not used", name)
		return
	}
	a.reject(invalid("%s is %s, which looks like a split of the nodes", name, describe(value)).
		Fix("save bool masks train_mask, val_mask and test_mask in its place, or leave %s out", name))
}

// couldDivide tells whether a value may be a mask or numbers of nodes: some
// names of splits are words that people use for other things too.
func couldDivide(v any) bool {
	switch v := v.(type) {
	case *tensorRef:
		return len(v.shape) > 0 && (v.dtype == boolType || v.dtype.integer != nil)
	case *pyList, tuple, *pyDict:
		return true
	}
	return false
}

// splitDict reads a dict such as OGB's split_idx, of train, valid and test.
func (a *attributes) splitDict(name string, group *pyDict, n int) {
	for _, e := range group.entries {
		key, _ := e.key.(string)
		split, _, ok := splitOf(key)
		if !ok {
			a.reject(invalid("%s holds %s, and keys train, valid and test are known", name, describe(e.key)).
				Fix("save bool masks [N] data.train_mask, data.val_mask and data.test_mask in its place"))
			return
		}
		if e.value != nil {
			full := fmt.Sprintf("%s[%q]", name, key)
			a.addSplit(split, full, a.splitMask(full, e.value, n))
		}
	}
}

// addSplit sets the mask of a split; two of one split must be the same.
func (a *attributes) addSplit(split int, name string, mask []bool) {
	if a.err != nil {
		return
	}
	at := []*[]bool{&a.out.TrainMask, &a.out.ValidMask, &a.out.TestMask}[split]
	if first := a.out.SplitNames[split]; first != "" && !slices.Equal(*at, mask) {
		a.reject(invalid("%s and %s both name the nodes of one split, and differ", first, name).Fix("save the data without one of them"))
		return
	}
	if a.out.SplitNames[split] == "" {
		*at, a.out.SplitNames[split] = mask, name
	}
}
