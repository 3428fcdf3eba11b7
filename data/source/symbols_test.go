package source

import (
	"slices"
	"testing"
)

func TestSymbolsAreAListOrATopOrAll(t *testing.T) {
	for _, c := range []struct {
		symbols, symbol string
		want            Selection
	}{
		{"", "BTCUSDT", Selection{}},
		{" ", "BTCUSDT", Selection{}},
		{"top:20", "BTCUSDT", Selection{Top: 20}},
		{"BTCUSDT,ETHUSDT", "ETHUSDT", Selection{Names: []string{"BTCUSDT", "ETHUSDT"}}},
		{"BTCUSDT, ETHUSDT", "SOLUSDT", Selection{Names: []string{"BTCUSDT", "ETHUSDT", "SOLUSDT"}}},
		{"BTC-USD", "", Selection{Names: []string{"BTC-USD"}}},
	} {
		got, err := ParseSymbols(c.symbols, c.symbol)
		if err != nil || got.Top != c.want.Top || !slices.Equal(got.Names, c.want.Names) {
			t.Errorf("ParseSymbols(%q, %q) = %+v, %v; want %+v", c.symbols, c.symbol, got, err, c.want)
		}
	}
}

func TestSymbolsThatNameNothingAreRejected(t *testing.T) {
	for _, c := range []struct {
		symbols, symbol string
		tells           []string
	}{
		{"top:0", "", []string{"SYMBOLS=top:0", "top:20"}},
		{"top:", "", []string{"SYMBOLS=top:"}},
		{"top:-3", "", []string{`"-3"`}},
		{"top:many", "", []string{`"many"`}},
		{"A,B,A", "", []string{"names A twice"}},
		{"A,,B", "", []string{"name 2", "is empty"}},
		{"A,B,", "", []string{"name 3", "is empty"}},
		{"A,../B", "", []string{"name 2", `"../B"`}},
		{"A,B/C", "", []string{"name 2", `"B/C"`}},
		{"A B", "", []string{`"A B"`}},
		{"", "BTC/USDT", []string{`SYMBOL="BTC/USDT"`}},
	} {
		_, err := ParseSymbols(c.symbols, c.symbol)
		rejected(t, err, c.tells...)
	}
}
