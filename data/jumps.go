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
	// opens are the bars at which an open is of another unit than the one before:
	// bar itself; the next, where bar opens at the old price and closes at the new
	// one; both, where the open alone is wrong.
	opens []int
}

// The rule of a jump. It looks at no bar after the jump's, so that what is
// masked says nothing of the future.
const (
	// A ratio that counts as a jump whatever the market did: between two bars, and
	// within one, where a crash may be real.
	certainBetween, certainWithin = 5, 8

	// A smaller ratio is a jump if, besides, most of it lies between the two bars'
	// ranges, the other symbols moved less than a third as far, and it is so many
	// times the deviation of the symbol's one-bar returns over jumpLookback bars.
	jumpLookback   = 24
	leastJump      = 1.4
	jumpDeviations = 10

	// Of splits, which have simple ratios (3 to 2), less is asked.
	leastSplit      = 1.2
	splitDeviations = 5
	splitTolerance  = 0.02
)

// splits are the ratios of common splits, up or down.
var splits = []float64{1.25, 4.0 / 3, 1.5, 2, 3, 4, 5}

// jumps finds those of every symbol [N], rising, but for those behind a gap that no
// window of so many bars reaches over.
func (m *Market) jumps(reach int) [][]Jump {
	all := make([][]Jump, len(m.Symbols))
	each(len(m.Symbols), func() func(int) {
		return func(i int) { all[i] = m.jumpsOf(i, reach) }
	})
	return all
}

func (m *Market) jumpsOf(i, reach int) []Jump {
	var found []Jump
	closes, opens := m.Close[i], m.Open[i]
	before := -1 // the last bar that is there
	for t, c := range closes {
		if math.IsNaN(c) {
			continue
		}
		p := before
		before = t
		if p < 0 || t-p > reach {
			continue // no window reaches over so long a gap
		}
		ratio, opening := c/closes[p], opens[t]/closes[p]
		if within(ratio, leastSplit) && within(opening, certainBetween) {
			continue
		}
		j := Jump{Symbol: m.Symbols[i], OpenTime: m.OpenTime(t), Ratio: ratio, bar: t, opens: []int{t}}
		size := math.Abs(math.Log(ratio))
		late := math.Abs(math.Log(opening)) < size/2 // the open is at the old price
		switch {
		case !late && !within(ratio, certainBetween), late && !within(ratio, certainWithin):
		case !within(opening, certainBetween):
			j.Ratio, j.opens = opening, []int{t, t + 1}
		case within(ratio, leastSplit) || !m.isJump(i, p, t, found):
			continue
		}
		if late {
			j.opens = []int{t + 1}
		}
		if m.Origins != nil {
			j.Origin = m.Origins[i]
		}
		found = append(found, j)
	}
	return found
}

// within reports whether a ratio is smaller than another one, up and down.
func within(ratio, most float64) bool { return ratio < most && ratio > 1/most }

// isJump decides on a ratio that a market could make. The symbol's bar before t
// is p, and its jumps before are known.
func (m *Market) isJump(i, p, t int, known []Jump) bool {
	move := math.Log(m.Close[i][t] / m.Close[i][p])
	size := math.Abs(move)
	between := math.Log(m.Low[i][t] / m.High[i][p])
	if move < 0 {
		between = math.Log(m.Low[i][p] / m.High[i][t])
	}
	split := isSplit(m.Open[i][t] / m.Close[i][p])
	if between < size/2 || !split && size < math.Log(leastJump) {
		return false
	}
	n, squares := 0, 0.0
	for b := max(1, p-jumpLookback+1); b <= p; b++ {
		r := math.Log(m.Close[i][b] / m.Close[i][b-1])
		if math.IsNaN(r) || slices.ContainsFunc(known, func(j Jump) bool { return j.bar == b }) {
			continue
		}
		n++
		squares += r * r
	}
	deviations, fewest := float64(jumpDeviations), jumpLookback/2
	if split {
		deviations, fewest = splitDeviations, 2
	}
	if n < fewest || size < deviations*math.Sqrt(squares/float64(n)*float64(t-p)) {
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

// isSplit reports whether a price opens at a simple ratio to the last close.
func isSplit(ratio float64) bool {
	if ratio < 1 {
		ratio = 1 / ratio
	}
	return slices.ContainsFunc(splits, func(s float64) bool { return math.Abs(ratio/s-1) < splitTolerance })
}

// spanned reports whether a return from one price to a later one, of bars from
// and to, spans a jump. open says that both are prices at the bars' opens.
func spanned(jumps []Jump, from, to int, open bool) bool {
	for _, j := range jumps {
		at := []int{j.bar}
		if open {
			at = j.opens
		}
		if slices.ContainsFunc(at, func(b int) bool { return from < b && b <= to }) {
			return true
		}
	}
	return false
}
