package data

// Edges is the compact form of snapshot t's edges: what Snapshot says in
// int64, in the same order. It aliases the panel but for a derived Weight and
// for edges of several types, which are made anew: read it only.
func (p *Panel) Edges(t int) Edges {
	at := p.at(t)
	first := p.edges[at].weighted()
	if len(p.more) == 0 {
		return first
	}
	parts := make([]Edges, 1, 1+len(p.more))
	parts[0] = first
	for _, list := range p.more {
		parts = append(parts, list[at].weighted())
	}
	return concatenated(parts)
}

// SameEdges reports whether snapshots t and u have the same edges, because they
// share them: what is derived of the edges of one is good for the other. It looks
// at no edge. Edges that are equal by chance are not the same.
func (p *Panel) SameEdges(t, u int) bool {
	a, b := p.at(t), p.at(u)
	for _, list := range p.more {
		if !list[a].is(list[b]) {
			return false
		}
	}
	return p.edges[a].is(p.edges[b])
}

// is reports whether e and f are the same lists in memory.
func (e Edges) is(f Edges) bool {
	return len(e.RowPtr) > 0 && len(e.RowPtr) == len(f.RowPtr) && &e.RowPtr[0] == &f.RowPtr[0] &&
		len(e.Sources) == len(f.Sources) && (len(e.Sources) == 0 || &e.Sources[0] == &f.Sources[0])
}

// HeldEdges is how many edges are in memory: those that snapshots share count
// once.
func (p *Panel) HeldEdges() int64 {
	held := int64(0)
	for _, list := range append([][]Edges{p.edges}, p.more...) {
		seen := map[*int32]bool{}
		for _, e := range list {
			if key := &e.RowPtr[0]; !seen[key] {
				seen[key] = true
				held += int64(len(e.Sources))
			}
		}
	}
	return held
}

// weighted are the edges with their Weight: where it is not stored, the
// correlation, and 0 for a negative one.
func (e Edges) weighted() Edges {
	if e.Weight == nil && e.Attr != nil {
		e.Weight = make([]float32, len(e.Attr))
		for i, v := range e.Attr {
			e.Weight[i] = max(v, 0)
		}
	}
	return e
}

// concatenated are edges of several types: those of a target one type after the
// other.
func concatenated(parts []Edges) Edges {
	count := 0
	for _, e := range parts {
		count += len(e.Sources)
	}
	rows := len(parts[0].RowPtr)
	all := Edges{
		RowPtr: make([]int32, 1, rows), Sources: make([]int32, 0, count), Weight: make([]float32, 0, count),
		Attr: make([]float32, 0, count), Type: make([]uint8, 0, count),
	}
	for i := range rows - 1 {
		for k, e := range parts {
			from, to := e.RowPtr[i], e.RowPtr[i+1]
			all.Sources = append(all.Sources, e.Sources[from:to]...)
			all.Weight = append(all.Weight, e.Weight[from:to]...)
			all.Attr = append(all.Attr, e.Attr[from:to]...)
			for range to - from {
				all.Type = append(all.Type, uint8(k))
			}
		}
		all.RowPtr = append(all.RowPtr, int32(len(all.Sources)))
	}
	return all
}

// density is the mean over snapshots of E / (P (P-1)), the share of the ordered
// pairs of present nodes that are joined, and over the edge types. A snapshot of
// one node counts as 0.
func (p *Panel) density() float64 {
	n, sum := p.NumNodes(), 0.0
	for s, e := range p.edges {
		present, count := 0, len(e.Sources)
		for _, more := range p.more {
			count += len(more[s].Sources)
		}
		for _, ok := range row(p.mask, s, n) {
			if ok {
				present++
			}
		}
		if present > 1 {
			sum += float64(count) / (float64(present) * float64(present-1))
		}
	}
	return sum / float64(max(len(p.edges), 1)*(1+len(p.more)))
}
