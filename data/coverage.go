package data

// Coverage is what a market has of one symbol, and what became of it.
type Coverage struct {
	Symbol      string
	Candles     int  // bars that are there
	First, Last int  // the first and the last of them; -1: there is none
	Snapshots   int  // in which the symbol is a node
	Still       bool // its close never changes
}

// newCoverage counts the bars of each symbol and the snapshots of mask [S, N].
func newCoverage(m *Market, mask []bool) []Coverage {
	n := len(m.Symbols)
	all := make([]Coverage, n)
	for i, symbol := range m.Symbols {
		c := Coverage{Symbol: symbol, First: -1, Last: -1}
		for t := range m.Bars {
			if m.Present(i, t) {
				if c.Candles++; c.First < 0 {
					c.First, c.Still = t, true
				}
				c.Still = c.Still && m.Close[i][t] == m.Close[i][c.First]
				c.Last = t
			}
		}
		all[i] = c
	}
	for at, ok := range mask {
		if ok {
			all[at%n].Snapshots++
		}
	}
	return all
}

// EvaluatedIn is how many snapshots of each node [N] a split evaluates.
func (d *Dataset) EvaluatedIn(split Split) []int {
	counts := make([]int, d.NumNodes())
	for t, s := range d.Splits {
		if s != split {
			continue
		}
		for i, ok := range d.EvalMask(t) {
			if ok {
				counts[i]++
			}
		}
	}
	return counts
}

// FewestCandles is how many candles without a gap put a symbol into one
// snapshot: those of the longest window before it, and its own.
func (p *Panel) FewestCandles() int { return FeatureList(p.Features).lookback() + 1 }
