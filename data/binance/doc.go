// Package binance fetches public market data of Binance's spot and USD-margined
// futures markets: candles, order book and funding rates enter through its REST
// and WebSocket interfaces, and are kept in Parquet files, one a symbol and
// month. It knows nothing of features or graphs.
package binance
