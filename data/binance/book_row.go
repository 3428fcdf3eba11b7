package binance

// BookRow is one sample of an order book, as the cache keeps it.
type BookRow struct {
	Time    int64   `parquet:"time"`     // Unix ms: the exchange's time of the last update it contains
	BestBid float64 `parquet:"best_bid"` // price
	BestAsk float64 `parquet:"best_ask"` // price
	BidSize float64 `parquet:"bid_size"` // sum over the best 20 levels, in the base asset
	AskSize float64 `parquet:"ask_size"`
}
