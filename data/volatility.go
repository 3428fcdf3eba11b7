package data

import "math"

// The volatility sigma of a symbol at a bar, in units of a one-bar log return r:
//
//	sigma = sqrt(EMA288(min(r^2, 25 EMA576(r^2)))) + 1e-5
//
// So one wild return, beyond 5 deviations, counts as one of 5. EMAk is the mean
// with weights that fall by 1-2/(k+1) from return to return, the newest included
// (pandas' ewm(span=k, ignore_na=True).mean()): a bar without a return, or with
// one that spans a jump of the price, moves nothing. It begins anew at bars that
// are fixed on absolute time (trail), so that it depends on no bar older than
// emaMemory, and hence not on where a market's candles begin.
const (
	volatilitySpan  = 288
	wildSpan        = 576
	wildVariance    = 25 // deviations of a wild return, squared
	leastDeviation  = 1e-5
	clippedAtSigmas = 6 // of what is divided by sigma
)

// An EMA at a bar spans from emaBlock to twice as many bars before it, where
// there are so many: what is older has a weight of at most exp(-8) of 288 bars,
// and of exp(-4) of 576.
const (
	emaBlock  = 1152
	emaMemory = 2 * emaBlock
)

// ema is a mean with exponentially falling weights, of the values added so far.
type ema struct {
	alpha, weight, mean float64
}

func newEMA(span int) ema { return ema{alpha: 2 / float64(span+1)} }

// add takes a value in and gives the mean.
func (e *ema) add(v float64) float64 {
	e.weight += e.alpha * (1 - e.weight)
	e.mean += e.alpha / e.weight * (v - e.mean)
	return e.mean
}

// trail computes what depends on the bars before, and on few of them: restart
// begins anew, and step takes bar t in; keep says that t is to be written. Each
// block of emaBlock bars on absolute time takes in the block before it first.
func trail(axis Axis, restart func(), step func(t int, keep bool)) {
	from := 0
	for _, b := range blocks(axis, emaBlock, 0) {
		restart()
		for t := from; t < b.to; t++ {
			step(t, t >= b.from)
		}
		from = b.from
	}
}

// volatility writes sigma, and into counts, unless nil, of how many returns it is
// made: NaN before the first. returns are of one bar, NaN where there is none.
func volatility(dst []float64, counts []int, axis Axis, returns []float64) {
	var usual, variance ema
	count := 0
	trail(axis, func() { usual, variance, count = newEMA(wildSpan), newEMA(volatilitySpan), 0 }, func(t int, keep bool) {
		if square := returns[t] * returns[t]; !math.IsNaN(square) {
			variance.add(min(square, wildVariance*usual.add(square)))
			count++
		}
		if !keep {
			return
		}
		if dst[t] = math.NaN(); count > 0 {
			dst[t] = math.Sqrt(variance.mean) + leastDeviation
		}
		if counts != nil {
			counts[t] = count
		}
	})
}

// smoothReturns are the one-bar returns without those that span a jump, which no
// volatility is made of.
func (s *series) smoothReturns(jumps []Jump) []float64 {
	returns := make([]float64, len(s.ret))
	copy(returns, s.ret)
	for _, j := range jumps {
		returns[j.bar] = math.NaN()
	}
	return returns
}
