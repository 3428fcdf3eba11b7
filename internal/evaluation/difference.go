package evaluation

import (
	"iter"

	"github.com/streamforge/gnn-trainer/data"
)

// Difference is how much higher a model's mean correlation of scores and returns
// is than another method's at one horizon, on the test snapshots that both predict.
type Difference struct {
	Against    string   `json:"against"`    // the other method
	Horizon    int      `json:"horizon"`    // bars
	Metric     string   `json:"metric"`     // rank_ic or ic
	Difference Float    `json:"difference"` // of the model's mean and the other's
	Interval   Interval `json:"interval"`
	// P is two-sided, of no difference, by the same bootstrap over blocks of time, and
	// not corrected for how many there are.
	P      Float `json:"p"`
	Values int   `json:"values"`
	Blocks int   `json:"blocks"`
}

// Correlations are a method's of each test snapshot at one horizon.
type Correlations struct {
	rankICs, ics []Dated
}

// NewCorrelations takes rows by time, of which it reads those of the test split.
func NewCorrelations(rows iter.Seq[Prediction]) Correlations {
	var c Correlations
	var score, ret []float64
	openTime := int64(0)
	end := func() {
		if ic, ok := correlation(score, ret); ok {
			rankIC, _ := correlation(midranks(score), midranks(ret))
			c.ics, c.rankICs = append(c.ics, Dated{openTime, ic}), append(c.rankICs, Dated{openTime, rankIC})
		}
		score, ret = score[:0], ret[:0]
	}
	for p := range rows {
		if p.Split != string(data.Test) || p.Return == nil {
			continue
		}
		if p.OpenTime != openTime {
			end()
			openTime = p.OpenTime
		}
		score, ret = append(score, p.Score), append(ret, *p.Return)
	}
	end()
	return c
}

// Differences compares a model with another method by both correlations.
func (c Correlations) Differences(other Correlations, against string, horizon int) []Difference {
	of := func(metric string, pairs []Dated) Difference {
		blocks := blocksOf(pairs)
		means := resampled(blocks)
		return Difference{
			Against: against, Horizon: horizon, Metric: metric,
			Difference: Float(meanOf(pairs)), Interval: intervalOf(means), P: Float(twoSided(means)),
			Values: len(pairs), Blocks: len(blocks),
		}
	}
	return []Difference{of("rank_ic", difference(c.rankICs, other.rankICs)), of("ic", difference(c.ics, other.ics))}
}
