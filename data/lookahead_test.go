package data

import (
	"slices"
	"testing"
	"time"
)

func TestWhatComesAfterABarChangesNothingUpToIt(t *testing.T) {
	threshold := 0.2
	for name, change := range map[string]func(*Config){
		"the highest":    func(*Config) {},
		"a threshold":    func(c *Config) { c.EdgeThreshold = &threshold },
		"excess returns": func(c *Config) { c.EdgeReturns = EdgeReturnsExcess },
		"horizon 5":      func(c *Config) { c.Horizons = Horizons{5} },
		"open to open":   func(c *Config) { c.Target, c.Horizons = TargetOpen, Horizons{1, 6, 12} },
		"strict gaps":    func(c *Config) { c.MaxGap = 0 },
		"the market's":   func(c *Config) { c.Features = FeatureList{FeaturesAll} },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(6) {
				r := newRand(seed)
				cfg := defaultConfig()
				change(&cfg)
				cfg.Signals = SignalNames()
				m := randomMarket(r, 9, 700)
				for range 5 { // splits, redenominations and wrong candles, many around the bar of the test
					rescale(m, r.IntN(9), r.IntN(m.Bars), []float64{0.5, 2, 1000, 0.001}[r.IntN(4)])
				}
				at := cfg.firstBar() + 1 + r.IntN(m.Bars-cfg.firstBar()-60)
				want, got := mustBuild(t, m, cfg), mustBuild(t, changeAfter(r, m, at), cfg)
				compared := 0
				for s := range want.Len() {
					a := want.Snapshot(s)
					if a.OpenTime[0] > m.OpenTime(at) {
						break
					}
					b := got.Snapshot(s)
					if !slices.Equal(a.OpenTime, b.OpenTime) || !slices.Equal(a.NodeMask, b.NodeMask) || !sameBits(a.X, b.X) {
						t.Fatalf("seed %d: the future after bar %d changed the nodes of snapshot %d", seed, at, s)
					}
					if !slices.Equal(a.EdgeIndex, b.EdgeIndex) || !sameBits(a.EdgeWeight, b.EdgeWeight) || !sameBits(a.EdgeAttr, b.EdgeAttr) {
						t.Fatalf("seed %d: the future after bar %d changed the edges of snapshot %d", seed, at, s)
					}
					for _, name := range SignalNames() {
						if !sameBits(want.Signal(name, s), got.Signal(name, s)) {
							t.Fatalf("seed %d: the future after bar %d changed %s at snapshot %d", seed, at, name, s)
						}
					}
					compared++
				}
				if compared == 0 {
					t.Fatalf("seed %d: no snapshot up to bar %d", seed, at)
				}
			}
		})
	}
}

func TestWhatComesAfterTheTrainingSplitDoesNotChangeTheNormalisation(t *testing.T) {
	for seed := range uint64(6) {
		r := newRand(seed)
		cfg := defaultConfig()
		m := randomMarket(r, 9, 700)
		at := 250 + r.IntN(200)
		cfg.TrainEnd = time.UnixMilli(m.OpenTime(at + 1))
		cfg.ValidEnd = time.UnixMilli(m.OpenTime(at + 100))
		want, got := mustBuild(t, m, cfg), mustBuild(t, changeAfter(r, m, at), cfg)
		if !sameBits(want.Low, got.Low) || !sameBits(want.High, got.High) || !sameBits(want.Mean, got.Mean) || !sameBits(want.Std, got.Std) {
			t.Errorf("seed %d: the future after bar %d changed the scaler", seed, at)
		}
	}
}

func TestATrainingLabelNeverReachesBeyondTheTrainingSplit(t *testing.T) {
	for seed := range uint64(6) {
		r := newRand(seed)
		cfg := defaultConfig()
		cfg.Horizons = Horizons{1 + r.IntN(8), 10}
		cfg.Target = []string{TargetOpen, TargetClose, TargetMid}[seed%3]
		m := randomMarket(r, 9, 700)
		at := 250 + r.IntN(200)
		cfg.TrainEnd = time.UnixMilli(m.OpenTime(at + 1))
		cfg.ValidEnd = time.UnixMilli(m.OpenTime(at + 100))
		want, got := mustBuild(t, m, cfg), mustBuild(t, changeAfter(r, m, at), cfg)
		for s, part := range want.Splits {
			if part != Train {
				continue
			}
			a, b := want.Snapshot(s), got.Snapshot(s)
			if !slices.Equal(a.Y, b.Y) || !sameBits(a.Ret, b.Ret) {
				t.Fatalf("seed %d: HORIZON=%s: a label of train snapshot %d uses a bar after TRAIN_END", seed, cfg.Horizons, s)
			}
		}
	}
}
