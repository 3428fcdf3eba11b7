package exchange

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Fault is what may befall a message or a snapshot.
type Fault string

// What may befall a message.
const (
	Drop     Fault = "drop"     // the message is not sent
	Repeat   Fault = "repeat"   // it is sent twice
	Delay    Fault = "delay"    // it is sent after the symbol's next one
	Garbage  Fault = "garbage"  // it is cut short
	CutLine  Fault = "cut"      // the connection ends before it
	Stall    Fault = "stall"    // the connection stays open, and nothing more comes
	Shutdown Fault = "shutdown" // the server says that it goes

	OldSnapshot  Fault = "old snapshot"  // is of long ago
	BusySnapshot Fault = "busy snapshot" // 429 or 503
)

// Depth is the part of the exchange that tells of order books: the streams, with
// a Feed behind each symbol, and the snapshots. Nothing happens in the books
// but by Publish.
type Depth struct {
	market string

	mu     sync.Mutex
	feeds  map[string]*Feed
	old    map[string]DepthBook   // a snapshot of some time ago
	held   map[string][]DepthDiff // are delayed
	conns  map[*depthConn]bool
	joined chan struct{} // closed, and made anew, when a connection is made
	sent   int
	random *rand.Rand // of messages
	chance *rand.Rand // of snapshots, which are asked for at any time
	forced Fault
	plan   map[Fault]float64
	counts map[Fault]int
	closed bool

	snapshots int

	serving sync.WaitGroup
}

// depthConn is one client's connection. Its fields are guarded by Depth's mu.
type depthConn struct {
	conn     *websocket.Conn
	streams  map[string]bool
	combined bool
	stalled  bool
	pongs    chan struct{} // one for each answer to a ping of AwaitRead
}

// DepthOptions is what the books are like.
type DepthOptions struct {
	Market  string // spot or usdm
	Symbols []string
	Seed    uint64
	Start   int64             // Unix ms
	Reach   int64             // of each Feed; 0: 80
	Faults  map[Fault]float64 // how probable each is, of a message or of a snapshot
}

// NewDepth makes the books.
func NewDepth(o DepthOptions) *Depth {
	d := &Depth{
		market: o.Market, feeds: map[string]*Feed{}, old: map[string]DepthBook{}, held: map[string][]DepthDiff{},
		conns: map[*depthConn]bool{}, joined: make(chan struct{}), random: rand.New(rand.NewPCG(o.Seed, 1)), chance: rand.New(rand.NewPCG(o.Seed, 2)),
		plan: o.Faults, counts: map[Fault]int{},
	}
	for _, s := range o.Symbols {
		d.feeds[s] = o.Feed(s)
		d.old[s] = d.feeds[s].Snapshot(1000)
	}
	return d
}

// Routes adds streams and snapshots to a server that has neither.
func (d *Depth) Routes(mux *http.ServeMux) {
	d.Streams(mux)
	if d.market == "usdm" {
		mux.HandleFunc("GET /fapi/v1/depth", d.ServeSnapshot)
	} else {
		mux.HandleFunc("GET /api/v3/depth", d.ServeSnapshot)
	}
}

// Streams adds the streams to a server.
func (d *Depth) Streams(mux *http.ServeMux) {
	mux.HandleFunc("GET /stream", d.ServeStream)
	mux.HandleFunc("GET /ws/", d.ServeStream)
}

// Play publishes an update of each symbol every so often, until ctx ends.
func (d *Depth) Play(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for _, symbol := range slices.Sorted(maps.Keys(d.feeds)) {
				d.Publish(symbol)
			}
		}
	}
}

// Close ends all connections, and waits for them.
func (d *Depth) Close() {
	d.mu.Lock()
	d.closed = true
	for c := range d.conns {
		d.cut(c)
	}
	d.mu.Unlock()
	d.serving.Wait()
}

// cut ends a connection; the caller holds mu.
func (d *Depth) cut(c *depthConn) {
	c.conn.Close()
	delete(d.conns, c)
}

// ServeStream is a stream: /stream?streams=a/b or /ws/a.
func (d *Depth) ServeStream(w http.ResponseWriter, r *http.Request) {
	var up websocket.Upgrader
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	names, combined := r.URL.Query().Get("streams"), true
	if raw, ok := strings.CutPrefix(r.URL.Path, "/ws/"); ok {
		names, combined = raw, false
	}
	c := &depthConn{conn: conn, streams: map[string]bool{}, combined: combined, pongs: make(chan struct{}, 1)}
	for name := range strings.SplitSeq(names, "/") {
		c.streams[name] = true
	}
	answer := conn.PingHandler()
	conn.SetPingHandler(func(payload string) error {
		d.mu.Lock()
		stalled := c.stalled
		d.mu.Unlock()
		if stalled {
			return nil
		}
		return answer(payload)
	})
	conn.SetPongHandler(func(payload string) error {
		if payload == readMark {
			c.pongs <- struct{}{}
		}
		return nil
	})
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		conn.Close()
		return
	}
	d.serving.Add(1)
	d.conns[c] = true
	close(d.joined)
	d.joined = make(chan struct{})
	d.mu.Unlock()
	defer d.serving.Done()
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			break
		}
	}
	d.mu.Lock()
	d.cut(c)
	d.mu.Unlock()
}

