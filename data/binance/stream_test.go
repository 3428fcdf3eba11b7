package binance

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/streamforge/gnn-trainer/data"
)

func TestEachWrongInputOfARecordingIsTold(t *testing.T) {
	good := Config{Market: Spot, BaseURL: "https://localhost", FuturesBaseURL: "https://localhost", WSURL: "wss://localhost", RecordEvery: time.Second}
	for _, c := range []struct {
		name    string
		change  func(*Config)
		symbols []string
		want    string
	}{
		{"no symbol", func(*Config) {}, nil, "SYMBOLS"},
		{"no market", func(c *Config) { c.Market = "x" }, []string{"A"}, "BINANCE_MARKET"},
		{"no time", func(c *Config) { c.RecordEvery = 0 }, []string{"A"}, "RECORD_EVERY"},
	} {
		cfg := good
		c.change(&cfg)
		if err := Record(t.Context(), cfg, c.symbols, nil, nil, nil, nil); !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestStreamsAreAskedForAsDocumented(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Market: Spot}, "wss://stream.binance.com:9443/stream?streams=btcusdt@depth@100ms/ethusdt@depth@100ms"},
		{Config{Market: USDM}, "wss://fstream.binance.com/public/stream?streams=btcusdt@depth@100ms/ethusdt@depth@100ms"},
		{Config{Market: USDM, WSURL: "ws://localhost:1/x/"}, "ws://localhost:1/x/stream?streams=btcusdt@depth@100ms/ethusdt@depth@100ms"},
	} {
		if got := newStream(c.cfg.streams(), []string{"BTCUSDT", "ETHUSDT"}, usualPace).url; got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	if got := newStream("ws://h", []string{"币A"}, usualPace).url; got != "ws://h/stream?streams=%E5%B8%81a@depth@100ms" {
		t.Error(got)
	}
}

func TestMessagesAreReadByTheirKind(t *testing.T) {
	d, err := readMessage([]byte(`{"stream":"bnbbtc@depth@100ms","data":{"e":"depthUpdate","E":1672515782136,"T":7,"s":"BNBBTC","U":157,"u":160,"pu":149,"b":[["0.0024","10"]],"a":[]}}`))
	if err != nil || d.Symbol != "BNBBTC" || d.Time != 1672515782136 || d.First != 157 || d.Last != 160 || d.Prev != 149 || len(d.Bids) != 1 || d.Bids[0] != (Level{240_000, 10}) || len(d.Asks) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
	if raw, err := readMessage([]byte(`{"e":"depthUpdate","E":1,"s":"A","U":1,"u":1,"b":[],"a":[]}`)); err != nil || raw.Symbol != "A" {
		t.Errorf("%+v, %v", raw, err)
	}
	for _, text := range []string{`{"e":"serverShutdown","E":1770123456789}`, `{"stream":"!x","data":{"e":"serverShutdown","E":1}}`} {
		if _, err := readMessage([]byte(text)); !errors.Is(err, errShutdown) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{`{"result":null,"id":1}`, `{}`, `{"e":"trade","E":1,"s":"A","a":[]}`} {
		if _, err := readMessage([]byte(text)); !errors.Is(err, errOther) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		``, `[]x`, `{"e":"depthUpdate"`, `{"e":"depthUpdate","E":1,"s":"A","U":2,"u":1}`, `{"e":"depthUpdate","E":1,"U":1,"u":1}`,
		`{"e":"depthUpdate","E":1,"s":"A","U":1,"u":1,"b":[["x","1"]]}`,
	} {
		if d, err := readMessage([]byte(text)); err == nil || errors.Is(err, errOther) {
			t.Errorf("%s: %+v, %v", text, d, err)
		}
	}
}

// upgraded serves each connection in turn by handle, and counts them.
func upgraded(t *testing.T, handle func(n int64, w http.ResponseWriter, r *http.Request)) string {
	t.Helper()
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(n.Add(1), w, r) }))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

var testPace = pace{silence: time.Minute, steady: time.Hour, first: time.Millisecond, most: time.Millisecond, streams: 200, levels: 1000}

func TestARefusalThatTheUserMendsEndsTheStream(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 451} {
		url := upgraded(t, func(_ int64, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		err := newStream(url, []string{"A"}, testPace).run(t.Context(), make(chan news))
		if !errors.Is(err, data.ErrInput) || !strings.Contains(err.Error(), http.StatusText(status)) || !strings.Contains(err.Error(), "BINANCE_WS_URL") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestAPassingRefusalIsWaitedOut(t *testing.T) {
	statuses := []int{500, 503, 429, 418}
	url := upgraded(t, func(n int64, w http.ResponseWriter, r *http.Request) {
		if int(n) <= len(statuses) {
			w.WriteHeader(statuses[n-1])
			return
		}
		var up websocket.Upgrader
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"e":"depthUpdate","E":1,"s":"A","U":1,"u":1,"b":[],"a":[]}`))
		_, _, _ = conn.ReadMessage()
	})
	out := make(chan news)
	go func() { _ = newStream(url, []string{"A"}, testPace).run(t.Context(), out) }()
	for _, status := range statuses {
		if n := <-out; n.lost == nil || !strings.Contains(n.lost.Error(), http.StatusText(status)) {
			t.Errorf("%d: %+v", status, n)
		}
	}
	if n := <-out; n.diff.Symbol != "A" {
		t.Errorf("%+v", n)
	}
}

func TestAPingIsAnsweredWithItsPayload(t *testing.T) {
	payload := make(chan string, 1)
	url := upgraded(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
		var up websocket.Upgrader
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetPongHandler(func(text string) error {
			payload <- text
			return nil
		})
		_ = conn.WriteControl(websocket.PingMessage, []byte("1700000000000"), time.Now().Add(time.Minute))
		_, _, _ = conn.ReadMessage()
	})
	go func() { _ = newStream(url, []string{"A"}, testPace).run(t.Context(), make(chan news, 10)) }()
	if got := <-payload; got != "1700000000000" {
		t.Errorf("the pong says %q", got)
	}
}
