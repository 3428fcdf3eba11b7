package evaluation

import (
	"cmp"
	"math"
	"slices"
)

// CostsBps are the costs of a backtest: fee and half spread, in hundredths of a
// percent of what is traded, on each side.
var CostsBps = []float64{0, 2, 5, 10}

// Backtest is what positions by the scores of the test split would have earned.
// At every HORIZON-th snapshot the symbols with a return are ranked by score and
// the positions are set anew; they are held over that return, so that with
// TARGET=open all fills are at opens that lie after the snapshot. Funding is paid
// and received where its rates are known. There is no market impact and no margin.
type Backtest struct {
	// DollarNeutral is long half the capital in the upper third of the scores and
	// short half of it in the lower third, in equal parts.
	DollarNeutral Portfolio `json:"dollar_neutral"`
	// LongOnly holds all capital in the upper third.
	LongOnly Portfolio `json:"long_only"`
	// EqualWeight holds all symbols in equal parts: what long_only has to beat.
	EqualWeight Portfolio `json:"equal_weight"`
	// Trials are what the deflated Sharpe ratios are of; nil: they were not counted.
	Trials *Trials `json:"trials,omitempty"`
}

// Portfolio is the course of one rule of positions.
type Portfolio struct {
	Periods int `json:"periods"` // of HORIZON bars each, that a position was held over
	// MeanBps is the mean return of a period before costs, in hundredths of a
	// percent, funding included. FundingBps is what funding is of it, below 0 where
	// more is paid than received; NaN where no rate is known.
	MeanBps    Float `json:"mean_bps"`
	FundingBps Float `json:"funding_bps"`
	// Turnover is the mean of the sum of absolute changes of positions per period,
	// as a share of the capital; the first and the last trade are in it.
	Turnover Float `json:"turnover"`
	// BreakEvenBps is the cost a side at which nothing is left.
	BreakEvenBps Float `json:"break_even_bps"`
	// AfterCosts has one entry for each of CostsBps.
	AfterCosts []AfterCosts `json:"after_costs"`
}

// AfterCosts is a portfolio's course at one cost.
type AfterCosts struct {
	CostBps Float `json:"cost_bps"` // a side
	Return  Float `json:"return"`   // of the whole test split, compounded
	// Sharpe is mean over sample deviation of a period's return, times the root
	// of the number of periods in a year of 365.25 days.
	Sharpe Float `json:"sharpe"`
	// Skewness and Kurtosis are of a period's return: 0 and 3 where it is normal.
	Skewness Float `json:"skewness"`
	Kurtosis Float `json:"kurtosis"`
	// Probabilistic is the probability that the true Sharpe ratio is above 0, and
	// Deflated that it is above ExpectedMaximum: the annualised one that the best of
	// all trials is expected to have where none has skill; NaN where they were not counted.
	Probabilistic   Float `json:"probabilistic_sharpe"`
	ExpectedMaximum Float `json:"expected_maximum_sharpe"`
	Deflated        Float `json:"deflated_sharpe"`
	// Drawdown is the largest loss from a peak of the capital, a share of it.
	Drawdown Float `json:"max_drawdown"`

	moments moments
	perYear float64 // periods
}

// minPositions is how many symbols a snapshot needs: one in each third.
const minPositions = 3

// Backtest trades the rows, which are of a horizon of so many bars; nil where the
// scores rank nothing.
func (t *TestSplit) Backtest(horizon int) *Backtest {
	held := t.periods(horizon)
	if held == nil {
		return nil
	}
	return &Backtest{DollarNeutral: trade(held, neutral), LongOnly: trade(held, longOnly), EqualWeight: trade(held, equalWeight)}
}

// periods are those in which positions are held; nil where the scores rank nothing.
func (t *TestSplit) periods(horizon int) []period {
	if t.constant {
		return nil
	}
	held, k := []period{}, 0
	for snapshot := range bySnapshot(t.rows) {
		var p period
		for _, row := range snapshot {
			if row.Return != nil {
				p.openTime = row.OpenTime
				p.symbols = append(p.symbols, row.Symbol)
				p.scores, p.returns, p.funding = append(p.scores, row.Score), append(p.returns, math.Expm1(*row.Return)), append(p.funding, row.Funding)
			}
		}
		if len(p.symbols) < minPositions {
			continue
		}
		if k%max(horizon, 1) == 0 {
			held = append(held, p)
		}
		k++
	}
	return held
}

// period is what is known when positions are set, and what became of it.
type period struct {
	openTime        int64
	symbols         []string // [N]
	scores, returns []float64
	funding         []float64 // paid by a long position, a share of it
}

