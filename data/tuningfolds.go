package data

import "github.com/streamforge/gnn-trainer/internal/fault"

// TuningFolds is the dataset for choosing settings, without a test split of its
// own. Of one split it is the same dataset. Of a walk-forward of k folds the
// validation split of the first one is cut into k windows, each validated by a
// model of what precedes it: the validation splits of the later folds lie in test
// windows of earlier ones, and who chose by them would have looked at the test.
//
// An error wraps ErrInput.
func (d *Dataset) TuningFolds() (*Dataset, error) {
	if d.Folds == nil {
		return d, nil
	}
	first, count := d.Folds[0], len(d.Folds)
	train, valid := first.Snapshots(Train), first.Snapshots(Valid)
	tuning := *d
	tuning.Folds = make([]Fold, count)
	reach := 0
	for h := range d.Targets.Horizons {
		reach = max(reach, d.Targets.Reach(h))
	}
	for k := range tuning.Folds {
		from := len(valid) * k / count
		w := window{trainFrom: d.bars[train[0]], validFrom: d.bars[valid[from]]}
		if to := len(valid) * (k + 1) / count; to < len(valid) {
			w.testFrom = d.bars[valid[to]]
		} else {
			w.testFrom = d.bars[first.Snapshots(Test)[0]]
		}
		w.testTo = w.testFrom // nothing tests
		f := Fold{Number: k + 1, Splits: make([]Split, len(d.bars)), liveFrom: first.liveFrom, testTo: 0}
		size := map[Split]int{}
		for s, t := range d.bars {
			f.Splits[s] = w.split(t, reach)
			size[f.Splits[s]]++
		}
		if size[Train] == 0 || size[Valid] == 0 {
			return nil, fault.Input("the validation split of the first fold, %d snapshots, is too short to be cut into FOLDS=%d windows for a search", len(valid), count).
				At("FOLDS").Fix("lower FOLDS, raise VALID_FRACTION or load more bars (START, LOOKBACK)")
		}
		var err error
		if f.Scaler, err = fitScaler(d.Panel, &f); err != nil {
			return nil, err
		}
		tuning.Folds[k] = f
	}
	tuning.Fold = tuning.Folds[count-1]
	return &tuning, nil
}
