package binance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/exchange"
)

// feedOptions are books that begin at some time.
func feedOptions(market string, symbols ...string) exchange.DepthOptions {
	return exchange.DepthOptions{Market: market, Symbols: symbols, Seed: 7, Start: 1_700_000_000_000}
}

// reference is one symbol's book as a plain map, at any diff.
type reference struct {
	naive
	feed *exchange.Feed
	id   int64
	time int64
}

func levelsOf(texts [][2]string) []Level {
	all := make([]Level, len(texts))
	for i, l := range texts {
		var err error
		if all[i], err = LevelOf(l[0], l[1]); err != nil {
			panic(err) // recorders call this, where a test cannot be ended
		}
	}
	return all
}

func newReference(o exchange.DepthOptions, symbol string) *reference {
	feed := o.Feed(symbol)
	s := feed.Snapshot(10_000)
	return &reference{newNaive(levelsOf(s.Bids), levelsOf(s.Asks)), feed, s.LastUpdateID, 0}
}

// next goes on by one diff.
func (r *reference) next() {
	d := r.feed.Diff()
	r.apply(levelsOf(d.Bids), levelsOf(d.Asks))
	r.id, r.time = d.Last, d.Time
}

// compare goes on to where a book is, and tells how it differs.
func (r *reference) compare(b *Book) string {
	for r.id < b.LastUpdateID() {
		r.next()
	}
	if r.id != b.LastUpdateID() || r.time != b.Time() {
		return fmt.Sprintf("the book is at %d of %d, and no diff is", b.LastUpdateID(), b.Time())
	}
	for _, side := range []struct {
		name string
		got  *side
		want map[int64]float64
	}{{"bids", &b.bids, r.bids}, {"asks", &b.asks, r.asks}} {
		known := 0
		for price := range side.want {
			if side.got.sign*price >= side.got.far {
				known++
			}
		}
		if len(side.got.levels) != known {
			return fmt.Sprintf("at %d it has %d %s, and the exchange %d", r.id, len(side.got.levels), side.name, known)
		}
		for i, l := range side.got.levels {
			if side.want[l.Price] != l.Size || i > 0 && side.got.key(l) <= side.got.key(side.got.levels[i-1]) {
				return fmt.Sprintf("at %d it has %v of the %s, and the exchange %v", r.id, l, side.name, side.want[l.Price])
			}
		}
	}
	return ""
}

// rest asks for snapshots as plainly as can be.
type rest struct {
	url    string
	client *http.Client
}

func (r rest) Depth(ctx context.Context, symbol string, limit int) (Snapshot, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s?symbol=%s&limit=%d", r.url, symbol, limit), nil)
	if err != nil {
		return Snapshot{}, err
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return Snapshot{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return Snapshot{}, errors.New(answer.Status)
	}
	var s struct {
		LastUpdateID int64
		Bids, Asks   Levels
	}
	err = json.NewDecoder(answer.Body).Decode(&s)
	return Snapshot{LastUpdateID: s.LastUpdateID, Bids: s.Bids, Asks: s.Asks}, err
}

// memory is a sink.
type memory struct {
	mu   sync.Mutex
	rows map[string][]BookRow
	err  error
}

func (m *memory) AppendBook(symbol string, rows []BookRow) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if m.rows == nil {
		m.rows = map[string][]BookRow{}
	}
	m.rows[symbol] = append(m.rows[symbol], rows...)
	return nil
}

// recording is a recorder on an exchange, step by step.
type recording struct {
	t       *testing.T
	options exchange.DepthOptions
	depth   *exchange.Depth
	*Recorder
	sink  *memory
	ended <-chan error
	end   func() error // stops the recorder

	mu       sync.Mutex
	changed  chan struct{} // closed when something was handled
	refs     map[string]*reference
	messages int
	losses   int
	kept     int // messages after which their book was in sync
	updates  int
	states   map[string]state
	wrong    []string
	warnings []string
}

type state struct{ inSync, asking bool }

func record(t *testing.T, o exchange.DepthOptions, change func(*Recorder)) *recording {
	t.Helper()
	r := &recording{
		t: t, options: o, sink: &memory{}, changed: make(chan struct{}), refs: map[string]*reference{}, states: map[string]state{},
		depth: exchange.NewDepth(o),
	}
	mux := http.NewServeMux()
	r.depth.Routes(mux)
	server := httptest.NewServer(mux)
	client := &http.Client{Transport: &http.Transport{}}
	path := "/api/v3/depth"
	if o.Market == USDM {
		path = "/fapi/v1/depth"
	}
	for _, s := range o.Symbols {
		r.refs[s] = newReference(o, s)
	}
	r.Recorder = &Recorder{
		Market: o.Market, URL: "ws" + strings.TrimPrefix(server.URL, "http"), Symbols: o.Symbols, Rest: rest{server.URL + path, client}, Sink: r.sink,
		Every: time.Second, FlushEvery: 50 * time.Millisecond, Warn: r.warned,
		pace:    pace{silence: time.Second, steady: time.Hour, first: time.Millisecond, most: 4 * time.Millisecond, streams: 200, levels: 1000},
		handled: r.handle,
	}
	if change != nil {
		change(r.Recorder)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	r.ended = ended
	go func() {
		defer close(ended)
		ended <- r.Run(ctx)
	}()
	r.end = sync.OnceValue(func() error {
		cancel()
		err := <-ended
		r.depth.Close()
		client.CloseIdleConnections()
		server.Close()
		return err
	})
	t.Cleanup(func() { _ = r.end() })
	return r
}

func (r *recording) warned(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.warnings) < 10_000 {
		r.warnings = append(r.warnings, line)
	}
}

