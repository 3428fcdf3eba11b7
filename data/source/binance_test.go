package source_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/binance"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/test/exchange"
)

var may = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)

// fromMay asks e for days of 5-minute candles from may on.
func fromMay(e *exchange.Exchange, market, cache, symbols string, days int) source.Config {
	return wanted{
		URL: e.URL, Market: market, CacheDir: cache, Symbol: "BTCUSDT", Symbols: symbols,
		Start: may.Format(time.RFC3339), End: may.AddDate(0, 0, days).Format(time.RFC3339),
	}.config()
}

func mustLoad(t *testing.T, cfg source.Config) (*data.Market, source.Report) {
	t.Helper()
	m, report, err := source.Load(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	return m, report
}

func TestALoadFromAnExchangeOutOfReachEndsWithWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the tries take minutes
		_, _, err := source.Load(t.Context(), wanted{URL: "http://127.0.0.1:1", Market: binance.Spot, CacheDir: t.TempDir(), Symbol: "BTCUSDT", Symbols: "top:2"}.config())
		if err == nil || errors.Is(err, data.ErrInput) || !strings.HasPrefix(err.Error(), "fetching from Binance: asking for the time: 127.0.0.1:1 failed 13 times: dial tcp 127.0.0.1:1: ") ||
			!strings.HasSuffix(err.Error(), ": start again when it is back, or set HTTPS_PROXY to a proxy or BINANCE_BASE_URL to a mirror, or train on candles at hand with DATA_SOURCE=files") {
			t.Errorf("%v", err)
		}
	})
}

func TestTheExchangesCandlesBecomeTheMarket(t *testing.T) {
	gone := func(symbol string, bar int64) bool { return symbol == "AUSDT" && bar%7 == 3 }
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Now: may.AddDate(0, 1, 0), Missing: gone})
	m, report := mustLoad(t, fromMay(e, binance.USDM, t.TempDir(), "AUSDT,BTCUSDT", 3))
	if !slices.Equal(m.Symbols, []string{"AUSDT", "BTCUSDT"}) || m.Start != may.UnixMilli() || m.Bars != 3*288 {
		t.Fatalf("%v, %d bars from %d", m.Symbols, m.Bars, m.Start)
	}
	rows, missing := 0, 0
	for i, symbol := range m.Symbols {
		for bar := range m.Bars {
			number := m.OpenTime(bar) / 300_000
			if gone(symbol, number) {
				missing++
				if m.Present(i, bar) || !math.IsNaN(m.Optional[data.FundingRate][i][bar]) {
					t.Fatalf("%s has bar %d, which was not traded", symbol, bar)
				}
				continue
			}
			rows++
			want := exchange.CandleOf(symbol, number)
			// The last settlement before the bar's close, some milliseconds after its hour.
			period, closing := int64(8*3_600_000), m.OpenTime(bar+1)
			settled := closing / period * period
			if settled+settled/period%15 >= closing {
				settled -= period
			}
			if m.Open[i][bar] != want.Open || m.High[i][bar] != want.High || m.Low[i][bar] != want.Low || m.Close[i][bar] != want.Close ||
				m.Volume[i][bar] != want.Volume || m.Optional[data.QuoteVolume][i][bar] != want.QuoteVolume ||
				m.Optional[data.TakerBuyVolume][i][bar] != want.TakerBuy || m.Optional[data.FundingRate][i][bar] != exchange.RateOf(symbol, settled) {
				t.Fatalf("%s, bar %d: close %v, funding %v, want %+v, %v", symbol, bar, m.Close[i][bar], m.Optional[data.FundingRate][i][bar], want, exchange.RateOf(symbol, settled))
			}
		}
	}
	if report.Rows != rows || report.Missing < missing-1 || len(m.Optional) != 3 {
		t.Errorf("%+v, want %d rows and %d missing; columns %d", report, rows, missing, len(m.Optional))
	}
}

