package data

import "math"

// rolling calls put at each bar that is there with the number of the values among
// the last window, their mean and their sample variance (divisor n-1; 0 of one).
//
// Sums are updated from bar to bar, and taken afresh at bars that are fixed on
// absolute time: so rounding cannot build up, and a bar depends on the two windows
// before it only. That is for logarithms, of which none is so large that it leaves
// its rounding behind.
func rolling(axis Axis, values []float64, window int, put func(t, n int, mean, variance float64)) {
	for _, b := range blocks(axis, max(window, minBlock), 0) {
		n, sum, squares, base := 0, 0.0, 0.0, math.NaN()
		add := func(v, sign float64) {
			if math.IsNaN(v) {
				return
			}
			if math.IsNaN(base) {
				base = v
			}
			n += int(sign)
			sum += sign * (v - base)
			squares += sign * (v - base) * (v - base)
		}
		for t := max(0, b.from-window+1); t < b.from; t++ {
			add(values[t], 1)
		}
		for t := b.from; t < b.to; t++ {
			if add(values[t], 1); n == 0 {
				sum, squares, base = 0, 0, math.NaN()
			}
			count := float64(max(n, 1))
			variance := max(0, squares-sum*sum/count) / max(count-1, 1)
			if put(t, n, base+sum/count, variance); t-window+1 >= 0 {
				add(values[t-window+1], -1)
			}
		}
	}
}
