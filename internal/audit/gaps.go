package audit

import (
	"fmt"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
)

const (
	fewestFilled = 20 // stretches that were filled, over all symbols
	filledRatio  = 3  // by which the one end must be farther than the other
)

// gaps finds candles that were filled in from the future, as by bfill of pandas.
// Candles that equal their neighbours, or that nothing traded in, are a fill: one
// from the past continues the price before it, and one from the future the price
// behind it.
func gaps(in Input) func(*data.Dataset) outcome {
	m := in.Market
	if m == nil {
		return result(skip("a prepared graph has no candles"))
	}
	var before, after []float64 // how far the price moves into a stretch, and out of it
	var firstSymbol string
	first := -1
	for i, symbol := range m.Symbols {
		for t := 1; t < m.Bars-1; t++ {
			end := t + 1
			for end < m.Bars && sameCandle(m, i, t, end) {
				end++
			}
			flat := m.Volume[i][t] == 0 && m.High[i][t] == m.Low[i][t]
			if end == t+1 && !flat || end >= m.Bars {
				t = end - 1
				continue
			}
			into, out := math.Abs(math.Log(m.Open[i][t]/m.Close[i][t-1])), math.Abs(math.Log(m.Open[i][end]/m.Close[i][end-1]))
			if !math.IsNaN(into) && !math.IsNaN(out) && into+out > 0 {
				before, after = append(before, into), append(after, out)
				if into > out && (first < 0 || t < first) {
					firstSymbol, first = symbol, t
				}
			}
			t = end - 1
		}
	}
	if len(before) < fewestFilled {
		return result(clean("stretches of repeated or untraded candles: %d", len(before)))
	}
	future := 0
	for k := range before {
		if before[k] > filledRatio*after[k] {
			future++
		}
	}
	slices.Sort(before)
	slices.Sort(after)
	into, out := before[len(before)/2], after[len(after)/2]
	if into <= filledRatio*out || 4*future < 3*len(before) {
		return result(clean("stretches of repeated or untraded candles: %d, which continue the past", len(before)))
	}
	return result(outcome{message: "filled candles", findings: []Finding{{
		Column: "open, high, low, close", Symbol: firstSymbol, OpenTime: at(m.OpenTime(first)), Value: number(into), Expected: number(out),
		What:   fmt.Sprintf("%d of %d stretches of repeated or untraded candles hold the price behind them: the median move into one is %.2g, and out of it %.2g", future, len(before), into, out),
		Cause:  "gaps were filled from the future, as by bfill",
		Remedy: "leave the rows out (the program knows what to do with missing bars), or fill them forward",
	}}})
}

// sameCandle reports whether bar u repeats the prices of bar t.
func sameCandle(m *data.Market, i, t, u int) bool {
	return m.Open[i][t] == m.Open[i][u] && m.High[i][t] == m.High[i][u] && m.Low[i][t] == m.Low[i][u] && m.Close[i][t] == m.Close[i][u]
}
