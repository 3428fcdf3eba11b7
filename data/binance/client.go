package binance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	spot "github.com/adshao/go-binance/v2"
	"github.com/adshao/go-binance/v2/common"
	"github.com/adshao/go-binance/v2/futures"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/webpage"
)

// Client asks one of the two markets for public data. It is safe for concurrent
// use, and everything it asks comes out of one budget.
type Client struct {
	market string
	url    string
	gate   *gate
	http   *http.Client

	tolerated tolerated
}

// NewClient makes a client of the market that cfg names; nothing is asked yet.
func NewClient(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Client{market: cfg.Market, url: strings.TrimSuffix(cfg.address(), "/"), gate: newGate()}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = fetchers
	base.OnProxyConnectResponse = webpage.Proxy
	c.http = &http.Client{Transport: &transport{base: base, gate: c.gate, key: cfg.APIKey.Reveal(), first: time.Second}}
	return c, nil
}

// Close ends the connections that wait for more requests.
func (c *Client) Close() { c.http.Transport.(*transport).base.(*http.Transport).CloseIdleConnections() }

// spot and futures are clients of one request: the library's own are not safe
// for concurrent use, since each answer is written into them.
func (c *Client) spot() *spot.Client {
	s := spot.NewClient("", "")
	s.BaseURL, s.HTTPClient = c.url, c.http
	return s
}

func (c *Client) futures() *futures.Client {
	f := futures.NewClient("", "")
	f.BaseURL, f.HTTPClient = c.url, c.http
	return f
}

// Sync learns the exchange's clock and limits, and which symbols there are.
func (c *Client) Sync(ctx context.Context) ([]Symbol, error) {
	if err := c.syncClock(ctx); err != nil {
		return nil, err
	}
	if c.market == Spot {
		info, err := c.spot().NewExchangeInfoService().Do(ctx)
		if err != nil {
			return nil, c.wrong("asking for the symbols", err)
		}
		for _, l := range info.RateLimits {
			if l.RateLimitType == "REQUEST_WEIGHT" {
				c.gate.setLimits(l.Interval, l.IntervalNum, l.Limit)
			}
		}
		return symbolsOf(info.Symbols, func(s spot.Symbol) Symbol {
			return Symbol{s.Symbol, s.QuoteAsset, s.Status == "TRADING" && s.IsSpotTradingAllowed}
		}), nil
	}
	info, err := c.futures().NewExchangeInfoService().Do(ctx)
	if err != nil {
		return nil, c.wrong("asking for the symbols", err)
	}
	for _, l := range info.RateLimits {
		if l.RateLimitType == "REQUEST_WEIGHT" {
			c.gate.setLimits(l.Interval, l.IntervalNum, l.Limit)
		}
	}
	return symbolsOf(info.Symbols, func(s futures.Symbol) Symbol {
		return Symbol{s.Symbol, s.QuoteAsset, s.Status == "TRADING" && s.ContractType == futures.ContractTypePerpetual}
	}), nil
}

// syncClock learns the exchange's clock. The answer was written before it came:
// taken for now, it makes our clock late, never early. So no bar and no window
// of the budget ends before its time, however long the answer took.
func (c *Client) syncClock(ctx context.Context) error {
	var sent atomic.Pointer[time.Time] // the last attempt: those before it do not count
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		now := time.Now()
		sent.Store(&now)
	}})
	var server int64
	var err error
	if c.market == Spot {
		server, err = c.spot().NewServerTimeService().Do(ctx)
	} else {
		server, err = c.futures().NewServerTimeService().Do(ctx)
	}
	came := time.Now()
	switch begun := sent.Load(); {
	case err != nil:
		return c.wrong("asking for the time", err)
	case begun == nil:
		return fault.Internal("asking for the time: %s was not seen to be asked", c.url)
	default:
		c.gate.setClock(time.UnixMilli(server).Sub(came), came.Sub(*begun)+time.Millisecond)
		return nil
	}
}

// Symbol is what a market trades.
type Symbol struct {
	Name       string
	QuoteAsset string
	Trading    bool // now; of the futures: as a perpetual contract
}

func symbolsOf[S any](from []S, of func(S) Symbol) []Symbol {
	all := make([]Symbol, len(from))
	for i, s := range from {
		all[i] = of(s)
	}
	return all
}

// Now is the exchange's time, once Sync was called; it is late by no more than
// an answer takes, never early.
func (c *Client) Now() time.Time {
	earliest, _ := c.gate.time()
	return earliest
}

// Skew is how far the exchange's clock is ahead of ours, once Sync was called.
func (c *Client) Skew() time.Duration {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	return c.gate.skew
}

// Weight is how much of the exchange's budget for this address was used in the
// running window, by whatever program, as its last answer reports, and the budget.
func (c *Client) Weight() (used, limit int) {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.gate.weight.roll(c.gate.now())
	return c.gate.weight.used, c.gate.weight.limit
}

// QuoteVolumes are what the last 24 hours traded of each symbol, in units of
// its quote asset.
func (c *Client) QuoteVolumes(ctx context.Context) (map[string]float64, error) {
	volumes := map[string]float64{}
	add := func(symbol, volume string) error {
		v, err := strconv.ParseFloat(volume, 64)
		if err != nil {
			return fault.Transient("%s gives a quote volume of %q for %s", c.url, volume, symbol).At("%s", c.url)
		}
		volumes[symbol] = v
		return nil
	}
	if c.market == Spot {
		all, err := c.spot().NewListPriceChangeStatsService().Do(ctx)
		if err != nil {
			return nil, c.wrong("asking for the volumes", err)
		}
		for _, s := range all {
			if err := add(s.Symbol, s.QuoteVolume); err != nil {
				return nil, err
			}
		}
		return volumes, nil
	}
	all, err := c.futures().NewListPriceChangeStatsService().Do(ctx)
	if err != nil {
		return nil, c.wrong("asking for the volumes", err)
	}
	for _, s := range all {
		if err := add(s.Symbol, s.QuoteVolume); err != nil {
			return nil, err
		}
	}
	return volumes, nil
}

