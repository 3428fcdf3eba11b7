package evaluation

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// realised is a score and the return that followed it.
type realised struct {
	openTime   int64
	score, ret float64
}

// minCrossSection is the number of symbols that a snapshot's correlation
// needs: of two points it is always 1 or -1.
const minCrossSection = 3

// AUC is the area under the ROC curve of score [K] against ret [K] > 0: the
// share of pairs of a rise and a non-rise in which the rise has the higher
// score, ties counting half (Mann and Whitney's U; Hanley, McNeil 1982). It is
// NaN where there are no such pairs, or where a score is NaN.
func AUC(score, ret []float64) float64 {
	var rise, other []float64
	for i, s := range score {
		if math.IsNaN(s) {
			return math.NaN()
		}
		if ret[i] > 0 {
			rise = append(rise, s)
		} else {
			other = append(other, s)
		}
	}
	if len(rise) == 0 || len(other) == 0 {
		return math.NaN()
	}
	slices.Sort(rise)
	slices.Sort(other)
	// Halves of pairs, so that the count stays whole and exact. Both indices
	// only move up: below is how many others lie under s, notAbove not over it.
	var halves int64
	below, notAbove := 0, 0
	for _, s := range rise {
		for below < len(other) && other[below] < s {
			below++
		}
		for notAbove < len(other) && other[notAbove] <= s {
			notAbove++
		}
		halves += int64(below) + int64(notAbove)
	}
	return float64(halves) / (2 * float64(len(rise)) * float64(len(other)))
}

// ranking fills in what compares scores with returns.
func (t *tally) ranking(m *SplitMetrics) {
	m.ReturnCount = len(t.realised)
	byTime := func(a, b realised) int { return cmp.Compare(a.openTime, b.openTime) }
	if !slices.IsSortedFunc(t.realised, byTime) {
		slices.SortStableFunc(t.realised, byTime)
	}
	score, ret := make([]float64, len(t.realised)), make([]float64, len(t.realised))
	for i, o := range t.realised {
		score[i], ret[i] = o.score, o.ret
	}
	m.AUC, m.AUCInterval = Float(AUC(score, ret)), aucInterval(t.realised)

	var ics, rankICs []float64
	var datedICs, dated []Dated
	var shares precisions
	for from, to := 0, 0; from < len(t.realised); from = to {
		to = from + 1
		for to < len(t.realised) && t.realised[to].openTime == t.realised[from].openTime {
			to++
		}
		ic, ok := correlation(score[from:to], ret[from:to])
		if !ok {
			continue
		}
		// Ranks of values that vary do vary, so this one always exists.
		rankIC, _ := correlation(midranks(score[from:to]), midranks(ret[from:to]))
		ics, rankICs = append(ics, ic), append(rankICs, rankIC)
		openTime := t.realised[from].openTime
		datedICs, dated = append(datedICs, Dated{openTime, ic}), append(dated, Dated{openTime, rankIC})
		shares.add(openTime, score[from:to], ret[from:to])
	}
	m.ICSnapshots = len(ics)
	m.IC, m.ICIR = meanAndRatio(ics)
	m.RankIC, m.RankICIR = meanAndRatio(rankICs)
	lags := max(NeweyWestLags(len(ics)), int(t.horizon)-1)
	m.ICT, m.RankICT = Float(NeweyWest(ics, lags)), Float(NeweyWest(rankICs, lags))
	m.ICInterval, m.RankICInterval = MeanInterval(datedICs), MeanInterval(dated)
	m.Precision = shares.metrics()
}

// RankCorrelation is Spearman's of a snapshot's scores and returns, if it has
// one: of three or more, neither side constant.
func RankCorrelation(score, ret []float64) (float64, bool) {
	if _, ok := correlation(score, ret); !ok {
		return 0, false
	}
	return correlation(midranks(score), midranks(ret))
}

// correlation is Pearson's of a cross-section, if it has one.
func correlation(x, y []float64) (float64, bool) {
	if len(x) < minCrossSection || slices.Min(x) == slices.Max(x) || slices.Min(y) == slices.Max(y) {
		return 0, false
	}
	r := stat.Correlation(x, y, nil)
	// The variance of values that differ by less than 1e-162 rounds to 0.
	return min(max(r, -1), 1), finite(r)
}

// midranks ranks from 1; equal values share the mean of their ranks.
func midranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	ranks := make([]float64, len(v))
	for from, to := 0, 0; from < len(order); from = to {
		to = from + 1
		for to < len(order) && v[order[to]] == v[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = float64(from+1+to) / 2
		}
	}
	return ranks
}

// meanAndRatio is the mean and mean over sample deviation, each NaN where it
// does not exist.
func meanAndRatio(v []float64) (mean, ratio Float) {
	mean, ratio = Float(math.NaN()), Float(math.NaN())
	if len(v) == 0 {
		return mean, ratio
	}
	m, std := stat.MeanStdDev(v, nil)
	if len(v) > 1 && std > 0 {
		ratio = Float(m / std)
	}
	return Float(m), ratio
}
