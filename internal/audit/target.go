package audit

import (
	"fmt"
	"math"

	"github.com/streamforge/gnn-trainer/data"
)

// target tells of TARGET=close that its returns begin at a price that is gone
// when the features are known, and how much of the next bar's variance is the jump
// from this close to the next open, which nobody can trade.
func target(in Input) func(*data.Dataset) outcome {
	m := in.Market
	if m == nil {
		return result(skip("a prepared graph has one price a moment"))
	}
	share, first := jumpShare(m)
	if in.Config.Target != data.TargetClose {
		if math.IsNaN(share) {
			return result(clean("TARGET=%s can be traded", in.Config.Target))
		}
		return result(clean("TARGET=%s; %.1f %% of the variance from close to close is the jump to the next open", in.Config.Target, 100*share))
	}
	f := Finding{
		Column: "targets", Value: number(share), Expected: number(math.NaN()),
		What:   "TARGET=close measures returns from a close that is gone when the features are known",
		Cause:  "the last trade of a bar is at the bid or at the ask by chance, and the next one is not: that rebound is predicted, and nobody can trade it",
		Remedy: "set TARGET=open",
	}
	if !math.IsNaN(share) {
		f.What += fmt.Sprintf("; %.1f %% of the next bar's variance is the jump from close to open", 100*share)
	}
	if first >= 0 {
		f.OpenTime = at(m.OpenTime(first))
	}
	return result(outcome{findings: []Finding{f}, message: "TARGET=close"})
}

// jumpShare is the variance of ln(O[t+1] / C[t]) over that of ln(C[t+1] / C[t]),
// over all symbols, and the first bar that has both; NaN: nothing moved.
func jumpShare(m *data.Market) (share float64, first int) {
	jumps, moves, first := 0.0, 0.0, -1
	for i := range m.Symbols {
		for t := range m.Bars - 1 {
			jump, move := math.Log(m.Open[i][t+1]/m.Close[i][t]), math.Log(m.Close[i][t+1]/m.Close[i][t])
			if math.IsNaN(jump) || math.IsNaN(move) || math.Abs(jump) > 0.25 || math.Abs(move) > 0.25 { // a jump of the unit
				continue
			}
			if first < 0 {
				first = t
			}
			jumps, moves = jumps+jump*jump, moves+move*move
		}
	}
	if moves == 0 {
		return math.NaN(), first
	}
	return jumps / moves, first
}

// result is the outcome of a check that needs no dataset.
func result(o outcome) func(*data.Dataset) outcome { return func(*data.Dataset) outcome { return o } }
