package source

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/binance"
)

const (
	defaultTop      = 20       // symbols, where SYMBOLS does not say
	defaultLookback = 30 * day // where neither START nor LOOKBACK does
	refetches       = 3        // of what a damaged cache has lost

	// A bar that closed this long ago is told as it stays.
	settling = 3 * time.Second
	// One that is not told then may come in this time; a symbol that is not
	// traded any more has none.
	lateTries, latePause = 3, 2 * time.Second

	// A recorder keeps its rows in memory for a minute. So of the books before
	// the range's end those of its last two minutes are left out: a run that
	// goes on later sees no more of them than the first one saw.
	recording = 2 * time.Minute
)

// loadBinance fetches the market from the exchange, by way of the cache: only
// what is not there yet is asked for.
func loadBinance(ctx context.Context, cfg Config) (*data.Market, Report, error) {
	m, report, err := loadFromBinance(ctx, cfg)
	if errors.Is(err, binance.ErrAway) {
		err = fmt.Errorf("%w; or train on candles at hand with DATA_SOURCE=files", err)
	}
	return m, report, err
}

func loadFromBinance(ctx context.Context, cfg Config) (*data.Market, Report, error) {
	interval, err := ParseInterval(cfg.Interval)
	if err != nil {
		return nil, Report{}, err
	}
	client, err := binance.NewClient(cfg.Binance)
	if err != nil {
		return nil, Report{}, err
	}
	defer client.Close()
	cache := binance.NewCache(cfg.Binance)
	if err := client.Respect(cache); err != nil {
		return nil, Report{}, err
	}
	client.Watch(cfg.Watch)
	request, err := cfg.held(client, cache, interval)
	if err != nil {
		return nil, Report{}, err
	}
	if request == nil {
		request, err = cfg.request(ctx, client, interval)
		if errors.Is(err, binance.ErrAway) {
			err = fmt.Errorf("fetching from Binance: %w", err)
		}
		if err != nil {
			return nil, Report{}, err
		}
		if cfg.Fixed != nil {
			cfg.Fixed(Pin{request.Symbols, rfc3339(request.From), rfc3339(request.To)})
		}
		if err := fetchBooks(ctx, client, cache, *request, cfg); err != nil {
			return nil, Report{}, err
		}
	}
	for try := 0; ; try++ {
		if err := fetch(ctx, client, cache, *request, cfg.Watch); err != nil {
			return nil, Report{}, fmt.Errorf("fetching from Binance: %w", err)
		}
		m, report, err := readCache(ctx, cache, *request, cfg)
		if errors.Is(err, binance.ErrDamaged) && try < refetches {
			cfg.Watch.Tell(data.Step{Phase: data.Waiting, Why: err.Error() + ": what it held is fetched again"})
			continue
		}
		return m, report, err
	}
}