// AwaitConnections waits until n connections are open that are not stalled.
func (d *Depth) AwaitConnections(ctx context.Context, n int) error {
	for {
		d.mu.Lock()
		open := 0
		for c := range d.conns {
			if !c.stalled {
				open++
			}
		}
		joined := d.joined
		d.mu.Unlock()
		if open >= n {
			return nil
		}
		select {
		case <-joined:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// readMark is the payload of AwaitRead's pings.
const readMark = "read"

// AwaitRead waits until every client has read what was published: a ping is
// answered in its turn.
func (d *Depth) AwaitRead(ctx context.Context) error {
	d.mu.Lock()
	var asked []*depthConn
	for c := range d.conns {
		if !c.stalled && c.conn.WriteControl(websocket.PingMessage, []byte(readMark), time.Now().Add(time.Minute)) == nil {
			asked = append(asked, c)
		}
	}
	d.mu.Unlock()
	for _, c := range asked {
		select {
		case <-c.pongs:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Sent is how many messages have been sent.
func (d *Depth) Sent() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sent
}

// Snapshots is how many books have been served whole.
func (d *Depth) Snapshots() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.snapshots
}

// Counts is how often each fault has occurred.
func (d *Depth) Counts() map[Fault]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.counts)
}

// fault draws what befalls next; the caller holds mu.
func (d *Depth) fault(random *rand.Rand, kinds ...Fault) Fault {
	x := random.Float64()
	for _, kind := range kinds {
		if x -= d.plan[kind]; x < 0 {
			return kind
		}
	}
	return ""
}

// Force lets a fault befall the next message.
func (d *Depth) Force(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forced = f
}

// Skip lets a symbol's book change, as while nobody is connected.
func (d *Depth) Skip(symbol string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.feeds[symbol].Diff()
}

// Publish lets a symbol's book change, and sends the diff to whoever listens. It
// tells what befell the message, where somebody listened.
func (d *Depth) Publish(symbol string) Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	feed := d.feeds[symbol]
	if d.random.IntN(200) == 0 {
		d.old[symbol] = feed.Snapshot(1000)
	}
	diff := feed.Diff()
	held := d.held[symbol]
	delete(d.held, symbol)
	listeners := slices.DeleteFunc(slices.Collect(maps.Keys(d.conns)), func(c *depthConn) bool { return !c.streams[streamOf(symbol)] })
	if len(listeners) == 0 || listeners[0].stalled {
		return ""
	}
	fault := d.fault(d.random, Drop, Repeat, Delay, Garbage, CutLine, Stall, Shutdown)
	if d.forced != "" {
		fault, d.forced = d.forced, ""
	}
	if fault != "" {
		d.counts[fault]++
	}
	for _, c := range listeners {
		switch fault {
		case Drop:
		case Delay:
			d.held[symbol] = []DepthDiff{diff}
		case CutLine:
			d.cut(c)
			continue
		case Stall:
			c.stalled = true
			continue
		case Garbage:
			text := diff.message(streamOf(symbol), c.combined)
			d.send(c, text[:1+d.random.IntN(len(text)-1)])
		case Shutdown:
			d.send(c, []byte(`{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":`+strconv.FormatInt(diff.Time, 10)+`}}`))
			c.stalled = true // what is sent from here on would be lost
			d.sent--         // it is not for a book
			continue
		case Repeat:
			d.send(c, diff.message(streamOf(symbol), c.combined))
			fallthrough
		default:
			d.send(c, diff.message(streamOf(symbol), c.combined))
		}
		for _, late := range held {
			d.send(c, late.message(streamOf(symbol), c.combined))
		}
	}
	return fault
}

// send writes a message; the caller holds mu. A failure shows at the reader.
func (d *Depth) send(c *depthConn, text []byte) {
	d.sent++
	_ = c.conn.WriteMessage(websocket.TextMessage, text)
}

func streamOf(symbol string) string { return strings.ToLower(symbol) + "@depth@100ms" }

// ServeSnapshot answers GET /api/v3/depth or /fapi/v1/depth.
func (d *Depth) ServeSnapshot(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	symbol := r.URL.Query().Get("symbol")
	feed := d.feeds[symbol]
	if feed == nil {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"code":-1121,"msg":"Invalid symbol."}`))
		return
	}
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		limit = 100
	}
	fault := d.fault(d.chance, OldSnapshot, BusySnapshot)
	if fault != "" {
		d.counts[fault]++
	}
	for range d.chance.IntN(3) { // the book goes on, and no diff has told of it yet
		feed.Tick()
	}
	book := feed.Snapshot(limit)
	switch fault {
	case OldSnapshot:
		book = d.old[symbol]
		book.Bids, book.Asks = book.Bids[:min(limit, len(book.Bids))], book.Asks[:min(limit, len(book.Asks))]
	case BusySnapshot:
		status := http.StatusServiceUnavailable
		if d.chance.IntN(2) == 0 {
			status = http.StatusTooManyRequests
			w.Header().Set("Retry-After", "0")
		}
		w.WriteHeader(status)
		return
	}
	d.snapshots++
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(book) // a client that has gone needs none
}
