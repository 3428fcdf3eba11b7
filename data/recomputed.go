package data

import "slices"

// recomputed are the edges of a type at the bars from first on, made anew at the
// first bar of each piece of time: of gives those between all nodes that take
// part there, of bars up to it. At a bar where some of them are masked, their
// edges are left out. Bars of one piece with the same present nodes share one
// Edges: its lists are in memory once. start is called once on each processor.
// mask [S, N] tells which nodes take part in the snapshot of bar first+s.
func recomputed(pieces []block, mask []bool, n, first, bars int, start func() func(bar int) (Edges, error)) ([]Edges, error) {
	edges, errs := make([]Edges, bars-first), make([]error, len(pieces))
	each(len(pieces), func() func(int) {
		of := start()
		return func(piece int) {
			b := pieces[piece]
			all, err := of(b.from)
			if err != nil {
				errs[piece] = err
				return
			}
			shared := map[string]Edges{}
			var key, before []byte
			for t := max(b.from, first); t < b.to; t++ {
				present := row(mask, t-first, n)
				key = appendBits(key[:0], present)
				if before != nil && slices.Equal(key, before) {
					edges[t-first] = edges[t-first-1]
					continue
				}
				e, known := shared[string(key)]
				if !known {
					e = all.among(present)
					shared[string(key)] = e
				}
				edges[t-first] = e
				before = append(before[:0], key...)
			}
		}
	})
	for _, err := range errs { // of the first piece that has one
		if err != nil {
			return nil, err
		}
	}
	return edges, nil
}

// recomputeBlocks are the pieces of time of every bars since 1970 that hold bars
// from first on, the first of them from its own beginning, which the market has.
func recomputeBlocks(axis Axis, every, first int) []block {
	pieces := blocks(axis, every, max(first-every+1, 0))
	return slices.DeleteFunc(pieces, func(b block) bool { return b.to <= first })
}

// appendBits appends eight values to a byte.
func appendBits(to []byte, bits []bool) []byte {
	for eight := range slices.Chunk(bits, 8) {
		var b byte
		for k, bit := range eight {
			if bit {
				b |= 1 << k
			}
		}
		to = append(to, b)
	}
	return to
}

// among are the edges whose both ends are present, in their order: e itself where
// all are.
func (e Edges) among(present []bool) Edges {
	kept, all := make([]int32, len(e.RowPtr)), true
	count := int32(0)
	for i := range len(e.RowPtr) - 1 {
		for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
			if present[i] && present[e.Sources[k]] {
				count++
			} else {
				all = false
			}
		}
		kept[i+1] = count
	}
	if all {
		return e
	}
	some := Edges{RowPtr: kept, Sources: make([]int32, 0, count), Attr: make([]float32, 0, count)}
	for i := range len(e.RowPtr) - 1 {
		for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
			if present[i] && present[e.Sources[k]] {
				some.Sources, some.Attr = append(some.Sources, e.Sources[k]), append(some.Attr, e.Attr[k])
			}
		}
	}
	if e.Weight != nil {
		some.Weight = some.Attr
	}
	return some
}

// signedEdges are those of values [N, N], a row the target: of all pairs that are
// both in joined, in node order; or with a limit, the limit sources of a target
// with the largest absolute values, those first, equal ones in node order. A
// value of NaN is no edge. Weights keep their sign.
func signedEdges(values []float64, joined []bool, limit int) Edges {
	n := len(joined)
	e := Edges{RowPtr: make([]int32, n+1), Sources: []int32{}, Attr: []float32{}}
	sources := make([]int32, 0, n)
	for i := range n {
		sources = sources[:0]
		for j := range n {
			if v := values[i*n+j]; i != j && joined[i] && joined[j] && v == v {
				sources = append(sources, int32(j))
			}
		}
		if limit < n-1 {
			slices.SortStableFunc(sources, func(a, b int32) int {
				return compareDescending(abs32(values[i*n+int(a)]), abs32(values[i*n+int(b)]))
			})
			sources = sources[:min(limit, len(sources))]
		}
		for _, j := range sources {
			e.Sources, e.Attr = append(e.Sources, j), append(e.Attr, float32(values[i*n+int(j)]))
		}
		e.RowPtr[i+1] = int32(len(e.Sources))
	}
	e.Weight = e.Attr
	return e
}

func abs32(v float64) float32 { return float32(max(v, -v)) }

func compareDescending(a, b float32) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}
