package data

import (
	"math"
	"time"
)

// fundingPeriods are how often perpetual contracts settle their funding, at whole
// multiples since 1970 (UTC), the most usual first.
var fundingPeriods = []time.Duration{8 * time.Hour, 4 * time.Hour, 2 * time.Hour, time.Hour}

// fundingPeriod is the longest one at whose times all changes of a symbol's known
// rates lie; the first where none fits, as of rates that are predictions and change
// at any time.
func fundingPeriod(axis Axis, rates []float64) int64 {
	for _, period := range fundingPeriods {
		fits := true
		for t := 1; t < len(rates) && fits; t++ {
			if known := !math.IsNaN(rates[t]) && !math.IsNaN(rates[t-1]); known && rates[t] != rates[t-1] {
				first, last := settlements(axis, t, period.Milliseconds())
				fits = first <= last
			}
		}
		if fits {
			return period.Milliseconds()
		}
	}
	return fundingPeriods[0].Milliseconds()
}

// settlements are the first and the last multiple of a period that lie in bar t,
// from its open on and before its close; first is above last where none does.
func settlements(axis Axis, t int, period int64) (first, last int64) {
	return -floorDiv(-axis.OpenTime(t), period), floorDiv(axis.CloseTime(t)-1, period)
}

// newFunding is what a long position pays [Bars, N], a share of it, that is set at
// bar t's close or at the open after it and held for horizon bars: the sum of the
// rates that settle after it is set, and until it is closed. A bar whose rate is
// unknown costs nothing. nil where the market has no rates.
func newFunding(m *Market, horizon int) []float32 {
	rates := m.Optional[FundingRate]
	if rates == nil {
		return nil
	}
	axis, n := m.Axis(), len(m.Symbols)
	paid := make([]float32, m.Bars*n)
	each(n, func() func(int) {
		// Sums over the bars before t: of what settles as a bar opens, which who
		// sells there pays and who buys there does not, and of what settles later.
		opening, within := make([]float64, m.Bars+1), make([]float64, m.Bars+1)
		return func(i int) {
			period := fundingPeriod(axis, rates[i])
			for t := range m.Bars {
				opening[t+1], within[t+1] = opening[t], within[t]
				if rate := rates[i][t]; !math.IsNaN(rate) {
					first, last := settlements(axis, t, period)
					if first*period == axis.OpenTime(t) {
						opening[t+1] += rate
						first++
					}
					within[t+1] += rate * float64(max(last-first+1, 0))
				}
			}
			for t := range m.Bars {
				from := min(t+1, m.Bars)
				to := min(from+horizon, m.Bars)
				afterOpen, closed := min(from+1, m.Bars), min(to+1, m.Bars)
				paid[t*n+i] = float32(within[to] - within[from] + opening[closed] - opening[afterOpen])
			}
		}
	})
	return paid
}

// Funding is what a long position pays over the first horizon [N], a share of it,
// that is set after snapshot t, below 0 where it receives: the funding that settles
// meanwhile, where its rate is known. nil where there are no rates. It aliases the
// targets: read it only.
func (y *Targets) Funding(t int) []float32 {
	if y.funding == nil {
		return nil
	}
	return row(y.funding, t, y.width/len(y.Horizons))
}
