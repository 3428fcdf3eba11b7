package evaluation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// dated spaces values by minutes from the first on.
func dated(values []float64, minutes int64) []Dated {
	all := make([]Dated, len(values))
	for i, v := range values {
		all[i] = Dated{1_700_000_000_000 + int64(i)*minutes*60_000, v}
	}
	return all
}

func TestAnIntervalHoldsTheMeanAboutAsOftenAsItClaims(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, test := range []struct {
		name    string
		n       int
		minutes int64
	}{{"sixty days", 60 * 24, 60}, {"two days", 2 * 24 * 12, 5}} {
		const trials = 300
		held := 0
		for range trials {
			i := MeanInterval(dated(autoregressive(r, test.n, 0.3, 0.5), test.minutes))
			if i.Low <= 0.3 && 0.3 <= i.High {
				held++
			}
		}
		if share := float64(held) / trials; share < 0.88 || share > 0.98 {
			t.Errorf("%s: %.3f of the intervals hold the mean", test.name, share)
		}
	}
}

// forecasts are the rows of days with 24 snapshots of ten symbols, whose scores
// have the given correlation with the returns that follow.
func forecasts(seed uint64, days int, skill float64) []Prediction {
	market, own := rand.New(rand.NewPCG(3, 3)), rand.New(rand.NewPCG(seed, 4))
	var rows []Prediction
	for hour := range days * 24 {
		for i := range 10 {
			ret := market.NormFloat64()
			score := skill*ret + math.Sqrt(1-skill*skill)*own.NormFloat64()
			label := int64(1)
			if math.Abs(ret) > 0.4 {
				label = 1 + int64(math.Copysign(1, ret))
			}
			down, up := math.Exp(-score), math.Exp(score)
			sum := down + 1 + up
			rows = append(rows, row(int64(hour)*3_600_000, fmt.Sprintf("S%d", i), "test", &label, &ret, down/sum, 1/sum, up/sum))
		}
	}
	return rows
}

// compareRows compares by the rows.
func compareRows(model, other []Prediction, against string, reach int) Comparison {
	return NewTestSplit(slices.Values(model)).Compare(NewTestSplit(slices.Values(other)), against, reach)
}

func TestADifferenceIsOneOnlyWhereItIsLargerThanItsNoise(t *testing.T) {
	none, some := forecasts(1, 30, 0), forecasts(2, 30, 0.1)
	better := compareRows(some, none, "no_edges", 1)
	if better.Better() != 1 || better.P > 0.01 || better.Metric != "rank_ic" || better.Blocks != 30 || better.Values != 720 || !(better.LossStatistic < 0) {
		t.Errorf("a better model: %+v", better)
	}
	worse := compareRows(none, some, "no_edges", 1)
	if worse.Better() != -1 || worse.Difference != -better.Difference || !(worse.LossStatistic > 0) {
		t.Errorf("a worse model: %+v", worse)
	}
	false1 := 0
	for seed := range uint64(40) {
		c := compareRows(forecasts(10+2*seed, 20, 0.05), forecasts(11+2*seed, 20, 0.05), "no_edges", 1)
		if c.Better() != 0 {
			false1++
		}
	}
	if false1 > 6 { // 2 of 40 in the mean
		t.Errorf("%d of 40 pairs of equal models are said to differ", false1)
	}
	same := compareRows(none, none, "no_edges", 1)
	if same.Better() != 0 || same.Difference != 0 || same.P != 1 {
		t.Errorf("a model against itself: %+v", same)
	}
}

func TestAComparisonRepeatsToTheBit(t *testing.T) {
	a, b := forecasts(1, 12, 0.1), forecasts(2, 12, 0)
	first := compareRows(a, b, "no_edges", 1)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(a), func(i, j int) { a[i], a[j] = a[j], a[i] })
	if again := compareRows(a, b, "no_edges", 1); again != first {
		t.Errorf("%+v, of the same rows in another order %+v", first, again)
	}
}

func TestAGraphWithoutReturnsIsComparedByItsClasses(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	rows := func(skill float64) []Prediction {
		var all []Prediction
		for i := range 400 {
			label := int64(i % 3)
			probability := [3]float64{0.2, 0.2, 0.2}
			guess := r.Int64N(3)
			if r.Float64() < skill {
				guess = label
			}
			probability[guess] = 0.6
			all = append(all, row(0, fmt.Sprintf("node_%d", i), "test", &label, nil, probability[0], probability[1], probability[2]))
		}
		return all
	}
	c := compareRows(rows(0.5), rows(0), "no_edges", 0)
	if c.Metric != "accuracy" || c.Better() != 1 || c.Values != 400 || c.Blocks != 400 {
		t.Errorf("%+v", c)
	}
	if none := compareRows(nil, rows(0), "no_edges", 0); none.Better() != 0 || !math.IsNaN(float64(none.Difference)) {
		t.Errorf("without rows: %+v", none)
	}
}
