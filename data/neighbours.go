package data

// neighbours gathers, for each of N nodes, the candidates that correlate most
// with it: the limit highest of those above a floor.
type neighbours struct {
	limit int
	start float32   // what a candidate must exceed while there is room
	floor []float32 // [N] what it must exceed now
	best  [][]neighbour
}

type neighbour struct {
	correlation float32
	node        int32
}

func newNeighbours(n, limit int, floor float32) *neighbours {
	near := &neighbours{limit: limit, start: floor, floor: make([]float32, n), best: make([][]neighbour, n)}
	all := make([]neighbour, n*limit)
	for i := range near.best {
		near.best[i] = all[i*limit : i*limit : (i+1)*limit]
	}
	return near
}

func (near *neighbours) clear() {
	for i := range near.best {
		near.best[i], near.floor[i] = near.best[i][:0], near.start
	}
}

// add enters a candidate that exceeds node's floor. Candidates of a node come
// in rising order, so that of equal ones the earlier in node order stays ahead.
func (near *neighbours) add(node, candidate int, correlation float32) {
	// Rounding may carry a sum a hair past a perfect correlation.
	entry := neighbour{min(max(correlation, -1), 1), int32(candidate)}
	best := near.best[node]
	if len(best) < near.limit {
		best = append(best, entry)
		near.best[node] = best
	} else if entry.correlation <= best[len(best)-1].correlation { // by the clamp
		return
	}
	at := len(best) - 1
	for at > 0 && best[at-1].correlation < entry.correlation {
		best[at] = best[at-1]
		at--
	}
	best[at] = entry
	if len(best) == near.limit {
		near.floor[node] = best[len(best)-1].correlation
	}
}

// edges copies what was gathered into lists of its own.
func (near *neighbours) edges() Edges {
	e := Edges{RowPtr: make([]int32, len(near.best)+1)}
	count := 0
	for i, best := range near.best {
		count += len(best)
		e.RowPtr[i+1] = int32(count)
	}
	e.Sources, e.Attr = make([]int32, 0, count), make([]float32, 0, count)
	for _, best := range near.best {
		for _, b := range best {
			e.Sources, e.Attr = append(e.Sources, b.node), append(e.Attr, b.correlation)
		}
	}
	return e
}
