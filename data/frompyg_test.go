package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/pyg"
)

// smallFile is a graph of 10 nodes on a ring, the last two without label.
func smallFile() *pyg.File {
	n := 10
	g := pyg.Data{NumNodes: n, NumFeatures: 2}
	var sources, targets []int64
	for i := range n {
		g.X = append(g.X, float32(i), float32(2*i))
		g.Y = append(g.Y, int64(i%3))
		sources, targets = append(sources, int64(i)), append(targets, int64((i+4)%n))
	}
	g.Y[8], g.Y[9] = pyg.Unlabelled, pyg.Unlabelled
	g.EdgeIndex = append(sources, targets...)
	return &pyg.File{Data: g}
}

func withMasks(f *pyg.File) {
	n := f.Data.NumNodes
	f.TrainMask, f.ValidMask, f.TestMask = make([]bool, n), make([]bool, n), make([]bool, n)
	f.TrainMask[0], f.TrainMask[1], f.TrainMask[2] = true, true, true
	f.TrainMask[9] = true // without label: still live
	f.ValidMask[3], f.TestMask[4], f.TestMask[5] = true, true, true
}

func TestAGraphWithMasksHasASnapshotOfEachSplit(t *testing.T) {
	f := smallFile()
	withMasks(f)
	d, err := FromPyG(f, nil, defaultConfig(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Splits, []Split{Train, Valid, Test, Live}) || !slices.Equal(d.Features, []string{"x_0", "x_1"}) || d.Symbols[9] != "node_9" || d.Axis.Interval != 0 {
		t.Fatalf("splits %v, features %v, nodes %v", d.Splits, d.Features, d.Symbols)
	}
	for s, members := range [][]int{{0, 1, 2}, {3}, {4, 5}, {8, 9}} {
		g := d.Snapshot(s)
		if err := g.Validate(); err != nil {
			t.Fatal(err)
		}
		for i, in := range d.EvalMask(s) {
			want := pyg.Unlabelled
			if slices.Contains(members, i) && d.Splits[s] != Live {
				want = int64(i % 3)
			}
			if in != slices.Contains(members, i) || g.Y[i] != want {
				t.Errorf("%s: node %d has row %v and class %d", d.Splits[s], i, in, g.Y[i])
			}
		}
		if &g.X[0] != &d.x[0] || g.OpenTime != nil || g.Ret != nil || g.EdgeWeight != nil || g.EdgeAttr != nil {
			t.Errorf("%s: x is copied, or something the file lacks is there", d.Splits[s])
		}
		for k, source := range g.Sources() {
			if (source+4)%10 != g.Targets()[k] || k > 0 && g.Targets()[k] < g.Targets()[k-1] {
				t.Fatalf("edges are %v", g.EdgeIndex)
			}
		}
	}
	if d.Mean[0] != 1 || d.Mean[1] != 2 || math.Abs(float64(d.Std[0])-math.Sqrt(2.0/3)) > 1e-6 {
		t.Errorf("mean %v and deviation %v are not those of nodes 0 to 2", d.Mean, d.Std)
	}
	if math.Abs(d.Density-10.0/90) > 1e-12 {
		t.Errorf("density is %v, want 10 of 90 ordered pairs", d.Density)
	}
}

func TestAGraphWithoutMasksIsSplitAtRandomBySeed(t *testing.T) {
	n := 200
	f := &pyg.File{Data: pyg.Data{NumNodes: n, NumFeatures: 1, X: make([]float32, n), Y: make([]int64, n)}}
	for i := range n {
		f.Data.X[i], f.Data.Y[i] = float32(i), int64(i%3)
	}
	parts := func(seed int64) []bool {
		d, err := FromPyG(f, nil, defaultConfig(), seed)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Splits) != 3 {
			t.Fatalf("splits are %v", d.Splits)
		}
		for s, want := range []int{120, 40, 40} {
			count := 0
			for i := range n {
				if d.EvalMask(s)[i] {
					count++
				}
			}
			if count != want {
				t.Errorf("%s has %d nodes, want %d", d.Splits[s], count, want)
			}
		}
		for i := range n {
			if a, b, c := d.EvalMask(0)[i], d.EvalMask(1)[i], d.EvalMask(2)[i]; a && b || a && c || b && c || !(a || b || c) {
				t.Errorf("node %d is not in exactly one part", i)
			}
		}
		return d.evalMask
	}
	if !slices.Equal(parts(1), parts(1)) || slices.Equal(parts(1), parts(2)) {
		t.Error("the split does not follow the seed")
	}
}

