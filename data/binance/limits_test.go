package binance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/test/exchange"
)

var may = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)

func names(n int) []string {
	all := []string{"BTCUSDT"}
	for i := range n - 1 {
		all = append(all, fmt.Sprintf("S%03dUSDT", i))
	}
	return all
}

// openClient is a client of e that has asked for its clock and limits.
func openClient(t *testing.T, e *exchange.Exchange, market string) (*Client, *Cache) {
	t.Helper()
	return clientIn(t, e, market, t.TempDir())
}

func clientIn(t *testing.T, e *exchange.Exchange, market, dir string) (*Client, *Cache) {
	t.Helper()
	cfg := Config{Market: market, BaseURL: e.URL, FuturesBaseURL: e.URL, CacheDir: dir, RecordEvery: time.Second}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.http.Transport.(*transport).first = time.Millisecond
	cache := NewCache(cfg)
	if err := c.Respect(cache); err != nil {
		t.Fatal(err)
	}
	return c, cache
}

// wanted asks for days of 5-minute candles from may on.
func wanted(symbols []string, days int) Request {
	return Request{Symbols: symbols, Interval: "5m", Step: 5 * time.Minute, From: may.UnixMilli(), To: may.AddDate(0, 0, days).UnixMilli()}
}

func (c *Client) mustSync(t *testing.T) []Symbol {
	t.Helper()
	all, err := c.Sync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// waits gathers what a fetch tells of its waits.
type waits struct {
	mu   sync.Mutex
	whys []string
	seen chan struct{} // closed at the first one
}

func newWaits() *waits { return &waits{seen: make(chan struct{})} }

func (w *waits) watch(s data.Step) {
	if s.Phase != data.Waiting {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.whys = append(w.whys, s.Why); len(w.whys) == 1 {
		close(w.seen)
	}
}

func (w *waits) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.whys, "; ")
}

func TestTheBudgetOfWeightIsNeverOverdrawn(t *testing.T) {
	for _, market := range []string{Spot, USDM} {
		t.Run(market, func(t *testing.T) {
			symbols := names(20)
			// 20 symbols of 9 (spot) or 18 (futures) pages of weight 2 take 4 windows or more.
			e := exchange.Start(t, exchange.Options{Symbols: symbols, Now: may.AddDate(0, 2, 0), Window: time.Second, Limit: 100})
			c, cache := openClient(t, e, market)
			c.mustSync(t)
			if err := c.Fetch(t.Context(), cache, wanted(symbols, 30), nil); err != nil {
				t.Fatal(err)
			}
			if seen := e.Seen(); seen.TooMany+seen.Banned > 0 || seen.Requests < 180 {
				t.Errorf("%+v", seen)
			}
		})
	}
}

