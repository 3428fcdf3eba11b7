package data

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// samePanel reports whether two panels have the same bits.
func samePanel(a, b *Panel) bool {
	return slices.Equal(a.Symbols, b.Symbols) && slices.Equal(a.Features, b.Features) && slices.Equal(a.openTime, b.openTime) &&
		sameBits(a.x, b.x) && slices.Equal(a.mask, b.mask) &&
		slices.EqualFunc(a.edges, b.edges, func(e, f Edges) bool {
			return slices.Equal(e.RowPtr, f.RowPtr) && slices.Equal(e.Sources, f.Sources) && sameBits(e.Attr, f.Attr)
		})
}

func TestARecipeThatNamesTheFeaturesBuildsTheSamePanel(t *testing.T) {
	m := randomMarket(newRand(21), 9, 400)
	delete(m.Optional, FundingRate)
	r := defaultConfig().Recipe
	want, err := r.Build(m)
	if err != nil {
		t.Fatal(err)
	}
	r.Features = want.Features
	got, err := r.Build(m)
	if err != nil {
		t.Fatal(err)
	}
	if !samePanel(want, got) {
		t.Error("another panel")
	}
}

func TestFeaturesOfARecipeAreTheColumnsInItsOrder(t *testing.T) {
	m := randomMarket(newRand(22), 9, 400)
	r := defaultConfig().Recipe
	whole, err := r.Build(m)
	if err != nil {
		t.Fatal(err)
	}
	r.Features = []string{"rsi_14", "log_return_1"}
	p, err := r.Build(m)
	if err != nil {
		t.Fatal(err)
	}
	// Of the last snapshot, which both have.
	a, b := whole.X(whole.Len()-1), p.X(p.Len()-1)
	for i := range m.Symbols {
		if !whole.Mask(whole.Len() - 1)[i] {
			continue
		}
		for j, name := range r.Features {
			if k := slices.Index(whole.Features, name); b[i*2+j] != a[i*whole.NumFeatures()+k] {
				t.Errorf("%s of node %d is %v, want %v", name, i, b[i*2+j], a[i*whole.NumFeatures()+k])
			}
		}
	}
}

func TestARecipeOfAFeatureThatTheMarketLacksIsRejected(t *testing.T) {
	for feature, want := range map[string]string{
		"funding_rate": "feature funding_rate cannot be made",
		"momentum":     `FEATURES names "momentum", which is no feature and no column of this market`,
	} {
		m := randomMarket(newRand(23), 9, 400)
		delete(m.Optional, FundingRate)
		r := defaultConfig().Recipe
		r.Features = []string{"log_return_1", feature}
		if _, err := r.Build(m); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", feature, err)
		}
	}
}
