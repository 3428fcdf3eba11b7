package evaluation

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
)

// Calibration says whether probabilities mean what they say, on the test split.
type Calibration struct {
	Count int `json:"count"` // labelled test rows with probabilities
	// ECE is the expected calibration error: the mean over rows of the distance
	// between confidence and accuracy in the row's bin (Naeini, Cooper,
	// Hauskrecht, 2015).
	ECE Float `json:"ece"`
	// Reliability has bins of equal counts, by the predicted class's probability.
	Reliability []ReliabilityBin `json:"reliability"`

	// Temperature divides the log probabilities so that the log loss of the valid
	// split is least (Guo, Pleiss, Sun, Weinberger, 2017): above 1 the model is
	// overconfident. LogLoss is that of the test split with it. Of several folds it
	// is the last one's, and LogLoss is with each fold's own.
	Temperature Float `json:"temperature"`
	LogLoss     Float `json:"log_loss_with_temperature"`

	// Sets are prediction sets whose size the valid split decides, and then the
	// test split's own past.
	Sets PredictionSets `json:"prediction_sets"`
}

// ReliabilityBin is one point of the reliability curve.
type ReliabilityBin struct {
	Count      int   `json:"count"`
	Confidence Float `json:"confidence"` // mean probability of the predicted class
	Accuracy   Float `json:"accuracy"`
}

// PredictionSets are sets of classes that should hold the true one as often as
// their level says.
type PredictionSets struct {
	Level    Float `json:"level"`
	Coverage Float `json:"coverage"`  // how often they did on the test split
	MeanSize Float `json:"mean_size"` // classes in a set
}

const (
	reliabilityBins = 10
	conformalLevel  = 0.9
)

// calibrated are the rows of one fold.
type calibrated struct{ valid, test []labelledRow }

// labelledRow is what calibration reads of a row.
type labelledRow struct {
	openTime int64
	p        [3]float64
	label    int64
}

// NewCalibration measures the test rows of one horizon, with what the valid rows
// of the same fold decide; nil where a fold has no labelled row with probabilities
// of either. reach is the number of snapshots after which a label is known.
func NewCalibration(rows iter.Seq[Prediction], reach int) *Calibration {
	folds := map[int64]*calibrated{}
	for p := range rows {
		if p.Label == nil || !p.HasClasses() || p.Classes != nil {
			continue
		}
		f := folds[p.Fold]
		if f == nil {
			f = &calibrated{}
			folds[p.Fold] = f
		}
		switch r := (labelledRow{p.OpenTime, p.probabilities(), *p.Label}); p.Split {
		case string(data.Valid):
			f.valid = append(f.valid, r)
		case string(data.Test):
			f.test = append(f.test, r)
		}
	}
	c, loss, covered, size := &Calibration{}, 0.0, 0, 0
	var test []labelledRow
	for _, number := range slices.Sorted(maps.Keys(folds)) {
		f := folds[number]
		if len(f.valid) == 0 || len(f.test) == 0 {
			return nil
		}
		slices.SortStableFunc(f.test, func(a, b labelledRow) int { return cmp.Compare(a.openTime, b.openTime) })
		t := temperature(f.valid)
		c.Temperature = Float(t)
		loss += lossAt(f.test, t)
		hits, classes := predictionSets(f.valid, f.test, reach)
		covered, size = covered+hits, size+classes
		test = append(test, f.test...)
	}
	if len(test) == 0 {
		return nil
	}
	c.Count, c.Reliability = len(test), reliability(test)
	off := 0.0
	for _, b := range c.Reliability {
		off += float64(b.Count) / float64(len(test)) * math.Abs(float64(b.Accuracy-b.Confidence))
	}
	c.ECE, c.LogLoss = Float(off), Float(loss/float64(len(test)))
	c.Sets = PredictionSets{Level: conformalLevel, Coverage: Float(ratio(float64(covered), len(test))), MeanSize: Float(ratio(float64(size), len(test)))}
	return c
}

// reliability bins rows by the predicted class's probability; rows of equal
// probability may lie in two bins.
func reliability(rows []labelledRow) []ReliabilityBin {
	type row struct {
		confidence float64
		hit        bool
	}
	all := make([]row, len(rows))
	for i, r := range rows {
		best := 0
		for c, v := range r.p {
			if v > r.p[best] {
				best = c
			}
		}
		all[i] = row{r.p[best], int64(best) == r.label}
	}
	slices.SortStableFunc(all, func(a, b row) int { return cmp.Compare(a.confidence, b.confidence) })
	bins := make([]ReliabilityBin, 0, reliabilityBins)
	for k := range reliabilityBins {
		part := all[k*len(all)/reliabilityBins : (k+1)*len(all)/reliabilityBins]
		if len(part) == 0 {
			continue
		}
		confidence, hits := 0.0, 0
		for _, r := range part {
			confidence += r.confidence
			if r.hit {
				hits++
			}
		}
		bins = append(bins, ReliabilityBin{len(part), Float(confidence / float64(len(part))), Float(ratio(float64(hits), len(part)))})
	}
	return bins
}

