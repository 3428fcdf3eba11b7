package data

import (
	"slices"
	"testing"
)

func TestThePastOfABarMakesTheSameSnapshotsAsTheWholeMarket(t *testing.T) {
	for seed := range uint64(5) {
		r := newRand(seed + 70)
		m := randomMarket(r, 9, []int{1500, 1500, 1500, 1500, 6000}[seed])
		for range 5 {
			rescale(m, r.IntN(9), r.IntN(m.Bars), []float64{0.5, 1000}[r.IntN(2)])
		}
		ownColumn(m, "mine", seed)
		cfg := listed([]string{"streamforge,mine", "market,mine"}[seed/4])
		cfg.Signals, cfg.GraphWindow = SignalNames(), []int{10, 40, 300, 600, 30}[seed]
		d := mustBuild(t, m, cfg)
		compared := 0
		for range 8 {
			at := cfg.firstBar() + r.IntN(m.Bars-cfg.firstBar())
			past, from := cfg.Past(m, at)
			if past.Bars > 2*max(cfg.GraphWindow, minBlock)+cfg.memory() || past.OpenTime(past.Bars-1) != m.OpenTime(at) {
				t.Fatalf("the past of bar %d has %d bars", at, past.Bars)
			}
			p, err := cfg.BuildCut(past, d.Panel)
			if err != nil {
				t.Fatal(err)
			}
			for s, bar := range d.Bars() {
				if bar < from || bar > at {
					continue
				}
				k := slices.Index(p.openTime, d.openTime[s])
				if k < 0 || !slices.Equal(d.Mask(s), p.Mask(k)) || !sameBits(d.X(s), p.X(k)) || !sameBits(d.Signal("deviation_48", s), p.Signal("deviation_48", k)) {
					t.Fatalf("seed %d: snapshot of bar %d differs from that of the past of bar %d", seed, bar, at)
				}
				a, b := d.Edges(s), p.Edges(k)
				if !slices.Equal(a.RowPtr, b.RowPtr) || !slices.Equal(a.Sources, b.Sources) || !sameBits(a.Attr, b.Attr) {
					t.Fatalf("seed %d: edges of bar %d differ", seed, bar)
				}
				compared++
			}
		}
		if compared < 100 {
			t.Errorf("only %d snapshots compared", compared)
		}
	}
}

func TestAPartKeepsTheFeaturesOfTheWhole(t *testing.T) {
	m := randomMarket(newRand(75), 9, 600)
	d := mustBuild(t, m, defaultConfig())
	part := m.Cut(300, 420).Clone()
	for i := range part.Symbols {
		clear(part.Optional[FundingRate][i][:60]) // of its own memory
		for b := range 60 {
			part.Optional[FundingRate][i][b] = NewSeries(1, 1)[0][0]
		}
	}
	p, err := defaultConfig().BuildCut(part, d.Panel)
	if err != nil || !slices.Equal(p.Features, d.Features) {
		t.Fatalf("%v, %v", p, err)
	}
	if again := mustBuild(t, m, defaultConfig()); again.Fingerprint() != d.Fingerprint() {
		t.Error("a clone shares memory with its market")
	}
	if p, err = defaultConfig().BuildCut(m.Cut(0, 20), d.Panel); p != nil || err != nil {
		t.Errorf("of 20 bars: %v, %v", p, err)
	}
}

func TestTheScalerOfTheTrainSplitIsThatOfItsSnapshots(t *testing.T) {
	d := mustBuild(t, randomMarket(newRand(76), 9, 600), defaultConfig())
	s, err := FitScaler(d.Panel, d.Snapshots(Train))
	if err != nil || !sameBits(s.Mean, d.Mean) || !sameBits(s.Std, d.Std) || !sameBits(s.Low, d.Low) || !sameBits(s.High, d.High) {
		t.Errorf("%v, %v", s, err)
	}
}
