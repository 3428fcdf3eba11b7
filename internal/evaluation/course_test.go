package evaluation

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The backtest agrees with pandas, and the course with the backtest.
func TestACourseEndsAtTheBacktestsReturns(t *testing.T) {
	for _, horizon := range []int{1, 3} {
		split := NewTestSplit(slices.Values(smaller(forecasts(1, 9, 0.1))))
		b, c := split.Backtest(horizon), split.Course(horizon)
		if len(c.OpenTimes) != b.DollarNeutral.Periods || len(c.EqualWeight) != len(c.OpenTimes) || !slices.IsSorted(c.OpenTimes) {
			t.Fatalf("%d times of %d periods", len(c.OpenTimes), b.DollarNeutral.Periods)
		}
		last := len(c.OpenTimes) - 1
		for k, course := range c.DollarNeutral {
			if got, want := Float(course[last]-1), b.DollarNeutral.AfterCosts[k].Return; got != want {
				t.Errorf("horizon %d, %v bps: ends at %v, the backtest at %v", horizon, CostsBps[k], got, want)
			}
		}
		if got, want := Float(c.EqualWeight[last]-1), b.EqualWeight.AfterCosts[0].Return; got != want {
			t.Errorf("equal weight ends at %v, the backtest at %v", got, want)
		}
	}
	if NewTestSplit(slices.Values([]Prediction(nil))).Course(1) != nil {
		t.Error("there is a course without rows")
	}
}

func TestADropIsThatOfTheMeanRankIC(t *testing.T) {
	rows := forecasts(1, 9, 0.5)
	worse := slices.Clone(rows)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range worse {
		worse[i].Score += r.NormFloat64()
	}
	d := DropOf(rows, worse)
	want := float64(meanOf(rankICs(rows)) - meanOf(rankICs(worse)))
	if diff := float64(d.Mean) - want; d.Metric != "rank_ic" || diff > 1e-12 || diff < -1e-12 || !(d.Interval.Low > 0 && d.Interval.Low < d.Mean && d.Mean < d.Interval.High) {
		t.Errorf("%+v, want a mean of %v", d, want)
	}
	if d := DropOf(rows, rows); d.Mean != 0 || d.Interval.Low != 0 || d.Interval.High != 0 {
		t.Errorf("of the same rows: %+v", d)
	}
}
