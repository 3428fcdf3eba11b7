package exchange

import (
	"encoding/json"
	"hash/fnv"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Candle is what the exchange tells of one bar.
type Candle struct {
	Open, High, Low, Close, Volume, QuoteVolume, TakerBuy float64
	Trades                                                int
}

// wave is the logarithm of a symbol's price at the close of a bar, by its
// market's common motion and its own.
func wave(seed uint64, bar int64) float64 {
	b, own := float64(bar), float64(seed%1000)
	return 0.05*math.Sin(b/97) + 0.02*math.Sin(b/13+own) + 0.004*math.Sin(b*1.7+own*3) + 0.003*math.Sin(b*2.9+own*own)
}

func seedOf(symbol string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(symbol))
	return h.Sum64()
}

func round8(v float64) float64 { return math.Round(v*1e8) / 1e8 }

// CandleOf is the candle of bar number bar since 1970, as any client is told.
func CandleOf(symbol string, bar int64) Candle {
	seed := seedOf(symbol)
	level := float64(10 + seed%90)
	open, closing := round8(level*math.Exp(wave(seed, bar-1))), round8(level*math.Exp(wave(seed, bar)))
	ripple := 1 + 0.001*(1+math.Sin(float64(bar)*0.7+float64(seed%7)))
	volume := round8(100 + 50*math.Sin(float64(bar)/11+float64(seed%50)))
	return Candle{
		Open: open, Close: closing, High: round8(max(open, closing) * ripple), Low: round8(min(open, closing) / ripple),
		Volume: volume, QuoteVolume: round8(volume * closing), TakerBuy: round8(volume * (0.5 + 0.3*math.Sin(float64(bar)/5))),
		Trades: int(volume),
	}
}

// volume24h ranks the symbols: the later in the list, the less is traded.
func (e *Exchange) volume24h(i int) float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reversed {
		i = len(e.options.Symbols) - i
	}
	return 1e9 / float64(i+1)
}

// Reverse turns the ranking by volume over.
func (e *Exchange) Reverse() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reversed = !e.reversed
}

func (e *Exchange) time(w http.ResponseWriter, _ *http.Request, _ string) {
	write(w, map[string]int64{"serverTime": e.Now().UnixMilli()})
}

func quoteOf(symbol string) string {
	if strings.HasSuffix(symbol, "BTC") {
		return "BTC"
	}
	return "USDT"
}

func (e *Exchange) info(w http.ResponseWriter, _ *http.Request, market string) {
	interval, number := "MINUTE", int(e.options.Window.Minutes())
	if e.options.Window < time.Minute {
		interval, number = "SECOND", int(e.options.Window.Seconds())
	}
	var symbols []map[string]any
	for _, s := range e.options.Symbols {
		m := map[string]any{
			"symbol": s, "status": "TRADING", "quoteAsset": quoteOf(s), "baseAsset": strings.TrimSuffix(s, quoteOf(s)),
			"isSpotTradingAllowed": true, "contractType": "PERPETUAL",
		}
		if strings.HasPrefix(s, "OLD") {
			m["status"] = "BREAK"
		}
		symbols = append(symbols, m)
	}
	write(w, map[string]any{
		"timezone": "UTC", "serverTime": e.Now().UnixMilli(), "symbols": symbols,
		"rateLimits": []map[string]any{{"rateLimitType": "REQUEST_WEIGHT", "interval": interval, "intervalNum": number, "limit": e.limit(market)}},
	})
}

func (e *Exchange) tickers(w http.ResponseWriter, _ *http.Request, _ string) {
	var all []map[string]any
	for i, s := range e.options.Symbols {
		all = append(all, map[string]any{"symbol": s, "quoteVolume": strconv.FormatFloat(e.volume24h(i), 'f', 2, 64), "volume": "1"})
	}
	write(w, all)
}

var lengths = map[string]time.Duration{"1m": time.Minute, "5m": 5 * time.Minute, "15m": 15 * time.Minute, "1h": time.Hour, "1d": 24 * time.Hour}

