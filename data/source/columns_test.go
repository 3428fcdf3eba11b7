package source

import (
	"strings"
	"testing"
)

func TestColumnsAreFoundByNameInAnyOrder(t *testing.T) {
	for _, c := range []struct {
		header string
		q      quantity
		at     int
	}{
		{"open_time,open,high,low,close,volume", openTime, 0},
		{"close,volume,ts,open,high,low", openTime, 2},
		{"timestamp,open,high,low,close,volume", openTime, 0},
		{" Open_Time ,OPEN,High,low,close,Volume", highPrice, 2},
		{"ts,open_time,open,high,low,close,volume", openTime, 1}, // its own name wins
		{"openTime,open,high,low,close,volume", openTime, 0},
		{"Open,High,Low,Close,Volume,Open-Time", openTime, 5},
		{"opentime,open_time,open,high,low,close,volume", openTime, 1},
		{"openTime,open,high,low,close,volume,takerBuyBaseAssetVolume", takerBuyVolume, 6},
		{"open.time,open,high,low,close,volume,quoteVolume", quoteVolume, 6},
		{"open_time,open,high,low,close,volume", takerBuyVolume, -1},
		{"open_time,open,high,low,close,volume,taker_buy_base,note", takerBuyVolume, 6},
		{"open_time,open,high,low,close,volume,quote_asset_volume,quote_volume", quoteVolume, 7},
		{strings.Join(dumpHeader, ","), quoteVolume, 7},
		{strings.Join(dumpHeader, ","), takerBuyVolume, 9},
	} {
		at, err := locate(strings.Split(c.header, ","))
		if err != nil || at[c.q] != c.at {
			t.Errorf("locate(%s)[%s] = %d, %v; want %d", c.header, c.q, at[c.q], err, c.at)
		}
	}
}

func TestAHeaderThatLacksOrRepeatsAColumnIsRejected(t *testing.T) {
	for _, c := range []struct{ header, tells string }{
		{"open,high,low,close,volume", "no column open_time or timestamp or ts"},
		{"open_time;open;high;low;close;volume", "no column open "},
		{"open_time,open,high,low,close", `no column volume among "open_time,open,high,low,close"`},
		{"open_time,open,high,low,close,volume,close", "columns 5 (close) and 7 (close) are both close"},
		{"ts,timestamp,open,high,low,close,volume", "columns 1 (ts) and 2 (timestamp) are both open_time"},
		{strings.Repeat("x", 5000), "..."},
		{"open_time,open,high,low,clsoe,volume", `among "open_time,open,high,low,clsoe,volume" (is clsoe meant?): add it`},
		{"openTme,open,high,low,close,volume", "(is opentme meant?)"},
		{"open_time,open,hihg,lo,close,volume", "(is hihg meant?)"},
		{"open_time,open,high,low,price,volume", `"open_time,open,high,low,price,volume": add it`},
	} {
		if _, err := locate(strings.Split(c.header, ",")); err == nil || !strings.Contains(err.Error(), c.tells) || len(err.Error()) > 400 {
			t.Errorf("locate(%.60s) gives %v, not %q", c.header, err, c.tells)
		}
	}
}

func TestOpenTimesAreMillisecondsWhateverTheFileHas(t *testing.T) {
	for _, c := range []struct {
		text, tells string
		want        int64
	}{
		{"1704067200000", "", 1704067200000},
		{" 1704067200000 ", "", 1704067200000},
		{"1704067200000000", "", 1704067200000},
		{"1704067200000.0", "", 1704067200000},
		{"1.7040672e12", "", 1704067200000},
		{"1704067200", "", 1704067200000},          // seconds
		{"1704067200.0", "", 1704067200000},        // of a float column
		{"1704067200000000000", "", 1704067200000}, // nanoseconds
		{"20240101", "", 1704067200000},
		{"20240101000500", "", 1704067500000},
		{"2024-01-01", "", 1704067200000},
		{"2024-01-01 00:05", "", 1704067500000},
		{"2024-01-01T00:05:00Z", "", 1704067500000},
		{"2024-01-01 00:05:00.000+00:00", "", 1704067500000},
		{"2024/01/01 00:05:00", "", 1704067500000},
		{"2024.1.1 0:05", "", 1704067500000},
		{"2023-12-31T19:05:00-0500", "", 1704067500000},
		{"2024-01-01 00:05:00 +0000 UTC", "", 1704067500000},
		{"1999-12-31", "", 946598400000},
		{"1.70407E+12", "rounded, as a spreadsheet", 0},
		{"1.70407E+09", "rounded, as a spreadsheet", 0},
		{"45292.0035", "the number of a day", 0},
		{"01/02/2024 00:05", "which part of it is the day", 0},
		{"31.12.2024", "which part of it is the day", 0},
		{"Jan 1, 2024", "", 1704067200000},
		{"01-Jan-2024 00:05", "", 1704067500000},
		{"2024-01-01 12:05 AM", "", 1704067500000},
		{"2024-01-01 05-PM", "", 1704128400000},
		{"1. Januar 2024", "no form of time that is read", 0},
		{"2024-13-01", "no form of time that is read", 0},
		{"1969-12-31", "no form of time that is read", 0},
		{"1704067200.5", "not a whole Unix time", 0},
		{"1704067200000000001", "not a whole millisecond", 0},
		{"32503680000000", "no Unix time", 0}, // the year 3000
		{"1704067200000001", "not a whole millisecond", 0},
		{"1704067200000.5", "not a whole Unix time", 0},
		{"-1704067200000", "is below 0", 0},
		{"45292", "number of a day", 0},
		{"45292.25", "number of a day", 0},
		{"28401120", "counts minutes", 0},
		{"28401120.0", "counts minutes", 0},
		{"0", "number of a row", 0},
		{"17", "number of a row", 0},
		{"2460310.5", "Julian day", 0},
		{"2460310.503472222", "Julian day", 0},
		{"2024-01-01 00:00:00", "", 1704067200000},
		{"", "no form of time that is read", 0},
		{"NaN", "not a whole", 0},
		{"1e300", "not a whole", 0},
	} {
		got, err := new(timeColumn).text(c.text)
		if c.tells == "" && (err != nil || got != c.want) {
			t.Errorf("open time %q = %d, %v; want %d", c.text, got, err, c.want)
		}
		if c.tells != "" && (err == nil || !strings.Contains(err.Error(), c.tells)) {
			t.Errorf("open time %q gives %v, not %q", c.text, err, c.tells)
		}
	}
}
