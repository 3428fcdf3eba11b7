package source

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/binance"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

const (
	defaultTop      = 20       // symbols, where SYMBOLS does not say
	defaultLookback = 30 * day // where neither START nor LOOKBACK does
	refetches       = 3        // of what a damaged cache has lost

	// A bar that closed this long ago no longer changes.
	settling = 3 * time.Second
	// One that is missing then may come in this time; a symbol that is not
	// traded any more has none.
	lateTries, latePause = 3, 2 * time.Second

	// A recorder keeps its rows in memory for a minute. So of the books before
	// the range's end those of its last two minutes are left out: a resumed
	// run sees no more of them than the first one saw.
	recording = 2 * time.Minute
)

// loadBinance fetches the market from the exchange, by way of the cache: only
// what is not there yet is asked for.
func loadBinance(ctx context.Context, q query) (*data.Market, Report, error) {
	m, report, err := loadFromBinance(ctx, q)
	if errors.Is(err, binance.ErrUnavailable) {
		f := fault.Of(err)
		err = f.Fix("%s, or train on candles at hand with DATA_SOURCE=files", f.Remedy)
	}
	return m, report, err
}

func loadFromBinance(ctx context.Context, q query) (*data.Market, Report, error) {
	client, cache, err := q.exchange(q.Watch)
	if err != nil {
		return nil, Report{}, err
	}
	defer client.Close()
	request, err := q.held(client, cache)
	if err != nil {
		return nil, Report{}, err
	}
	var notes []string
	if request == nil {
		request, notes, err = q.request(ctx, client)
		if errors.Is(err, binance.ErrUnavailable) {
			err = fmt.Errorf("fetching from Binance: %w", err)
		}
		if err != nil {
			return nil, Report{}, err
		}
		if q.Fixed != nil {
			q.Fixed(Pin{request.Symbols, rfc3339(request.From), rfc3339(request.To)})
		}
		if err := fetchBooks(ctx, client, cache, *request, q); err != nil {
			return nil, Report{}, err
		}
	}
	for try := 0; ; try++ {
		if err := fetch(ctx, client, cache, *request, q.Watch); err != nil {
			return nil, Report{}, fmt.Errorf("fetching from Binance: %w", err)
		}
		var m *data.Market
		var report Report
		more, err := q.replaceShort(ctx, client, cache, request)
		notes = append(notes, more...)
		if err == nil {
			m, report, err = readCache(ctx, cache, *request, q)
			duplicates, disordered := client.Tolerated()
			report.Duplicates, report.Disordered = report.Duplicates+duplicates, report.Disordered+disordered
			report.Warnings, report.Now = notes, client.Now()
		}
		if errors.Is(err, binance.ErrDamaged) && try < refetches {
			q.Watch.Tell(data.Step{Phase: data.Waiting, Why: err.Error() + ": what it held is fetched again"})
			continue
		}
		return m, report, err
	}
}

// exchange is the exchange's client, which respects a ban of an earlier process,
// and the cache of what it served.
func (c Config) exchange(watch data.Watcher) (*binance.Client, *binance.Cache, error) {
	client, err := binance.NewClient(c.Binance)
	if err != nil {
		return nil, nil, err
	}
	cache := binance.NewCache(c.Binance)
	if err := client.Respect(cache); err != nil {
		client.Close()
		return nil, nil, err
	}
	client.Watch(watch)
	return client, cache, nil
}

// fetch brings the request into the cache. A newest bar that is late is waited
// for: a resumed run would see it, and have other data than at its start.
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
		watch.Tell(data.Step{Phase: data.Waiting, Until: time.Now().Add(latePause), Why: fmt.Sprintf("the newest bar of %s is not served yet", late[0])})
		select {
		case <-time.After(latePause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// fetchBooks keeps the order books of now where the range reaches up to now, for
// the bar under way: runs that come again each hour make a history of them. A
// recorder that is at work does it better.
func fetchBooks(ctx context.Context, client *binance.Client, cache *binance.Cache, r binance.Request, q query) error {
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
	if err := client.FetchBooks(ctx, cache, r.Symbols, q.Watch); err != nil {
		return fmt.Errorf("fetching order books from Binance: %w", err)
	}
	return nil
}

// readCache makes a market of what the cache holds, a few symbols at once: no
// more than these are in memory twice.
func readCache(ctx context.Context, cache *binance.Cache, r binance.Request, q query) (*data.Market, Report, error) {
	optional := []quantity{takerBuyVolume, quoteVolume}
	if q.Binance.Market == binance.USDM {
		optional = append(optional, fundingRate)
	}
	books, err := cache.HasBooks(r.Symbols)
	if err != nil {
		return nil, Report{}, err
	}
	if books {
		optional = append(optional, bookValues...)
	}
	market := newAssembly(r.Symbols, axis{start: r.From, bars: (r.To - r.From) / r.Step.Milliseconds(), step: r.Step}, optional)
	var mu sync.Mutex
	done := 0
	errs := sideBySide(ctx, len(r.Symbols), func(i int) error {
		s, err := q.readSymbol(cache, r.Symbols[i], r, books)
		if err != nil {
			return err
		}
		market.lay(i, s)
		mu.Lock()
		defer mu.Unlock()
		done++
		q.Watch.Tell(data.Step{Phase: data.ReadingCache, Done: done, Total: len(r.Symbols)})
		return nil
	})
	if ctx.Err() != nil {
		return nil, Report{}, fmt.Errorf("reading candles: %w", context.Cause(ctx))
	}
	for _, err := range errs {
		if err != nil {
			return nil, Report{}, err
		}
	}
	m, report := market.result()
	return m, report, nil
}

// readSymbol reads the candles of a symbol, with the funding rates and order
// books that were known at their close.
func (q query) readSymbol(cache *binance.Cache, symbol string, r binance.Request, books bool) (*series, error) {
	s := newSeriesOf(origin{
		path: "the exchange's market of " + symbol,
		names: func(place int) string {
			return "the exchange's candle of " + symbol + " that opens at " + stamp(int64(place))
		},
		remedy: "set a range without it, or leave " + symbol + " out of SYMBOLS",
		asked:  true,
	}, bestBid)
	err := cache.Klines(symbol, r, func(k binance.Kline) error {
		c := tradedCandle(k.Open, k.High, k.Low, k.Close, k.Volume, k.TakerBuyVolume, k.QuoteVolume)
		return s.add(int(k.OpenTime), k.OpenTime, &c)
	})
	if err == nil {
		err = s.order(r.Step)
	}
	if err == nil {
		q.span = Range{Start: time.UnixMilli(r.From).UTC(), End: time.UnixMilli(r.To).UTC()}
		err = s.checkNotEmpty(symbol, q)
	}
	if err != nil {
		return nil, err
	}
	if q.Binance.Market == binance.USDM {
		rates := newAsOf(r.Step, fundingAge, fundingRate)
		err := cache.Fundings(symbol, r, func(f binance.Funding) error {
			rates.add(f.Time, nil, f.Rate)
			return nil
		})
		if err != nil {
			return nil, err
		}
		s.join(rates)
	}
	if books {
		rows := newAsOf(r.Step, bookAge, bookValues...)
		r.To -= recording.Milliseconds()
		err := cache.Books(symbol, r, bookAge, func(b binance.BookRow) error {
			rows.add(b.Time, nil, b.BestBid, b.BestAsk, b.BidSize, b.AskSize)
			return nil
		})
		if err != nil {
			return nil, err
		}
		s.join(rows)
	}
	return s, nil
}
