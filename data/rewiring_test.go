package data

import (
	"slices"
	"testing"
)

func TestARewiredSnapshotKeepsDegreesAndWeights(t *testing.T) {
	d := mustBuild(t, randomMarket(newRand(31), 12, 400), defaultConfig())
	n := d.NumNodes()
	r := NewRewiring(n, 7)
	moved, edges := 0, 0
	of := map[[2]int32]int32{} // (source, target) to the new source, in snapshots where all are present
	for s := range d.Len() {
		given, mask := d.Edges(s), d.Mask(s)
		before := slices.Clone(given.Sources)
		e := r.Edges(given, mask)
		if !slices.Equal(given.Sources, before) {
			t.Fatal("the panel's own edges change")
		}
		if !slices.Equal(e.RowPtr, given.RowPtr) || !slices.Equal(e.Weight, given.Weight) || !slices.Equal(e.Attr, given.Attr) {
			t.Fatalf("snapshot %d has other degrees or weights", s)
		}
		whole := !slices.Contains(mask, false)
		for i := range int32(n) {
			row := e.Sources[e.RowPtr[i]:e.RowPtr[i+1]]
			for k, source := range row {
				old := given.Sources[int(e.RowPtr[i])+k]
				if source == i || !mask[source] || slices.Index(row, source) != k {
					t.Fatalf("snapshot %d: target %d has the source %d in %v", s, i, source, row)
				}
				edges++
				if source != old {
					moved++
				}
				pair := [2]int32{old, i}
				if was, seen := of[pair]; whole && seen && was != source {
					t.Fatalf("the source %d of target %d becomes %d, and %d at another time", old, i, was, source)
				} else if whole {
					of[pair] = source
				}
			}
		}
	}
	if moved != edges || edges == 0 || len(of) == 0 {
		t.Errorf("%d of %d edges moved; %d pairs compared", moved, edges, len(of))
	}
}

func TestARewiringFollowsItsSeed(t *testing.T) {
	if a, b := NewRewiring(30, 1), NewRewiring(30, 1); !slices.Equal(a.order, b.order) {
		t.Error("one seed, two orders")
	}
	if a, b := NewRewiring(30, 1), NewRewiring(30, 2); slices.Equal(a.order, b.order) {
		t.Error("two seeds, one order")
	}
}

func TestRewiringSmallAndLoopedGraphs(t *testing.T) {
	two := Edges{RowPtr: []int32{0, 1, 2}, Sources: []int32{1, 0}}
	if e := NewRewiring(2, 3).Edges(two, []bool{true, true}); !slices.Equal(e.Sources, two.Sources) {
		t.Errorf("two nodes have no other source: %v", e.Sources)
	}
	loops := Edges{RowPtr: []int32{0, 2, 2, 3}, Sources: []int32{0, 1, 2}}
	e := NewRewiring(3, 3).Edges(loops, []bool{true, true, true})
	if !slices.Equal(e.Sources, []int32{0, 2, 2}) {
		t.Errorf("%v", e.Sources)
	}
	none := Edges{RowPtr: []int32{0, 0, 0}, Sources: []int32{}}
	if e := NewRewiring(2, 3).Edges(none, []bool{false, false}); len(e.Sources) != 0 {
		t.Errorf("%v", e.Sources)
	}
}
