package evaluation

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Resampling of time series. Neighbouring values depend on each other, so whole
// blocks of time are drawn, with replacement (Künsch, The jackknife and the
// bootstrap for general stationary observations, 1989).
const (
	resamples = 2000
	// level is how often an interval holds the true value.
	level = 0.95
	// fewestDays is how many days are enough to draw days.
	fewestDays = 10
	// shortBlocks is how many blocks a shorter time is cut into.
	shortBlocks = 20
	// resampleSeed fixes the draws: the same predictions give the same bits.
	resampleSeed = 20240613

	dayMillis = 86_400_000
)

// Dated is a value of one snapshot.
type Dated struct {
	OpenTime int64 // Unix ms
	Value    float64
}

// Interval is a confidence interval of 95 %, NaN where there is none.
type Interval struct {
	Low  Float `json:"low"`
	High Float `json:"high"`
}

// block is the sum and the number of the values of one stretch of time.
type block struct {
	sum   float64
	count int
}

// blocksOf are the blocks of values, whose times rise.
func blocksOf(values []Dated) []block {
	times := make([]int64, len(values))
	for i, v := range values {
		times[i] = v.OpenTime
	}
	number, count := blockNumbers(times)
	blocks := make([]block, count)
	for i, v := range values {
		b := &blocks[number[i]]
		b.sum += v.Value
		b.count++
	}
	return blocks
}

// blockNumbers cuts values of rising times into days (UTC), or into a few equal
// stretches where there are too few days: the block of each, from 0, and how many
// there are. Values of one time stay together, unless all are of one time: then
// each is its own.
func blockNumbers(times []int64) (number []int, count int) {
	if len(times) == 0 {
		return nil, 0
	}
	first, last := times[0], times[len(times)-1]
	key := func(i int) int64 { return floorDay(times[i]) }
	switch {
	case first == last:
		key = func(i int) int64 { return int64(i) }
	case floorDay(last)-floorDay(first)+1 < fewestDays:
		// Of equal numbers of times, not of values.
		distinct := slices.Compact(slices.Clone(times))
		blocks := min(shortBlocks, len(distinct))
		key = func(i int) int64 {
			at, _ := slices.BinarySearch(distinct, times[i])
			return int64(at * blocks / len(distinct))
		}
	}
	number = make([]int, len(times))
	before := int64(0)
	for i := range times {
		if k := key(i); i == 0 || k != before {
			count, before = count+1, k
		}
		number[i] = count - 1
	}
	return number, count
}

func floorDay(ms int64) int64 {
	d := ms / dayMillis
	if ms%dayMillis < 0 {
		d--
	}
	return d
}

// resampled are means of the values of drawn blocks, rising; nil where fewer
// than two blocks have values.
func resampled(blocks []block) []float64 {
	if len(blocks) < 2 {
		return nil
	}
	r := rand.New(rand.NewPCG(resampleSeed, uint64(len(blocks))))
	means := make([]float64, resamples)
	for k := range means {
		sum, count := 0.0, 0
		for range blocks {
			b := blocks[r.IntN(len(blocks))]
			sum += b.sum
			count += b.count
		}
		means[k] = sum / float64(count)
	}
	slices.Sort(means)
	return means
}

// MeanInterval is the percentile interval of the mean of values, whose times
// rise, by a bootstrap over blocks of time.
func MeanInterval(values []Dated) Interval { return intervalOf(resampled(blocksOf(values))) }

func intervalOf(means []float64) Interval {
	if means == nil {
		return Interval{Float(math.NaN()), Float(math.NaN())}
	}
	tail := (1 - level) / 2
	return Interval{Float(quantile(means, tail)), Float(quantile(means, 1-tail))}
}

// quantile interpolates between the sorted values, as NumPy does by default.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below+1 == len(sorted) {
		return sorted[below]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}

// twoSided is the p-value of a mean of zero: twice the smaller share of resampled
// means on either side of it, never 0.
func twoSided(means []float64) float64 {
	if means == nil {
		return math.NaN()
	}
	atMost, atLeast := 1, 1
	for _, m := range means {
		if m <= 0 {
			atMost++
		}
		if m >= 0 {
			atLeast++
		}
	}
	return min(1, 2*float64(min(atMost, atLeast))/float64(len(means)+1))
}