// fetch brings the request into the cache. A newest bar that is late is waited
// for: a run that goes on would see it, and have other data than at its start.
func fetch(ctx context.Context, client *binance.Client, cache *binance.Cache, r binance.Request, watch data.Watcher) error {
	for try := 0; ; try++ {
		if err := client.Fetch(ctx, cache, r, watch); err != nil {
			return err
		}
		if try == lateTries || client.Now().UnixMilli()-r.To >= r.Step.Milliseconds()+settling.Milliseconds() {
			return nil
		}
		late, err := client.Late(cache, r)
		if err != nil || len(late) == 0 {
			return err
		}
		watch.Tell(data.Step{Phase: data.Waiting, Until: time.Now().Add(latePause), Why: fmt.Sprintf("the newest bar of %s is not told yet", late[0])})
		select {
		case <-time.After(latePause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// held is a request for symbols that are named and a range that has ended, all
// of which the cache has; nil: it is another one. So a run that goes on, and one
// that is repeated, need no exchange.
func (c Config) held(client *binance.Client, cache *binance.Cache, interval time.Duration) (*binance.Request, error) {
	selection, err := ParseSymbols(c.Symbols, c.Symbol)
	if err != nil {
		return nil, err
	}
	span, err := c.Range()
	if err != nil {
		return nil, err
	}
	if selection.Names == nil || span.End.IsZero() || span.Start.IsZero() && span.Lookback == 0 {
		return nil, nil
	}
	r := &binance.Request{Symbols: selection.Names, Interval: c.Interval, Step: interval}
	if r.From, r.To, err = c.bars(time.Now(), interval); err != nil || r.To < span.End.UnixMilli() {
		return nil, nil // as our clock has it: the exchange's decides
	}
	if err := fits(r); err != nil {
		return nil, err
	}
	if whole, err := client.Holds(cache, *r); err != nil || !whole {
		return nil, err
	}
	return r, nil
}

// request is what cfg asks of the exchange.
func (c Config) request(ctx context.Context, client *binance.Client, interval time.Duration) (*binance.Request, error) {
	known, err := client.Sync(ctx)
	if err != nil {
		return nil, err
	}
	r := &binance.Request{Interval: c.Interval, Step: interval}
	if r.From, r.To, err = c.bars(client.Now(), interval); err != nil {
		return nil, err
	}
	if r.Symbols, err = c.chosen(ctx, client, known); err != nil {
		return nil, err
	}
	return r, fits(r)
}

// fits refuses a market that would not fit the memory.
func fits(r *binance.Request) error {
	bars := (r.To - r.From) / r.Step.Milliseconds()
	if panelValues(len(r.Symbols), bars, int(quantities)) > maxPanelValues {
		return fmt.Errorf("%w: %d symbols over %d bars take more than %d values: set START and END, or fewer SYMBOLS", data.ErrInput, len(r.Symbols), bars, maxPanelValues)
	}
	return nil
}

// fetchBooks keeps the order books of now where the range reaches up to now, for
// the bar under way: runs that come again each hour make a history of them. A
// recorder that is at work does it better.
func fetchBooks(ctx context.Context, client *binance.Client, cache *binance.Cache, r binance.Request, cfg Config) error {
	if client.Now().UnixMilli()-r.To >= r.Step.Milliseconds()+settling.Milliseconds() {
		return nil
	}
	unlock, err := cache.LockBooks()
	if errors.Is(err, binance.ErrRecording) {
		return nil
	} else if err != nil {
		return err
	}
	defer unlock()
	if err := client.FetchBooks(ctx, cache, r.Symbols, cfg.Watch); err != nil {
		return fmt.Errorf("fetching order books from Binance: %w", err)
	}
	return nil
}

func rfc3339(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// bars are the open times of the range's first bar and of the one after its
// last, at most up to what has closed by now.
func (c Config) bars(now time.Time, interval time.Duration) (from, to int64, err error) {
	span, err := c.Range()
	if err != nil {
		return 0, 0, err
	}
	if span.Start.IsZero() && span.Lookback == 0 {
		span.Lookback = defaultLookback
	}
	step := interval.Milliseconds()
	newest := now.Add(-settling).UnixMilli() / step * step // what opens there has not closed
	from, to = span.bounds(newest)
	from, to = (from+step-1)/step*step, (min(to, newest)+step-1)/step*step
	to = min(to, newest)
	if from >= to {
		return 0, 0, fmt.Errorf("%w: no bar of %s has closed within %s, and it is %s: set START, END or LOOKBACK to a range of the past", data.ErrInput, c.Interval, span, now.UTC().Format(time.RFC3339))
	}
	return from, to, nil
}

// chosen are the symbols that become nodes.
func (c Config) chosen(ctx context.Context, client *binance.Client, known []binance.Symbol) ([]string, error) {
	selection, err := ParseSymbols(c.Symbols, c.Symbol)
	if err != nil {
		return nil, err
	}
	if selection.Names != nil {
		return selection.Names, client.Check(known, selection.Names)
	}
	if selection.Top == 0 {
		selection.Top = defaultTop
	}
	return client.Top(ctx, known, c.Symbol, selection.Top)
}

// readCache lays what the cache holds on one time axis.
func readCache(ctx context.Context, cache *binance.Cache, r binance.Request, cfg Config) (*data.Market, Report, error) {
	step := r.Step.Milliseconds()
	optional := []data.Column{data.TakerBuyVolume, data.QuoteVolume}
	if cfg.Binance.Market == binance.USDM {
		optional = append(optional, data.FundingRate)
	}
	books, err := cache.HasBooks(r.Symbols)
	if err != nil {
		return nil, Report{}, err
	}
	if books {
		optional = append(optional, data.BestBid, data.BestAsk, data.BidSize, data.AskSize)
	}
	m := newMarket(r.Symbols, r.From, int((r.To-r.From)/step), r.Step, optional)
	reports, errs := make([]Report, len(r.Symbols)), make([]error, len(r.Symbols))
	var readers sync.WaitGroup
	var mu sync.Mutex
	done := 0
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, symbol := range r.Symbols {
		slots <- struct{}{}
		readers.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			p := panelOf(m, i)
			if reports[i], errs[i] = p.candles(cache, symbol, r); errs[i] == nil {
				errs[i] = p.joined(cache, symbol, r, cfg, books)
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			cfg.Watch.Tell(data.Step{Phase: data.ReadingCache, Done: done, Total: len(r.Symbols)})
		})
	}
	readers.Wait()
	if ctx.Err() != nil {
		return nil, Report{}, fmt.Errorf("reading candles: %w", context.Cause(ctx))
	}
	var report Report
	for i, err := range errs {
		if err != nil {
			return nil, Report{}, err
		}
		report.Rows += reports[i].Rows
		report.Missing += reports[i].Missing
	}
	dropEmpty(m)
	return m, report, nil
}

// panel is one symbol's rows of a market.
type panel struct {
	market *data.Market
	rows   [quantities][]float64 // nil: the market lacks the column
}

func panelOf(m *data.Market, i int) panel {
	p := panel{market: m}
	p.rows[openPrice], p.rows[highPrice], p.rows[lowPrice], p.rows[closePrice], p.rows[baseVolume] = m.Open[i], m.High[i], m.Low[i], m.Close[i], m.Volume[i]
	for q := takerBuyVolume; q < quantities; q++ {
		if column, ok := m.Optional[data.Column(q.String())]; ok {
			p.rows[q] = column[i]
		}
	}
	return p
}

// candles fills the panel with the symbol's candles.
func (p panel) candles(cache *binance.Cache, symbol string, r binance.Request) (Report, error) {
	step := r.Step.Milliseconds()
	var report Report
	first, last := int64(-1), int64(-1)
	err := cache.Klines(symbol, r, func(k binance.Kline) error {
		c := candle{openPrice: k.Open, highPrice: k.High, lowPrice: k.Low, closePrice: k.Close, baseVolume: k.Volume,
			takerBuyVolume: k.TakerBuyVolume, quoteVolume: k.QuoteVolume}
		for q := bestBid; q < quantities; q++ {
			c[q] = math.NaN()
		}
		if why := c.flaw(); why != "" {
			return fmt.Errorf("%w: the exchange's candle of %s that opens at %s: %s: name SYMBOLS without %s, or set a range without it", data.ErrInput, symbol, stamp(k.OpenTime), why, symbol)
		}
		if k.OpenTime%step != 0 {
			return fmt.Errorf("%w: the exchange's candle of %s opens at %s, not a whole multiple of INTERVAL=%s since 1970: name SYMBOLS without %s, or set a range without it", data.ErrInput, symbol, stamp(k.OpenTime), r.Interval, symbol)
		}
		bar := (k.OpenTime - r.From) / step
		for q := range bestBid {
			p.rows[q][bar] = c[q]
		}
		if report.Rows++; first < 0 {
			first = bar
		}
		last = bar
		return nil
	})
	switch {
	case err != nil:
		return report, err
	case report.Rows == 0:
		return report, fmt.Errorf("%w: %s has no candle from %s to %s: choose another range, or name SYMBOLS without it", data.ErrInput, symbol, rfc3339(r.From), rfc3339(r.To))
	}
	report.Missing = int(last-first) + 1 - report.Rows
	return report, nil
}

// joined fills the panel with what was last known of funding and order book at
// each bar's close.
func (p panel) joined(cache *binance.Cache, symbol string, r binance.Request, cfg Config, books bool) error {
	if p.rows[fundingRate] != nil {
		rates, err := cache.Fundings(symbol, r)
		if err != nil {
			return err
		}
		times := make([]int64, len(rates))
		for i, f := range rates {
			times[i] = f.Time
		}
		p.lay(times, r, fundingAge, func(bar, at int) { p.rows[fundingRate][bar] = rates[at].Rate })
	}
	if !books {
		return nil
	}
	r.To -= recording.Milliseconds()
	rows, err := cache.Books(symbol, r, bookAge)
	if err != nil {
		return err
	}
	times := make([]int64, len(rows))
	for i, b := range rows {
		times[i] = b.Time
	}
	p.lay(times, r, bookAge, func(bar, at int) {
		b := rows[at]
		p.rows[bestBid][bar], p.rows[bestAsk][bar], p.rows[bidSize][bar], p.rows[askSize][bar] = b.BestBid, b.BestAsk, b.BidSize, b.AskSize
	})
	return nil
}

// lay calls set for each bar that has a candle and something known at its
// close, with the place of the last of the times before it.
func (p panel) lay(times []int64, r binance.Request, oldest time.Duration, set func(bar, at int)) {
	opens := make([]int64, p.market.Bars)
	for t := range opens {
		opens[t] = p.market.OpenTime(t)
	}
	for bar, at := range lastKnown(times, opens, r.Step, oldest) {
		if at >= 0 && !math.IsNaN(p.rows[closePrice][bar]) {
			set(bar, at)
		}
	}
}

// dropEmpty takes away the optional columns in which nothing is known.
func dropEmpty(m *data.Market) {
	for column, panels := range m.Optional {
		if !slices.ContainsFunc(panels, func(values []float64) bool {
			return slices.ContainsFunc(values, func(v float64) bool { return !math.IsNaN(v) })
		}) {
			delete(m.Optional, column)
		}
	}
}
