package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheSetsOfFeaturesHaveTheirNamesInOrder(t *testing.T) {
	var market []string
	for _, f := range marketFeatures {
		market = append(market, f.name)
	}
	if len(market) != 35 || market[0] != "scaled_return_1" || market[34] != "time_of_hour_cos" {
		t.Errorf("FEATURES=market has %d: %v", len(market), market)
	}
	m := randomMarket(newRand(61), 9, 700)
	d := mustBuild(t, m, listed("all"))
	twice := mustBuild(t, m, listed("streamforge,market"))
	if d.NumFeatures() != 47 || d.Fingerprint() != twice.Fingerprint() || FeatureList([]string{"all"}).Most() != 47 {
		t.Errorf("FEATURES=all is %v", d.Features)
	}
	if d.Bars()[0] < 288 || mustBuild(t, m, defaultConfig()).Bars()[0] != 30 {
		t.Error("the first snapshot does not follow the longest window of the features that are chosen")
	}
	one := mustBuild(t, m, listed("rsi_14,relative_return_12"))
	if !slices.Equal(one.Features, []string{"rsi_14", "relative_return_12"}) || one.Bars()[0] < 288 {
		t.Errorf("features %v from bar %d on", one.Features, one.Bars()[0])
	}
	m.Interval = time.Hour
	if d := mustBuild(t, m, listed("market")); d.NumFeatures() != 33 || len(d.Dropped) != 2 || !strings.Contains(d.Dropped[0].Reason, "one time of the hour") {
		t.Errorf("of bars of an hour %d features are kept, and left out are %v", d.NumFeatures(), d.Dropped)
	}
}

func TestAJumpMasksASymbolForTheLongestWindow(t *testing.T) {
	m := randomMarket(newRand(62), 9, 900)
	rescale(m, 0, 400, 1000)
	d := mustBuild(t, m, listed("market"))
	for s, bar := range d.Bars() {
		if bar >= 400 && bar < 700 && d.Mask(s)[0] != (bar >= 688) {
			t.Fatalf("bar %d: the symbol that jumps at bar 400 takes part: %v", bar, d.Mask(s)[0])
		}
	}
}

func TestTheReferenceIsBitcoinsElseSymbolsElseTheFirst(t *testing.T) {
	m := randomMarket(newRand(63), 9, 500)
	for _, test := range []struct {
		names, symbol, given, want string
	}{
		{"ETHUSDT,BTCDOMUSDT,BTCUSDC,BTCUSDT", "ETHUSDT", "", "BTCUSDT"},
		{"ETHUSD,XBT/USD", "ETHUSD", "", "XBT/USD"},
		{"ETHBTC,LTCBTC", "LTCBTC", "", "LTCBTC"},
		{"ETHBTC,LTCBTC", "", "", "ETHBTC"},
		{"BTCUSDT,LTCUSDT", "", "LTCUSDT", "LTCUSDT"},
	} {
		m := m.Clone()
		m.Symbols = append(strings.Split(test.names, ","), m.Symbols[strings.Count(test.names, ",")+1:]...)
		c := listed("relative_body,reference_return")
		c.Symbol, c.Reference = test.symbol, test.given
		if d := mustBuild(t, m, c); d.Reference != test.want {
			t.Errorf("of %s for SYMBOL=%s the reference is %s, want %s", test.names, test.symbol, d.Reference, test.want)
		}
	}
	c := listed("market")
	c.Reference = "DOGEUSDT"
	if _, err := Build(m, c); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "DOGEUSDT, whose return is reference_return, is not in the market") {
		t.Errorf("a reference that is no node: %v", err)
	}
	if d := mustBuild(t, m, listed("streamforge")); d.Reference != "" {
		t.Errorf("without the feature the reference is %q", d.Reference)
	}
}

func TestTheMedianIsTheMiddleValue(t *testing.T) {
	r := newRand(64)
	for n := 1; n < 60; n++ {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(r.IntN(20))
		}
		sorted := slices.Sorted(slices.Values(values))
		want := (float64(sorted[(n-1)/2]) + float64(sorted[n/2])) / 2
		if got := median(values); got != want || math.IsNaN(got) {
			t.Fatalf("the median of %v is %v", sorted, got)
		}
	}
}
