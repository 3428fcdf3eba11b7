package binance

// Kline is a candle as the cache holds it. Prices are in units of the quote
// asset, volumes of the base asset unless noted.
type Kline struct {
	OpenTime       int64   `parquet:"open_time,delta"` // Unix ms
	Open           float64 `parquet:"open"`
	High           float64 `parquet:"high"`
	Low            float64 `parquet:"low"`
	Close          float64 `parquet:"close"`
	Volume         float64 `parquet:"volume"`
	QuoteVolume    float64 `parquet:"quote_volume"` // in the quote asset
	Trades         int64   `parquet:"number_of_trades"`
	TakerBuyVolume float64 `parquet:"taker_buy_volume"` // of Volume, bought by takers
}

func (k Kline) at() int64 { return k.OpenTime }

// Funding is a funding rate, a fraction per funding period, and when it was
// settled.
type Funding struct {
	Time int64   `parquet:"time"` // Unix ms
	Rate float64 `parquet:"funding_rate"`
}

func (f Funding) at() int64 { return f.Time }
