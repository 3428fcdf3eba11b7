package spelling_test

import (
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/spelling"
)

func TestTheNearestNameIsTheOneThatWasMeant(t *testing.T) {
	known := []string{"EPOCHS", "close", "best_bid", "best_ask", "taker_buy_volume", "low"}
	for name, want := range map[string]string{
		"EPOCS": "EPOCHS", "epohcs": "EPOCHS", "clsoe": "close", "besst_bid": "best_bid", "taker_by_volumes": "taker_buy_volume", "takerBuyVolume": "taker_buy_volume",
		"lwo": "", "best": "", "best_bad": "best_bid", "best_mid_price": "", "": "", "note": "",
	} {
		if got := spelling.Nearest(name, slices.Values(known)); got != want {
			t.Errorf("%q is taken for %q, not for %q", name, got, want)
		}
	}
}

func TestADistanceCountsSlips(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"close", "CLOSE", 0}, {"clsoe", "close", 1}, {"clos", "close", 1}, {"closed", "close", 1}, {"clxsx", "close", 2}, {"", "low", 3}} {
		if got := spelling.Distance(c.a, c.b); got != c.want {
			t.Errorf("%q and %q are %d apart, not %d", c.a, c.b, got, c.want)
		}
	}
}

func TestTheClosestOfAFewNamesIsAtMostTwoSlipsAway(t *testing.T) {
	names := []string{"gcn", "gatv2", "sage"}
	for word, want := range map[string]string{"GCN": "gcn", "gat": "", "gatv": "gatv2", "sgae": "sage", "x": "", "": "", "gru": "", "transformer": ""} {
		if got := spelling.Closest(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
