package data

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// runs is letters by runs of equal ones: 22t 1. 7v.
func runs(splits []Split) string {
	var parts []string
	text := letters(splits)
	for from, to := 0, 0; from < len(text); from = to {
		to = from + len(text[from:]) - len(strings.TrimLeft(text[from:], text[from:from+1]))
		parts = append(parts, fmt.Sprintf("%d%c", to-from, text[from]))
	}
	return strings.Join(parts, " ")
}

func TestEachFoldTrainsOnWhatPrecedesItsTestWindow(t *testing.T) {
	for _, test := range []struct {
		name    string
		horizon int
		change  func(c *Config)
		want    []string // of 40 snapshots
	}{
		// Of 39 labelled snapshots 31 are before the first window: 8 of them validate.
		{"two", 1, func(c *Config) { c.Count = 2 }, []string{"22t 1. 7v 1. 4x 4. 1l", "25t 1. 8v 1. 4x 1l"}},
		{"three at horizon 2", 2, func(c *Config) { c.Count = 3 }, []string{"20t 2. 6v 2. 2x 6. 2l", "22t 2. 6v 2. 3x 3. 2l", "24t 2. 7v 2. 3x 2l"}},
		// 75 minutes are 15 snapshots.
		{"with a length", 1, func(c *Config) { c.Count, c.TrainLength = 2, Length(75*time.Minute) }, []string{"16. 10t 1. 3v 1. 4x 4. 1l", "20. 10t 1. 3v 1. 4x 1l"}},
		{"with a length of some windows", 1, func(c *Config) { c.Count, c.TrainLength = 2, Length(165*time.Minute) }, []string{"22t 1. 7v 1. 4x 4. 1l", "2. 24t 1. 7v 1. 4x 1l"}},
		{"another share", 1, func(c *Config) { c.Count, c.TrainFraction, c.ValidFraction = 2, 0.4, 0.4 }, []string{"14t 1. 15v 1. 4x 4. 1l", "16t 1. 17v 1. 4x 1l"}},
		{"with several horizons", 0, func(c *Config) { c.Count, c.Horizons = 2, Horizons{1, 3} }, []string{"19t 3. 5v 3. 3x 6. 1l", "22t 3. 5v 3. 6x 1l"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := emptyMarket(1, 50)
			cfg := defaultConfig()
			cfg.Horizons = Horizons{test.horizon}
			test.change(&cfg)
			folds, err := cfg.divide(m.Axis(), barsFrom(10, 50), emptyTargets(cfg.TargetConfig, m.Bars, 1))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for k, f := range folds {
				got = append(got, runs(f.Splits))
				if f.Number != k+1 {
					t.Errorf("fold %d has number %d", k+1, f.Number)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("folds are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func barsFrom(from, to int) []int {
	var bars []int
	for b := from; b < to; b++ {
		bars = append(bars, b)
	}
	return bars
}

// The properties that a walk-forward must have, on markets with gaps.
func TestAWalkForwardTestsEachSnapshotOnceAndTrainsOnNothingLater(t *testing.T) {
	for seed := range uint64(12) {
		r := newRand(seed)
		cfg := defaultConfig()
		cfg.Horizons = Horizons{1 + r.IntN(8), 1 + r.IntN(4)}
		if cfg.Horizons[0] == cfg.Horizons[1] {
			cfg.Horizons = cfg.Horizons[:1]
		}
		cfg.Target = []string{TargetOpen, TargetClose, TargetMid}[seed%3]
		cfg.Count = 2 + r.IntN(5)
		if seed%2 == 1 {
			cfg.TrainLength = Length(time.Duration(800+r.IntN(1500)) * time.Minute)
		}
		d := mustBuild(t, randomMarket(r, 9, 900), cfg)
		if len(d.Folds) != cfg.Count || d.Number != cfg.Count {
			t.Fatalf("seed %d: %d folds, and the dataset's is %d, want %d", seed, len(d.Folds), d.Number, cfg.Count)
		}
		first, lastValid := d.Len(), 0
		trained := map[int]bool{} // snapshots that some earlier fold trained on
		for k := range d.Folds {
			f := d.OfFold(k + 1)
			test, train, valid := f.Snapshots(Test), f.Snapshots(Train), f.Snapshots(Valid)
			first = min(first, test[0])
			reach := 0
			for h := range cfg.Horizons {
				reach = max(reach, d.Targets.Reach(h))
			}
			if last := train[len(train)-1]; d.bars[last]+reach >= d.bars[valid[0]] {
				t.Errorf("seed %d, fold %d: a training label reaches into validation", seed, k+1)
			}
			if last := valid[len(valid)-1]; d.bars[last]+reach >= d.bars[test[0]] {
				t.Errorf("seed %d, fold %d: a validation label reaches into the test window", seed, k+1)
			}
			if length := d.OpenTimes()[test[0]] - d.OpenTimes()[train[0]]; cfg.TrainLength > 0 && length > time.Duration(cfg.TrainLength).Milliseconds() {
				t.Errorf("seed %d, fold %d trains on what is %d ms old, FOLD_TRAIN=%s", seed, k+1, length, cfg.TrainLength)
			}
			if cfg.TrainLength == 0 && train[0] != 0 {
				t.Errorf("seed %d, fold %d trains from snapshot %d on", seed, k+1, train[0])
			}
			// What FOLD_WARM relies on.
			if valid[0] < lastValid {
				t.Errorf("seed %d: the validation of fold %d begins before that of the fold before", seed, k+1)
			}
			lastValid = valid[0]
			for _, s := range valid {
				if trained[s] {
					t.Errorf("seed %d: fold %d validates on snapshot %d, which an earlier fold trained on", seed, k+1, s)
				}
			}
			for _, s := range train {
				trained[s] = true
			}
		}
		for h := range cfg.Horizons {
			for s := range d.Len() {
				tests, want := 0, 0
				for k := range d.Folds {
					if d.Folds[k].SplitAt(s, h) == Test {
						tests++
					}
				}
				if s >= first && s < d.liveFrom[h] {
					want = 1
				}
				if tests != want {
					t.Errorf("seed %d: snapshot %d tests %d times at horizon %d, want %d", seed, s, tests, cfg.Horizons[h], want)
				}
			}
		}
	}
}

// Whatever comes from a fold's test window on changes nothing that the fold
// trains or validates on.
func TestWhatComesAfterAFoldBeganToTestChangesNothingThatItLearnsFrom(t *testing.T) {
	for seed := range uint64(6) {
		r := newRand(seed)
		cfg := defaultConfig()
		cfg.Horizons = Horizons{1 + r.IntN(5)}
		cfg.Target = []string{TargetOpen, TargetClose, TargetMid}[seed%3]
		cfg.Count = 3
		if seed%2 == 1 {
			cfg.TrainLength = Length(1500 * time.Minute)
		}
		m := randomMarket(r, 9, 700)
		want := mustBuild(t, m, cfg)
		for number := 1; number <= cfg.Count; number++ {
			f := want.OfFold(number)
			at := want.bars[f.Snapshots(Test)[0]] - 1 // the last bar before the window
			got := mustBuild(t, driftAfter(r, m, at), cfg).OfFold(number)
			if !sameBits(f.Low, got.Low) || !sameBits(f.High, got.High) || !sameBits(f.Mean, got.Mean) || !sameBits(f.Std, got.Std) {
				t.Errorf("seed %d: the test window of fold %d changed its scaler", seed, number)
			}
			for _, split := range []Split{Train, Valid} {
				if !slices.Equal(f.Snapshots(split), got.Snapshots(split)) {
					t.Fatalf("seed %d: the test window of fold %d changed its %s split", seed, number, split)
				}
				for _, s := range f.Snapshots(split) {
					a, b := f.Snapshot(s), got.Snapshot(s)
					if !slices.Equal(a.Y, b.Y) || !sameBits(a.Ret, b.Ret) {
						t.Fatalf("seed %d: the test window of fold %d changed a label of its %s split", seed, number, split)
					}
					if !slices.Equal(a.NodeMask, b.NodeMask) || !sameBits(a.X, b.X) || !slices.Equal(a.EdgeIndex, b.EdgeIndex) || !sameBits(a.EdgeWeight, b.EdgeWeight) {
						t.Fatalf("seed %d: the test window of fold %d changed an input of its %s split", seed, number, split)
					}
				}
			}
		}
		if sameBits(want.Folds[0].Mean, want.Folds[2].Mean) {
			t.Errorf("seed %d: the first and the last fold have one scaler", seed)
		}
	}
}

// driftAfter is m with other prices after bar t, without a jump there and with the
// same bars missing: as many snapshots, so that the windows stay where they are.
func driftAfter(r *rand.Rand, m *Market, t int) *Market {
	other := randomMarket(r, len(m.Symbols), m.Bars)
	for k, s := range allSeries(other) {
		for i := range s {
			copy(s[i], allSeries(m)[k][i])
		}
	}
	for i := range m.Symbols {
		drift := 1.0
		for b := t + 1; b < m.Bars; b++ {
			drift *= math.Exp(1e-3 * r.NormFloat64())
			for _, s := range [][][]float64{other.Open, other.High, other.Low, other.Close, other.Optional[BestBid], other.Optional[BestAsk]} {
				s[i][b] *= drift
			}
			other.Volume[i][b] *= 2
		}
	}
	return other
}

func TestTooShortWindowsAreRejectedWithWhatToDo(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(c *Config)
		want   []string
	}{
		{"more folds than test snapshots", func(c *Config) { c.Count = 9 }, []string{"FOLDS=9", "8 of the 39 labelled snapshots", "lower FOLDS"}},
		{"no train", func(c *Config) { c.Count, c.TrainFraction = 2, 0.01 }, []string{"train split of fold 1 is empty", "FOLDS=2", "lower FOLDS"}},
		{"no valid", func(c *Config) { c.Count, c.ValidFraction = 2, 0.01 }, []string{"valid split of fold 1 is empty"}},
		{"a length of a few bars", func(c *Config) { c.Count, c.TrainLength = 2, Length(15*time.Minute) }, []string{"valid split of fold 1 is empty", "FOLD_TRAIN=15m", "raise FOLD_TRAIN"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := emptyMarket(1, 50)
			cfg := defaultConfig()
			test.change(&cfg)
			_, err := cfg.divide(m.Axis(), barsFrom(10, 50), emptyTargets(cfg.TargetConfig, m.Bars, 1))
			if !errors.Is(err, ErrInput) {
				t.Fatalf("error is %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

// The least FOLD_TRAIN that is named is enough, and a bar less is not.
func TestAFoldTrainOfTooFewBarsIsRejectedWithTheLeast(t *testing.T) {
	for _, horizon := range []int{1, 3, 12} {
		cfg := defaultConfig()
		cfg.Count, cfg.Horizons, cfg.TrainLength = 2, Horizons{horizon}, Length(10*time.Minute)
		err := cfg.CheckFoldTrain(5 * time.Minute)
		if !errors.Is(err, ErrInput) {
			t.Fatalf("HORIZON=%d: error is %v", horizon, err)
		}
		_, text, _ := strings.Cut(err.Error(), "set FOLD_TRAIN=")
		text, _, _ = strings.Cut(text, " ")
		var least Length
		if err := least.UnmarshalText([]byte(text)); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		bars := barsFrom(0, 2000)
		for less, want := range []bool{true, false} {
			cfg.TrainLength = least - Length(time.Duration(less)*5*time.Minute)
			err := cfg.CheckFoldTrain(5 * time.Minute)
			_, divided := cfg.divide(emptyMarket(1, 2000).Axis(), bars, emptyTargets(cfg.TargetConfig, 2000, 1))
			if (err == nil) != want || (divided == nil) != want {
				t.Errorf("HORIZON=%d, FOLD_TRAIN=%s: %v, and the folds: %v", horizon, cfg.TrainLength, err, divided)
			}
		}
	}
}

func TestAGraphWithoutTimeHasNoFolds(t *testing.T) {
	cfg := defaultConfig()
	cfg.Count = 2
	if _, err := FromPyG(nil, nil, cfg, 1); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "FOLDS=1") {
		t.Errorf("error is %v", err)
	}
}

func TestALengthIsReadAndWritten(t *testing.T) {
	for text, want := range map[string]time.Duration{"90m": 90 * time.Minute, "12h": 12 * time.Hour, "60d": 1440 * time.Hour, "2w": 336 * time.Hour} {
		var l Length
		if err := l.UnmarshalText([]byte(text)); err != nil || time.Duration(l) != want {
			t.Errorf("%s is read as %v, %v", text, l, err)
		}
		var again Length
		if err := again.UnmarshalText([]byte(l.String())); err != nil || again != l {
			t.Errorf("%s is written as %s, which is read as %v, %v", text, l, again, err)
		}
	}
	for _, text := range []string{"", "d", "0d", "-1d", "1.5d", "60", "1y", "99999999999w"} {
		var l Length
		if l.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is read as %v", text, l)
		}
	}
	if text := Length(0).String(); text != "" {
		t.Errorf("no length is written as %q", text)
	}
}
