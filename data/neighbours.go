package data

import "math"

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

// restart begins the next bar. Where a node has as many neighbours as it may,
// the least of what they correlate by now is a floor to begin with: so many
// candidates reach it, so none below it would stay. Neighbours change slowly,
// so this leaves few to enter. correlation is what the pair of two nodes will
// be offered with, or NaN where it is not known yet.
func (near *neighbours) restart(correlation func(i, j int) float32) {
	for i, best := range near.best {
		near.best[i], near.floor[i] = best[:0], near.start
		if len(best) < near.limit {
			continue
		}
		lowest := float32(1) // as add has it
		for _, b := range best {
			lowest = min(lowest, correlation(i, int(b.node))) // NaN stays
		}
		if lowest > -1 {
			near.floor[i] = max(near.start, math.Nextafter32(lowest, -2))
		}
	}
}

// add enters a candidate that exceeds node's floor, or did when others had not
// raised it yet. Candidates of a node come in rising order, so that of equal
// ones the earlier in node order stays ahead.
func (near *neighbours) add(node, candidate int, correlation float32) {
	// Rounding may carry a sum a hair past a perfect correlation.
	entry := neighbour{min(max(correlation, -1), 1), int32(candidate)}
	best := near.best[node]
	if len(best) < near.limit {
		best = append(best, entry)
		near.best[node] = best
	} else if entry.correlation <= best[len(best)-1].correlation {
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
	e.Sources, e.Attr = make([]int32, count), make([]float32, count)
	for i, best := range near.best {
		first := e.RowPtr[i]
		for k, b := range best {
			e.Sources[int(first)+k], e.Attr[int(first)+k] = b.node, b.correlation
		}
	}
	return e
}
