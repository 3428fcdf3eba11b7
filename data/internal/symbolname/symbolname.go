// Package symbolname compares the names that exchanges and libraries give one
// symbol.
package symbolname

import (
	"slices"
	"strings"
	"unicode"
)

// Plain is a symbol without the marks that no file name holds: of BTC/USDT,
// BTC/USDT:USDT and BINANCE:BTCUSDT it is BTCUSDT.
func Plain(text string) string {
	text = strings.TrimSpace(text)
	if before, after, ok := strings.Cut(text, ":"); ok && strings.Contains(before, "/") {
		text = before
	} else if ok {
		text = after
	}
	return strings.ReplaceAll(text, "/", "")
}

// Canonical is a symbol without separators, in capitals. Two that differ in
// nothing else may be meant for one another.
func Canonical(symbol string) string {
	symbol = Plain(symbol)
	// freqtrade's name of the perpetual contract BTC/USDT:USDT is BTC_USDT_USDT.
	if parts := strings.FieldsFunc(symbol, func(r rune) bool { return r == '_' || r == '-' }); len(parts) == 3 && parts[1] == parts[2] {
		symbol = parts[0] + parts[1]
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, symbol)
}

// Meant is a remedy that suggests, for each of the names that there are not, the
// real one; "": it knows none.
func Meant(lacking, among []string) string {
	const most = 5
	var found []string
	for _, name := range lacking {
		var actual []string
		for _, symbol := range among {
			if Canonical(symbol) == Canonical(name) && symbol != name && !slices.Contains(actual, symbol) {
				actual = append(actual, symbol)
			}
		}
		if len(actual) > 0 && len(found) < most {
			found = append(found, strings.Join(actual, " or ")+" for "+name)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return "write " + strings.Join(found, ", ")
}
