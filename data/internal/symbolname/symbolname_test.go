package symbolname

import "testing"

func TestASymbolIsKnownUnderItsOtherNames(t *testing.T) {
	for _, name := range []string{"BTC/USDT", "btc-usdt", "BTC_USDT", "BTC/USDT:USDT", "BINANCE:BTCUSDT", " btcusdt ", "BTC_USDT_USDT"} {
		if got := Canonical(name); got != "BTCUSDT" {
			t.Errorf("%q is %q", name, got)
		}
	}
	for _, c := range []struct {
		lacking, among []string
		want           string
	}{
		{[]string{"BTC/USDT"}, []string{"BTC-USDT", "ETH-USDT"}, "write BTC-USDT for BTC/USDT"},
		{[]string{"btcusdt", "X"}, []string{"BTCUSDT", "BTC_USDT"}, "write BTCUSDT or BTC_USDT for btcusdt"},
		{[]string{"X"}, []string{"BTCUSDT"}, ""},
	} {
		if got := Meant(c.lacking, c.among); got != c.want {
			t.Errorf("for %v among %v it suggests %q, not %q", c.lacking, c.among, got, c.want)
		}
	}
}
