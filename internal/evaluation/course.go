package evaluation

// Course is the capital of a backtest over time, from 1 at the first period.
type Course struct {
	OpenTimes []int64 // [periods] Unix ms, of the snapshots that set positions
	// DollarNeutral [len(CostsBps)][periods] is the capital at the end of each period
	// after each of CostsBps a side.
	DollarNeutral [][]float64
	EqualWeight   []float64 // [periods] without costs
}

// Course is that of Backtest; nil where the scores rank nothing.
func (t *TestSplit) Course(horizon int) *Course {
	held := t.periods(horizon)
	if len(held) == 0 {
		return nil
	}
	c := &Course{}
	for _, p := range held {
		c.OpenTimes = append(c.OpenTimes, p.openTime)
	}
	gross, _, turnover := earned(held, neutral)
	for _, cost := range CostsBps {
		c.DollarNeutral = append(c.DollarNeutral, compounded(gross, turnover, cost))
	}
	gross, _, turnover = earned(held, equalWeight)
	c.EqualWeight = compounded(gross, turnover, 0)
	return c
}

func compounded(gross, turnover []float64, costBps float64) []float64 {
	course, capital := make([]float64, len(gross)), 1.0
	for k := range gross {
		capital *= 1 + (gross[k] - turnover[k]*costBps/1e4)
		course[k] = capital
	}
	return course
}

// RankICs are those of the test split's snapshots that have one, by time.
func (t *TestSplit) RankICs() []Dated { return t.rankICs }

// Drop is how much worse predictions become.
type Drop struct {
	Metric   string   `json:"metric"` // rank_ic, or accuracy where too few snapshots have returns
	Mean     Float    `json:"mean"`
	Interval Interval `json:"interval"`
}

// DropOf is how much better rows of one split are than others of the same
// snapshots and symbols; both by time.
func DropOf(rows, others []Prediction) Drop {
	d := Drop{Metric: "rank_ic"}
	pairs := difference(rankICs(rows), rankICs(others))
	if len(pairs) < fewestICs && haveClasses(rows) {
		d.Metric, pairs = "accuracy", hitDifference(rows, others)
	}
	d.Mean, d.Interval = Float(meanOf(pairs)), MeanInterval(pairs)
	return d
}
