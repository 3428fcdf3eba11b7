package evaluation

import (
	"cmp"
	"math"
	"slices"
)

// Precision is how often the symbols at the ends of a snapshot's order of scores
// are on the right side of the snapshot's median return, of the snapshots that
// have an IC. A return equal to the median counts half, so that 1/2 is chance.
// Where equal scores span the end of the k, each of them counts by its chance of
// being among them.
type Precision struct {
	Top1        PrecisionAt `json:"top_1"`        // the highest score: above the median
	TopThird    PrecisionAt `json:"top_third"`    // the highest N/3, rounded down: above it
	BottomThird PrecisionAt `json:"bottom_third"` // the lowest N/3: below it
}

// PrecisionAt is the mean of a share over snapshots, with its interval; see
// [MeanInterval].
type PrecisionAt struct {
	Value    Float    `json:"value"`
	Interval Interval `json:"interval"`
}

// precisions collects the shares of each snapshot.
type precisions struct{ top1, topThird, bottomThird []Dated }

// add adds a snapshot of N >= 3 scores and returns.
func (p *precisions) add(openTime int64, score, ret []float64) {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	middle := medianOf(ret)
	sides := make([]float64, len(ret)) // 1 above the median, 0 below
	for i, r := range ret {
		switch {
		case r > middle:
			sides[i] = 1
		case r == middle:
			sides[i] = 0.5
		}
	}
	third := len(score) / 3
	p.top1 = append(p.top1, Dated{openTime, shareOfFirst(1, order, score, sides)})
	p.topThird = append(p.topThird, Dated{openTime, shareOfFirst(third, order, score, sides)})
	slices.Reverse(order)
	p.bottomThird = append(p.bottomThird, Dated{openTime, 1 - shareOfFirst(third, order, score, sides)})
}

func (p *precisions) metrics() Precision {
	at := func(values []Dated) PrecisionAt { return PrecisionAt{Float(meanOf(values)), MeanInterval(values)} }
	return Precision{at(p.top1), at(p.topThird), at(p.bottomThird)}
}

// shareOfFirst is the mean side of the first k of an order of scores.
func shareOfFirst(k int, order []int, score, sides []float64) float64 {
	total := 0.0
	for from, to := 0, 0; from < k; from = to {
		to = from + 1
		for to < len(order) && score[order[to]] == score[order[from]] {
			to++
		}
		ofEqual := 0.0
		for _, i := range order[from:to] {
			ofEqual += sides[i]
		}
		if among := min(to, k) - from; among < to-from {
			ofEqual *= float64(among) / float64(to-from)
		}
		total += ofEqual
	}
	return total / float64(k)
}

// medianOf is the mean of the two middle values where their number is even.
func medianOf(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
