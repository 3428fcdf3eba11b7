package data

import (
	"math"
	"slices"
)

// A Jump is a change of one symbol's price between two bars that no market
// makes: a split, a redenomination, a pair that was renamed with another unit
// (1000SHIB), or a wrong candle. No window and no return spans it.
type Jump struct {
	Symbol   string
	Origin   string  // the file of the candles; empty: no file
	OpenTime int64   // of the first bar at the new price, Unix ms
	Ratio    float64 // of its close to the last close before

	bar int
	// openBar is the first bar that opens at the new price: bar itself, or the
	// next where bar opens at the old price and closes at the new one.
	openBar int
}

// The rule of a jump. It looks at no bar after the jump's, so that what is
// masked says nothing of the future.
const (
	// certainJump is a ratio that counts as a jump whatever the market did.
	certainJump = 5
	// leastJump is the ratio from which a jump is one if, besides, it is
	// jumpDeviations times the deviation of the symbol's one-bar returns over
	// the lookback, most of it lies between the two bars, and the other symbols
	// moved less than a third as far. A split of 3 to 2 is the smallest common
	// one.
	leastJump      = 1.4
	jumpDeviations = 20
)

// jumps finds those of every symbol [N], rising.
func (m *Market) jumps() [][]Jump {
	all := make([][]Jump, len(m.Symbols))
	each(len(m.Symbols), func() func(int) {
		return func(i int) { all[i] = m.jumpsOf(i) }
	})
	return all
}

func (m *Market) jumpsOf(i int) []Jump {
	var found []Jump
	closes := m.Close[i]
	before := -1 // the last bar that is there
	for t, c := range closes {
		if math.IsNaN(c) {
			continue
		}
		p := before
		before = t
		if p < 0 || t-p > lookback {
			continue // no window reaches over so long a gap
		}
		ratio := c / closes[p]
		if ratio < leastJump && ratio > 1/leastJump {
			continue
		}
		size := math.Abs(math.Log(ratio))
		if size < math.Log(certainJump) && !m.isJump(i, p, t, found) {
			continue
		}
		j := Jump{Symbol: m.Symbols[i], OpenTime: m.OpenTime(t), Ratio: ratio, bar: t, openBar: t}
		if math.Abs(math.Log(m.Open[i][t]/closes[p])) < size/2 {
			j.openBar = t + 1
		}
		if m.Origins != nil {
			j.Origin = m.Origins[i]
		}
		found = append(found, j)
	}
	return found
}

// isJump decides on a ratio that a market could make. The symbol's bar before t
// is p, and its jumps before are known.
func (m *Market) isJump(i, p, t int, known []Jump) bool {
	move := math.Log(m.Close[i][t] / m.Close[i][p])
	size := math.Abs(move)
	between := math.Log(m.Low[i][t] / m.High[i][p])
	if move < 0 {
		between = math.Log(m.Low[i][p] / m.High[i][t])
	}
	if between < size/2 {
		return false
	}
	n, squares := 0, 0.0
	for b := max(1, p-lookback+1); b <= p; b++ {
		r := math.Log(m.Close[i][b] / m.Close[i][b-1])
		if math.IsNaN(r) || slices.ContainsFunc(known, func(j Jump) bool { return j.bar == b }) {
			continue
		}
		n++
		squares += r * r
	}
	if 2*n < lookback || size < jumpDeviations*math.Sqrt(squares/float64(n)*float64(t-p)) {
		return false
	}
	var others []float64
	for j := range m.Symbols {
		if r := math.Log(m.Close[j][t] / m.Close[j][p]); j != i && !math.IsNaN(r) {
			others = append(others, r)
		}
	}
	if len(others) == 0 {
		return true
	}
	slices.Sort(others)
	return math.Abs(others[len(others)/2]) < size/3
}

// spanned reports whether a return from one price to a later one, of bars from
// and to, spans a jump. open says that both are prices at the bars' opens.
func spanned(jumps []Jump, from, to int, open bool) bool {
	for _, j := range jumps {
		at := j.bar
		if open {
			at = j.openBar
		}
		if from < at && at <= to {
			return true
		}
	}
	return false
}