// compared is how many messages left their book in sync.
func (r *recording) compared() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept
}

// handle compares the book after whatever was handled.
func (r *recording) handle(what handled, k *keeper) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch what {
	case aMessage:
		r.messages++
	case aLoss:
		r.losses++
		clear(r.states)
	}
	if k != nil {
		r.states[k.symbol] = state{k.book != nil, k.asking}
		if what == aMessage {
			r.updates++
		}
		if k.book != nil {
			if what == aMessage {
				r.kept++
			}
			if wrong := r.refs[k.symbol].compare(k.book); wrong != "" && len(r.wrong) < 5 {
				r.wrong = append(r.wrong, k.symbol+": "+wrong)
			}
		}
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// await waits until something is so. The lock is held while it is asked.
func (r *recording) await(what string, so func() bool) {
	r.t.Helper()
	deadline := time.After(time.Minute)
	for {
		r.mu.Lock()
		ok, changed := so(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			r.t.Fatalf("waited in vain for %s; the recorder says %+v", what, r.Stats())
		}
	}
}

// play publishes updates, one after another, each once the last one was handled,
// until so many have left their book in sync and compared. Snapshots take as
// long as a few updates.
func (r *recording) play(updates int, forced map[int]exchange.Fault) {
	r.t.Helper()
	random := rand.New(rand.NewPCG(r.options.Seed, 3))
	connect := func() (offset int) {
		if err := r.depth.AwaitConnections(r.t.Context(), (len(r.options.Symbols)+r.pace.streams-1)/r.pace.streams); err != nil {
			r.t.Fatal(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.messages - r.depth.Sent()
	}
	losses := 0
	offset := connect()
	late := map[string]int{}
	for n := 0; r.compared() < updates; n++ {
		if f := forced[n]; f != "" {
			r.depth.Force(f)
		}
		symbol := r.options.Symbols[random.IntN(len(r.options.Symbols))]
		fault := r.depth.Publish(symbol)
		sent := r.depth.Sent()
		broken := fault == exchange.CutLine || fault == exchange.Stall || fault == exchange.Shutdown
		before := losses
		r.await("a message, or the end of the connection", func() bool {
			losses = r.losses
			return !broken && r.messages >= offset+sent || losses > before
		})
		if losses > before {
			for range random.IntN(4) {
				r.depth.Skip(r.options.Symbols[random.IntN(len(r.options.Symbols))])
			}
			offset = connect()
		}
		r.mu.Lock()
		s := r.states[symbol]
		r.mu.Unlock()
		if late[symbol]++; !s.asking {
			late[symbol] = 0
		}
		if late[symbol] > 1+random.IntN(4) {
			late[symbol] = 0
			r.await("a snapshot", func() bool { return !r.states[symbol].asking })
		}
	}
}

// checkRows compares each row with the reference book at that time, and tells
// when too few of the seconds have one.
func (r *recording) checkRows(share float64) {
	r.t.Helper()
	total := 0
	for _, symbol := range r.options.Symbols {
		rows := r.sink.rows[symbol]
		if !slices.IsSortedFunc(rows, func(a, b BookRow) int { return int(a.Time - b.Time) }) {
			r.t.Errorf("%s: the rows do not rise in time", symbol)
		}
		total += len(rows)
		ref, most := newReference(r.options, symbol), r.refs[symbol].id
		var last BookRow
		want := map[int64]BookRow{}
		for ref.id < most {
			ref.next()
			if last.Time != 0 && last.Time/1000 < ref.time/1000 {
				want[last.Time] = last
			}
			last, _ = ref.top(ref.time)
		}
		for _, row := range rows {
			if want[row.Time] != row {
				r.t.Fatalf("%s has the row %+v, and the exchange's book was %+v", symbol, row, want[row.Time])
			}
		}
		if got := float64(len(rows)) / float64(len(want)); got < share {
			r.t.Errorf("%s has %d rows of %d seconds", symbol, len(rows), len(want))
		}
	}
	if n := r.Stats().Rows; n != int64(total) {
		r.t.Errorf("it tells of %d rows, and the sink has %d", n, total)
	}
}
