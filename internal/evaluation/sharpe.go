package evaluation

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// moments are those of a course of returns.
type moments struct {
	periods            int
	sharpe             float64 // mean over sample deviation, of one period
	skewness, kurtosis float64 // of the sample, biased; a normal distribution has 0 and 3
}

func momentsOf(returns []float64) moments {
	m := moments{periods: len(returns), sharpe: math.NaN(), skewness: math.NaN(), kurtosis: math.NaN()}
	if len(returns) < 2 {
		return m
	}
	_, ratio := meanAndRatio(returns)
	mean := stat.Mean(returns, nil)
	second, third, fourth := 0.0, 0.0, 0.0
	for _, r := range returns {
		d := r - mean
		second += d * d
		third += d * d * d
		fourth += d * d * d * d
	}
	n := float64(len(returns))
	second, third, fourth = second/n, third/n, fourth/n
	if !finite(float64(ratio)) || second == 0 {
		return m
	}
	m.sharpe, m.skewness, m.kurtosis = float64(ratio), third/math.Pow(second, 1.5), fourth/(second*second)
	return m
}

// probabilistic is the probability that the true Sharpe ratio of a period is above
// another one, given how many periods there are and how their returns are
// distributed (Bailey, Lopez de Prado, The Sharpe ratio efficient frontier, 2012).
func (m moments) probabilistic(above float64) float64 {
	variance := 1 - m.skewness*m.sharpe + (m.kurtosis-1)/4*m.sharpe*m.sharpe
	if !(variance > 0) || m.periods < 2 {
		return math.NaN()
	}
	return distuv.UnitNormal.CDF((m.sharpe - above) * math.Sqrt(float64(m.periods-1)/variance))
}

// expectedMaximum is the Sharpe ratio that the best of so many trials without
// skill is expected to have, whose ratios have this deviation (Bailey, Lopez de
// Prado, The deflated Sharpe ratio, 2014): 0 of a single one.
func expectedMaximum(trials int, deviation float64) float64 {
	if trials < 2 {
		return 0
	}
	const gamma = 0.577215664901532860606512090082402431 // Euler and Mascheroni's
	n := float64(trials)
	return deviation * ((1-gamma)*distuv.UnitNormal.Quantile(1-1/n) + gamma*distuv.UnitNormal.Quantile(1-1/(n*math.E)))
}

// Trials are the models among which one is chosen: all runs of a MODEL_NAME whose
// result is in the store, and this one.
type Trials struct {
	Count int `json:"count"`
	// QueueIDs are those of the others, by name.
	QueueIDs []string `json:"queue_ids"`
	// Searched is how many of Count have no test returns: configurations that
	// gnn-trainer tune left by the validation split, of this run and the others.
	Searched int `json:"searched,omitempty"`
}

// Deflate sets the deflated Sharpe ratios of a backtest, which is one of several
// trials: others are the backtests of the other ones, in the order of their ids.
// Each portfolio and cost is compared with the same of the other trials. Of a
// single trial it is the probabilistic one. searched more were left by the
// validation split. Nobody knows their ratios on the test split, so the deviation of
// all is at least that of ratios without skill over as many periods (Lo, The
// statistics of Sharpe ratios, 2002).
func (b *Backtest) Deflate(queueIDs []string, others []*Backtest, searched int) {
	b.Trials = &Trials{Count: 1 + len(others) + searched, QueueIDs: append([]string{}, queueIDs...), Searched: searched} // none is an empty list
	for _, of := range []func(*Backtest) *Portfolio{
		func(b *Backtest) *Portfolio { return &b.DollarNeutral }, func(b *Backtest) *Portfolio { return &b.LongOnly }, func(b *Backtest) *Portfolio { return &b.EqualWeight },
	} {
		own := of(b)
		for i := range own.AfterCosts {
			sharpes := []float64{float64(own.AfterCosts[i].Sharpe)}
			for _, other := range others {
				for _, at := range of(other).AfterCosts {
					if at.CostBps == own.AfterCosts[i].CostBps && finite(float64(at.Sharpe)) {
						sharpes = append(sharpes, float64(at.Sharpe))
					}
				}
			}
			own.AfterCosts[i].deflate(sharpes, searched)
		}
	}
}

// deflate takes the annualised ratios of all trials that have one, the own one
// first, and how many there are beside.
func (a *AfterCosts) deflate(sharpes []float64, searched int) {
	deviation := 0.0
	if len(sharpes) > 1 {
		deviation = stat.StdDev(sharpes, nil)
	}
	if searched > 0 && a.moments.periods > 1 {
		deviation = max(deviation, math.Sqrt(a.perYear/float64(a.moments.periods-1)))
	}
	best := expectedMaximum(len(sharpes)+searched, deviation)
	a.ExpectedMaximum = Float(best)
	a.Deflated = Float(a.moments.probabilistic(best / math.Sqrt(a.perYear)))
}
