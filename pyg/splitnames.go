package pyg

import (
	"slices"
	"strings"
	"unicode"
)

// The splits of a file, as places in File.SplitNames.
const (
	trainSplit = iota
	validSplit
	testSplit
)

// splitWords are the words that name a split.
var splitWords = map[string]int{
	"train": trainSplit, "training": trainSplit, "trn": trainSplit,
	"val": validSplit, "valid": validSplit, "validation": validSplit, "dev": validSplit, "eval": validSplit,
	"test": testSplit, "testing": testSplit, "tst": testSplit,
}

// shortWords are splits only beside a form's word, as in tr_mask.
var shortWords = map[string]int{"tr": trainSplit, "va": validSplit, "vl": validSplit, "te": testSplit, "ts": testSplit}

// formWords are the words that may stand beside a split's: they tell how it is
// given. Whether it is a mask or numbers of nodes is seen by its values.
var formWords = []string{
	"mask", "masks", "idx", "idxs", "index", "indexes", "indices", "ind", "inds", "id", "ids", "nid", "nids",
	"node", "nodes", "is", "in", "bool", "flag", "flags", "set", "subset",
}

// groupWords are the words of a name that holds all splits in a dict.
var groupWords = append([]string{"split", "splits", "dict"}, formWords...)

// oddWords are words of a split that cannot be told to be one of the three.
var oddWords = []string{
	"split", "splits", "splitting", "fold", "folds", "kfold", "cv", "tvt", "ttv", "holdout", "heldout", "hold", "held", "unseen", "oos", "oot", "evaluation", "inference",
}

// weakWords name a split to some people and another thing to others: a name of
// these alone is a split's where its values divide the nodes into two or three.
var weakWords = []string{
	"set", "sets", "subset", "subsets", "dataset", "datasets", "partition", "partitions", "part", "parts", "group", "groups", "phase", "phases",
	"stage", "stages", "role", "roles", "usage", "use", "purpose", "mode", "assignment", "assignments",
}

// besideWeak are words that leave a weak word what it is, as in data_group.
var besideWeak = append([]string{"data", "sample", "samples", "graph", "name", "names", "code", "codes", "label", "labels", "type"}, formWords...)

// words are the parts of a name: train_mask, trainMask, train-mask and trainmask
// have the same.
func words(name string) []string {
	var spaced strings.Builder
	var last rune
	for _, r := range name {
		if last != 0 && (unicode.IsUpper(r) && unicode.IsLower(last) || unicode.IsDigit(r) != unicode.IsDigit(last)) {
			spaced.WriteByte('_')
		}
		spaced.WriteRune(unicode.ToLower(r))
		last = r
	}
	var parts []string
	for _, w := range strings.FieldsFunc(spaced.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		parts = append(parts, joined(w)...)
	}
	return parts
}

// joined takes words of splits and forms apart that are written as one.
func joined(w string) []string {
	if parts := apart(w); slices.ContainsFunc(parts, func(p string) bool { _, known := splitWords[p]; return known }) {
		return parts
	}
	return []string{w}
}

// apart divides w into words of splits and forms, the longest first; nil: it
// holds something else.
func apart(w string) []string {
	if len(w) > maxJoined {
		return nil
	}
	for i := len(w); i > 0; i-- {
		if _, known := splitWords[w[:i]]; !known && !slices.Contains(formWords, w[:i]) {
			continue
		}
		if i == len(w) {
			return []string{w}
		}
		if rest := apart(w[i:]); rest != nil {
			return append([]string{w[:i]}, rest...)
		}
	}
	return nil
}

// maxJoined bounds the work on a name: trainingvalidationtesting_mask has 29.
const maxJoined = 32

// splitOf is the split that a name stands for, such as train_mask, valIdx or
// test; false: it is none. bare names are no more than the split's word.
func splitOf(name string) (split int, bare, ok bool) {
	parts := words(name)
	for _, w := range parts {
		s, isSplit := splitWords[w]
		if short, isShort := shortWords[w]; isShort && len(parts) > 1 {
			s, isSplit = short, true
		}
		switch {
		case isSplit && !ok:
			split, ok = s, true
		case !slices.Contains(formWords, w):
			return 0, false, false
		}
	}
	return split, len(parts) == 1, ok
}

// splitGroup tells whether a name is that of a dict of splits, such as split_idx.
func splitGroup(name string) bool {
	parts := words(name)
	return weakName(name) || len(parts) > 0 && !slices.ContainsFunc(parts, func(w string) bool { return !slices.Contains(groupWords, w) }) &&
		slices.ContainsFunc(parts, func(w string) bool { return w != "node" && w != "nodes" && w != "id" && w != "ids" })
}

// likeSplit tells whether a name that is none of a split's looks like one.
func likeSplit(name string) bool {
	return slices.ContainsFunc(words(name), func(w string) bool {
		_, isSplit := splitWords[w]
		return isSplit || slices.Contains(oddWords, w)
	})
}

// weakName tells whether a name is of weak words.
func weakName(name string) bool {
	parts := words(name)
	return slices.ContainsFunc(parts, func(w string) bool { return slices.Contains(weakWords, w) }) &&
		!slices.ContainsFunc(parts, func(w string) bool {
			return !slices.Contains(weakWords, w) && !slices.Contains(besideWeak, w) && !isNumber(w)
		})
}

func isNumber(w string) bool { return strings.Trim(w, "0123456789") == "" }

// ofEdges tells whether a name is that of a split of edges, as link prediction
// has it: nodes are not divided by it.
func ofEdges(name string) bool {
	return slices.ContainsFunc(words(name), func(w string) bool { return slices.Contains([]string{"edge", "edges", "pos", "neg", "link"}, w) })
}