func TestEdgeWeightsOfAFile(t *testing.T) {
	attr := []float32{-0.5, 0.25, 1, 0, 1, 1, 1, 1, 1, 3}
	weight := []float32{5, 4, 3, 2, 1, 0, 9, 8, 7, 6}
	for _, test := range []struct {
		name               string
		weight, attr, want []float32 // by source node
	}{
		{"neither: unweighted", nil, nil, nil},
		{"attribute alone is clamped", nil, attr, []float32{0, 0.25, 1, 0, 1, 1, 1, 1, 1, 3}},
		{"weight alone", weight, nil, weight},
		{"both are kept", weight, attr, weight},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := smallFile()
			f.Data.EdgeWeight, f.Data.EdgeAttr = test.weight, test.attr
			d, err := FromPyG(f, nil, defaultConfig(), 1)
			if err != nil {
				t.Fatal(err)
			}
			g := d.Snapshot(0)
			if (g.EdgeWeight == nil) != (test.want == nil) || (g.EdgeAttr == nil) != (test.attr == nil) {
				t.Fatalf("weights %v, attributes %v", g.EdgeWeight, g.EdgeAttr)
			}
			for k, source := range g.Sources() {
				if test.want != nil && g.EdgeWeight[k] != test.want[source] || test.attr != nil && g.EdgeAttr[k] != test.attr[source] {
					t.Errorf("the edge from %d has weight %v and attribute %v", source, g.EdgeWeight, g.EdgeAttr)
				}
			}
		})
	}
}