// neutral, longOnly and equalWeight are positions [N], shares of the capital, by
// the places of the symbols in the order of their scores, the lowest first.
func neutral(place, n int) float64 {
	third := n / 3
	switch {
	case place >= n-third:
		return 0.5 / float64(third)
	case place < third:
		return -0.5 / float64(third)
	}
	return 0
}

func longOnly(place, n int) float64 {
	if third := n / 3; place >= n-third {
		return 1 / float64(third)
	}
	return 0
}

func equalWeight(_, n int) float64 { return 1 / float64(n) }

// earned is what positions that are set anew in each period earn before costs,
// what of it is funding, and what is traded for them, as shares of the capital.
func earned(held []period, position func(place, n int) float64) (gross, funding, turnover []float64) {
	gross, funding, turnover = make([]float64, len(held)), make([]float64, len(held)), make([]float64, len(held))
	before := map[string]float64{}
	for k, p := range held {
		order := make([]int, len(p.symbols))
		for i := range order {
			order[i] = i
		}
		// Symbols of equal scores are in the order of their names.
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.scores[a], p.scores[b]) })
		now := map[string]float64{}
		for place, i := range order {
			w := position(place, len(order))
			now[p.symbols[i]] = w
			gross[k] += w * p.returns[i]
			funding[k] -= w * p.funding[i]
		}
		gross[k] += funding[k]
		turnover[k] = traded(before, now)
		before = now
	}
	if len(held) > 0 {
		turnover[len(held)-1] += traded(before, nil) // all is sold at the end
	}
	return gross, funding, turnover
}

// trade sets positions anew in each period.
func trade(held []period, position func(place, n int) float64) Portfolio {
	gross, funding, turnover := earned(held, position)
	f := Portfolio{Periods: len(held), MeanBps: Float(math.NaN()), FundingBps: Float(math.NaN()), Turnover: Float(math.NaN()), BreakEvenBps: Float(math.NaN())}
	if len(held) > 0 {
		mean, moved := sum(gross)/float64(len(held)), sum(turnover)/float64(len(held))
		f.MeanBps, f.Turnover, f.BreakEvenBps = Float(mean*1e4), Float(moved), Float(mean/moved*1e4)
		if slices.ContainsFunc(held, func(p period) bool { return slices.ContainsFunc(p.funding, func(v float64) bool { return v != 0 }) }) {
			f.FundingBps = Float(sum(funding) / float64(len(held)) * 1e4)
		}
	}
	perYear := math.NaN()
	if len(held) > 1 {
		const year = 365.25 * dayMillis
		perYear = float64(len(held)-1) / (float64(held[len(held)-1].openTime-held[0].openTime) / year)
	}
	for _, cost := range CostsBps {
		f.AfterCosts = append(f.AfterCosts, afterCosts(gross, turnover, cost, perYear))
	}
	return f
}

// traded is the sum of absolute changes of positions, in the order of the names,
// so that it repeats to the bit.
func traded(before, now map[string]float64) float64 {
	names := make([]string, 0, len(before)+len(now))
	for name := range before {
		names = append(names, name)
	}
	for name := range now {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	moved := 0.0
	for _, name := range names {
		moved += math.Abs(now[name] - before[name])
	}
	return moved
}

func afterCosts(gross, turnover []float64, costBps, perYear float64) AfterCosts {
	nan := Float(math.NaN())
	a := AfterCosts{
		CostBps: Float(costBps), Return: nan, Sharpe: nan, Skewness: nan, Kurtosis: nan, Probabilistic: nan, ExpectedMaximum: nan, Deflated: nan, Drawdown: nan,
		perYear: perYear,
	}
	if len(gross) == 0 {
		return a
	}
	net := make([]float64, len(gross))
	capital, peak, drawdown := 1.0, 1.0, 0.0
	for k := range gross {
		net[k] = gross[k] - turnover[k]*costBps/1e4
		capital *= 1 + net[k]
		peak = max(peak, capital)
		drawdown = max(drawdown, 1-capital/peak)
	}
	a.Return, a.Drawdown = Float(capital-1), Float(drawdown)
	if a.moments = momentsOf(net); finite(a.moments.sharpe) {
		a.Sharpe = Float(a.moments.sharpe * math.Sqrt(perYear))
		a.Skewness, a.Kurtosis = Float(a.moments.skewness), Float(a.moments.kurtosis)
		a.Probabilistic = Float(a.moments.probabilistic(0))
	}
	return a
}

func sum(values []float64) float64 {
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total
}