func TestTheBudgetOfFundingRatesIsNeverOverdrawn(t *testing.T) {
	symbols := names(30)
	e := exchange.Start(t, exchange.Options{Symbols: symbols, Now: may.AddDate(0, 2, 0), FundingWindow: time.Second, FundingLimit: 20})
	c, cache := openClient(t, e, USDM)
	c.gate.funding.length, c.gate.funding.limit = time.Second, 20
	c.mustSync(t)
	begun := time.Now()
	if err := c.Fetch(t.Context(), cache, wanted(symbols, 1), nil); err != nil { // two months of each symbol
		t.Fatal(err)
	}
	if seen := e.Seen(); seen.TooMany+seen.Banned > 0 {
		t.Errorf("%+v", seen)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestWhatOthersUseOfTheBudgetIsLeftToThem(t *testing.T) {
	symbols := names(10)
	e := exchange.Start(t, exchange.Options{Symbols: symbols, Now: may.AddDate(0, 2, 0), Window: 2 * time.Second, Limit: 400})
	c, cache := openClient(t, e, Spot)
	c.mustSync(t)
	e.Use(300) // of which the next answer tells
	if err := c.Fetch(t.Context(), cache, wanted(symbols, 30), nil); err != nil {
		t.Fatal(err)
	}
	if seen := e.Seen(); seen.TooMany+seen.Banned > 0 {
		t.Errorf("%+v", seen)
	}
}

// Another client of the address overdraws the budget in the middle of a fetch.
func TestAfterATooManyNothingIsAskedUntilRetryAfter(t *testing.T) {
	symbols := names(20)
	e := exchange.Start(t, exchange.Options{Symbols: symbols, Now: may.AddDate(0, 2, 0), Window: 4 * time.Second, Limit: 400})
	c, cache := openClient(t, e, Spot)
	c.mustSync(t)
	told := newWaits()
	e.After(40, func() { e.Use(1000) })
	if err := c.Fetch(t.Context(), cache, wanted(symbols, 30), told.watch); err != nil {
		t.Fatal(err)
	}
	seen := e.Seen()
	if seen.TooMany == 0 || seen.Banned > 0 || seen.Violations > 0 {
		t.Errorf("%+v", seen)
	}
	if !strings.Contains(told.String(), "the exchange asks for fewer requests (429)") {
		t.Errorf("told: %s", told)
	}
	if got := rowsOf(t, cache, symbols, 30); got != 20*30*288 {
		t.Errorf("%d rows", got)
	}
}

func TestNothingIsAskedDuringABan(t *testing.T) {
	symbols := names(20)
	e := exchange.Start(t, exchange.Options{Symbols: symbols, Now: may.AddDate(0, 2, 0), Ban: 4 * time.Second})
	c, cache := openClient(t, e, Spot)
	c.mustSync(t)
	told := newWaits()
	e.After(40, e.BanNow)
	if err := c.Fetch(t.Context(), cache, wanted(symbols, 30), told.watch); err != nil {
		t.Fatal(err)
	}
	seen := e.Seen()
	if seen.Banned == 0 || seen.Violations > 0 {
		t.Errorf("%+v", seen)
	}
	if !strings.Contains(told.String(), "the exchange has banned this address (418)") {
		t.Errorf("told: %s", told)
	}
}

// Kubernetes starts a pod again whose run was stopped in a ban: the new process
// knows of it.
func TestABanOutlastsTheProcessThatWasToldOfIt(t *testing.T) {
	symbols, dir := names(1), t.TempDir()
	e := exchange.Start(t, exchange.Options{Symbols: symbols, Now: time.Now(), Ban: 4 * time.Second})
	first, cache := clientIn(t, e, Spot, dir)
	first.mustSync(t)
	e.BanNow()
	told := newWaits()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-told.seen
		cancel()
	}()
	request := wanted(symbols, 1)
	if err := first.Fetch(ctx, cache, request, told.watch); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	before := e.Seen()
	second, _ := clientIn(t, e, Spot, dir)
	second.mustSync(t)
	if seen := e.Seen(); seen.Banned != before.Banned || seen.Violations > 0 || before.Banned == 0 {
		t.Errorf("%+v, then %+v", before, seen)
	}
	// Waiting for its answer has not spoilt the clock: bars that are not closed
	// would count as closed.
	if ahead := second.Now().Sub(e.Now()); ahead > 0 || ahead < -time.Second {
		t.Errorf("the client's clock is %v ahead", ahead)
	}
}

// The futures' documentation promises no Retry-After; the sentence tells the end.
func TestABanEndsWhenTheExchangeSaysSo(t *testing.T) {
	now := may.Add(time.Hour)
	for _, c := range []struct {
		what, retryAfter, message string
		status                    int
		wait                      time.Duration
	}{
		{"Retry-After", "300", "", 418, 300 * time.Second},
		{"Retry-After of a 429", "7", "", 429, 7 * time.Second},
		{"nothing of a 429", "", "", 429, time.Minute},
		{"the sentence", "", fmt.Sprintf("Way too much request weight used; IP banned until %d. Please use WebSocket.", now.Add(time.Hour).UnixMilli()), 418, time.Hour},
		{"nothing", "", "", 418, 2 * time.Minute},
		{"a number without sense", "99999999999999", "until 0000000000000", 418, 2 * time.Minute},
	} {
		answer := &http.Response{
			StatusCode: c.status, Body: io.NopCloser(strings.NewReader(`{"code":-1003,"msg":"` + c.message + `"}`)),
			Header: http.Header{"Date": {now.Format(http.TimeFormat)}, "Retry-After": {c.retryAfter}},
		}
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			(&transport{gate: g}).limited(answer)
			if wait := time.Until(g.closed); wait != c.wait+time.Second {
				t.Errorf("%s: it waits %v, want %v and a second", c.what, wait, c.wait)
			}
		})
	}
}

