package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The example of Bailey and Lopez de Prado, The deflated Sharpe ratio, 2014:
// 1250 daily returns, 250 a year, of a Sharpe ratio of 2.5 a year, the best of 100
// trials whose ratios have a variance of 1/2.
func TestTheDeflatedSharpeRatioIsThatOfThePaper(t *testing.T) {
	best := expectedMaximum(100, math.Sqrt(0.5/250))
	m := moments{periods: 1250, sharpe: 2.5 / math.Sqrt(250), skewness: -3, kurtosis: 10}
	if math.Abs(best-0.1132) > 5e-5 || math.Abs(m.probabilistic(best)-0.9004) > 5e-5 {
		t.Errorf("SR0 %.6f and DSR %.6f", best, m.probabilistic(best))
	}
	// With 46 trials it is above 0.95, as the paper says, and with 88 of normal returns.
	if dsr := m.probabilistic(expectedMaximum(46, math.Sqrt(0.5/250))); math.Abs(dsr-0.9505) > 5e-5 {
		t.Errorf("of 46 trials %.6f", dsr)
	}
	m.skewness, m.kurtosis = 0, 3
	if dsr := m.probabilistic(expectedMaximum(88, math.Sqrt(0.5/250))); math.Abs(dsr-0.9505) > 5e-5 {
		t.Errorf("of 88 trials with normal returns %.6f", dsr)
	}
}

func TestOfASingleTrialTheDeflatedRatioIsTheProbabilisticOne(t *testing.T) {
	b := NewTestSplit(slices.Values(smaller(forecasts(21, 9, 0.1)))).Backtest(1)
	for _, a := range b.DollarNeutral.AfterCosts {
		if !math.IsNaN(float64(a.Deflated)) {
			t.Fatal("deflated before the trials are counted")
		}
	}
	b.Deflate(nil, nil, 0)
	if b.Trials.Count != 1 {
		t.Errorf("%d trials", b.Trials.Count)
	}
	for _, a := range b.DollarNeutral.AfterCosts {
		if a.Deflated != a.Probabilistic || a.ExpectedMaximum != 0 {
			t.Errorf("%+v", a)
		}
	}
}

func TestMoreTrialsDeflateMore(t *testing.T) {
	var all []*Backtest
	for seed := range uint64(12) {
		all = append(all, NewTestSplit(slices.Values(smaller(forecasts(30+seed, 9, 0.1)))).Backtest(1))
	}
	own, before := all[0], 2.0
	for _, trials := range []int{1, 2, 12} {
		own.Deflate(make([]string, trials-1), all[1:trials], 0)
		now := float64(own.DollarNeutral.AfterCosts[0].Deflated)
		if now >= before || own.Trials.Count != trials {
			t.Errorf("of %d trials %v, of fewer %v", trials, now, before)
		}
		before = now
	}
}

// Of the best of many trials without skill the deflated ratio is above 0.95 far
// more seldom than the probabilistic one.
func TestTheBestOfManyTrialsWithoutSkillIsDeflated(t *testing.T) {
	r := rand.New(rand.NewPCG(40, 1))
	const markets, trials, periods = 200, 30, 250
	plain, deflated := 0, 0
	for range markets {
		var best moments
		var sharpes []float64
		for range trials {
			returns := make([]float64, periods)
			for i := range returns {
				returns[i] = r.NormFloat64()
			}
			m := momentsOf(returns)
			if sharpes = append(sharpes, m.sharpe); m.sharpe >= slices.Max(sharpes) {
				best = m
			}
		}
		a := AfterCosts{moments: best, perYear: 1}
		a.deflate(append([]float64{best.sharpe}, sharpes...), 0)
		if best.probabilistic(0) > 0.95 {
			plain++
		}
		if a.Deflated > 0.95 {
			deflated++
		}
	}
	if plain < markets/2 || deflated > markets/20 {
		t.Errorf("of %d markets, %d look significant, and %d when deflated", markets, plain, deflated)
	}
}

func TestReturnsWithoutVariationHaveNoRatio(t *testing.T) {
	for name, returns := range map[string][]float64{"none": nil, "one": {0.1}, "equal": {0.1, 0.1, 0.1}} {
		if m := momentsOf(returns); !math.IsNaN(m.sharpe) || !math.IsNaN(m.probabilistic(0)) {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

// A search by the validation split counts, although nobody knows what its trials
// would have earned on the test split.
func TestTrialsThatNeverSawTheTestDeflateToo(t *testing.T) {
	b := NewTestSplit(slices.Values(smaller(forecasts(21, 9, 0.1)))).Backtest(1)
	before := 2.0
	for _, searched := range []int{0, 1, 19, 199} {
		b.Deflate(nil, nil, searched)
		now := float64(b.DollarNeutral.AfterCosts[0].Deflated)
		if now >= before || b.Trials.Count != 1+searched || b.Trials.Searched != searched {
			t.Errorf("of %d searched trials %v, of fewer %v: %+v", searched, now, before, b.Trials)
		}
		before = now
	}
}
