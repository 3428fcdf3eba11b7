package data

import (
	"math"
	"slices"
)

// The limits of a feature are quantiles of the training split, so that no candle
// of one symbol decides the scale of all. Clipping at such quantiles is
// winsorization.
const (
	clipQuantile = 0.005 // and 1 - clipQuantile

	// A few dozen rows of one wrong candle may be more than 0.5 % of a small
	// market. Rows beyond fenceRanges interquartile ranges from the quartiles
	// are outliers (Tukey's fences) and are clipped too, unless they are more
	// than fenceShare of the rows at that end: that is the market itself.
	fenceRanges = 5
	fenceShare  = 0.05
)

// fitLimits is the least and the largest value [F] of each feature that is not
// clipped. One whose formula bounds it keeps those bounds: it is in units of
// volatility, and where it is large it says most.
func fitLimits(p *Panel, fold *Fold) (low, high []float32) {
	f := p.NumFeatures()
	low, high = make([]float32, f), make([]float32, f)
	each(f, func() func(int) {
		var keys []uint32
		return func(j int) {
			if bound := float32(boundOf(p.Features[j])); bound > 0 && !slices.Contains(p.Given, p.Features[j]) {
				low[j], high[j] = -bound, bound
				return
			}
			keys = keys[:0]
			eachTrainRow(p, fold, func(x []float32) { keys = append(keys, orderedKey(x[j])) })
			if len(keys) > 0 {
				low[j], high[j] = limitsOf(keys)
			}
		}
	})
	return low, high
}

// limitsOf finds the limits of the values with these keys.
func limitsOf(keys []uint32) (low, high float32) {
	q := quantiles(keys, clipQuantile, fenceShare, 0.25, 0.75, 1-fenceShare, 1-clipQuantile)
	low, high = q[0], q[5]
	if span := fenceRanges * (q[3] - q[2]); span > 0 {
		low, high = max(low, min(q[1], q[2]-span)), min(high, max(q[4], q[3]+span))
	}
	return low, high
}

// quantiles are NumPy's with method="inverted_cdf": the smallest value that at
// least the share q of all values does not exceed. The shares rise. It is a
// radix selection: the values are counted by the upper half of their key, and
// only those that share it with a wanted one are sorted.
func quantiles(keys []uint32, shares ...float64) []float32 {
	counts := make([]int, 1<<16)
	for _, k := range keys {
		counts[k>>16]++
	}
	found := make([]float32, len(shares))
	below, bucket := 0, 0
	var members []uint32
	for i, q := range shares {
		rank := min(max(int(math.Ceil(q*float64(len(keys))))-1, 0), len(keys)-1)
		for below+counts[bucket] <= rank {
			below += counts[bucket]
			bucket++
			members = nil
		}
		if members == nil {
			for _, k := range keys {
				if int(k>>16) == bucket {
					members = append(members, k)
				}
			}
			slices.Sort(members)
		}
		found[i] = fromOrderedKey(members[rank-below])
	}
	return found
}

// orderedKey maps a float32 to a number of the same order; -0 counts as 0.
func orderedKey(v float32) uint32 {
	bits := math.Float32bits(v + 0)
	if bits>>31 == 1 {
		return ^bits
	}
	return bits | 1<<31
}

func fromOrderedKey(k uint32) float32 {
	if k>>31 == 1 {
		return math.Float32frombits(k &^ (1 << 31))
	}
	return math.Float32frombits(^k)
}
