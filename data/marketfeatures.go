package data

import (
	"math"
	"slices"
	"time"
)

// FeaturesMarket is the set of features in units of each symbol's volatility, of
// which many are relative to the bar's cross-section; FeaturesAll is that of
// StreamForge, and then this one.
const (
	FeaturesMarket = "market"
	FeaturesAll    = "all"
)

// marketLookback is the longest window of the market's features, in bars before
// the snapshot's.
const marketLookback = 288

// marketFeatures are those of FEATURES=market, in the order of the columns of x.
// sigma is the volatility (volatility.go); what is divided by it is clipped to +-6.
var marketFeatures = []feature{
	scaled("scaled_return_1", func(dst []float64, s *series) { s.scaledReturn(dst, 1) }),
	scaled("scaled_gap", func(dst []float64, s *series) {
		for t := range dst {
			dst[t] = math.NaN()
			if t > 0 {
				dst[t] = math.Log(s.open[t]) - s.lastLogClose[t-1]
			}
		}
		s.perSigma(dst, 1)
	}),
	scaled("scaled_range", func(dst []float64, s *series) {
		for t, sigma := range s.volatility() {
			dst[t] = math.Log(math.Log(s.high[t]/s.low[t])/sigma + 0.1)
		}
	}),
	ofWindow("close_position", closePosition),
	scaled("upper_wick", func(dst []float64, s *series) {
		for t := range dst {
			dst[t] = math.Log(s.high[t] / max(s.open[t], s.close[t]))
		}
		s.perSigma(dst, 1)
	}),
	scaled("lower_wick", func(dst []float64, s *series) {
		for t := range dst {
			dst[t] = math.Log(min(s.open[t], s.close[t]) / s.low[t])
		}
		s.perSigma(dst, 1)
	}),
	scaled("volume_score", volumeScore),
	scaled("scaled_deviation_3", scaledDeviation(3)),
	scaled("scaled_deviation_12", scaledDeviation(12)),
	scaled("scaled_deviation_48", scaledDeviation(48)),
	scaled("scaled_deviation_144", scaledDeviation(144)),
	scaled("scaled_deviation_288", scaledDeviation(288)),
	scaled("volatility_change", func(dst []float64, s *series) {
		square := newEMA(24)
		returns := s.smoothReturns(s.jumps)
		trail(s.market.Axis(), func() { square = newEMA(24) }, func(t int, keep bool) {
			if r := returns[t]; !math.IsNaN(r) {
				square.add(r * r)
			}
			if keep {
				dst[t] = math.Sqrt(square.mean)
			}
		})
		for t, sigma := range s.volatility() {
			dst[t] = math.Log(dst[t]/sigma + 0.05)
		}
	}),

	scaled("relative_return_1", func(dst []float64, s *series) { s.scaledReturn(dst, 1) }).with(lessMedian),
	scaled("relative_return_3", func(dst []float64, s *series) { s.scaledReturn(dst, 3) }).with(lessMedian),
	scaled("relative_return_12", func(dst []float64, s *series) { s.scaledReturn(dst, 12) }).with(lessMedian),
	scaled("relative_return_48", func(dst []float64, s *series) { s.scaledReturn(dst, 48) }).with(lessMedian),
	scaled("relative_return_288", func(dst []float64, s *series) { s.scaledReturn(dst, 288) }).with(lessMedian),
	scaled("relative_deviation_3", scaledDeviation(3)).with(lessMedian),
	scaled("relative_deviation_12", scaledDeviation(12)).with(lessMedian),
	scaled("relative_deviation_48", scaledDeviation(48)).with(lessMedian),
	scaled("relative_deviation_144", scaledDeviation(144)).with(lessMedian),
	scaled("relative_deviation_288", scaledDeviation(288)).with(lessMedian),
	ofWindow("relative_position", closePosition).with(lessMedian),
	scaled("relative_volume", volumeScore).with(lessMedian),
	ofWindow("relative_volatility", logVolatility).with(lessMedian),
	scaled("relative_body", func(dst []float64, s *series) {
		for t := range dst {
			dst[t] = math.Log(s.close[t] / s.open[t])
		}
		s.perSigma(dst, 1)
	}).with(lessMedian),

	scaled("market_return", func(dst []float64, s *series) { s.scaledReturn(dst, 1) }).with(barMedian),
	scaled("market_deviation_12", scaledDeviation(12)).with(barMedian),
	scaled(referenceReturn, func(dst []float64, s *series) { s.scaledReturn(dst, 1) }).with(ofReference),
	ofWindow("log_volatility", logVolatility),
	{name: timeOfDaySin, fill: func(dst []float64, s *series) { timeOf(24*time.Hour, dst, s.market, math.Sin) }},
	{name: timeOfDayCos, fill: func(dst []float64, s *series) { timeOf(24*time.Hour, dst, s.market, math.Cos) }},
	{name: timeOfHourSin, fill: func(dst []float64, s *series) { timeOf(time.Hour, dst, s.market, math.Sin) }},
	{name: timeOfHourCos, fill: func(dst []float64, s *series) { timeOf(time.Hour, dst, s.market, math.Cos) }},
}