// All requests that are on their way are told of a ban at once, and another
// process reads when it ends.
func TestTheEndOfABanIsAlwaysWhole(t *testing.T) {
	c, cache := openClient(t, exchange.Start(t, exchange.Options{}), Spot)
	until := time.Now().Add(time.Minute)
	var told sync.WaitGroup
	for range fetchers {
		told.Go(func() {
			for range 100 {
				c.gate.saveBan(until)
			}
		})
	}
	stop := make(chan struct{})
	go func() {
		told.Wait()
		close(stop)
	}()
	for {
		if err := (&Client{gate: newGate()}).Respect(cache); err != nil {
			t.Error(err)
			<-stop
		}
		select {
		case <-stop:
			if names := files(t, cache); !slices.Equal(names, []string{"banned-until"}) {
				t.Errorf("%q", names)
			}
			return
		default:
		}
	}
}

// A clock that is set while the program runs is early: the exchange's window is
// not over when ours is.
func TestAClockThatIsEarlyDoesNotFreeTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		begun := time.Now()
		g.setClock(30*time.Second, 0)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		asked := 0
		for {
			p, err := g.enter(ctx, "/api/v3/klines", 2)
			if err != nil {
				break
			}
			asked += 2
			time.Sleep(time.Millisecond)
			p.leave(&http.Response{Header: http.Header{"Date": {begun.UTC().Format(http.TimeFormat)}, "X-Mbx-Used-Weight-1m": {fmt.Sprint(asked)}}})
		}
		if asked > 2*1200*share/100 { // two windows of our clock
			t.Errorf("%d were asked for in a window of 1200", asked)
		}
	})
}

func TestWhatFailsForAMomentIsAskedAgain(t *testing.T) {
	symbols := names(3)
	e := exchange.Start(t, exchange.Options{Symbols: symbols, Now: may.AddDate(0, 2, 0)})
	c, cache := openClient(t, e, Spot)
	e.Fail(500, 503, 502, exchange.CutAnswer, 504)
	c.mustSync(t)
	e.Fail(503, exchange.CutAnswer, 500, exchange.CutAnswer, exchange.CutAnswer, 503)
	if err := c.Fetch(t.Context(), cache, wanted(symbols, 30), nil); err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, cache, symbols, 30); got != 3*30*288 {
		t.Errorf("%d rows", got)
	}
	for page, n := range e.Pages() {
		if n > 1 {
			t.Errorf("page %s was answered %d times", page, n)
		}
	}
}

func TestWhatGoesOnFailingEndsTheFetchAndKeepsThePages(t *testing.T) {
	symbols := names(3)
	e := exchange.Start(t, exchange.Options{Symbols: symbols, Now: may.AddDate(0, 2, 0)})
	c, cache := openClient(t, e, Spot)
	c.mustSync(t)
	e.After(10, func() {
		for range 100 {
			e.Fail(500)
		}
	})
	err := c.Fetch(t.Context(), cache, wanted(symbols, 30), nil)
	if err == nil || errors.Is(err, data.ErrInput) ||
		!strings.Contains(err.Error(), "failed 13 times: answered 500 Internal Server Error: start again when it is back, or set HTTPS_PROXY to a proxy or BINANCE_BASE_URL to a mirror") {
		t.Errorf("%v", err)
	}
	if kept := rowsOf(t, cache, symbols, 30); kept < 5000 {
		t.Errorf("%d rows are kept", kept)
	}
}

// away is an exchange that cannot be reached.
type away struct{}

func (away) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("dial tcp: lookup exchange.invalid: no such host")
}

