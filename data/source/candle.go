package source

import (
	"fmt"
	"math"

	"github.com/streamforge/gnn-trainer/data"
)

// quantity is a value of one candle, by its place in a candle.
type quantity int

const (
	openPrice quantity = iota
	highPrice
	lowPrice
	closePrice
	baseVolume
	takerBuyVolume // from here on optional
	quoteVolume
	bestBid
	bestAsk
	bidSize
	askSize
	fundingRate
	quantities

	openTime = quantities // a column, kept apart from the values since it is an integer
)

// columnNames are the names a column is found by: ours first, then others'.
var columnNames = [quantities + 1][]string{
	openPrice:      {"open"},
	highPrice:      {"high"},
	lowPrice:       {"low"},
	closePrice:     {"close"},
	baseVolume:     {"volume"},
	takerBuyVolume: {string(data.TakerBuyVolume), "taker_buy_base_asset_volume", "taker_buy_base"},
	quoteVolume:    {string(data.QuoteVolume), "quote_asset_volume"},
	bestBid:        {string(data.BestBid)},
	bestAsk:        {string(data.BestAsk)},
	bidSize:        {string(data.BidSize)},
	askSize:        {string(data.AskSize)},
	fundingRate:    {string(data.FundingRate)},
	openTime:       {"open_time", "timestamp", "ts"}, // and the others of timeNames
}

func (q quantity) String() string { return columnNames[q][0] }

func (q quantity) optional() bool { return q >= takerBuyVolume && q < quantities }

// candle holds the values of one bar, NaN where an optional one is not known.
type candle [quantities]float64

// unknownCandle has no value.
var unknownCandle = func() (c candle) {
	for q := range c {
		c[q] = math.NaN()
	}
	return c
}()

// tradedCandle has what every exchange reports of a bar; the rest is unknown.
func tradedCandle(open, high, low, close, volume, takerBuy, quote float64) candle {
	c := unknownCandle
	c[openPrice], c[highPrice], c[lowPrice], c[closePrice], c[baseVolume] = open, high, low, close, volume
	c[takerBuyVolume], c[quoteVolume] = takerBuy, quote
	return c
}

// roundingSlack is how far, relatively, open and close may leave [low, high]:
// files that went through 32-bit or decimal rounding do so by a hair.
const roundingSlack = 1e-9

// validate checks that a market can make this candle.
func (c *candle) validate() error {
	for q, v := range c {
		q := quantity(q)
		switch {
		case math.IsInf(v, 0), math.IsNaN(v) && !q.optional():
			return fmt.Errorf("%s is %v, not a number that a market can show", q, v)
		case v <= 0 && (q <= closePrice || q == bestBid || q == bestAsk):
			return fmt.Errorf("%s is %v, and a price is above 0", q, v)
		case v < 0 && q != fundingRate:
			return fmt.Errorf("%s is %v, and none is below 0", q, v)
		}
	}
	if c[highPrice] < c[lowPrice] {
		return fmt.Errorf("high is %v, below low %v", c[highPrice], c[lowPrice])
	}
	for _, q := range []quantity{openPrice, closePrice} {
		switch {
		case c[q] > c[highPrice]*(1+roundingSlack):
			return fmt.Errorf("%s is %v, above high %v", q, c[q], c[highPrice])
		case c[q] < c[lowPrice]*(1-roundingSlack):
			return fmt.Errorf("%s is %v, below low %v", q, c[q], c[lowPrice])
		}
	}
	switch {
	case c[takerBuyVolume] > c[baseVolume]*(1+roundingSlack):
		return fmt.Errorf("%s is %v, above volume %v that it is a part of", takerBuyVolume, c[takerBuyVolume], c[baseVolume])
	case c[bestAsk] < c[bestBid]:
		return fmt.Errorf("%s is %v, below best_bid %v", bestAsk, c[bestAsk], c[bestBid])
	}
	return nil
}

// quoteTurnover is what was traded, in units of the quote asset.
func (c *candle) quoteTurnover() float64 {
	if !math.IsNaN(c[quoteVolume]) {
		return c[quoteVolume]
	}
	return c[closePrice] * c[baseVolume]
}