// allFeatures are those of FEATURES=all.
func allFeatures() []feature {
	all := append([]feature(nil), features...)
	for _, f := range marketFeatures {
		if f.name != timeOfDaySin && f.name != timeOfDayCos {
			all = append(all, f)
		}
	}
	return all
}

// ofWindow is a feature of the market's lookback.
func ofWindow(name string, fill func(dst []float64, s *series)) feature {
	return feature{name: name, fill: fill, lookback: marketLookback, memory: emaMemory}
}

// scaled is one of the market's lookback that is clipped.
func scaled(name string, fill func(dst []float64, s *series)) feature {
	f := ofWindow(name, func(dst []float64, s *series) {
		fill(dst, s)
		for t, v := range dst {
			dst[t] = clip(v, clippedAtSigmas)
		}
	})
	f.bound = clippedAtSigmas
	return f
}

// boundOf is the limit of a feature by its own formula, 0 where it has none.
func boundOf(name string) float64 {
	i := slices.IndexFunc(marketFeatures, func(f feature) bool { return f.name == name })
	if i < 0 {
		return 0
	}
	return marketFeatures[i].bound
}

// volatility is sigma of each bar, NaN where fewer returns than half a lookback
// are known.
func (s *series) volatility() []float64 {
	if s.sigma == nil {
		s.sigma = make([]float64, len(s.close))
		counts := make([]int, len(s.close))
		volatility(s.sigma, counts, s.market.Axis(), s.smoothReturns(s.jumps))
		for t, n := range counts {
			if n < marketLookback/2 {
				s.sigma[t] = math.NaN()
			}
		}
	}
	return s.sigma
}

// perSigma divides by sigma and by the root of so many bars.
func (s *series) perSigma(dst []float64, bars float64) {
	for t, sigma := range s.volatility() {
		dst[t] /= sigma * math.Sqrt(bars)
	}
}

// scaledReturn writes the log return of k bars in units of its volatility.
func (s *series) scaledReturn(dst []float64, k int) {
	logReturn(dst, s.logClose, s.lastLogClose, k)
	s.perSigma(dst, float64(k))
}

// scaledDeviation writes the log close's deviation from its mean over the window's
// bars, in units of what such a deviation usually is.
func scaledDeviation(window int) func(dst []float64, s *series) {
	return func(dst []float64, s *series) {
		rolling(s.market.Axis(), s.logClose, window, func(t, n int, mean, _ float64) {
			dst[t] = s.logClose[t] - mean
			if n < (window+1)/2 {
				dst[t] = math.NaN()
			}
		})
		s.perSigma(dst, float64(window)/3)
	}
}

// closePosition writes where the close lies between low and high, from 0 to 1.
func closePosition(dst []float64, s *series) {
	for t := range dst {
		dst[t] = (s.close[t] - s.low[t]) / (s.high[t] - s.low[t])
		if s.high[t] == s.low[t] {
			dst[t] = 0.5
		}
	}
}

func logVolatility(dst []float64, s *series) {
	for t, sigma := range s.volatility() {
		dst[t] = math.Log(sigma)
	}
}

// leastVolumeDeviation is that of a volume which hardly changes.
const leastVolumeDeviation = 0.01

// volumeScore writes the z-score of v = ln(q + EMA288(q)/100) over the last 288
// bars, q the quote volume; 0 where nothing has been traded yet.
func volumeScore(dst []float64, s *series) {
	axis := s.market.Axis()
	q, logs := s.quoteVolume(), make([]float64, len(dst))
	usual := newEMA(marketLookback)
	trail(axis, func() { usual = newEMA(marketLookback) }, func(t int, keep bool) {
		if !math.IsNaN(q[t]) {
			usual.add(q[t])
		}
		if !keep {
			return
		}
		if logs[t] = math.Log(q[t] + usual.mean/100); usual.mean == 0 {
			logs[t] = math.NaN()
		}
	})
	known := make([]int, len(dst)) // volumes of the window
	count := 0
	for t := range q {
		if !math.IsNaN(q[t]) {
			count++
		}
		if t >= marketLookback && !math.IsNaN(q[t-marketLookback]) {
			count--
		}
		known[t] = count
	}
	rolling(axis, logs, marketLookback, func(t, n int, mean, variance float64) {
		switch {
		case math.IsNaN(q[t]) || known[t] < marketLookback/2:
			dst[t] = math.NaN()
		case math.IsNaN(logs[t]) || n < 2:
			dst[t] = 0
		default:
			dst[t] = (logs[t] - mean) / max(math.Sqrt(variance), leastVolumeDeviation)
		}
	})
}

// quoteVolume is what was traded in units of the quote asset, close times volume
// where the data do not say.
func (s *series) quoteVolume() []float64 {
	q, given := make([]float64, len(s.close)), s.optional[QuoteVolume]
	for t := range q {
		if q[t] = s.close[t] * s.volume[t]; given != nil && !math.IsNaN(given[t]) {
			q[t] = given[t]
		}
	}
	return q
}
