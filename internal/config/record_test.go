package config

import (
	"slices"
	"strings"
	"testing"
)

func TestARecordingNeedsASymbolAndTheExchangeOnly(t *testing.T) {
	c, err := LoadRecord([]string{"SYMBOL=BTCUSDT", "SYMBOLS=top:5", "BINANCE_MARKET=usdm", "RECORD_EVERY=5s", "CACHE_DIR=/c", "EPOCHS=none of its business"})
	if err != nil || c.Source.Symbols != "top:5" || c.Source.Binance.Market != "usdm" || c.Source.Binance.RecordEvery.Seconds() != 5 || c.Source.Binance.CacheDir != "/c" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestARecordingFromAServerOfOnesOwnNeedsItsStreams(t *testing.T) {
	_, err := LoadRecord([]string{"SYMBOL=BTCUSDT", "BINANCE_BASE_URL=http://127.0.0.1:8080"})
	if err == nil || !strings.HasSuffix(err.Error(), "BINANCE_BASE_URL is of 127.0.0.1:8080, whose streams are not those of stream.binance.com:9443: set BINANCE_WS_URL to its stream server") {
		t.Error(err)
	}
}

func TestARecordingIsToldAllThatIsWrong(t *testing.T) {
	_, err := LoadRecord([]string{"BINANCE_MARKET=x", "RECORD_EVERY=0s", "LOG_LEVEL=loud"})
	if err == nil {
		t.Fatal("it is taken")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, want := range []string{
		"SYMBOL is not set: set it to a symbol such as BTCUSDT",
		`LOG_LEVEL is "loud": set trace, debug, info, warn or error`,
		`BINANCE_MARKET is "x": set spot or usdm`,
		"RECORD_EVERY=0s is no time between two rows: set one such as 1s",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is not among %q", want, lines)
		}
	}
}
