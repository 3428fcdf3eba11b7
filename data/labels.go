package data

import (
	"math"

	"github.com/streamforge/gnn-trainer/pyg"
)

// The classes of TASK=direction: where the close is HORIZON bars later.
const (
	Down int64 = 0
	Flat int64 = 1
	Up   int64 = 2
)

// DeadZone is how many deviations a return must exceed to count as up or down.
// With 0.3 the three classes are about as frequent as each other: of ten pairs'
// 5-minute candles 33.6 % fall, 33.5 % stay flat and 32.9 % rise over 1 bar
// (34.5, 32.7 and 32.8 % over 3 bars; 33.1, 36.8 and 30.2 % over 12).
const DeadZone = 0.3

// direction is the class of the log return over the next horizon bars,
// ln(C_{t+H} / C_t), and that return. The class is Flat within DeadZone times
// volatility times sqrt(H), the deviation of H independent one-bar returns;
// volatility is known at t. Where C_{t+H} is missing or yet to come the class
// is pyg.Unlabelled and the return 0.
func direction(logClose []float64, t, horizon int, volatility float64) (class int64, ret float64) {
	if t+horizon >= len(logClose) || math.IsNaN(logClose[t+horizon]) || math.IsNaN(logClose[t]) {
		return pyg.Unlabelled, 0
	}
	ret = logClose[t+horizon] - logClose[t]
	zone := DeadZone * volatility * math.Sqrt(float64(horizon))
	switch {
	case ret > zone:
		return Up, ret
	case ret < -zone:
		return Down, ret
	}
	return Flat, ret
}
