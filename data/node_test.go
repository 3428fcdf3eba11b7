package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// cited is a graph of eight nodes and four classes, with masks.
func cited() *pyg.File {
	f := &pyg.File{Data: pyg.Data{
		NumNodes: 8, NumFeatures: 2, X: []float32{0, 3, 1, 0, 2, 5, 1, 1, 0, 2, 4, 0, 1, 3, 2, 2},
		EdgeIndex: []int64{0, 1, 2, 3, 4, 5, 6, 7, 1, 0, 3, 2, 5, 4, 7, 6}, Y: []int64{0, 1, 2, 3, 0, 1, 2, 3},
	}}
	mask := func(nodes ...int) []bool {
		m := make([]bool, 8)
		for _, i := range nodes {
			m[i] = true
		}
		return m
	}
	f.TrainMask, f.ValidMask, f.TestMask = mask(0, 1, 2, 3), mask(4, 5), mask(6, 7)
	return f
}

func nodeConfig() Config {
	c := defaultConfig()
	c.Task = TaskNode
	return c
}

func TestNodesHaveAsManyClassesAsTheirLabelsAndRawFeatures(t *testing.T) {
	f := cited()
	d, err := FromPyG(f, nil, nodeConfig(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Targets.NumClasses(); got != 4 {
		t.Errorf("%d classes", got)
	}
	if got := d.Scaler.Scale(d.X(0)); !slices.Equal(got, f.Data.X) {
		t.Errorf("features became %v", got)
	}
	class, _ := d.Targets.At(0)
	if want := []int64{0, 1, 2, 3, -100, -100, -100, -100}; !slices.Equal(class, want) {
		t.Errorf("the train split has %v", class)
	}
	if d.Scaler.Low != nil {
		t.Error("features are clipped")
	}
}

func TestAGraphWhoseNodesCannotBeClassifiedIsRejectedWithItsRemedy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*pyg.File)
		says   string
	}{
		"no masks":           {func(f *pyg.File) { f.TrainMask, f.ValidMask, f.TestMask = nil, nil, nil }, "the graph has no train_mask, val_mask and test_mask, by which TASK=node learns, chooses and tests: save them"},
		"no labels":          {func(f *pyg.File) { f.Data.Y = nil }, "the file has no y: give it a class of each node, 0 to C-1"},
		"all unlabelled":     {func(f *pyg.File) { f.Data.Y = slices.Repeat([]int64{-100}, 8) }, "y has no label: all of it is -100"},
		"-1 for none":        {func(f *pyg.File) { f.Data.Y[6] = -1 }, "y holds class -1 at node 6, and TASK=node has the classes 0 to C-1: make -1 what it means"},
		"a negative class":   {func(f *pyg.File) { f.Data.Y[5] = -7 }, "y holds class -7 at node 5"},
		"an enormous class":  {func(f *pyg.File) { f.Data.Y[2] = 1 << 40 }, "y holds class 1099511627776 at node 2, and 10000 classes are the most"},
		"one class":          {func(f *pyg.File) { f.Data.Y = slices.Repeat([]int64{2}, 8) }, "y holds class 2 alone, and from one class nothing is learned"},
		"one trained class":  {func(f *pyg.File) { f.Data.Y = []int64{1, 1, 1, 1, 0, 1, 2, 3} }, "all labels of the train split (train_mask) are of class 1"},
		"a feature is NaN":   {func(f *pyg.File) { f.Data.X[3] = float32(math.NaN()) }, "x holds NaN at position 3"},
		"masks that overlap": {func(f *pyg.File) { f.TestMask[0] = true }, "node 0 is in train_mask and in test_mask too"},
		"no test mask":       {func(f *pyg.File) { f.TestMask = nil }, "the graph has train_mask and val_mask and no test_mask"},
	} {
		t.Run(name, func(t *testing.T) {
			f := cited()
			c.change(f)
			_, err := FromPyG(f, nil, nodeConfig(), 1)
			if !errors.Is(err, fault.ErrInput) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error of %q", err, c.says)
			}
		})
	}
}

func TestAClassThatNoNodeHasIsAWarning(t *testing.T) {
	f := cited()
	f.Data.Y[3], f.Data.Y[7] = 5, 5
	d, err := FromPyG(f, nil, nodeConfig(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(d.Warnings, func(w string) bool { return strings.Contains(w, "no node has class 3, 4, of 6") }) {
		t.Errorf("%q", d.Warnings)
	}
}
