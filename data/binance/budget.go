package binance

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

// share is how much of a budget is used, in percent: what else asks from the
// same address has the rest.
const share = 95

// budget is what may be asked of the exchange in a window of its clock. The
// exchange reports with each answer how much of it the address has used.
type budget struct {
	header string // of the answers; empty: the exchange does not report it, and our requests are all
	length time.Duration
	limit  int

	window int64 // number of the window since 1970 that used is of
	used   int
	flying int // weight of the requests that have no answer yet
}

// roll begins a new window where the old one has ended.
func (b *budget) roll(now time.Time) {
	if w := now.UnixNano() / int64(b.length); w > b.window {
		b.window, b.used = w, 0
	}
}

// ends is when the window does.
func (b *budget) ends() time.Time { return time.Unix(0, (b.window+1)*int64(b.length)) }

// fits reports whether weight more may be asked for now. One request is let
// through at the least, however small the limit.
func (b *budget) fits(weight int) bool {
	most := max(b.limit*share/100, 1)
	return b.used+b.flying+weight <= most || b.used == 0 && b.flying == 0
}

// gate lets requests through as the exchange's limits allow. All times are of
// the exchange's clock.
type gate struct {
	weight  *budget
	funding *budget
	notify  func(data.Step)       // of a wait that is long enough to be reported
	saveBan func(until time.Time) // keeps the end of a ban for later processes

	mu      sync.Mutex
	skew    time.Duration // the exchange's clock less ours, at the least
	late    time.Duration // how much more it may be
	closed  time.Time     // no request before it
	why     string
	changed chan struct{} // closed at each change that a waiting request may have waited for
}

func newGate() *gate {
	return &gate{
		// Until exchangeInfo gives it; both markets' answers carry this header.
		weight:  &budget{header: "X-Mbx-Used-Weight-1m", length: time.Minute, limit: 1200},
		funding: &budget{length: 5 * time.Minute, limit: 500},
		notify:  func(data.Step) {},
		saveBan: func(time.Time) {},
		changed: make(chan struct{}),
	}
}

// now is the time by the exchange's clock; the caller holds mu.
func (g *gate) now() time.Time { return time.Now().Add(g.skew) }

// time is now for who does not: between the two.
func (g *gate) time() (earliest, latest time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now(), g.now().Add(g.late)
}

// setClock takes over how far the exchange's clock is from ours: skew, and late
// more at the most.
func (g *gate) setClock(skew, late time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed.IsZero() {
		g.closed = g.closed.Add(skew - g.skew)
	}
	g.skew, g.late = skew, late
	for _, b := range []*budget{g.weight, g.funding} { // their windows were numbered by the wrong clock
		b.window = g.now().UnixNano() / int64(b.length)
	}
	g.wake()
}

// setLimits takes over what the exchange reports of its limits.
func (g *gate) setLimits(interval string, number, limit int64) {
	lengths := map[string]time.Duration{"SECOND": time.Second, "MINUTE": time.Minute, "HOUR": time.Hour, "DAY": 24 * time.Hour}
	length, known := lengths[interval]
	if !known || number < 1 || limit < 1 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.weight
	if header := "X-Mbx-Used-Weight-" + strconv.FormatInt(number, 10) + strings.ToLower(interval[:1]); header != b.header {
		b.header, b.length = header, time.Duration(number)*length
		b.window = g.now().UnixNano() / int64(b.length)
	}
	b.limit = int(limit)
	g.wake()
}

// wake lets the waiting requests look again; the caller holds mu.
func (g *gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// pass is the right to ask once.
type pass struct {
	gate   *gate
	budget *budget
	weight int
}

// enter waits until a request of that weight may be sent.
func (g *gate) enter(ctx context.Context, path string, weight int) (*pass, error) {
	b := g.weight
	if countsAsFunding(path) {
		b, weight = g.funding, 1
	}
	var reported time.Time
	for {
		g.mu.Lock()
		now := g.now()
		b.roll(now)
		until, why := g.closed, g.why
		if !now.Before(until) {
			if b.fits(weight) {
				b.flying += weight
				g.mu.Unlock()
				return &pass{g, b, weight}, nil
			}
			until, why = b.ends(), "the budget of requests is used up"
		}
		changed, notify, skew := g.changed, g.notify, g.skew
		g.mu.Unlock()
		if !until.Equal(reported) && until.Sub(now) > time.Second {
			notify(data.Step{Phase: data.Waiting, Why: why, Until: until.Add(-skew)})
			reported = until
		}
		timer := time.NewTimer(until.Sub(now))
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// leave gives the pass back with what the answer reports; nil: there was none.
func (p *pass) leave(answer *http.Response) {
	g, b := p.gate, p.budget
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.wake()
	b.flying -= p.weight
	b.roll(g.now())
	header := ""
	if answer != nil && b.header != "" {
		header = answer.Header.Get(b.header)
	}
	used, err := strconv.Atoi(header)
	if header == "" || err != nil {
		b.used += p.weight // as far as we know
		return
	}
	// Its own date gives the window an answer is of: one of the last window
	// that is read in this one does not count for this one.
	window := b.window
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		window = date.UnixNano() / int64(b.length)
	}
	switch {
	case window > b.window:
		b.window, b.used = window, used
	case window == b.window:
		b.used = max(b.used, used)
	default: // or else our clock is early, and nothing would ever count
		b.used += p.weight
	}
}

// notifyWait reports a wait that is not the gate's own.
func (g *gate) notifyWait(s data.Step) {
	g.mu.Lock()
	notify := g.notify
	g.mu.Unlock()
	s.Phase = data.Waiting
	notify(s)
}

// close lets nothing through for a while, after the exchange has asked for it.
func (g *gate) close(wait time.Duration, why string, ban bool) {
	g.mu.Lock()
	until := g.now().Add(wait)
	if until.After(g.closed) {
		g.closed, g.why = until, why
	}
	g.wake()
	saveBan, ours := g.saveBan, g.closed.Add(-g.skew)
	g.mu.Unlock()
	if ban {
		saveBan(ours)
	}
}
