package data

import "math/rand/v2"

// Permuted is a panel of some snapshots of p, in their order, in which the values
// of one feature are permuted: among the present nodes within each snapshot; or,
// where they are the same at all of them (the time of day), among the snapshots.
// So each snapshot keeps its level of the feature, and no bar gets values that
// belong to another market regime. across says which was done. Each keeps its bar,
// so that what looks back finds those of its past that are among them: snapshots
// rise then.
func (p *Panel) Permuted(feature int, snapshots []int, r *rand.Rand) (permuted *Panel, across string) {
	n, f := p.NumNodes(), p.NumFeatures()
	q := *p
	q.bars, q.openTime, q.signals, q.signalNames = nil, nil, nil, nil
	q.x, q.mask, q.edges = nil, nil, nil
	q.more = make([][]Edges, len(p.more))
	for _, t := range snapshots {
		if p.bars != nil {
			q.bars = append(q.bars, p.bars[t])
		}
		q.x = append(q.x, p.X(t)...)
		q.mask = append(q.mask, p.Mask(t)...)
		q.edges = append(q.edges, p.edges[p.at(t)])
		for j, more := range p.more {
			q.more[j] = append(q.more[j], more[t])
		}
		if p.static { // of all splits the same
			break
		}
	}
	present := make([][]int, len(q.edges)) // places of the feature in x, by snapshot
	level := true
	for s := range present {
		for i := range n {
			if at := (s*n + i) * f; q.mask[s*n+i] {
				present[s] = append(present[s], at+feature)
				level = level && q.x[at+feature] == q.x[present[s][0]]
			}
		}
	}
	if level {
		return q.shuffleLevels(present, r), AcrossTime
	}
	for _, places := range present {
		r.Shuffle(len(places), func(a, b int) { q.x[places[a]], q.x[places[b]] = q.x[places[b]], q.x[places[a]] })
	}
	return &q, AcrossNodes
}

// What a feature is permuted among.
const (
	AcrossNodes = "symbols"
	AcrossTime  = "time"
)

// shuffleLevels gives the level of each snapshot to another one.
func (p *Panel) shuffleLevels(present [][]int, r *rand.Rand) *Panel {
	var levels []float32
	for _, places := range present {
		if len(places) > 0 {
			levels = append(levels, p.x[places[0]])
		}
	}
	r.Shuffle(len(levels), func(a, b int) { levels[a], levels[b] = levels[b], levels[a] })
	for _, places := range present {
		if len(places) == 0 {
			continue
		}
		for _, at := range places {
			p.x[at] = levels[0]
		}
		levels = levels[1:]
	}
	return p
}