func TestAMaskedNodeOfAFileIsInNoSplit(t *testing.T) {
	f := smallFile()
	f.Data.NodeMask = slices.Repeat([]bool{true}, 10)
	f.Data.NodeMask[9] = false
	f.Data.EdgeIndex = []int64{1, 0}
	f.Data.Ret = make([]float32, 10)
	f.Data.Ret[0] = 0.5
	withMasks(f)
	d, err := FromPyG(f, []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}, defaultConfig(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if d.EvalMask(3)[9] || !d.EvalMask(3)[8] || !sameBits(d.Snapshot(0).X[18:], []float32{0, 0}) || f.Data.X[18] != 9 {
		t.Error("the masked node takes part, or the file's x was changed")
	}
	if d.Symbols[9] != "j" || d.Snapshot(0).Ret[0] != 0.5 || d.Snapshot(1).Ret[0] != 0 {
		t.Error("names or returns are wrong")
	}
}

func TestAGraphThatCannotBeTrainedOnIsRejected(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(f *pyg.File)
		symbols []string
		want    string
	}{
		{"a class beyond the task", func(f *pyg.File) { f.Data.Y[4] = 5 }, nil, "y holds class 5 at node 4: give it one of TASK=direction, 0..2"},
		{"a negative class", func(f *pyg.File) { f.Data.Y[4] = -2 }, nil, "y holds class -2 at node 4"},
		{"no classes", func(f *pyg.File) { f.Data.Y = nil }, nil, "no y"},
		{"no nodes", func(f *pyg.File) { f.Data = pyg.Data{NumFeatures: 2} }, nil, "x is [0, 2]"},
		{"an edge out of range", func(f *pyg.File) { f.Data.EdgeIndex[0] = 10 }, nil, "is 10, outside 0..9"},
		{"a negative weight", func(f *pyg.File) { f.Data.EdgeWeight = make([]float32, 10); f.Data.EdgeWeight[3] = -1 }, nil, "edge_weight holds -1 at position 3"},
		{"an infinite x", func(f *pyg.File) { f.Data.X[3] = float32(math.Inf(1)) }, nil, "x holds +Inf at position 3"},
		{"an attribute that is no number", func(f *pyg.File) { f.Data.EdgeAttr = slices.Repeat([]float32{float32(math.NaN())}, 10) }, nil, "edge_attr holds NaN"},
		{"a mask too short", func(f *pyg.File) { withMasks(f); f.TestMask = f.TestMask[:7] }, nil, "test_mask holds 7 values"},
		{"a node in two parts", func(f *pyg.File) { withMasks(f); f.TestMask[1] = true }, nil, "node 1 is in train_mask and in test_mask too"},
		{"an empty split", func(f *pyg.File) { withMasks(f); clear(f.ValidMask) }, nil, "val_mask holds no node that has a label: put labelled nodes into it"},
		{"too few labels", func(f *pyg.File) { f.Data.Y = append(slices.Repeat([]int64{pyg.Unlabelled}, 8), 0, 2) }, nil, "split has no label"},
		{"too few names", func(*pyg.File) {}, []string{"BTCUSDT"}, "SYMBOLS names 1 nodes, the graph has 10"},
		{"a name twice", func(f *pyg.File) { f.Symbols = slices.Repeat([]string{"X"}, 10) }, nil, `nodes 0 and 1 are both named "X"`},
		{"a label at a masked node", func(f *pyg.File) { f.Data.NodeMask = make([]bool, 10) }, nil, "which node_mask masks"},
		{"an edge to a masked node", func(f *pyg.File) { f.Data.NodeMask = slices.Repeat([]bool{true}, 10); f.Data.NodeMask[9] = false }, nil, "edge 5 joins nodes 5 and 9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := smallFile()
			test.change(f)
			_, err := FromPyG(f, test.symbols, defaultConfig(), 1)
			if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

func FuzzAGraphFromAFileIsRejectedOrSound(f *testing.F) {
	f.Add(uint8(10), uint8(2), []byte{0, 4, 1, 5}, []byte{0, 1, 2, 3, 0, 1, 2}, []byte{1, 2, 4, 1, 2, 4, 0})
	f.Add(uint8(1), uint8(0), []byte{}, []byte{}, []byte{})
	f.Add(uint8(3), uint8(1), []byte{0, 0}, []byte{0, 0, 0}, []byte{})
	f.Fuzz(func(t *testing.T, n, features uint8, edges, classes, masks []byte) {
		file := &pyg.File{Data: pyg.Data{NumNodes: int(n), NumFeatures: int(features), X: make([]float32, int(n)*int(features))}}
		g := &file.Data
		for k := range g.X {
			g.X[k] = float32(k)
		}
		for _, v := range edges {
			g.EdgeIndex = append(g.EdgeIndex, int64(int8(v)))
		}
		for _, v := range classes {
			g.Y = append(g.Y, int64(v)-3)
			if v == 3 {
				g.Y[len(g.Y)-1] = pyg.Unlabelled
			}
		}
		for _, v := range masks {
			file.TrainMask = append(file.TrainMask, v&1 != 0)
			file.ValidMask = append(file.ValidMask, v&2 != 0)
			file.TestMask = append(file.TestMask, v&4 != 0)
		}
		d, err := FromPyG(file, nil, defaultConfig(), int64(len(edges)))
		if err != nil {
			if !errors.Is(err, ErrInput) {
				t.Fatalf("%v is not marked as bad input", err)
			}
			return
		}
		for s := range d.Len() {
			snapshot := d.Snapshot(s)
			if err := snapshot.Validate(); err != nil {
				t.Fatal(err)
			}
			if snapshot.NumEdges() != len(edges)/2 {
				t.Fatalf("%d edges became %d", len(edges)/2, snapshot.NumEdges())
			}
		}
	})
}
