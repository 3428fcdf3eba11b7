package data

import (
	"math"

	"github.com/streamforge/gnn-trainer/pyg"
)

// float32Step is the largest relative distance of two neighbouring float32.
const float32Step = 0x1p-23

// fit sets Mean and Std [F] from the rows of the training part alone: the mean
// and the population deviation (divisor n) of each feature, as scikit-learn's
// StandardScaler has them, in two passes of float64.
func (d *Dataset) fit() error {
	f := d.NumFeatures()
	count, sum, squares := 0, make([]float64, f), make([]float64, f)
	least, most := make([]float32, f), make([]float32, f)
	d.eachTrainRow(func(x []float32) {
		for j, v := range x {
			if count == 0 {
				least[j], most[j] = v, v
			}
			sum[j] += float64(v)
			least[j], most[j] = min(least[j], v), max(most[j], v)
		}
		count++
	})
	if count == 0 {
		return inputError("the train part has no present node to fit the normalisation on; load more bars or another graph")
	}
	d.eachTrainRow(func(x []float32) {
		for j, v := range x {
			deviation := float64(v) - sum[j]/float64(count)
			squares[j] += deviation * deviation
		}
	})
	d.Mean, d.Std = make([]float32, f), make([]float32, f)
	for j := range f {
		d.Mean[j] = float32(sum[j] / float64(count))
		d.Std[j] = float32(math.Sqrt(squares[j] / float64(count)))
		// Below one step of float32 the deviation is rounding, of the mean or of
		// a ratio that is the same at every bar.
		if float64(d.Std[j]) <= float32Step*float64(max(-least[j], most[j])) {
			d.Std[j] = 1
		}
	}
	return nil
}

// eachTrainRow visits the feature row [F] of each node of each training
// snapshot that reports predictions.
func (d *Dataset) eachTrainRow(visit func(x []float32)) {
	n, f := d.NumNodes(), d.NumFeatures()
	for t, part := range d.Splits {
		if part != Train {
			continue
		}
		x := row(d.x, d.panel(t), n*f)
		for i, ok := range d.Rows(t) {
			if ok {
				visit(row(x, i, f))
			}
		}
	}
}

// checkLabels refuses a part that has snapshots but no label: nothing can be
// trained or measured on it.
func (d *Dataset) checkLabels() error {
	labels := map[Split]int{}
	n := d.NumNodes()
	for t, part := range d.Splits {
		for _, class := range row(d.y, t, n) {
			if class != pyg.Unlabelled {
				labels[part]++
			}
		}
	}
	for _, part := range []Split{Train, Valid, Test} {
		if labels[part] == 0 {
			return inputError("the %s part has no label; move the boundaries (TRAIN_FRACTION and VALID_FRACTION, or TRAIN_END and VALID_END of a market) or give other data", part)
		}
	}
	return nil
}
