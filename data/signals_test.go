package data

import (
	"math"
	"testing"
)

// naiveSignals computes each signal of symbol i at bar t from its definition.
func naiveSignals(m *Market, i, t, maxGap int) map[string]float64 {
	features := naiveFeatures(m, i, t, maxGap)
	deviation := func(window int) float64 {
		sum, n := 0.0, 0.0
		for b := max(0, t-window+1); b <= t; b++ {
			if c := m.Close[i][b]; !math.IsNaN(c) {
				sum += math.Log(c)
				n++
			}
		}
		return sum/n - math.Log(m.Close[i][t])
	}
	position := 0.0
	if span := m.High[i][t] - m.Low[i][t]; span > 0 {
		position = 0.5 - (m.Close[i][t]-m.Low[i][t])/span
	}
	return map[string]float64{
		"reversal_1": -features["log_return_1"], "momentum_24": features["log_return_24"],
		"deviation_3": deviation(3), "deviation_12": deviation(12), "deviation_48": deviation(48),
		"range_position": position, "low_volatility": -math.Log(max(features["volatility_24"], leastVolatility)),
	}
}

func TestSignalsEqualTheirDefinitionsOnAMarketWithGaps(t *testing.T) {
	m := randomMarket(newRand(21), 9, 400)
	c := defaultConfig()
	c.Signals = SignalNames()
	d := mustBuild(t, m, c)
	compared := 0
	for s := range d.Len() {
		bar := int((d.openTime[s] - m.Start) / m.Interval.Milliseconds())
		for _, name := range SignalNames() {
			got := d.Signal(name, s)
			for i, ok := range d.Mask(s) {
				want := 0.0
				if ok {
					want = naiveSignals(m, i, bar, c.MaxGap)[name]
					compared++
				}
				if math.Abs(float64(got[i])-want) > 1e-6*max(1, math.Abs(want)) {
					t.Fatalf("%s of symbol %d at bar %d is %v, want %v", name, i, bar, got[i], want)
				}
			}
		}
	}
	if compared < 10_000 {
		t.Errorf("only %d values compared", compared)
	}
	if d.Signal("best", 0) != nil || SignalMeaning("best") != "" {
		t.Error("there is a signal of any name")
	}
}

func TestNoSignalSpansAJump(t *testing.T) {
	c := defaultConfig()
	c.Signals = SignalNames()
	whole, m := mustBuild(t, walk(7, 4, 400), c), walk(7, 4, 400)
	rescale(m, 2, 200, 1000)
	d := mustBuild(t, m, c)
	for s := range d.Len() {
		for _, name := range SignalNames() {
			got, want := d.Signal(name, s)[2], whole.Signal(name, s)[2]
			if bar := s + c.firstBar(); bar >= 200 && bar < 200+signalWindow {
				want = 0
			}
			if math.Abs(float64(got-want)) > 1e-6 {
				t.Fatalf("%s at snapshot %d is %v, want %v", name, s, got, want)
			}
		}
	}
}