func (e *Exchange) klines(w http.ResponseWriter, r *http.Request, market string) {
	q := r.URL.Query()
	symbol := q.Get("symbol")
	length, ok := lengths[q.Get("interval")]
	if !slices.Contains(e.options.Symbols, symbol) {
		fail(w, http.StatusBadRequest, -1121, "Invalid symbol.")
		return
	} else if !ok {
		fail(w, http.StatusBadRequest, -1120, "Invalid interval.")
		return
	}
	step := length.Milliseconds()
	from, to := intOf(q.Get("startTime"), 0), intOf(q.Get("endTime"), math.MaxInt64-step)
	most := 1000
	if market == usdm {
		most = 1500
	}
	if e.options.Most > 0 {
		most = e.options.Most
	}
	limit := int64(min(limitOf(r, 500), most))
	from = max(from, e.options.Listed.UnixMilli(), 0)
	time.Sleep(e.options.Delay)
	var page []byte
	page = append(page, '[')
	now := e.Now().UnixMilli()
	first := true
	told := int64(0)
	for bar := (from + step - 1) / step; bar*step <= min(to, now) && told < limit; bar++ {
		if e.options.Missing != nil && e.options.Missing(symbol, bar) {
			continue
		}
		if !first {
			page = append(page, ',')
		}
		first = false
		page = appendCandle(page, CandleOf(symbol, bar), bar*step, step)
		told++
	}
	page = append(page, ']')
	if e.options.Rows != nil {
		var rows []json.RawMessage
		if err := json.Unmarshal(page, &rows); err == nil {
			page, _ = json.Marshal(e.options.Rows(rows))
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	if _, err := w.Write(page); err == nil {
		e.mu.Lock()
		e.pages[symbol+" "+q.Get("startTime")]++
		e.mu.Unlock()
	}
}

func appendCandle(to []byte, c Candle, open, step int64) []byte {
	text := func(v float64) {
		to = append(to, ',', '"')
		to = strconv.AppendFloat(to, v, 'f', 8, 64)
		to = append(to, '"')
	}
	number := func(v int64) {
		to = append(to, ',')
		to = strconv.AppendInt(to, v, 10)
	}
	to = append(to, '[')
	to = strconv.AppendInt(to, open, 10)
	text(c.Open)
	text(c.High)
	text(c.Low)
	text(c.Close)
	text(c.Volume)
	number(open + step - 1)
	text(c.QuoteVolume)
	number(int64(c.Trades))
	text(c.TakerBuy)
	text(c.TakerBuy * c.Close)
	return append(to, `,"0"]`...)
}

func intOf(text string, standard int64) int64 {
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return standard
	}
	return v
}

// RateOf is the funding rate that was settled at a time, Unix ms.
func RateOf(symbol string, ms int64) float64 {
	return round8(1e-4 * math.Sin(float64(ms/3_600_000)+float64(seedOf(symbol)%100)))
}

func (e *Exchange) funding(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	period := int64(e.options.FundingHours) * 3_600_000
	from, to := intOf(q.Get("startTime"), 0), min(intOf(q.Get("endTime"), math.MaxInt64), e.Now().UnixMilli())
	all := []map[string]any{}
	limit := min(limitOf(r, 100), 1000)
	for at := (max(from, e.options.Listed.UnixMilli()) + period - 1) / period * period; at <= to && len(all) < limit; at += period {
		// As there, some milliseconds after the hour.
		if told := at + at/period%15; told >= from && told <= to {
			all = append(all, map[string]any{"symbol": q.Get("symbol"), "fundingTime": told, "fundingRate": strconv.FormatFloat(RateOf(q.Get("symbol"), at), 'f', 8, 64)})
		}
	}
	write(w, all)
}

func (e *Exchange) depth(w http.ResponseWriter, r *http.Request, market string) {
	if e.options.Depth != nil {
		e.options.Depth.ServeSnapshot(w, r)
		return
	}
	symbol := r.URL.Query().Get("symbol")
	if !slices.Contains(e.options.Symbols, symbol) {
		fail(w, http.StatusBadRequest, -1121, "Invalid symbol.")
		return
	}
	bids, asks := [][2]string{}, [][2]string{}
	price := CandleOf(symbol, e.Now().UnixMilli()/300_000).Close
	for i := range min(limitOf(r, 100), 50) {
		at := func(side float64) [2]string {
			return [2]string{strconv.FormatFloat(price*(1+side*0.0001*float64(i+1)), 'f', 8, 64), strconv.FormatFloat(float64(i+1), 'f', 3, 64)}
		}
		bids, asks = append(bids, at(-1)), append(asks, at(1))
	}
	answer := map[string]any{"lastUpdateId": e.Now().UnixMilli(), "bids": bids, "asks": asks}
	if market == usdm {
		answer["E"], answer["T"] = e.Now().UnixMilli(), e.Now().UnixMilli()
	}
	write(w, answer)
}
