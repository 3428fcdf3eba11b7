// Package exchange is a test server of the part of Binance's interface that
// gnn-trainer uses: candles, order book, funding rates, symbols and time of the
// spot and the USD-margined futures market, with the documented limits of
// request weight. What it tells is a function of the symbol and the time, so
// that two clients, or one at two times, are told the same.
package exchange

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Options is what the exchange is like.
type Options struct {
	Symbols []string  // all quoted in USDT but those that end in BTC
	Listed  time.Time // first bar of every symbol; zero: long ago
	Now     time.Time // its clock when it starts; zero: this machine's

	Limit  int           // weight a window; 0: the documented one of the market
	Window time.Duration // 0: a minute
	Ban    time.Duration // of an address that goes on after a 429; 0: 2 minutes

	FundingLimit  int           // requests for funding rates in a window of their own; 0: 500
	FundingWindow time.Duration // 0: 5 minutes

	Delay time.Duration // of each page of candles

	Most int // candles in a page, whatever is asked for; 0: the documented number

	FundingHours int                                 // of the funding period; 0: 8
	Depth        *Depth                              // in place of made-up order books; nil: none
	Missing      func(symbol string, bar int64) bool // bars that were not traded; nil: none

	Rows func(rows []json.RawMessage) []json.RawMessage // of a page of candles, as a mirror may serve them; nil: as they are
}

// Exchange is a running server.
type Exchange struct {
	URL string
	Mux *http.ServeMux // for more endpoints

	options Options
	begun   time.Time

	mu      sync.Mutex
	window  int64
	used    int
	period  int64     // the window of the funding rates
	rates   int       // requests for them in it
	closed  time.Time // until then every request is one too many
	banned  time.Time // the same, after more of them
	refused time.Time // when it last told so
	failing []int     // how the next requests end: a status, or cut
	pages   map[string]int
	stats   Stats

	reversed  bool
	countdown int // requests until then is called
	then      func()
}

// Stats is what the server saw.
type Stats struct {
	Requests   int
	TooMany    int // answered 429
	Banned     int // answered 418
	Violations int // requests that came in a ban whose news had arrived long before
	Keys       map[string]int
}

// onTheWay is how long before its arrival a request may have been sent: what
// comes sooner after a refusal was sent before its news came.
const onTheWay = time.Second

// CutAnswer as a status ends the connection in the middle of the answer.
const CutAnswer = -1

// Start runs an exchange until the test ends.
func Start(t testing.TB, o Options) *Exchange {
	t.Helper()
	e := New(o)
	e.Serve(t)
	return e
}

// Serve runs the exchange until the test ends.
func (e *Exchange) Serve(t testing.TB) {
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	e.URL = server.URL
}

// New makes an exchange that Serve runs.
func New(o Options) *Exchange {
	if o.Window == 0 {
		o.Window = time.Minute
	}
	if o.Ban == 0 {
		o.Ban = 2 * time.Minute
	}
	if o.FundingLimit == 0 {
		o.FundingLimit = 500
	}
	if o.FundingWindow == 0 {
		o.FundingWindow = 5 * time.Minute
	}
	if o.FundingHours == 0 {
		o.FundingHours = 8
	}
	e := &Exchange{options: o, begun: time.Now(), Mux: http.NewServeMux(), pages: map[string]int{}, stats: Stats{Keys: map[string]int{}}}
	for _, market := range []string{spot, usdm} {
		handle := func(path string, weight func(*http.Request) int, answer func(http.ResponseWriter, *http.Request, string)) {
			e.Mux.HandleFunc("GET "+market+path, e.limited(market, weight, func(w http.ResponseWriter, r *http.Request) { answer(w, r, market) }))
		}
		handle("/time", one, e.time)
		handle("/exchangeInfo", e.infoWeight(market), e.info)
		handle("/klines", klinesWeight(market), e.klines)
		handle("/depth", depthWeight(market), e.depth)
		handle("/ticker/24hr", tickerWeight(market), e.tickers)
	}
	e.Mux.HandleFunc("GET "+usdm+"/fundingRate", e.limited(usdm, none, e.fewRates(e.funding)))
	return e
}

const (
	spot = "/api/v3"
	usdm = "/fapi/v1"
)

// Now is the exchange's clock.
func (e *Exchange) Now() time.Time {
	if e.options.Now.IsZero() {
		return time.Now()
	}
	return e.options.Now.Add(time.Since(e.begun))
}

// ServeHTTP implements http.Handler.
func (e *Exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", e.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	e.mu.Lock()
	e.stats.Requests++
	if key := r.Header.Get("X-MBX-APIKEY"); key != "" {
		e.stats.Keys[key]++
	}
	e.mu.Unlock()
	e.Mux.ServeHTTP(w, r)
}