// lossAt is the sum of the log losses of the rows at a temperature.
func lossAt(rows []labelledRow, temperature float64) float64 {
	total := 0.0
	for _, r := range rows {
		var logits [3]float64
		highest := math.Inf(-1)
		for c, p := range r.p {
			logits[c] = math.Log(max(p, 0x1p-52)) / temperature
			highest = max(highest, logits[c])
		}
		sum := 0.0
		for _, v := range logits {
			sum += math.Exp(v - highest)
		}
		total += highest + math.Log(sum) - logits[r.label]
	}
	return total
}

// temperature minimises the log loss between 1/20 and 20, by Newton's method on
// its inverse, in which the loss is convex.
func temperature(rows []labelledRow) float64 {
	low, high := 1.0/20, 20.0
	inverse := 1.0
	for range 60 {
		slope, curvature := slopeAt(rows, inverse)
		if slope > 0 {
			high = inverse
		} else {
			low = inverse
		}
		next := inverse - slope/curvature
		if !(next > low && next < high) {
			next = (low + high) / 2 // Newton's step leads out of what is left
		}
		if math.Abs(next-inverse) < 1e-9*inverse {
			break
		}
		inverse = next
	}
	return 1 / inverse
}

// slopeAt are the first two derivatives of the mean log loss at an inverse
// temperature: with z the log probabilities, the mean of E[z] - z[label] and of
// the variance of z, under the softmax of inverse * z.
func slopeAt(rows []labelledRow, inverse float64) (slope, curvature float64) {
	for _, r := range rows {
		var z [3]float64
		highest := math.Inf(-1)
		for c, p := range r.p {
			z[c] = math.Log(max(p, 0x1p-52))
			highest = max(highest, z[c])
		}
		sum, first, second := 0.0, 0.0, 0.0
		for _, v := range z {
			w := math.Exp(inverse * (v - highest))
			sum += w
			first += w * v
			second += w * v * v
		}
		first, second = first/sum, second/sum
		slope += first - z[r.label]
		curvature += second - first*first
	}
	return slope / float64(len(rows)), curvature / float64(len(rows))
}

// adaptation is the step by which the sets' level follows what they missed.
const adaptation = 0.005

// predictionSets hold the classes whose probability is at least a limit: the
// quantile of the valid rows' probabilities of their labels that leaves the
// wanted share out (Sadinle, Lei, Wasserman, 2019). From snapshot to snapshot of
// the test split that share follows the misses that are known by then, reach
// snapshots later (Gibbs, Candès, Adaptive conformal inference under distribution
// shift, 2021): markets change. covered are the test rows whose set holds the
// label, size the classes in all sets.
func predictionSets(valid, test []labelledRow, reach int) (covered, size int) {
	given := make([]float64, len(valid)) // probabilities of the labels, rising
	for i, r := range valid {
		given[i] = r.p[r.label]
	}
	slices.Sort(given)
	miss := 1 - conformalLevel
	var missed []float64 // share of each snapshot
	for from, to := 0, 0; from < len(test); from = to {
		to = from + 1
		for to < len(test) && test[to].openTime == test[from].openTime {
			to++
		}
		if known := len(missed) - max(reach, 1); known >= 0 {
			miss += adaptation * (1 - conformalLevel - missed[known])
		}
		limit := atLeast(given, miss)
		misses := 0
		for _, r := range test[from:to] {
			if r.p[r.label] >= limit {
				covered++
			} else {
				misses++
			}
			for _, v := range r.p {
				if v >= limit {
					size++
				}
			}
		}
		missed = append(missed, float64(misses)/float64(to-from))
	}
	return covered, size
}

// atLeast is the limit that a share of new values stays below, of n sorted ones:
// split conformal prediction's quantile. 0 holds everything.
func atLeast(sorted []float64, share float64) float64 {
	k := int(math.Floor(share * float64(len(sorted)+1)))
	switch {
	case k < 1:
		return 0
	case k > len(sorted):
		return math.Inf(1)
	}
	return sorted[k-1]
}
