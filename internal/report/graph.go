package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
)

// What bounds the size of the page: times that the graph is shown at, nodes, and
// edges of a time, the strongest.
const (
	graphTimes = 40
	graphNodes = 120
	graphEdges = 300
)

// network is the market graph at some times.
type network struct {
	Symbols []string  `json:"symbols"`
	Own     int       `json:"own"` // place of SYMBOL; -1: it is none of these
	X       []number  `json:"x"`   // [symbols] of the drawing, 0 to 1
	Y       []number  `json:"y"`
	Times   []int64   `json:"times"` // [times] Unix ms; empty for a graph without time
	Edges   [][]int   `json:"edges"` // [times][3 * edges] two places in symbols, rising, and 100 times the weight
	Absent  [][]int   `json:"absent"`
	Cut     []int     `json:"cut"` // [times] edges that are not shown
	Total   int       `json:"total"`
	weights []float64 // [symbols, symbols] sums over times
}

// newNetwork samples times evenly, the newest among them; nil where no snapshot has
// an edge.
func newNetwork(d *data.Dataset, symbol string) *network {
	places := spread(d.Panel.Len(), graphTimes)
	shown := strongest(d, places, symbol)
	g := &network{Own: -1, Total: d.NumNodes(), weights: make([]float64, len(shown)*len(shown))}
	at := map[int]int{} // place of a node in shown
	for k, i := range shown {
		at[i] = k
		g.Symbols = append(g.Symbols, d.Symbols[i])
		if d.Symbols[i] == symbol {
			g.Own = k
		}
	}
	some := false
	for _, t := range places {
		if times := d.OpenTimes(); times != nil {
			g.Times = append(g.Times, times[t])
		}
		list := pairs(d.Edges(t), at)
		cut := max(0, len(list)-graphEdges)
		g.Cut = append(g.Cut, cut)
		edges := []int{}
		for _, p := range list[:len(list)-cut] {
			edges = append(edges, p.a, p.b, int(math.Round(100*p.weight)))
			g.weights[p.a*len(shown)+p.b] += max(p.weight, 0)
			some = true
		}
		g.Edges = append(g.Edges, edges)
		absent := []int{}
		for k, i := range shown {
			if !d.Mask(t)[i] {
				absent = append(absent, k)
			}
		}
		g.Absent = append(g.Absent, absent)
	}
	if !some {
		return nil
	}
	g.layout()
	return g
}

// strongest are the nodes with the highest sums of weights, in node order, symbol
// among them.
func strongest(d *data.Dataset, places []int, symbol string) []int {
	n := d.NumNodes()
	sums, order := make([]float64, n), make([]int, n)
	for i := range order {
		order[i] = i
	}
	if n <= graphNodes {
		return order
	}
	for _, t := range places {
		e := d.Edges(t)
		for i := range n {
			for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
				w := math.Abs(weightOf(e, int(k)))
				sums[i] += w
				sums[e.Sources[k]] += w
			}
		}
	}
	if own := slices.Index(d.Symbols, symbol); own >= 0 {
		sums[own] = math.Inf(1)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sums[b], sums[a]) })
	order = order[:graphNodes]
	slices.Sort(order)
	return order
}

// weightOf is the correlation of edge k, or its weight where there is none.
func weightOf(e data.Edges, k int) float64 {
	switch {
	case e.Attr != nil:
		return float64(e.Attr[k])
	case e.Weight != nil:
		return float64(e.Weight[k])
	}
	return 1
}

// pair is an edge in either direction, or both.
type pair struct {
	a, b   int
	weight float64
}

// pairs are those of the nodes in at, the strongest first; an edge in both directions
// has the larger weight.
func pairs(e data.Edges, at map[int]int) []pair {
	best := map[[2]int]float64{}
	for i := range len(e.RowPtr) - 1 {
		a, ok := at[i]
		if !ok {
			continue
		}
		for k := e.RowPtr[i]; k < e.RowPtr[i+1]; k++ {
			b, ok := at[int(e.Sources[k])]
			if !ok || a == b {
				continue
			}
			key, w := [2]int{min(a, b), max(a, b)}, weightOf(e, int(k))
			if old, there := best[key]; !there || math.Abs(w) > math.Abs(old) {
				best[key] = w
			}
		}
	}
	list := make([]pair, 0, len(best))
	for key, w := range best {
		list = append(list, pair{key[0], key[1], w})
	}
	slices.SortFunc(list, func(p, q pair) int {
		return cmp.Or(cmp.Compare(math.Abs(q.weight), math.Abs(p.weight)), cmp.Compare(p.a, q.a), cmp.Compare(p.b, q.b))
	})
	return list
}

// layout places the nodes by Fruchterman and Reingold (Graph drawing by
// force-directed placement, 1991) on the mean weights of all times, from a spiral
// in node order: the same graph is drawn the same way.
func (g *network) layout() {
	const rounds = 300
	n := len(g.Symbols)
	x, y := make([]float64, n), make([]float64, n)
	for i := range n {
		radius, angle := math.Sqrt((float64(i)+0.5)/float64(n)), float64(i)*math.Pi*(3-math.Sqrt(5))
		x[i], y[i] = radius*math.Cos(angle), radius*math.Sin(angle)
	}
	mean := 0.0
	for _, w := range g.weights {
		mean += w
	}
	mean /= float64(n) / 2 // of a node's sum
	ideal := 2 / math.Sqrt(float64(n))
	for round := range rounds {
		dx, dy := make([]float64, n), make([]float64, n)
		for i := range n {
			for j := i + 1; j < n; j++ {
				ex, ey := x[i]-x[j], y[i]-y[j]
				distance := max(math.Hypot(ex, ey), 1e-6)
				push := ideal * ideal / distance
				if mean > 0 {
					push -= distance * distance / ideal * 4 * g.weights[i*n+j] / mean
				}
				dx[i] += ex / distance * push
				dy[i] += ey / distance * push
				dx[j] -= ex / distance * push
				dy[j] -= ey / distance * push
			}
		}
		step := 0.1 * (1 - float64(round)/rounds)
		for i := range n {
			dx[i] -= x[i] * ideal // to the middle, so that parts without an edge between them stay near
			dy[i] -= y[i] * ideal
			length := max(math.Hypot(dx[i], dy[i]), 1e-9)
			x[i] += dx[i] / length * min(length, step)
			y[i] += dy[i] / length * min(length, step)
		}
	}
	g.X, g.Y = scaled(x), scaled(y)
}

// scaled brings values to 0 to 1.
func scaled(values []float64) []number {
	low, high := slices.Min(values), slices.Max(values)
	list := make([]number, len(values))
	for i, v := range values {
		list[i] = 0.5
		if high > low {
			list[i] = number(math.Round(1000*(v-low)/(high-low)) / 1000)
		}
	}
	return list
}
