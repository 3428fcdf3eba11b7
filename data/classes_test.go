package data

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/pyg"
)

// fix does what a remedy of checkClasses says.
type fix func(y int64) int64

func TestLabelsOfOtherClassesAreRejectedAndTheRemedyMakesThemRight(t *testing.T) {
	none := pyg.Unlabelled
	binaryUp := fix(func(y int64) int64 {
		if y == 1 {
			return 2
		}
		return y
	})
	for name, c := range map[string]struct {
		y    []int64
		want string
		fix  fix
	}{
		"two classes":             {[]int64{0, 1, 1, 0}, "y holds 0 and 1, and the classes are 0 (down), 1 (flat) and 2 (up): where 1 means up, make it 2: y[y == 1] = 2", binaryUp},
		"two classes and none":    {[]int64{0, none, 1}, "y holds 0 and 1, and", binaryUp},
		"two classes from 1":      {[]int64{1, 2, 1}, "where 1 means down, make it 0: y[y == 1] = 0", func(y int64) int64 { return map[int64]int64{1: 0, 2: 2}[y] }},
		"three classes from -1":   {[]int64{-1, 0, 1}, "y holds -1, 0 and 1, and the classes are", func(y int64) int64 { return y + 1 }},
		"down and up around 0":    {[]int64{-1, 1, 1}, "where -1 is down, add 1: y[y != -100] += 1; where it is none, y[y == -1] = -100", func(y int64) int64 { return y + 1 }},
		"three classes from 1":    {[]int64{1, 2, 3}, "y holds 1, 2 and 3, and the classes are 0 (down), 1 (flat) and 2 (up): subtract 1: y[y > 0] -= 1", func(y int64) int64 { return y - 1 }},
		"three classes and -1":    {[]int64{0, 1, 2, -1}, "make -1 what it means: y[y == -1] = -100", func(y int64) int64 { return map[int64]int64{0: 0, 1: 1, 2: 2, -1: none}[y] }},
		"seven classes":           {[]int64{0, 1, 2, 3, 4, 5, 6}, "y holds class 6 at node 6: give it one of TASK=direction, 0..2, or -100 for none", func(y int64) int64 { return y % 3 }},
		"one class":               {[]int64{0, 0, none, 0}, "y holds class 0 (down) alone, and from one class nothing is learned", nil},
		"one class, up":           {[]int64{2, 2}, "y holds class 2 (up) alone", nil},
		"returns as 0":            {make([]int64, 9), "of returns r, make y = 1 + (r > b).long() - (r < -b).long()", nil},
		"no label":                {[]int64{none, none}, "y has no label: all of it is -100: give nodes a class", nil},
		"another number for none": {[]int64{0, 1, 2, -999}, "y holds class -999 at node 3", func(y int64) int64 { return map[int64]int64{0: 0, 1: 1, 2: 2, -999: none}[y] }},
	} {
		where := func(i int) string { return "node " + string(rune('0'+i)) }
		err := checkClasses(c.y, where)
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 220 {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if c.fix == nil {
			continue
		}
		y := slices.Clone(c.y)
		for i, class := range y {
			if class != none {
				y[i] = c.fix(class)
			}
		}
		if err := checkClasses(y, where); err != nil {
			t.Errorf("%s, as advised: %v", name, err)
		}
	}
	for _, y := range [][]int64{{0, 1, 2}, {0, 2}, {2, none, 0}, {0, 1, none, 2}} {
		if err := checkClasses(y, nil); err != nil {
			t.Errorf("%v: %v", y, err)
		}
	}
}

func TestADegenerateGraphIsRejectedOrWarnedOf(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(f *pyg.File)
		rejected bool
		want     string
	}{
		"a training split of one class": {
			func(f *pyg.File) { withMasks(f); f.TrainMask = maskOf(10, 0, 6) }, true,
			"all labels of the train split (train_mask) are of class 0 (down), and from one class nothing is learned: put nodes of other classes into it",
		},
		"of numbers": {func(f *pyg.File) { withMasks(f); f.TrainMask, f.SplitNames[0] = maskOf(10, 1, 7), "train_idx" }, true, "the train split (train_idx) are of class 1 (flat)"},
		"a test split of one class": {
			func(f *pyg.File) { withMasks(f); f.TestMask = maskOf(10, 5) }, false,
			"the test split (test_mask) has no label of class 0 (down) and 1 (flat)",
		},
		"a training split of two classes": {func(f *pyg.File) { withMasks(f); f.TrainMask = maskOf(10, 0, 1) }, false, "the train split (train_mask) has no label of class 2 (up)"},
		"features that are the same":      {func(f *pyg.File) { clear(f.Data.X) }, true, "x is the same everywhere: each of its 2 features is constant: give the nodes features that differ"},
		"a feature that is the same":      {func(f *pyg.File) { constantColumn(f, 1) }, false, "1 of 2 features are the same everywhere, and teach nothing: x_1"},
		"no edge":                         {func(f *pyg.File) { f.Data.EdgeIndex = nil }, false, "the graph has no edge: nodes receive no messages, and the model equals its baseline"},
		"loops alone":                     {func(f *pyg.File) { f.Data.EdgeIndex = []int64{1, 2, 1, 2} }, false, "every edge of the graph joins a node to itself"},
		"weights of 0":                    {func(f *pyg.File) { f.Data.EdgeWeight = make([]float32, 10) }, false, "every edge of the graph has the weight 0"},
		"attributes below 0":              {func(f *pyg.File) { f.Data.EdgeAttr = slices.Repeat([]float32{-0.5}, 10) }, false, "every edge of the graph has the weight 0"},
		"one class in all":                {func(f *pyg.File) { clear(f.Data.Y) }, true, "y holds class 0 (down) alone"},
		"no label in a split":             {func(f *pyg.File) { withMasks(f); f.Data.Y[3] = pyg.Unlabelled }, true, "val_mask holds no node that has a label"},
		"one node": {func(f *pyg.File) {
			f.Data = pyg.Data{NumNodes: 1, NumFeatures: 1, X: []float32{1}, Y: []int64{1}}
		}, true, "y holds class 1 (flat) alone"},
		"what the reader saw": {func(f *pyg.File) { f.Warnings = []string{"fold looks like a split"} }, false, "fold looks like a split"},
	} {
		f := smallFile()
		c.change(f)
		d, err := FromPyG(f, nil, defaultConfig(), 1)
		if c.rejected {
			if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			continue
		}
		if err != nil || !slices.ContainsFunc(d.Warnings, func(w string) bool { return strings.Contains(w, c.want) }) {
			t.Errorf("%s: %v, warnings of %+v; want %q", name, err, d, c.want)
		}
	}
	f := smallFile()
	f.TrainMask, f.ValidMask, f.TestMask = maskOf(10, 0, 1, 2), maskOf(10, 3, 4, 5), maskOf(10, 6, 7)
	f.Data.Y[8] = 2
	f.TestMask[8] = true
	if d, err := FromPyG(f, nil, defaultConfig(), 1); err != nil || len(d.Warnings) > 0 {
		t.Errorf("a sound graph: %v, %q", err, d.Warnings)
	}
}

func constantColumn(f *pyg.File, j int) {
	for i := range f.Data.NumNodes {
		f.Data.X[i*f.Data.NumFeatures+j] = 7
	}
}
