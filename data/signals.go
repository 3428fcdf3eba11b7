package data

import (
	"math"
	"slices"
)

// A signal is a forecast without parameters: the higher, the better a symbol's
// return should be beside the others'. They are what a model has to beat. fill
// writes it for each bar of a symbol, reading no bar later than the one it
// writes; it is there wherever the bar is.
type signal struct {
	name, meaning string
	fill          func(dst []float64, s *series)
}

// signals are all there are. Short-term reversal: Jegadeesh, Evidence of
// predictable behavior of security returns, 1990; momentum: Jegadeesh, Titman,
// 1993; low volatility: Ang, Hodrick, Xing, Zhang, 2006.
var signals = []signal{
	{"reversal_1", "minus the last bar's log return", func(dst []float64, s *series) {
		logReturn(dst, s.logClose, s.lastLogClose, 1)
		negate(dst)
	}},
	{"deviation_3", "minus the log close's deviation from its mean over 3 bars", func(dst []float64, s *series) { deviation(dst, s.logClose, 3) }},
	{"deviation_12", "minus the log close's deviation from its mean over 12 bars", func(dst []float64, s *series) { deviation(dst, s.logClose, 12) }},
	{"deviation_48", "minus the log close's deviation from its mean over 48 bars", func(dst []float64, s *series) { deviation(dst, s.logClose, 48) }},
	{"range_position", "minus the close's position between the bar's low and high", func(dst []float64, s *series) {
		for t := range dst {
			dst[t] = 0.5 - share(s.close[t]-s.low[t], s.high[t]-s.low[t])
			if s.high[t] == s.low[t] {
				dst[t] = 0
			}
		}
	}},
	{"momentum_24", "the log return of the last 24 bars", func(dst []float64, s *series) { logReturn(dst, s.logClose, s.lastLogClose, 24) }},
	{"low_volatility", "minus the log of volatility_24", func(dst []float64, s *series) {
		rollingDeviation(dst, s.ret, 24, 12)
		for t, v := range dst {
			dst[t] = -math.Log(max(v, leastVolatility))
		}
	}},
}

// leastVolatility is what rounding makes of a price that does not move.
const leastVolatility = 1e-9

// signalWindow is the longest window of a signal, in bars.
const signalWindow = 48

// SignalNames are those of all signals.
func SignalNames() []string {
	names := make([]string, len(signals))
	for i, s := range signals {
		names[i] = s.name
	}
	return names
}

// SignalMeaning says in a few words what a signal is; empty: there is none of
// this name.
func SignalMeaning(name string) string {
	if i := slices.IndexFunc(signals, func(s signal) bool { return s.name == name }); i >= 0 {
		return signals[i].meaning
	}
	return ""
}

// deviation writes minus the difference of each value to the mean of those that
// are there among the last window, itself included.
func deviation(dst, values []float64, window int) {
	for t, v := range values {
		_, mean := meanOf(values[max(0, t-window+1) : t+1])
		dst[t] = mean - v
	}
}

func negate(values []float64) {
	for i, v := range values {
		values[i] = -v
	}
}

// Signal is a signal of each node [N] at snapshot t, 0 at masked nodes and where
// it is undefined; nil where the panel has none of this name. It aliases nothing.
func (p *Panel) Signal(name string, t int) []float32 {
	k := slices.Index(p.signalNames, name)
	if k < 0 {
		return nil
	}
	n, count := p.NumNodes(), len(p.signalNames)
	values := make([]float32, n)
	for i, all := 0, row(p.signals, t, n*count); i < n; i++ {
		values[i] = all[i*count+k]
	}
	return values
}

// Signals are the names of those that the panel has.
func (p *Panel) Signals() []string { return p.signalNames }
