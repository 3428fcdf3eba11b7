package binance

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
)

func TestAllWrongValuesAreToldTogether(t *testing.T) {
	err := Config{Market: "coinm", BaseURL: "api.binance.com", FuturesBaseURL: "ftp://fapi", WSURL: "https://stream"}.Validate()
	want := []string{
		`BINANCE_MARKET="coinm" is no market: set spot or usdm`,
		`BINANCE_BASE_URL="api.binance.com" is no address: write it as https://api.binance.com`,
		`BINANCE_FUTURES_BASE_URL="ftp://fapi" is no address: write it as https://fapi.binance.com`,
		`BINANCE_WS_URL="https://stream" is no address: write it as wss://stream.binance.com:9443`,
		`RECORD_EVERY=0s is no time between two rows: set one such as 1s`,
	}
	if !errors.Is(err, data.ErrInput) {
		t.Fatal(err)
	}
	lines := strings.Split(err.Error(), "\n")
	for i, w := range want {
		if len(lines) != len(want) || lines[i] != w {
			t.Errorf("%q, want %q", lines, w)
		}
	}
	good := Config{Market: USDM, BaseURL: "http://localhost:1", FuturesBaseURL: "https://fapi.binance.com", WSURL: "ws://localhost:2/x", RecordEvery: time.Second}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func TestEachServersDataHaveAFolderOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []Config{
		{Market: Spot, BaseURL: "https://api.binance.com", FuturesBaseURL: "https://fapi.binance.com"},
		{Market: USDM, BaseURL: "https://api.binance.com", FuturesBaseURL: "https://fapi.binance.com"},
		{Market: Spot, BaseURL: "https://testnet.binance.vision", FuturesBaseURL: "https://fapi.binance.com"},
		{Market: Spot, BaseURL: "http://127.0.0.1:8080", FuturesBaseURL: "http://127.0.0.1:8080"},
		{Market: Spot, BaseURL: "http://127.0.0.1:8080/mirror/a", FuturesBaseURL: "http://127.0.0.1:8080"},
		{Market: Spot, BaseURL: "http://127.0.0.1:8080/mirror/b", FuturesBaseURL: "http://127.0.0.1:8080"},
	} {
		c.CacheDir = "/cache"
		dir := NewCache(c).dir
		if seen[dir] || !strings.HasPrefix(dir, "/cache/") || strings.Contains(dir, ":") {
			t.Errorf("%+v has %s", c, dir)
		}
		seen[dir] = true
	}
}

func TestStreamsAndSnapshotsAreOfOneExchange(t *testing.T) {
	for _, c := range []struct{ market, rest, streams, want string }{
		{Spot, "https://api.binance.com", "", ""},
		{Spot, "https://api3.binance.com", "", ""},
		{Spot, "https://data-api.binance.vision", "wss://data-stream.binance.vision", ""},
		{Spot, "https://api.binance.com", "wss://stream.binance.com:443", ""},
		{USDM, "https://fapi.binance.com", "", ""},
		{Spot, "https://testnet.binance.vision", "wss://stream.testnet.binance.vision", ""},
		{USDM, "https://demo-fapi.binance.com", "wss://fstream.binancefuture.com", ""},
		{Spot, "http://127.0.0.1:8080", "ws://127.0.0.1:8081", ""},
		{USDM, "http://mirror/futures", "ws://other/streams", ""},
		{Spot, "http://127.0.0.1:8080", "", "BINANCE_BASE_URL is of 127.0.0.1:8080, whose streams are not those of stream.binance.com:9443: set BINANCE_WS_URL to its stream server"},
		{USDM, "http://u:canary@127.0.0.1:8080", "", "BINANCE_FUTURES_BASE_URL is of 127.0.0.1:8080, whose streams are not those of fstream.binance.com: set BINANCE_WS_URL to its stream server"},
		{Spot, "https://testnet.binance.vision", "", "BINANCE_BASE_URL is of testnet.binance.vision, whose streams are not those of stream.binance.com:9443: set BINANCE_WS_URL to its stream server"},
		{Spot, "https://api.binance.com", "ws://u:canary@127.0.0.1:8080", ""},
		{Spot, "http://127.0.0.1:8080", "wss://stream.binance.com:9443", ""},
		{USDM, "https://fapi.binance.com", "wss://stream.binance.com:9443", "BINANCE_WS_URL is of stream.binance.com:9443 and BINANCE_FUTURES_BASE_URL of fapi.binance.com, which do not belong together: set both to servers of one exchange"},
	} {
		cfg := Config{Market: c.market, BaseURL: c.rest, FuturesBaseURL: "http://not-looked-at", WSURL: c.streams, RecordEvery: time.Second}
		if c.market == USDM {
			cfg.BaseURL, cfg.FuturesBaseURL = "http://not-looked-at", c.rest
		}
		got := ""
		if err := cfg.ValidateStream(); err != nil {
			got = err.Error()
			if err := Record(t.Context(), cfg, []string{"BTCUSDT"}, nil, nil, nil, nil); !errors.Is(err, data.ErrInput) {
				t.Errorf("%+v is recorded: %v", c, err)
			}
		}
		if got != c.want {
			t.Errorf("%s and %q: %q, want %q", c.rest, c.streams, got, c.want)
		}
	}
}
