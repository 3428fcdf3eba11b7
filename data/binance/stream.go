package binance

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/gorilla/websocket"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Where the streams are. go-binance's constant for the futures is the address
// that was retired on 2026-04-23, when depth moved under /public:
// https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Important-WebSocket-Change-Notice
const (
	spotStreams = "wss://stream.binance.com:9443"
	usdmStreams = "wss://fstream.binance.com/public"
)

// mostMessage is the longest message that is read, in bytes.
const mostMessage = 16 << 20

// pace is how long is waited for what, and what is done at once; tests have less
// of both.
type pace struct {
	// Without anything received for so long, pings' answers included, the
	// connection counts as lost. The exchange pings every 20 s (spot) or 3
	// minutes (futures); a stream of our own pings keeps a quiet one alive.
	silence time.Duration
	// A connection that lasted so long does not count as a failed attempt.
	steady      time.Duration
	first, most time.Duration // between two attempts
	// So many symbols share a connection. The exchange allows 1024, but one
	// that is lost should not cost all books.
	streams int
	levels  int // of a book's first snapshot
	// Nothing received of any symbol for so long is warned of.
	quiet time.Duration
}

var usualPace = pace{silence: time.Minute, steady: time.Minute, first: time.Second, most: time.Minute, streams: 200, levels: 1000, quiet: time.Minute}

// stream keeps one connection that carries the depth of some symbols. It uses
// gorilla/websocket itself, since go-binance's WsCombinedDiffDepthServe has
// neither a context nor an address that is not global, reads without a
// deadline, leaves a goroutine behind for each lost connection, and drops what
// it cannot read without a word.
type stream struct {
	url  string
	pace pace
}

// newStream makes the stream of symbols at a base address.
func newStream(base string, symbols []string, pace pace) *stream {
	names := make([]string, len(symbols))
	for i, s := range symbols {
		names[i] = url.PathEscape(strings.ToLower(s)) + "@depth@100ms"
	}
	return &stream{strings.TrimSuffix(base, "/") + "/stream?streams=" + strings.Join(names, "/"), pace}
}

// streams is the address of the market's streams.
func (c Config) streams() string {
	switch {
	case c.WSURL != "":
		return c.WSURL
	case c.Market == USDM:
		return usdmStreams
	}
	return spotStreams
}

// news is what a stream sends, in the order in which it happened. One of its
// fields is set.
type news struct {
	diff Diff
	bad  error // a message that cannot be read
	lost error // the connection, and with it whatever was sent until the next one
}

// run connects, sends on what comes, and connects again, until ctx ends. The error
// is one for the user to fix.
func (s *stream) run(ctx context.Context, out chan<- news) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = s.pace.first, s.pace.most
	connected := false
	for {
		began := time.Now()
		err := s.once(ctx, out, &connected)
		if ctx.Err() != nil {
			return nil
		}
		var rejected *rejectedError
		if errors.As(err, &rejected) && rejected.final && !connected {
			return fault.Input("BINANCE_WS_URL: %w", err).At("BINANCE_WS_URL").Fix("correct BINANCE_WS_URL, or unset it")
		}
		if !send(ctx, out, news{lost: err}) {
			return nil
		}
		// The daily disconnection, or a server that goes, is no sign of trouble.
		if time.Since(began) >= s.pace.steady {
			wait.Reset()
		}
		pause := wait.NextBackOff()
		if rejected != nil {
			pause = max(pause, rejected.after)
		}
		if !sleep(ctx, pause) {
			return nil
		}
	}
}

// once connects and sends on what comes until the connection is lost.
func (s *stream) once(ctx context.Context, out chan<- news, connected *bool) error {
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: max(s.pace.silence/2, time.Second)}
	unwatch := func() {}
	dialer.NetDialContext = func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(dialing, network, address)
		if err == nil {
			// The handshake looks at the deadline of its context alone.
			unwatch = atEnd(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	conn, answer, err := dialer.DialContext(ctx, s.url, nil)
	unwatch()
	if err != nil {
		return rejectedBy(err, answer)
	}
	*connected = true
	var pings sync.WaitGroup
	gone := make(chan struct{})
	unwatch = atEnd(ctx, func() {
		// A courtesy, and not waited for.
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		conn.Close()
	})
	defer func() {
		unwatch()
		close(gone)
		conn.Close()
		pings.Wait()
	}()
	conn.SetReadLimit(mostMessage)
	alive := func() error { return conn.SetReadDeadline(time.Now().Add(s.pace.silence)) }
	conn.SetPongHandler(func(string) error { return alive() })
	conn.SetPingHandler(func(payload string) error {
		// The exchange wants the payload back.
		if err := conn.WriteControl(websocket.PongMessage, []byte(payload), time.Now().Add(s.pace.silence)); err != nil {
			return err
		}
		return alive()
	})
	pings.Go(func() {
		ticker := time.NewTicker(s.pace.silence / 3)
		defer ticker.Stop()
		for {
			select {
			case <-gone:
				return
			case <-ticker.C:
				// A failure shows at the reader.
				_ = conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.pace.silence/3))
			}
		}
	})
	for {
		if err := alive(); err != nil {
			return err
		}
		_, text, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		diff, err := readMessage(text)
		switch {
		case errors.Is(err, errShutdown):
			return err
		case errors.Is(err, errOther):
			continue
		case err != nil:
			if !send(ctx, out, news{bad: err}) {
				return nil
			}
		case !send(ctx, out, news{diff: diff}):
			return nil
		}
	}
}
