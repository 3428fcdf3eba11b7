package data

import (
	"slices"
	"testing"
)

// What settings are chosen by lies before the first test window, and each row of
// it is validated once by a model of what precedes it.
func TestSettingsAreChosenByNothingFromTheFirstTestWindowOn(t *testing.T) {
	for seed := range uint64(6) {
		r := newRand(seed)
		cfg := defaultConfig()
		cfg.Count = 2 + r.IntN(3)
		m := randomMarket(r, 9, 900)
		d := mustBuild(t, m, cfg)
		tuning, err := d.TuningFolds()
		if err != nil {
			t.Fatal(err)
		}
		if tuning.NumFolds() != cfg.Count {
			t.Fatalf("%d folds, want %d", tuning.NumFolds(), cfg.Count)
		}
		first := d.OfFold(1)
		reach := d.Targets.Reach(0)
		var validated []int
		for k := range tuning.NumFolds() {
			f := tuning.OfFold(k + 1)
			train, valid := f.Snapshots(Train), f.Snapshots(Valid)
			if n := len(f.Snapshots(Test)) + len(f.Snapshots(Live)); n > 0 {
				t.Errorf("seed %d, fold %d: %d snapshots test", seed, k+1, n)
			}
			if d.bars[train[len(train)-1]]+reach >= d.bars[valid[0]] {
				t.Errorf("seed %d, fold %d: a training label reaches into validation", seed, k+1)
			}
			if d.bars[valid[len(valid)-1]]+reach >= d.bars[first.Snapshots(Test)[0]] {
				t.Errorf("seed %d, fold %d: a validation label reaches into a test window", seed, k+1)
			}
			validated = append(validated, valid...)
		}
		if !slices.IsSorted(validated) || len(slices.Compact(slices.Clone(validated))) != len(validated) {
			t.Errorf("seed %d: a snapshot is validated twice", seed)
		}
		for _, s := range validated {
			if first.Splits[s] != Valid {
				t.Errorf("seed %d: snapshot %d, of the %s split, is validated", seed, s, first.Splits[s])
			}
		}
		other := mustBuild(t, driftAfter(r, m, d.bars[first.Snapshots(Test)[0]]-1), cfg)
		again, err := other.TuningFolds()
		if err != nil {
			t.Fatal(err)
		}
		for k := range tuning.NumFolds() {
			a, b := tuning.OfFold(k+1), again.OfFold(k+1)
			if !slices.Equal(a.Splits, b.Splits) || !slices.Equal(a.Mean, b.Mean) || !slices.Equal(a.Std, b.Std) {
				t.Fatalf("seed %d, fold %d: later prices change the folds or their scalers", seed, k+1)
			}
			for s, split := range a.Splits {
				if split != Train && split != Valid {
					continue
				}
				ya, _ := a.Targets.At(s)
				yb, _ := b.Targets.At(s)
				if !slices.Equal(a.X(s), b.X(s)) || !slices.Equal(ya, yb) {
					t.Fatalf("seed %d, fold %d: later prices change snapshot %d of the %s split", seed, k+1, s, split)
				}
			}
		}
	}
}

func TestOneSplitIsItsOwnForASearch(t *testing.T) {
	d := mustBuild(t, randomMarket(newRand(1), 9, 900), defaultConfig())
	if tuning, err := d.TuningFolds(); err != nil || tuning != d {
		t.Errorf("%v, %v", tuning, err)
	}
}
