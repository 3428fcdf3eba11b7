// Command exchange serves the test exchange, to try gnn-trainer on without the
// real one: candles, order books with their stream, and funding rates of symbols
// that do not exist.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	count := flag.Int("symbols", 20, "symbols, the first of them BTCUSDT")
	market := flag.String("market", "spot", "market whose order books are streamed: spot or usdm")
	delay := flag.Duration("delay", 0, "of each page of candles")
	limit := flag.Int("limit", 0, "weight a minute; 0: the documented one")
	flag.Parse()
	if err := serve(*addr, *count, *market, *delay, *limit); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(addr string, count int, market string, delay time.Duration, limit int) error {
	symbols := []string{"BTCUSDT"}
	for i := range count - 1 {
		symbols = append(symbols, fmt.Sprintf("S%03dUSDT", i))
	}
	depth := exchange.NewDepth(exchange.DepthOptions{Market: market, Symbols: symbols, Seed: 1, Start: time.Now().UnixMilli()})
	e := exchange.New(exchange.Options{Symbols: symbols, Delay: delay, Limit: limit, Depth: depth})
	depth.Streams(e.Mux)
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	go func() {
		for range time.Tick(100 * time.Millisecond) {
			for _, s := range symbols {
				depth.Publish(s)
			}
		}
	}()
	return http.Serve(listener, e)
}
