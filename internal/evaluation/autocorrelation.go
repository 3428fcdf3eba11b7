package evaluation

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// NeweyWestLags is the number of lags for n values that Newey and West propose
// (Automatic lag selection in covariance matrix estimation, 1994).
func NeweyWestLags(n int) int { return int(math.Floor(4 * math.Pow(float64(n)/100, 2.0/9))) }

// NeweyWest is the mean of values in time order over its standard error, which
// counts their autocorrelation up to so many lags with Bartlett's weights (Newey,
// West, A simple, positive semi-definite covariance matrix, 1987). It is NaN
// where the values are fewer than two or do not vary.
func NeweyWest(values []float64, lags int) (t float64) {
	n := float64(len(values))
	if len(values) < 2 {
		return math.NaN()
	}
	mean := 0.0
	for _, v := range values {
		mean += v / n
	}
	variance := 0.0
	for lag := 0; lag <= min(lags, len(values)-1); lag++ {
		sum := 0.0
		for i := lag; i < len(values); i++ {
			sum += (values[i] - mean) * (values[i-lag] - mean)
		}
		weight := 1.0
		if lag > 0 {
			weight = 2 * (1 - float64(lag)/float64(lags+1))
		}
		variance += weight * sum
	}
	if variance <= 0 {
		return math.NaN()
	}
	return mean / (math.Sqrt(variance) / n)
}

// DieboldMariano tests whether two forecasts over horizon steps lose equally
// much: differences are their losses' differences in time order, and p is
// two-sided. The variance has horizon-1 autocovariances, and the statistic
// Harvey, Leybourne and Newbold's correction for few values and their Student
// distribution (Testing the equality of prediction mean squared errors, 1997).
// Both are NaN where there are too few values or the variance is not above 0.
func DieboldMariano(differences []float64, horizon int) (statistic, p float64) {
	n := float64(len(differences))
	if len(differences) <= horizon || horizon < 1 || len(differences) < 2 {
		return math.NaN(), math.NaN()
	}
	mean := 0.0
	for _, d := range differences {
		mean += d / n
	}
	variance := 0.0
	for lag := range horizon {
		covariance := 0.0
		for i := lag; i < len(differences); i++ {
			covariance += (differences[i] - mean) * (differences[i-lag] - mean) / n
		}
		if lag > 0 {
			covariance *= 2
		}
		variance += covariance
	}
	h := float64(horizon)
	correction := (n + 1 - 2*h + h*(h-1)/n) / n
	if variance <= 0 || correction <= 0 {
		return math.NaN(), math.NaN()
	}
	statistic = mean / math.Sqrt(variance/n) * math.Sqrt(correction)
	student := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}
	return statistic, 2 * student.CDF(-math.Abs(statistic))
}

// Holm corrects p-values of several comparisons, so that the chance of any false
// one stays below the level (Holm, A simple sequentially rejective multiple test
// procedure, 1979). NaN stays NaN and does not count.
func Holm(p []float64) []float64 {
	out := make([]float64, len(p))
	var order []int
	for i, v := range p {
		if out[i] = v; !math.IsNaN(v) {
			order = append(order, i)
		}
	}
	for a := 1; a < len(order); a++ { // few: insertion keeps equals in order
		for b := a; b > 0 && p[order[b]] < p[order[b-1]]; b-- {
			order[b], order[b-1] = order[b-1], order[b]
		}
	}
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, p[i]*float64(len(order)-rank)))
		out[i] = least
	}
	return out
}
