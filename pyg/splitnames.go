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
	"split", "splits", "fold", "folds", "cv", "holdout", "heldout", "hold", "held", "unseen", "oos", "oot", "evaluation", "inference",
}

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

// joined takes a split's word and a form's word apart that are written as one.
func joined(w string) []string {
	if _, known := splitWords[w]; !known {
		for i := range w {
			if _, known := splitWords[w[:i]]; known && slices.Contains(formWords, w[i:]) {
				return []string{w[:i], w[i:]}
			}
		}
	}
	return []string{w}
}

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
	return len(parts) > 0 && !slices.ContainsFunc(parts, func(w string) bool { return !slices.Contains(groupWords, w) }) &&
		slices.ContainsFunc(parts, func(w string) bool { return w != "node" && w != "nodes" && w != "id" && w != "ids" })
}

// likeSplit tells whether a name that is none of a split's looks like one.
func likeSplit(name string) bool {
	return slices.ContainsFunc(words(name), func(w string) bool {
		_, isSplit := splitWords[w]
		return isSplit || slices.Contains(oddWords, w)
	})
}

// ofEdges tells whether a name is that of a split of edges, as link prediction
// has it: nodes are not divided by it.
func ofEdges(name string) bool {
	return slices.ContainsFunc(words(name), func(w string) bool { return slices.Contains([]string{"edge", "edges", "pos", "neg", "link"}, w) })
}