func TestOfAnExchangeOutOfReachEachTryIsTold(t *testing.T) {
	for market, want := range map[string]string{
		Spot: "asking for the time: exchange.invalid failed 13 times: dial tcp: lookup exchange.invalid: no such host: start again when it is back, or set HTTPS_PROXY to a proxy or BINANCE_BASE_URL to a mirror",
		USDM: "asking for the time: exchange.invalid failed 13 times: dial tcp: lookup exchange.invalid: no such host: start again when it is back, or set HTTPS_PROXY to a proxy or BINANCE_FUTURES_BASE_URL to a mirror",
	} {
		synctest.Test(t, func(t *testing.T) {
			c, err := NewClient(Config{Market: market, BaseURL: "https://exchange.invalid", FuturesBaseURL: "https://exchange.invalid", RecordEvery: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			c.http.Transport.(*transport).base = away{}
			begun, try := time.Now(), 1
			c.Watch(func(s data.Step) {
				now := time.Now()
				if try++; s.Phase != data.Waiting || s.Try != try || s.Tries != 13 || s.Why != "exchange.invalid fails (dial tcp: lookup exchange.invalid: no such host)" || !s.Until.After(now) || s.GivesUp.Before(s.Until) {
					t.Errorf("%+v", s)
				}
				if left := s.GivesUp.Sub(now); try == 2 && (left < 150*time.Second || left > 180*time.Second) {
					t.Errorf("at first it gives up in %v", left)
				}
				if try == 13 && !s.GivesUp.Equal(s.Until) {
					t.Errorf("the last try is at %v, and it gives up at %v", s.Until, s.GivesUp)
				}
			})
			_, err = c.Sync(t.Context())
			if !errors.Is(err, ErrUnavailable) || errors.Is(err, data.ErrInput) || err.Error() != want {
				t.Errorf("%v", err)
			}
			if took := time.Since(begun); try != 13 || took < 80*time.Second || took > 250*time.Second {
				t.Errorf("%d tries in %v", try, took)
			}
		})
	}
}

func TestTheKeyIsSentWhereItIsSetAndTheSecretNever(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: names(1)})
	for _, key := range []string{"", "key-1"} {
		c, err := NewClient(Config{Market: Spot, BaseURL: e.URL, FuturesBaseURL: e.URL, RecordEvery: 1e9, APIKey: secret.String(key), APISecret: "never"})
		if err != nil {
			t.Fatal(err)
		}
		c.mustSync(t)
		c.Close()
	}
	if seen := e.Seen(); seen.Keys["key-1"] != 2 || len(seen.Keys) != 1 || seen.Requests != 4 {
		t.Errorf("%+v", seen)
	}
}

func TestNoRedirectionIsFollowedWithTheKey(t *testing.T) {
	other := exchange.Start(t, exchange.Options{Symbols: names(1)})
	server := httptest.NewServer(http.RedirectHandler(other.URL+"/api/v3/time", http.StatusFound))
	t.Cleanup(server.Close)
	c, err := NewClient(Config{Market: Spot, BaseURL: server.URL, FuturesBaseURL: server.URL, RecordEvery: 1e9, APIKey: "key-1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Sync(t.Context()); !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), "redirects to another address") || strings.Contains(err.Error(), "key-1") {
		t.Errorf("%v", err)
	}
	if seen := other.Seen(); seen.Requests > 0 {
		t.Errorf("%+v", seen)
	}
}

// The clock of this machine is months away from the exchange's.
func TestTheExchangesClockDecides(t *testing.T) {
	now := may.AddDate(0, 0, 3).Add(7 * time.Minute)
	e := exchange.Start(t, exchange.Options{Symbols: names(1), Now: now})
	c, _ := openClient(t, e, Spot)
	c.mustSync(t)
	if off := c.Now().Sub(e.Now()); off > time.Minute || off < -time.Minute {
		t.Errorf("the client's clock is %v off", off)
	}
}

func TestAWindowOfTheBudgetEndsByTheExchangesClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.setClock(10*time.Second, 0) // the bubble begins at midnight
		g.setLimits("MINUTE", 1, 100)
		for range 47 { // 95 percent
			if _, err := g.enter(t.Context(), "/api/v3/klines", 2); err != nil {
				t.Fatal(err)
			}
		}
		begun := time.Now()
		p := &pass{g, g.weight, 94}
		p.leave(nil)
		if _, err := g.enter(t.Context(), "/api/v3/klines", 2); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begun); waited != 50*time.Second {
			t.Errorf("it waited %v", waited)
		}
	})
}

