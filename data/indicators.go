package data

import "math"

// The rolling functions sum their short window anew at each bar. A running sum
// that adds the new value and takes the old one off would keep the rounding of
// every large value that passed, and a flat stretch after a jump would then
// show movement that is not there.

// carried writes at each bar the newest value up to it that is there and at
// most most bars old, NaN where there is none: pandas' ffill(limit=most).
func carried(values []float64, most int) []float64 {
	out := make([]float64, len(values))
	last, age := math.NaN(), 0
	for t, v := range values {
		if age++; !math.IsNaN(v) {
			last, age = v, 0
		}
		if out[t] = last; age > most {
			out[t] = math.NaN()
		}
	}
	return out
}

// logReturn writes ln(C_t / C_{t-k}), NaN where either close is missing. last is
// logClose itself, or carried over gaps.
func logReturn(dst, logClose, last []float64, k int) {
	for t := range dst {
		if t < k {
			dst[t] = math.NaN()
			continue
		}
		dst[t] = logClose[t] - last[t-k]
	}
}

// rollingDeviation writes the sample deviation (divisor n-1) of the values that
// are there among the last window, NaN where fewer than least are.
func rollingDeviation(dst, values []float64, window, least int) {
	for t := range dst {
		last := values[max(0, t-window+1) : t+1]
		n, mean := meanOf(last)
		if n < max(least, 2) {
			dst[t] = math.NaN()
			continue
		}
		squares := 0.0
		for _, v := range last {
			if !math.IsNaN(v) {
				squares += (v - mean) * (v - mean)
			}
		}
		dst[t] = math.Sqrt(squares / float64(n-1))
	}
}

// cutlerRSI writes the relative strength index with simple means of gains and
// losses (Cutler's variant; Wilder's, of 1978, smooths them exponentially and
// so depends on where the data begin): 100 G / (G + L) over the changes of the
// last window bars, 50 where nothing moved, NaN where fewer than least changes
// are known.
func cutlerRSI(dst, closes, last []float64, window, least int) {
	for t := range dst {
		n, gains, losses := 0, 0.0, 0.0
		for b := max(1, t-window+1); b <= t; b++ {
			change := closes[b] - last[b-1]
			switch {
			case math.IsNaN(change):
				continue
			case change > 0:
				gains += change
			default:
				losses -= change
			}
			n++
		}
		switch {
		case n < least:
			dst[t] = math.NaN()
		case gains+losses == 0:
			dst[t] = 50
		default:
			dst[t] = 100 * gains / (gains + losses)
		}
	}
}

// ratioToMean writes the value over the mean of the last window values, itself
// among them; 1 where that mean is 0, NaN where the value is missing or fewer
// than least are there.
func ratioToMean(dst, values []float64, window, least int) {
	for t, v := range values {
		n, mean := meanOf(values[max(0, t-window+1) : t+1])
		switch {
		case math.IsNaN(v) || n < least:
			dst[t] = math.NaN()
		case mean == 0:
			dst[t] = 1
		default:
			dst[t] = v / mean
		}
	}
}

// meanOf counts the values that are there and takes their mean, 0 of none.
func meanOf(values []float64) (n int, mean float64) {
	sum := 0.0
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += v
			n++
		}
	}
	return n, sum / float64(max(n, 1))
}