func TestRecordedBooksAreJoinedAndNothingLaterThanABarsClose(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Now: may.AddDate(0, 1, 0)})
	from := func(price func(at int64) float64) *data.Market {
		t.Helper()
		cfg := fromMay(e, binance.Spot, t.TempDir(), "BTCUSDT,AUSDT", 1)
		w := binance.NewBookWriter(binance.NewCache(cfg.Binance))
		for _, symbol := range []string{"BTCUSDT", "AUSDT"} {
			var rows []binance.BookRow
			for at := may.UnixMilli() - 600_000; at < may.AddDate(0, 0, 1).UnixMilli(); at += 20_000 {
				if hour := at / 3_600_000 % 24; symbol == "AUSDT" && (hour == 5 || hour == 6 || hour == 7) {
					continue // the recorder was down
				}
				rows = append(rows, binance.BookRow{Time: at, BestBid: price(at), BestAsk: price(at) + 1, BidSize: 3, AskSize: 4})
			}
			if err := w.AppendBook(symbol, rows); err != nil {
				t.Fatal(err)
			}
		}
		m, _ := mustLoad(t, cfg)
		return m
	}
	exact := func(at int64) float64 { return float64(at) }
	m := from(exact)
	for i, symbol := range m.Symbols {
		for bar := range m.Bars {
			closing := m.OpenTime(bar + 1)
			last := closing - 20_000 // of every 20 s the last before the close
			if bar == m.Bars-1 {
				last = closing - 140_000 // the last two minutes of the range are not used
			}
			want := float64(last)
			if hour := (closing - 1) / 3_600_000 % 24; symbol == "AUSDT" && hour >= 5 && hour < 8 {
				want = float64(may.UnixMilli() + 5*3_600_000 - 20_000)
				if closing-int64(want) > 3_600_000 {
					want = math.NaN()
				}
			}
			if got := m.Optional[data.BestBid][i][bar]; got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
				t.Fatalf("%s, bar %d: the book is of %.0f, want %.0f before %d", symbol, bar, got, want, closing)
			}
		}
	}
	for _, cut := range []int{0, 1, 50, 143, 286} {
		closing := m.OpenTime(cut + 1)
		other := from(func(at int64) float64 {
			if at >= closing {
				return float64(at) * 2
			}
			return exact(at)
		})
		for i := range m.Symbols {
			for bar := range cut + 1 {
				if a, b := m.Optional[data.BestBid][i][bar], other.Optional[data.BestBid][i][bar]; a != b && !(math.IsNaN(a) && math.IsNaN(b)) {
					t.Fatalf("what came after bar %d changed the book of bar %d", cut, bar)
				}
			}
		}
	}
}

func TestWhatADamagedCacheHasLostIsFetchedAgain(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT"}, Now: may.AddDate(0, 1, 0)})
	cfg := fromMay(e, binance.Spot, t.TempDir(), "BTCUSDT", 20)
	want, _ := mustLoad(t, cfg)
	files, err := filepath.Glob(filepath.Join(cfg.Binance.CacheDir, "*", "spot", "klines_5m", "*", "*.parquet"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := 1000; i < 3000; i++ { // within its pages; the footer stays
		content[i] ^= 0x5a
	}
	if err := os.WriteFile(files[0], content, 0o644); err != nil {
		t.Fatal(err)
	}
	got, _ := mustLoad(t, cfg)
	if !slices.Equal(got.Close[0], want.Close[0]) || !slices.Equal(got.Volume[0], want.Volume[0]) {
		t.Error("the market is another one")
	}
}

func TestAMarketThatTheExchangeCannotGiveIsRejected(t *testing.T) {
	e := exchange.Start(t, exchange.Options{
		Symbols: []string{"BTCUSDT", "AUSDT"}, Now: may.AddDate(0, 1, 0),
		Missing: func(symbol string, _ int64) bool { return symbol == "AUSDT" },
	})
	for _, c := range []struct {
		what   string
		change func(*source.Config)
		want   string
	}{
		{"no candles", func(c *source.Config) { c.Symbols = "AUSDT" }, "AUSDT has no candle with START=2024-05-01T00:00:00Z, END=2024-05-02T00:00:00Z: choose another range, or leave AUSDT out of SYMBOLS"},
		{"a range of the future", func(c *source.Config) { c.Start, c.End = "2024-07-01", "2024-08-01" }, "no bar of 5m has closed within START=2024-07-01T00:00:00Z, END=2024-08-01T00:00:00Z, and it is 2024-06-01T"},
		{"too wide", func(c *source.Config) { c.Interval, c.Start = "1m", "1700-01-01" }, "take more than 1073741824 values: set START and END, or fewer SYMBOLS"},
		{"not a symbol", func(c *source.Config) { c.Symbols = "BTCUSDT,XUSDT" }, "the spot market of " + e.URL + " has no symbol XUSDT: correct SYMBOL or SYMBOLS, or set BINANCE_MARKET=usdm"},
	} {
		cfg := fromMay(e, binance.Spot, t.TempDir(), "BTCUSDT", 1)
		c.change(&cfg)
		if _, _, err := source.Load(t.Context(), cfg); !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
}

func TestTheRangeAndTheSymbolsAreFixedBeforeTheFetch(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT", "BUSDT"}, Now: may.AddDate(0, 0, 20).Add(7 * time.Minute)})
	cfg := fromMay(e, binance.Spot, t.TempDir(), "top:2", 1)
	cfg.Start, cfg.End, cfg.Lookback = "", "", "2d"
	var fixed []source.Pin
	cfg.Fixed = func(p source.Pin) {
		if len(e.Pages()) > 0 {
			t.Error("pages were fetched before")
		}
		fixed = append(fixed, p)
	}
	m, _ := mustLoad(t, cfg)
	if len(fixed) != 1 || fixed[0].Start != "2024-05-19T00:05:00Z" || fixed[0].End != "2024-05-21T00:05:00Z" || !slices.Equal(fixed[0].Symbols, []string{"BTCUSDT", "AUSDT"}) {
		t.Fatalf("%+v", fixed)
	}
	cfg.Fixed = nil
	again, _ := mustLoad(t, cfg.Pinned(&fixed[0]))
	if again.Start != m.Start || again.Bars != m.Bars || !slices.Equal(again.Symbols, m.Symbols) {
		t.Errorf("%d bars from %d, want %d from %d", again.Bars, again.Start, m.Bars, m.Start)
	}
}

// No recorder runs: each run that reaches up to now leaves the books of now.
func TestTheBooksOfNowAreKeptForTheBarUnderWay(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Now: may.AddDate(0, 0, 20).Add(7 * time.Minute)})
	cfg := fromMay(e, binance.Spot, t.TempDir(), "BTCUSDT,AUSDT", 1)
	mustLoad(t, cfg) // of the past: none
	cfg.Start, cfg.End, cfg.Lookback = "", "", "1d"
	m, _ := mustLoad(t, cfg)
	if len(m.Optional) != 2 {
		t.Errorf("what was seen after the newest bar's close was joined: %d columns", len(m.Optional))
	}
	mustLoad(t, cfg)
	cache := binance.NewCache(cfg.Binance)
	unlock, err := cache.LockBooks()
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := cache.LockBooks(); !errors.Is(err, data.ErrInput) || !errors.Is(err, binance.ErrRecording) {
		t.Errorf("two recorders: %v", err)
	}
	mustLoad(t, cfg) // beside a recorder: none
	r := binance.Request{Interval: "5m", Step: time.Minute, From: may.UnixMilli(), To: may.AddDate(0, 1, 0).UnixMilli()}
	for _, symbol := range []string{"BTCUSDT", "AUSDT"} {
		var rows []binance.BookRow
		err := cache.Books(symbol, r, time.Hour, func(b binance.BookRow) error { rows = append(rows, b); return nil })
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if b := rows[1]; b.BestAsk <= b.BestBid || b.BidSize != 210 || b.AskSize != 210 || b.Time < may.AddDate(0, 0, 20).UnixMilli() {
			t.Errorf("%+v", b)
		}
	}
}

func TestWhatTheCacheHoldsNeedsNoExchange(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Now: may.AddDate(0, 1, 0)})
	for _, market := range []string{binance.Spot, binance.USDM} {
		cfg := fromMay(e, market, t.TempDir(), "BTCUSDT,AUSDT", 2)
		want, _ := mustLoad(t, cfg)
		asked := e.Seen().Requests
		got, _ := mustLoad(t, cfg)
		if more := e.Seen().Requests - asked; more > 0 {
			t.Errorf("%s: %d requests were made", market, more)
		}
		if !slices.Equal(got.Close[1], want.Close[1]) || got.Start != want.Start {
			t.Errorf("%s: the market is another one", market)
		}
	}
}

