package data

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// ownColumn adds a column of a user's own, random where a bar is there.
func ownColumn(m *Market, name Column, seed uint64) [][]float64 {
	r := newRand(seed)
	column := NewSeries(len(m.Symbols), m.Bars)
	for i := range column {
		for t := range column[i] {
			if v := 100 * r.NormFloat64(); m.Present(i, t) {
				column[i][t] = v
			}
		}
	}
	m.Optional[name] = column
	return column
}

func listed(names string) Config {
	c := defaultConfig()
	_ = c.Features.UnmarshalText([]byte(names)) // it takes any text
	return c
}

func TestTheListOfFeaturesIsReadAsItIsWritten(t *testing.T) {
	var l FeatureList
	if l.String() != FeaturesStreamForge || l.Most() != 14 || l.Columns() != nil {
		t.Errorf("no list is %q of %d features", l, l.Most())
	}
	_ = l.UnmarshalText([]byte("rsi_14, mine ,streamforge,rsi_14,close,bid_size"))
	if l.String() != "rsi_14,mine,streamforge,close,bid_size" || l.Most() != 17 || !slices.Equal(l.Columns(), []string{"mine"}) {
		t.Errorf("%q of %d features, of which %v are a user's own", l, l.Most(), l.Columns())
	}
}

func TestAColumnOfTheMarketEntersAsItIsAndMasksWhereItIsMissing(t *testing.T) {
	m := randomMarket(newRand(31), 9, 400)
	column := ownColumn(m, "mine", 1)
	bar := 200
	column[0][bar] = math.NaN()
	whole, d := mustBuild(t, m, defaultConfig()), mustBuild(t, m, listed("mine,streamforge,close"))
	if want := slices.Concat([]string{"mine"}, whole.Features, []string{"close"}); !slices.Equal(d.Features, want) || !slices.Equal(d.Given, []string{"mine", "close"}) {
		t.Fatalf("features %v, of which %v are given", d.Features, d.Given)
	}
	f, compared := d.NumFeatures(), 0
	for s := range d.Len() {
		at := d.bars[s]
		for i, there := range d.Mask(s) {
			x := row(d.X(s), i, f)
			if want := whole.Mask(s)[i] && !(i == 0 && at == bar); there != want {
				t.Fatalf("bar %d: node %d takes part: %v", at, i, there)
			}
			if !there {
				continue
			}
			if x[0] != float32(column[i][at]) || x[f-1] != float32(m.Close[i][at]) || !slices.Equal(x[1:f-1], row(whole.X(s), i, f-2)) {
				t.Fatalf("bar %d, node %d: x is %v", at, i, x)
			}
			compared++
		}
	}
	if compared < 1000 {
		t.Errorf("only %d rows compared", compared)
	}
}

func TestTheDefaultListIsTheSetToTheBit(t *testing.T) {
	m := randomMarket(newRand(32), 9, 400)
	if a, b := mustBuild(t, m, defaultConfig()), mustBuild(t, m, listed("streamforge")); a.Fingerprint() != b.Fingerprint() {
		t.Error("FEATURES=streamforge is not what no list is")
	}
}

func TestWhatComesAfterABarChangesNoListedColumn(t *testing.T) {
	for seed := range uint64(4) {
		r := newRand(seed + 40)
		m := randomMarket(r, 9, 500)
		ownColumn(m, "mine", seed)
		cfg := listed("mine,streamforge,volume,best_bid")
		at := 200 + r.IntN(200)
		other := changeAfter(r, m, at)
		changed := ownColumn(other, "mine", seed+1)
		for i := range changed {
			copy(changed[i], m.Optional["mine"][i][:at+1])
		}
		want, got := mustBuild(t, m, cfg), mustBuild(t, other, cfg)
		compared := 0
		for s := 0; s < want.Len() && want.OpenTimes()[s] <= m.OpenTime(at); s++ {
			if !slices.Equal(want.Mask(s), got.Mask(s)) || !sameBits(want.X(s), got.X(s)) {
				t.Fatalf("seed %d: the future after bar %d changed snapshot %d", seed, at, s)
			}
			compared++
		}
		if compared == 0 {
			t.Fatal("nothing compared")
		}
	}
}

func TestAListedColumnThatTeachesNothingIsReported(t *testing.T) {
	m := randomMarket(newRand(33), 9, 400)
	for i := range ownColumn(m, "flat", 1) {
		for b := range m.Bars {
			m.Optional["flat"][i][b] = 3
		}
	}
	if d := mustBuild(t, m, listed("streamforge,flat")); len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "teach nothing: flat") {
		t.Errorf("warnings %v", d.Warnings)
	}
	if _, err := Build(m, listed("flat")); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "each of its 1 features is constant") {
		t.Errorf("a constant column alone: %v", err)
	}
}

func TestAListedColumnThatIsMissingIsRejectedWithItsSymbolAndShare(t *testing.T) {
	m := randomMarket(newRand(34), 9, 400)
	column := ownColumn(m, "mine", 1)
	for _, test := range []struct {
		name   string
		change func()
		want   string
	}{
		{"one symbol lacks it", func() { column[2] = NewSeries(1, m.Bars)[0] }, "S02USDT has mine on 0.0 % of its bars, and 90 % are needed of every symbol, FEATURES: give it to every symbol, take it out of FEATURES, or leave out (EXCLUDE) S02USDT"},
		{"all lack it", func() { m.Optional["mine"] = NewSeries(9, m.Bars) }, "S00USDT has mine on 0.0 % of its bars"},
		{"it is nowhere", func() { delete(m.Optional, "mine") }, `FEATURES names "mine", which is no feature and no column of this market`},
	} {
		test.change()
		if _, err := Build(m, listed("streamforge,mine")); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := Build(m, listed("rsi_14,,close")); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "in which a name is empty") {
		t.Errorf("an empty name: %v", err)
	}
}
