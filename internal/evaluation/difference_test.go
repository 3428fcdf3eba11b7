package evaluation

import (
	"math"
	"slices"
	"testing"
)

func TestADifferenceIsThatOfTheMeansAtItsHorizon(t *testing.T) {
	good, poor := forecasts(7, 12, .3), forecasts(8, 12, .1)
	metrics := func(rows []Prediction) *SplitMetrics {
		splits, err := EvaluateSplits(slices.Values(rows))
		if err != nil {
			t.Fatal(err)
		}
		return &splits.Test
	}
	a, b := metrics(good), metrics(poor)
	ours, theirs := NewCorrelations(slices.Values(good)), NewCorrelations(slices.Values(poor))
	all := ours.Differences(theirs, "poor", 6)
	if len(all) != 2 || all[0].Metric != "rank_ic" || all[1].Metric != "ic" {
		t.Fatalf("%+v", all)
	}
	for i, want := range []Float{a.RankIC - b.RankIC, a.IC - b.IC} {
		d := all[i]
		if math.Abs(float64(d.Difference-want)) > 1e-12 || d.Against != "poor" || d.Horizon != 6 || d.Values != 12*24 || d.Blocks != 12 {
			t.Errorf("%+v, and the means differ by %v", d, want)
		}
		if d.Interval.Low <= 0 || d.P > .01 {
			t.Errorf("skills of .3 and .1 over 12 days: %+v", d)
		}
	}
	c := NewTestSplit(slices.Values(good)).Compare(NewTestSplit(slices.Values(poor)), "poor", 6)
	if c.Difference != all[0].Difference || c.Interval != all[0].Interval || c.P != all[0].P {
		t.Errorf("the comparison %+v, the difference of rank ICs %+v", c, all[0])
	}
	if none := ours.Differences(Correlations{}, "nothing", 1); none[0].Values != 0 || !math.IsNaN(float64(none[0].P)) {
		t.Errorf("%+v", none[0])
	}
}
