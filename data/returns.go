package data

import "math"

// returnPanel holds one-bar returns bar by bar, so that what enters and leaves
// a rolling window at a bar is contiguous.
type returnPanel struct {
	nodes   int
	values  []float64 // [T, N], 0 where missing
	present []bool    // [T, N] true where both closes are there
}

// newReturnPanel gathers the one-bar log returns of all symbols. With excess,
// the market's return of the bar, the mean over the symbols that have one, is
// taken out of each. The return of a jump [N] is missing.
func newReturnPanel(m *Market, jumps [][]Jump, excess bool) *returnPanel {
	n := len(m.Symbols)
	p := &returnPanel{nodes: n, values: make([]float64, m.Bars*n), present: make([]bool, m.Bars*n)}
	for i, closes := range m.Close {
		before := math.NaN()
		for t, c := range closes {
			log := math.Log(c)
			if r := log - before; !math.IsNaN(r) {
				p.values[t*n+i], p.present[t*n+i] = r, true
			}
			before = log
		}
		for _, j := range jumps[i] {
			p.values[j.bar*n+i], p.present[j.bar*n+i] = 0, false
		}
	}
	if excess {
		for t := range m.Bars {
			p.centre(t)
		}
	}
	return p
}

// centre takes the mean over the symbols present at bar t out of each of them.
func (p *returnPanel) centre(t int) {
	values, present := p.bar(t)
	count, sum := 0, 0.0
	for i, ok := range present {
		if ok {
			sum += values[i]
			count++
		}
	}
	for i, ok := range present {
		if ok {
			values[i] -= sum / float64(count)
		}
	}
}

// bar is the returns of bar t [N] and which of them are there [N].
func (p *returnPanel) bar(t int) (values []float64, present []bool) {
	return row(p.values, t, p.nodes), row(p.present, t, p.nodes)
}
