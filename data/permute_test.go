package data

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAFeatureIsPermutedWithinEachSnapshotAndNothingElseChanges(t *testing.T) {
	const nodes, features = 4, 2
	p := &Panel{
		Symbols: []string{"A", "B", "C", "D"}, Features: []string{"own", "level"},
		edges: make([]Edges, 50), mask: slices.Repeat([]bool{true, true, false, true}, 50), openTime: make([]int64, 50),
	}
	for s := range 50 {
		for i := range nodes {
			own, level := float32(s*nodes+i+1), float32(s)
			if i == 2 {
				own, level = 0, 0 // masked
			}
			p.x = append(p.x, own, level)
		}
	}
	for s := range 50 {
		p.bars = append(p.bars, 10+2*s)
	}
	before := slices.Clone(p.x)
	snapshots := []int{3, 4, 5, 6, 7, 8, 9, 40}
	for feature, want := range []string{AcrossNodes, AcrossTime} {
		q, across := p.Permuted(feature, snapshots, rand.New(rand.NewPCG(1, 2)))
		again, _ := p.Permuted(feature, snapshots, rand.New(rand.NewPCG(1, 2)))
		if across != want || q.Len() != len(snapshots) || !slices.Equal(q.x, again.x) || !slices.Equal(p.x, before) {
			t.Fatalf("feature %d: across %s, %d snapshots", feature, across, q.Len())
		}
		moved := 0
		var all, allBefore []float32
		for s, from := range snapshots {
			if q.Bar(s) != p.Bar(from) {
				t.Errorf("snapshot %d is of bar %d, want %d", s, q.Bar(s), p.Bar(from))
			}
			var values, valuesBefore []float32
			for i := range nodes {
				for f := range features {
					now, then := q.X(s)[i*features+f], p.X(from)[i*features+f]
					if f != feature || i == 2 {
						if now != then {
							t.Errorf("feature %d: value %d of node %d changed from %v to %v", feature, f, i, then, now)
						}
						continue
					}
					values, valuesBefore = append(values, now), append(valuesBefore, then)
					if now != then {
						moved++
					}
				}
			}
			all, allBefore = append(all, values...), append(allBefore, valuesBefore...)
			if across == AcrossTime && slices.Min(values) != slices.Max(values) {
				t.Errorf("snapshot %d has several levels: %v", s, values)
			}
			slices.Sort(values)
			slices.Sort(valuesBefore)
			if across == AcrossNodes && !slices.Equal(values, valuesBefore) {
				t.Errorf("snapshot %d has the values %v, had %v", s, values, valuesBefore)
			}
		}
		slices.Sort(all)
		slices.Sort(allBefore)
		if moved < len(all)/3 || !slices.Equal(all, allBefore) {
			t.Errorf("feature %d: %d of %d values moved", feature, moved, len(all))
		}
	}
}

func TestAPermutedPanelKeepsTheEdgesOfItsSnapshots(t *testing.T) {
	d := mustBuild(t, randomMarket(newRand(53), 9, 300), defaultConfig())
	p, _ := d.Permuted(0, []int{2, 5}, newRand(1))
	for s, of := range []int{2, 5} {
		sameEdges(t, p.Edges(s), d.Edges(of), "snapshot %d has other edges than %d", s, of)
	}
}