// Klines asks for the candles whose open time is in [from, to), Unix ms, at
// most a page of them, in rising order.
func (c *Client) Klines(ctx context.Context, symbol, interval string, from, to int64, limit int) ([]Kline, error) {
	var page []Kline
	var bad error
	add := func(open, trades int64, prices ...string) {
		k, err := newKline(open, trades, prices)
		if err != nil && bad == nil {
			bad = fault.Transient("%s, candle of %s that opens at %d: %w", c.url, symbol, open, err).At("%s", c.url)
		}
		page = append(page, k)
	}
	var err error
	if c.market == Spot {
		var all []*spot.Kline
		all, err = c.spot().NewKlinesService().Symbol(symbol).Interval(interval).StartTime(from).EndTime(to - 1).Limit(limit).Do(ctx)
		page = make([]Kline, 0, len(all))
		for _, k := range all {
			add(k.OpenTime, k.TradeNum, k.Open, k.High, k.Low, k.Close, k.Volume, k.QuoteAssetVolume, k.TakerBuyBaseAssetVolume)
		}
	} else {
		var all []*futures.Kline
		all, err = c.futures().NewKlinesService().Symbol(symbol).Interval(interval).StartTime(from).EndTime(to - 1).Limit(limit).Do(ctx)
		page = make([]Kline, 0, len(all))
		for _, k := range all {
			add(k.OpenTime, k.TradeNum, k.Open, k.High, k.Low, k.Close, k.Volume, k.QuoteAssetVolume, k.TakerBuyBaseAssetVolume)
		}
	}
	if err != nil {
		return nil, c.wrong("asking for candles of "+symbol, err)
	}
	if bad != nil {
		return nil, bad
	}
	return page, nil
}

// newKline reads the numbers of a candle.
func newKline(open, trades int64, texts []string) (Kline, error) {
	k := Kline{OpenTime: open, Trades: trades}
	for i, to := range []*float64{&k.Open, &k.High, &k.Low, &k.Close, &k.Volume, &k.QuoteVolume, &k.TakerBuyVolume} {
		v, err := strconv.ParseFloat(texts[i], 64)
		if err != nil {
			return k, fmt.Errorf("%q is no number", texts[i])
		}
		*to = v
	}
	return k, nil
}

// Funding asks for the funding rates of a perpetual contract at times in
// [from, to), Unix ms, at most limit of them, in rising order.
func (c *Client) Funding(ctx context.Context, symbol string, from, to int64, limit int) ([]Funding, error) {
	all, err := c.futures().NewFundingRateService().Symbol(symbol).StartTime(from).EndTime(to - 1).Limit(limit).Do(ctx)
	if err != nil {
		return nil, c.wrong("asking for funding rates of "+symbol, err)
	}
	page := make([]Funding, len(all))
	for i, f := range all {
		rate, err := strconv.ParseFloat(f.FundingRate, 64)
		if err != nil {
			return nil, fault.Transient("%s gives a funding rate of %q for %s", c.url, f.FundingRate, symbol).At("%s", c.url)
		}
		page[i] = Funding{f.FundingTime, rate}
	}
	return page, nil
}

// wrong makes a fault of an error of the exchange's.
func (c *Client) wrong(doing string, err error) error {
	var unavailable *unavailableError
	if errors.As(err, &unavailable) { // without the long address of the request
		server := "BINANCE_BASE_URL"
		if c.market == USDM {
			server = "BINANCE_FUTURES_BASE_URL"
		}
		return fault.Transient("%s: %w", doing, unavailable).At("%s", unavailable.host).
			Fix("start again when it is back, or set HTTPS_PROXY to a proxy or %s to a mirror", server)
	}
	var rejected *fault.Error
	if errors.As(err, &rejected) { // likewise
		return fmt.Errorf("%s: %w", doing, rejected)
	}
	var answered *common.APIError
	if !errors.As(err, &answered) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	const invalidSymbol, invalidInterval, badAPIKey, rejectedKey = -1121, -1120, -2014, -2015
	switch answered.Code {
	case invalidSymbol:
		return fault.Input("%s: %s does not know the symbol (%d)", doing, c.url, answered.Code).At("%s", c.url).Fix("correct SYMBOL or SYMBOLS, or BINANCE_MARKET")
	case invalidInterval:
		return fault.Input("%s: %s does not know the interval (%d)", doing, c.url, answered.Code).At("%s", c.url).Fix("correct INTERVAL")
	case badAPIKey, rejectedKey:
		return fault.Rejected("%s: %s rejects BINANCE_API_KEY (%d)", doing, c.url, answered.Code).At("%s", c.url).Fix("correct it, or unset it, since public data need none")
	}
	if answered.IsValid() {
		return fault.Transient("%s: %s answers %d, %.200s", doing, c.url, answered.Code, answered.Message).At("%s", c.url)
	}
	return fault.Rejected("%s: %s answers %.60q, which is none of Binance's answers", doing, c.url, answered.Response).At("%s", c.url).Fix(pages)
}
