package source

import (
	"math"
	"math/rand/v2"
	"time"
)

// Funding as on Binance's perpetual futures: fixed every 8 hours, 0.01 % where
// the price stands still, and within +-0.75 %.
const (
	fundingPeriod = 8 * time.Hour
	fundingBase   = 1e-4
	fundingLimit  = 0.0075
)

// trade adds the symbol's candles to s, from bar first on. The path of the price
// runs from bar 0 and through missing bars, as a market does that nobody
// recorded.
func (c *coin) trade(s *series, a axis, first int, shared common, rng *rand.Rand) error {
	var (
		normal    = rng.NormFloat64
		deviation = c.deviation()
		logPrice  = math.Log(c.price)
		before    float64 // F[k,t-1]
		x, z      = normal(), 0.0
		interest  float64 // in the symbol, a log factor of its volume, an AR(1)
		funding   float64
		fundedAt  = logPrice
		period    = int64(math.MinInt64)
	)
	for t := range int(a.bars) {
		v := shared.volatility[t]
		factor := shared.factor[c.sector][t]
		e := imbalanceDrift*x + math.Sqrt(1-imbalanceDrift*imbalanceDrift)*normal()
		pressure := v * c.pressure * normal()
		r := c.volatility * (c.beta*((1-c.delay)*factor+c.delay*before) + noiseScale*v*e + pressure - z)
		before, z = factor, pressure
		x = imbalanceMemory*x + math.Sqrt(1-imbalanceMemory*imbalanceMemory)*normal()

		sigma := c.volatility * v * deviation
		up, down := bridge(r, sigma, rng)
		opened, closed := math.Exp(logPrice), math.Exp(logPrice+r)
		// Rounding must not put an end of the path outside its range.
		high, low := max(math.Exp(logPrice+up), opened, closed), min(math.Exp(logPrice+down), opened, closed)

		// Volume goes with volatility, with the size of the move, and with the
		// time of day; takers buy more into a rise.
		interest = 0.8*interest + 0.25*normal()
		traded := c.turnover * season(a.openTime(t)) * math.Pow(v, 0.9) * math.Exp(0.35*(math.Abs(r)/sigma-1)+interest)
		bought := min(max(0.5+0.12*math.Tanh(0.6*r/sigma)+0.05*normal(), 0.02), 0.98)
		// In turbulence makers quote wider and thinner.
		half := c.halfSpread * math.Sqrt(v) * math.Exp(0.25*normal())
		depth := 0.02 * c.turnover / closed / math.Sqrt(v)
		bids, asks := depth*math.Exp(0.3*x+0.3*normal()), depth*math.Exp(-0.3*x+0.3*normal())

		// Funding follows how far the price ran in the period that ends.
		logPrice += r
		if p := (a.openTime(t) + a.step.Milliseconds()) / fundingPeriod.Milliseconds(); p != period {
			funding = min(max(fundingBase+0.008*(logPrice-fundedAt)+3e-5*normal(), -fundingLimit), fundingLimit)
			fundedAt, period = logPrice, p
		}
		missing := rng.Float64() < missingChance && t > first && t < int(a.bars)-1
		if t < first || missing {
			continue
		}
		volume := traded / ((opened + high + low + closed) / 4)
		bar := tradedCandle(opened, high, low, closed, volume, bought*volume, traded)
		bar[bestBid], bar[bestAsk], bar[bidSize], bar[askSize], bar[fundingRate] = closed*(1-half), closed*(1+half), bids, asks, funding
		if err := s.add(t, a.openTime(t), &bar); err != nil {
			return err
		}
	}
	return nil
}

// season is the intraday pattern of crypto volumes: a peak when New York opens,
// a low in Asia's night.
func season(ms int64) float64 {
	hours := float64(ms%day.Milliseconds()) / float64(time.Hour.Milliseconds())
	return math.Exp(0.45 * math.Cos(2*math.Pi*(hours-14.5)/24))
}

// bridge draws the highest and the lowest point of a Brownian path from 0 to r
// with deviation sigma, each by its exact law,
// (r +- sqrt(r^2 - 2 sigma^2 log U)) / 2, U uniform on (0, 1].
func bridge(r, sigma float64, rng *rand.Rand) (high, low float64) {
	reach := func() float64 { return math.Sqrt(r*r - 2*sigma*sigma*math.Log(1-rng.Float64())) }
	return (r + reach()) / 2, (r - reach()) / 2
}