// Fail lets the next requests end with these statuses, one each.
func (e *Exchange) Fail(statuses ...int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failing = append(e.failing, statuses...)
}

// Use spends weight of the running window, as another client of the same
// address would.
func (e *Exchange) Use(weight int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.roll()
	e.used += weight
}

// BanNow bans the address, as if another client of it had gone on.
func (e *Exchange) BanNow() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.banned = e.Now().Add(e.options.Ban)
}

// Seen is what the server saw so far.
func (e *Exchange) Seen() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Keys = maps.Clone(s.Keys)
	return s
}

// Pages is how often each page of candles was answered whole, by symbol and
// first open time.
func (e *Exchange) Pages() map[string]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.pages)
}

func (e *Exchange) roll() {
	if w := e.Now().UnixNano() / int64(e.options.Window); w != e.window {
		e.window, e.used = w, 0
	}
}

// limit is the weight of a window.
func (e *Exchange) limit(market string) int {
	switch {
	case e.options.Limit > 0:
		return e.options.Limit
	case market == spot:
		return 6000
	}
	return 2400
}

// header names the window, as the documentation has it.
func (e *Exchange) header() string {
	if e.options.Window < time.Minute {
		return fmt.Sprintf("X-MBX-USED-WEIGHT-%dS", int(e.options.Window.Seconds()))
	}
	return fmt.Sprintf("X-MBX-USED-WEIGHT-%dM", int(e.options.Window.Minutes()))
}

// limited answers within the limits, and refuses beyond them: with 429 until
// the window is over, and with 418 for longer those who go on all the same.
func (e *Exchange) limited(market string, weight func(*http.Request) int, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		now := e.Now()
		e.roll()
		status, until := 0, time.Time{}
		switch {
		case now.Before(e.banned):
			status, until = http.StatusTeapot, e.banned
		case now.Before(e.closed):
			// The first ones may have been on the way; who goes on is banned.
			status, until = http.StatusTooManyRequests, e.closed
			if now.Sub(e.refused) > onTheWay {
				e.banned = now.Add(e.options.Ban)
				status, until = http.StatusTeapot, e.banned
			}
		default:
			if e.used += weight(r); e.used > e.limit(market) {
				e.closed = time.Unix(0, (e.window+1)*int64(e.options.Window))
				status, until = http.StatusTooManyRequests, e.closed
			}
		}
		w.Header().Set(e.header(), strconv.Itoa(e.used))
		if status != 0 {
			if !e.refused.IsZero() && now.Sub(e.refused) > onTheWay && now.Before(maxTime(e.closed, e.banned)) {
				e.stats.Violations++
			}
			if e.refused.IsZero() || now.Sub(e.refused) > e.options.Ban {
				e.refused = now
			}
			if status == http.StatusTeapot {
				e.stats.Banned++
			} else {
				e.stats.TooMany++
			}
			e.mu.Unlock()
			w.Header().Set("Retry-After", strconv.Itoa(int(until.Sub(now)/time.Second)+1))
			fail(w, status, -1003, "Way too much request weight used")
			return
		}
		e.refused = time.Time{}
		failing := 0
		if len(e.failing) > 0 {
			failing, e.failing = e.failing[0], e.failing[1:]
		}
		e.mu.Unlock()
		defer e.counted()
		switch failing {
		case 0:
			answer(w, r)
		case CutAnswer:
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("[[1"))
			panic(http.ErrAbortHandler)
		default:
			fail(w, failing, -1000, http.StatusText(failing))
		}
	}
}

// fewRates keeps to the budget that requests for funding rates have of their own.
func (e *Exchange) fewRates(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		now := e.Now()
		if p := now.UnixNano() / int64(e.options.FundingWindow); p != e.period {
			e.period, e.rates = p, 0
		}
		e.rates++
		over := e.rates > e.options.FundingLimit
		if over {
			e.closed, e.refused = time.Unix(0, (e.period+1)*int64(e.options.FundingWindow)), now
			e.stats.TooMany++
			w.Header().Set("Retry-After", strconv.Itoa(int(e.closed.Sub(now)/time.Second)+1))
		}
		e.mu.Unlock()
		if over {
			fail(w, http.StatusTooManyRequests, -1003, "Too many requests")
			return
		}
		answer(w, r)
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func fail(w http.ResponseWriter, status int, code int, message string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"code": code, "msg": message})
}

func write(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

// After calls do once n more requests have been answered within the limits.
func (e *Exchange) After(n int, do func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.countdown, e.then = n, do
}

// counted is called for each request that is answered within the limits.
func (e *Exchange) counted() {
	e.mu.Lock()
	var do func()
	if e.countdown--; e.countdown == 0 {
		do = e.then
	}
	e.mu.Unlock()
	if do != nil {
		do()
	}
}

// ForgetPages lets Pages begin anew.
func (e *Exchange) ForgetPages() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.pages)
}
