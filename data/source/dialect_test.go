package source

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTextOfAnotherFormIsReadWhereItIsClear(t *testing.T) {
	plain := plainHeader + line(0, 10.25) + line(1, 11.5) + line(2, 12.125)
	other := func(separator string) string { return strings.ReplaceAll(plain, ",", separator) }
	decimal := func(separator string) string { return strings.ReplaceAll(other(separator), ".", ",") }
	quoted := plainHeader
	for _, l := range strings.Split(strings.TrimSpace(decimal(";")), "\n")[1:] {
		quoted += `"` + strings.ReplaceAll(l, ";", `","`) + "\"\n"
	}
	dump := "1704067200000;10;20;5;10,25;100;1;1;1;1;1;0\n1704067500000;10;20;5;11,5;100;1;1;1;1;1;0\n1704067800000;10;20;5;12,125;100;1;1;1;1;1;0\n"
	for name, text := range map[string]string{
		"semicolons": other(";"), "tabs": other("\t"), "bars": other("|"),
		"decimal commas": decimal(";"), "decimal commas and tabs": decimal("\t"), "decimal commas in quotes": quoted,
		"a declared separator": "sep=;\n" + decimal(";"), "a declared separator in quotes": "\"sep=,\"\r\n" + plain, "a declared tab": "\uFEFFsep=\t\r\n" + other("\t"),
		"a line above": "https://www.CryptoDataDownload.com\n" + plain, "comments above": "# exported, from, an, exchange, at, once\n#\n" + plain,
		"a title, and an empty line": "BTCUSDT, 5 minutes\n\nSource;x\n" + other(";"), "a comment for a header": "# " + plain,
		"names in angles":              strings.Replace(plain, plainHeader, "<OPEN_TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOLUME>\n", 1),
		"names with spaces":            strings.Replace(plain, plainHeader, "Open time,Open,High,Low,Close,Volume\n", 1),
		"an index":                     "," + strings.ReplaceAll(strings.TrimSuffix(plain, "\n"), "\n", "\n0,"),
		"the header again":             strings.Replace(plain, "\n"+line(2, 12.125), "\n"+plainHeader+line(2, 12.125), 1),
		"a separator behind each line": plainHeader + strings.ReplaceAll(strings.TrimPrefix(plain, plainHeader), "\n", ",,\n"),
		"a dump with decimal commas":   dump,
	} {
		s, err := parseCSV(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if want := []float64{10.25, 11.5, 12.125}; !slices.Equal(s.values[closePrice], want) || s.values[baseVolume][2] != 100 {
			t.Errorf("%s: closes are %v, not %v", name, s.values[closePrice], want)
		}
	}
}

func TestVolumesNamedAfterTheAssetsAreRead(t *testing.T) {
	text := "https://www.CryptoDataDownload.com\nUnix,Date,Symbol,Open,High,Low,Close,Volume %s,Volume %s,tradecount\n" +
		"1704067500000,2024-01-01 00:05:00,BTCUSDT,10,20,5,11,3,33,1\n1704067200000,2024-01-01 00:00:00,BTCUSDT,10,20,5,10,2,20,1\n"
	file := func(base, quote string) map[string]string {
		return map[string]string{"BTCUSDT.csv": fmt.Sprintf(text, base, quote)}
	}
	m, err := loadFrom(t, file("BTC", "USDT"), func(c *Config) { c.Symbol = "BTCUSDT" })
	if err != nil || m.Volume[0][0] != 2 || m.Optional["quote_volume"][0][1] != 33 {
		t.Errorf("%+v, %v", m, err)
	}
	for base, symbol := range map[string]string{"BTC": "BTCUSDT", "ETH": "ETH", "btc": "BTC-EUR"} {
		for _, header := range []string{"Unix,Open,High,Low,Close,Volume %s", "unix,open,high,low,close,Volume %s,Volume USD"} {
			if symbol != "ETH" && strings.HasSuffix(header, "USD") {
				continue
			}
			text := fmt.Sprintf(header, base) + "\n1704067500,10,20,5,11,3" + strings.Repeat(",33", strings.Count(header, "Volume")-1) + "\n"
			m, err := loadFrom(t, map[string]string{symbol + ".csv": text}, func(c *Config) { c.Symbol = symbol })
			if err != nil || m.Volume[0][0] != 3 {
				t.Errorf("%s of %s: %+v, %v", header, symbol, m, err)
			}
		}
	}
	for _, other := range [][2]string{{"ETH", "USDT"}, {"BTC", "EUR"}} {
		_, err = loadFrom(t, file(other[0], other[1]), func(c *Config) { c.Symbol = "BTCUSDT" })
		rejected(t, err, "no column volume", "is \"Volume "+other[0]+"\" meant?")
	}
}

func TestTextThatCanBeReadInTwoWaysIsRejected(t *testing.T) {
	three := func(a, b, c string) string {
		text := strings.ReplaceAll(plainHeader, ",", ";")
		for i, v := range []string{a, b, c} {
			text += strings.ReplaceAll(strings.Replace(line(i, 10), ",100\n", ","+"VOLUME\n", 1), ",", ";")
			text = strings.Replace(text, "VOLUME", v, 1)
		}
		return text
	}
	for _, c := range []struct {
		name, text string
		tells      []string
	}{
		{"three digits behind a comma", three("1,234", "5,678", "9"), []string{`"5,678"`, "decimal comma or separates thousands", "decimal point"}},
		{"thousands and a point", three("1,234.5", "1", "2"), []string{"separates thousands", "as 1234.5"}},
		{"thousands and a comma", three("1.234,5", "1", "2"), []string{"separates thousands"}},
		{"millions", three("1,234,567", "1", "2"), []string{"separates thousands"}},
		{"both", three("1,5", "1.5", "2"), []string{"with a decimal point", "with a comma"}},
		{"thousands and points", three("1,234", "1.5", "2"), []string{"with a decimal point", "with a comma"}},
		{"a point far below", three("1,5", "1,6", "2") + strings.Repeat("\n", 1<<17) + "1704068100000;10;20;5;10;1.5\n", []string{"has a decimal point", "correct or remove this line"}},
		{"decimal commas between commas", plainHeader + "1704067200000,100,0,100,1,99,9,100,0,28,3\n", []string{"11 fields where the header has 6", "with ; between fields"}},
		{"a column without a name", plainHeader + "1," + line(0, 10), []string{"line 2", "7 fields where the header has 6", "name each column in the header"}},
		{"a header in another language", "Zeit,Eröffnung,Hoch,Tief,Schluss,Volumen\n" + line(0, 10), []string{"line 1", "no column open among"}},
		{"spaces", strings.ReplaceAll(plainHeader, ",", " ") + strings.ReplaceAll(line(0, 10), ",", " "), []string{"separates its fields by spaces", "with commas"}},
		{"only carriage returns", strings.ReplaceAll(plainHeader+line(0, 10), "\n", "\r"), []string{"a carriage return alone"}},
		{"a candle, and no header", "2024-01-01 00:00:00,10,20,5,10,100\n", []string{"line 1", "6 numbers where the header should be"}},
		{"a header that lacks one, below a title", "Title\n" + strings.Replace(plainHeader, "close", "last", 1) + line(0, 10), []string{"line 2", "no column close"}},
		{"an index without a name", ",open,high,low,close,volume\n2024-01-01,10,20,5,10,100\n", []string{"the first column has no name", "name it open_time"}},
		{"a date and a time", "date,time,open,high,low,close,volume\n2024.01.01,00:00,10,20,5,10,100\n", []string{"date and time share the open time", "one column open_time"}},
		{"yfinance", "Price,Close,High,Low,Open,Volume\nTicker,A,A,A,A,A\nDate,,,,,\n2024-01-01,10,20,5,10,100\n", []string{"several lines", "multi_level_index=False"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseCSV(c.text)
			rejected(t, err, c.tells...)
			checkMessage(t, err, "")
		})
	}
}

func TestTimesOfAnotherFormAreReadWhereAllRowsAgree(t *testing.T) {
	for _, form := range []struct{ column, first, second string }{
		{"open_time", "2024-01-01 00:00:00", "2024-01-01 00:05:00"},
		{"Date", "2024-01-01T00:00:00Z", "2024-01-01T00:05:00Z"},
		{"datetime", "2024-01-01 00:00:00+00:00", "2024-01-01 00:05:00+00:00"},
		{"timestamp", "2024-01-01 01:00:00+01:00", "2024-01-01 01:05:00+01:00"},
		{"time", "1704067200", "1704067500"},
		{"unix", "1704067200.0", "1704067500.0"},
		{"ts", "1704067200000000", "1704067500000"}, // Binance's change of 2025
		{"open_time", "1704067200000000000", "1704067500000000000"},
		{"open_time", "20240101000000", "20240101000500"},
		{"open_time", "2024/01/01 00:00", "2024/01/01 00:05"},
	} {
		s, err := parseCSV(form.column + ",open,high,low,close,volume\n" + form.first + ",10,20,5,10,100\n" + form.second + ",10,20,5,10,100\n")
		if err != nil || !slices.Equal(s.times, []int64{t0, t0 + fiveMinutes}) {
			t.Errorf("%s: %v", form.first, err)
		}
	}
	for _, c := range []struct{ time, tells string }{
		{"1.70407E+12", "rounded, as a spreadsheet"},
		{"45292.003472", "the number of a day"},
		{"01/02/2024", "which part of it is the day"},
		{"noon", "no form of time"},
		{"170406720000", "is no Unix time"},
	} {
		_, err := parseCSV(plainHeader + c.time + ",10,20,5,10,100\n")
		rejected(t, err, c.tells, "line 2", "2024-01-31")
		checkMessage(t, err, "")
	}
}