// Runs of different ranges merge the same months at once.
func TestRunsThatShareACacheEachSeeAllOfTheirRange(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Now: may.AddDate(0, 1, 0)})
	for range 4 {
		cache := t.TempDir()
		var runs sync.WaitGroup
		for days := 6; days < 10; days++ {
			runs.Go(func() {
				m, report, err := source.Load(t.Context(), fromMay(e, binance.Spot, cache, "BTCUSDT,AUSDT", days))
				if err != nil || report.Rows != 2*days*288 || m.Bars != days*288 {
					t.Errorf("%d days: %+v, %v", days, report, err)
				}
			})
		}
		runs.Wait()
	}
}

// The exchange tells the newest bar some seconds late: it is waited for, so that
// a run that goes on later has the same data.
func TestANewestBarThatIsLateIsWaitedFor(t *testing.T) {
	now := may.AddDate(0, 0, 20).Add(7 * time.Minute)
	newest := may.AddDate(0, 0, 20).UnixMilli() / 300_000
	var mu sync.Mutex
	late := true
	e := exchange.Start(t, exchange.Options{Symbols: []string{"BTCUSDT", "AUSDT"}, Now: now, Missing: func(symbol string, bar int64) bool {
		mu.Lock()
		defer mu.Unlock()
		return late && symbol == "AUSDT" && bar == newest
	}})
	cfg := fromMay(e, binance.Spot, t.TempDir(), "BTCUSDT,AUSDT", 1)
	cfg.Start, cfg.End, cfg.Lookback = "", "", "1d"
	told := ""
	cfg.Watch = func(s data.Step) {
		mu.Lock()
		defer mu.Unlock()
		if s.Phase == data.Waiting {
			told, late = s.Why, false
		}
	}
	m, _ := mustLoad(t, cfg)
	if want := "the newest bar of AUSDT is not served yet"; told != want {
		t.Errorf("it tells %q, want %q", told, want)
	}
	if m.OpenTime(m.Bars-1) != newest*300_000 || !m.Present(1, m.Bars-1) {
		t.Errorf("the market ends with bar %d, want %d of both symbols", m.OpenTime(m.Bars-1), newest*300_000)
	}
}