func TestRejectionsSayWhatToSet(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: names(2), Now: may.AddDate(0, 2, 0)})
	c, cache := openClient(t, e, Spot)
	c.mustSync(t)
	for status, want := range map[int]struct {
		kind fault.Kind
		says string
	}{
		451: {fault.ErrInput, "does not serve this location (451): set BINANCE_BASE_URL or BINANCE_FUTURES_BASE_URL to a mirror that does"},
		403: {fault.ErrTransient, "blocks this address (403): wait, or set BINANCE_BASE_URL or BINANCE_FUTURES_BASE_URL to a mirror"},
		401: {fault.ErrRejected, "rejects BINANCE_API_KEY (401): correct it, or unset it, since public data need none"},
		404: {fault.ErrInput, "has no /api/v3/time (404): set BINANCE_BASE_URL and BINANCE_FUTURES_BASE_URL to servers of Binance's API"},
	} {
		e.Fail(status)
		if _, err := c.Sync(t.Context()); fault.KindOf(err) != want.kind || !strings.HasPrefix(err.Error(), "asking for the time: ") || !strings.Contains(err.Error(), strings.TrimPrefix(e.URL, "http://")) || strings.Contains(err.Error(), "Get") || !strings.HasSuffix(err.Error(), want.says) {
			t.Errorf("%d: %v", status, err)
		}
	}
	r := wanted([]string{"NONEUSDT"}, 1)
	if err := c.Fetch(t.Context(), cache, r, nil); !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), "does not know the symbol (-1121): correct SYMBOL or SYMBOLS, or BINANCE_MARKET") {
		t.Errorf("%v", err)
	}
	all := c.mustSync(t)
	if err := c.Check(all, []string{"BTCUSDT", "X", "Y"}); !errors.Is(err, data.ErrInput) ||
		!strings.Contains(err.Error(), "has no symbol X, Y: correct SYMBOL or SYMBOLS, or set BINANCE_MARKET=usdm") {
		t.Errorf("%v", err)
	}
	if _, err := c.Top(t.Context(), all, "BTCUSDT", 3); !errors.Is(err, data.ErrInput) ||
		!strings.Contains(err.Error(), "SYMBOLS=top:3, and only 2 symbols against USDT trade on the spot market of "+e.URL+": set top:2 or less") {
		t.Errorf("%v", err)
	}
	dir := t.TempDir()
	c, cache = clientIn(t, e, Spot, dir)
	if err := os.MkdirAll(cache.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cache.dir+"/banned-until", []byte("soon"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Respect(cache); !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), `banned-until holds "soon" instead of a time: remove it`) {
		t.Errorf("%v", err)
	}
}

func TestTheMostTradedSymbolsOfTheSameQuoteAssetAreChosen(t *testing.T) {
	e := exchange.Start(t, exchange.Options{Symbols: []string{"AUSDT", "ABTC", "OLDUSDT", "BUSDT", "CUSDT", "DUSDT", "ZUSDT"}})
	c, _ := openClient(t, e, Spot)
	all := c.mustSync(t)
	for _, want := range [][]string{{"AUSDT"}, {"ZUSDT"}, {"AUSDT", "ZUSDT"}, {"AUSDT", "BUSDT", "CUSDT", "ZUSDT"}, {"AUSDT", "BUSDT", "CUSDT", "DUSDT", "ZUSDT"}} {
		symbol := want[len(want)-1]
		got, err := c.Top(t.Context(), all, symbol, len(want))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v, want %v (%v)", got, want, err)
		}
	}
	if got, err := c.Top(t.Context(), all, "ABTC", 1); err != nil || fmt.Sprint(got) != "[ABTC]" {
		t.Errorf("%v, %v", got, err)
	}
}
