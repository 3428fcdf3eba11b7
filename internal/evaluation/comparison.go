package evaluation

import (
	"cmp"
	"iter"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
)

// Comparison is how much better a model predicts the test split than another
// method, on the snapshots that both predict.
type Comparison struct {
	Against string `json:"against"` // the other method
	// Metric is rank_ic, or accuracy where too few snapshots have returns and the
	// model predicts classes.
	Metric     string   `json:"metric"`
	Difference Float    `json:"difference"` // of the model's mean and the other's
	Interval   Interval `json:"interval"`
	P          Float    `json:"p"`      // two-sided, of no difference, by the same bootstrap
	HolmP      Float    `json:"p_holm"` // p corrected for the number of comparisons of the run
	Values     int      `json:"values"`
	Blocks     int      `json:"blocks"` // of time, which are drawn

	// LossStatistic and LossP are Diebold and Mariano's of the log losses, one
	// value a snapshot: below 0 where the model's is the smaller one.
	LossStatistic Float `json:"diebold_mariano"`
	LossP         Float `json:"diebold_mariano_p"`
}

// Better is 1 where the model is better, -1 where it is worse, and 0 where the
// interval spans zero or there is none: that is no difference.
func (c *Comparison) Better() int {
	switch {
	case c.Interval.Low > 0:
		return 1
	case c.Interval.High < 0:
		return -1
	}
	return 0
}

// Correct sets the corrected p of the comparisons of one run.
func Correct(all []Comparison) {
	p := make([]float64, len(all))
	for i, c := range all {
		p[i] = float64(c.P)
	}
	for i, v := range Holm(p) {
		all[i].HolmP = Float(v)
	}
}

// fewestICs is how many snapshots with a rank IC a comparison by it needs.
const fewestICs = 10

// TestSplit is a method's test rows of one horizon, and what comparisons ask of
// them.
type TestSplit struct {
	rows     []Prediction // by time, then symbol
	rankICs  []Dated
	logLoss  []Dated
	constant bool // all scores of each snapshot are equal
}

// NewTestSplit keeps the rows of the test split.
func NewTestSplit(rows iter.Seq[Prediction]) *TestSplit {
	t := &TestSplit{rows: testRows(rows), constant: true}
	t.rankICs, t.logLoss = rankICs(t.rows), lossBySnapshot(t.rows)
	for snapshot := range bySnapshot(t.rows) {
		for _, p := range snapshot {
			t.constant = t.constant && p.Score == snapshot[0].Score
		}
	}
	return t
}

// Compare compares a model with another method. reach is the number of bars until
// a return is known.
func (t *TestSplit) Compare(other *TestSplit, against string, reach int) Comparison {
	c := Comparison{Against: against, Metric: "rank_ic"}
	pairs := difference(t.rankICs, other.rankICs)
	if len(pairs) < fewestICs && haveClasses(t.rows) {
		c.Metric, pairs = "accuracy", hitDifference(t.rows, other.rows)
	}
	blocks := blocksOf(pairs)
	means := resampled(blocks)
	c.Difference, c.Interval, c.P = Float(meanOf(pairs)), intervalOf(means), Float(twoSided(means))
	c.HolmP = c.P
	c.Values, c.Blocks = len(pairs), len(blocks)
	var losses []float64
	for _, d := range difference(t.logLoss, other.logLoss) {
		losses = append(losses, d.Value)
	}
	statistic, p := DieboldMariano(losses, max(reach, 1))
	c.LossStatistic, c.LossP = Float(statistic), Float(p)
	return c
}

// testRows are the rows of the test split in time order, those of one time in
// the order of their symbols.
func testRows(rows iter.Seq[Prediction]) []Prediction {
	var all []Prediction
	for p := range rows {
		if p.Split == string(data.Test) {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b Prediction) int {
		return cmp.Or(cmp.Compare(a.OpenTime, b.OpenTime), cmp.Compare(a.Symbol, b.Symbol))
	})
	return all
}

// bySnapshot gives the rows of each time.
func bySnapshot(rows []Prediction) iter.Seq[[]Prediction] {
	return func(yield func([]Prediction) bool) {
		for from, to := 0, 0; from < len(rows); from = to {
			to = from + 1
			for to < len(rows) && rows[to].OpenTime == rows[from].OpenTime {
				to++
			}
			if !yield(rows[from:to]) {
				return
			}
		}
	}
}

// rankICs are those of the snapshots that have one.
func rankICs(rows []Prediction) []Dated {
	var all []Dated
	for snapshot := range bySnapshot(rows) {
		var score, ret []float64
		for _, p := range snapshot {
			if p.Return != nil {
				score, ret = append(score, p.Score), append(ret, *p.Return)
			}
		}
		if ic, ok := RankCorrelation(score, ret); ok {
			all = append(all, Dated{snapshot[0].OpenTime, ic})
		}
	}
	return all
}

// lossBySnapshot is the mean log loss of each snapshot with labels.
func lossBySnapshot(rows []Prediction) []Dated {
	var all []Dated
	for snapshot := range bySnapshot(rows) {
		sum, count := 0.0, 0
		for _, p := range snapshot {
			if p.Label != nil && p.HasClasses() {
				sum += logLoss(p.probability(int(*p.Label)))
				count++
			}
		}
		if count > 0 {
			all = append(all, Dated{snapshot[0].OpenTime, sum / float64(count)})
		}
	}
	return all
}

// difference is a less b at the times that both have.
func difference(a, b []Dated) []Dated {
	at := map[int64]float64{}
	for _, v := range b {
		at[v.OpenTime] = v.Value
	}
	var all []Dated
	for _, v := range a {
		if w, ok := at[v.OpenTime]; ok {
			all = append(all, Dated{v.OpenTime, v.Value - w})
		}
	}
	return all
}

// hitDifference is, for each row with a label that both predict, 1 where only a
// predicted its class, -1 where only b did, else 0.
func hitDifference(a, b []Prediction) []Dated {
	type row struct {
		openTime int64
		symbol   string
	}
	hits := map[row]bool{}
	for _, p := range b {
		if p.Label != nil && p.HasClasses() {
			hits[row{p.OpenTime, p.Symbol}] = p.class() == int(*p.Label)
		}
	}
	var all []Dated
	for _, p := range a {
		other, ok := hits[row{p.OpenTime, p.Symbol}]
		if p.Label == nil || !p.HasClasses() || !ok {
			continue
		}
		value := 0.0
		switch hit := p.class() == int(*p.Label); {
		case hit && !other:
			value = 1
		case other && !hit:
			value = -1
		}
		all = append(all, Dated{p.OpenTime, value})
	}
	return all
}

// haveClasses reports whether rows are of a task with classes.
func haveClasses(rows []Prediction) bool {
	return len(rows) > 0 && rows[0].HasClasses()
}

func meanOf(values []Dated) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, v := range values {
		sum += v.Value
	}
	return sum / float64(len(values))
}
