package source

import (
	"math"
	"strings"
	"testing"
)

// plainCandle is one that every market could make.
func plainCandle() candle {
	return candle{
		openPrice: 10, highPrice: 12, lowPrice: 9, closePrice: 11, baseVolume: 100, takerBuyVolume: 60, quoteVolume: 1050,
		bestBid: 10.9, bestAsk: 11.1, bidSize: 5, askSize: 7, fundingRate: -0.0001,
	}
}

func TestAnImpossibleCandleIsFoundOut(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name  string
		q     quantity
		v     float64
		tells string // "" for a possible one
	}{
		{"as it is", openPrice, 10, ""},
		{"no trade", baseVolume, 100, ""},
		{"open at the high", openPrice, 12, ""},
		{"open a rounding above the high", openPrice, 12 * (1 + 5e-10), ""},
		{"open above the high", openPrice, 12.00001, "open is 12.00001, above high 12"},
		{"close a rounding below the low", closePrice, 9 * (1 - 5e-10), ""},
		{"close below the low", closePrice, 8.99, "close is 8.99, below low 9"},
		{"high below low", highPrice, 8, "high is 8, below low 9"},
		{"price of zero", lowPrice, 0, "low is 0, and a price is above 0"},
		{"negative price", openPrice, -1, "open is -1"},
		{"no price", closePrice, nan, "close is NaN"},
		{"endless price", highPrice, inf, "high is +Inf"},
		{"negative volume", baseVolume, -1, "volume is -1, and none is below 0"},
		{"no volume", baseVolume, nan, "volume is NaN"},
		{"takers buy all", takerBuyVolume, 100, ""},
		{"takers buy more than all", takerBuyVolume, 100.1, "taker_buy_volume is 100.1, above volume 100"},
		{"takers buy less than nothing", takerBuyVolume, -1, "taker_buy_volume is -1"},
		{"takers unknown", takerBuyVolume, nan, ""},
		{"quote volume unknown", quoteVolume, nan, ""},
		{"quote volume endless", quoteVolume, inf, "quote_volume is +Inf"},
		{"locked book", bestAsk, 10.9, ""},
		{"crossed book", bestAsk, 10.8, "best_ask is 10.8, below best_bid 10.9"},
		{"free bid", bestBid, 0, "best_bid is 0, and a price is above 0"},
		{"ask unknown", bestAsk, nan, ""},
		{"empty bid side", bidSize, 0, ""},
		{"negative size", askSize, -7, "ask_size is -7"},
		{"funding paid by shorts", fundingRate, -0.01, ""},
		{"funding endless", fundingRate, -inf, "funding_rate is -Inf"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bar := plainCandle()
			bar[c.q] = c.v
			err := bar.validate()
			if c.tells == "" && err != nil || c.tells != "" && (err == nil || !strings.Contains(err.Error(), c.tells)) {
				t.Errorf("error is %v, not %q", err, c.tells)
			}
		})
	}
}

func TestTurnoverFallsBackOnCloseTimesVolume(t *testing.T) {
	bar := plainCandle()
	if got := bar.quoteTurnover(); got != 1050 {
		t.Errorf("turnover is %v, not the quote volume 1050", got)
	}
	bar[quoteVolume] = math.NaN()
	if got := bar.quoteTurnover(); got != 1100 {
		t.Errorf("turnover is %v, not 11 * 100", got)
	}
}
