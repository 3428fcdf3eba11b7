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
		if len(lines) != len(want) || lines[i] != data.ErrInput.Error()+": "+w {
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
