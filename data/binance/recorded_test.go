package binance

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// recorded is one real answer of Binance's.
type recorded struct {
	Query    string          `json:"query"`
	Response json.RawMessage `json:"response"`
}

// recordings reads the answers of an endpoint.
func recordings(t *testing.T, endpoint string) []recorded {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "binance-recorded", endpoint+".json")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("the recorded answers are not here: %v", err)
	}
	var all []recorded
	if err := json.Unmarshal(content, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// replay is a client of a server that gives one answer, whatever it is asked.
func replay(t *testing.T, market string, answer json.RawMessage) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) }))
	t.Cleanup(server.Close)
	c, err := NewClient(Config{Market: market, BaseURL: server.URL, FuturesBaseURL: server.URL, RecordEvery: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func number(t *testing.T, text any) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text.(string), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRecordedCandlesAreReadAsTheyStand(t *testing.T) {
	candles := 0
	for endpoint, market := range map[string]string{"api_v3_klines": Spot, "fapi_v1_klines": USDM} {
		for _, r := range recordings(t, endpoint) {
			var rows [][]any
			if err := json.Unmarshal(r.Response, &rows); err != nil {
				t.Fatal(err)
			}
			got, err := replay(t, market, r.Response).Klines(t.Context(), "BTCUSDT", "5m", 0, 1, 1000)
			if err != nil {
				t.Fatalf("%s %s: %v", endpoint, r.Query, err)
			}
			if len(got) != len(rows) {
				t.Fatalf("%s %s: %d candles, want %d", endpoint, r.Query, len(got), len(rows))
			}
			for i, row := range rows {
				want := Kline{
					OpenTime: int64(row[0].(float64)), Open: number(t, row[1]), High: number(t, row[2]), Low: number(t, row[3]), Close: number(t, row[4]),
					Volume: number(t, row[5]), QuoteVolume: number(t, row[7]), Trades: int64(row[8].(float64)), TakerBuyVolume: number(t, row[9]),
				}
				if got[i] != want {
					t.Fatalf("%s %s: %+v, want %+v", endpoint, r.Query, got[i], want)
				}
				candles++
			}
		}
	}
	t.Logf("%d candles", candles)
}

func TestRecordedFundingRatesAreReadAsTheyStand(t *testing.T) {
	for _, r := range recordings(t, "fapi_v1_fundingRate") {
		if string(r.Response) == "null" {
			continue // nothing was recorded
		}
		var rows []struct {
			FundingRate string `json:"fundingRate"`
			FundingTime int64  `json:"fundingTime"`
		}
		if err := json.Unmarshal(r.Response, &rows); err != nil {
			t.Fatal(err)
		}
		var want []Funding
		for _, row := range rows {
			want = append(want, Funding{row.FundingTime, number(t, row.FundingRate)})
		}
		got, err := replay(t, USDM, r.Response).Funding(t.Context(), "BTCUSDT", 0, 1, 1000)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v (%v), want %+v", r.Query, got, err, want)
		}
	}
}

func TestRecordedBooksAreReadAsTheyStand(t *testing.T) {
	for endpoint, market := range map[string]string{"api_v3_depth": Spot, "fapi_v1_depth": USDM} {
		for _, r := range recordings(t, endpoint) {
			var book struct {
				Bids, Asks   [][]string
				LastUpdateID int64 `json:"lastUpdateId"`
			}
			if err := json.Unmarshal(r.Response, &book); err != nil {
				t.Fatal(err)
			}
			got, err := replay(t, market, r.Response).Depth(t.Context(), "BTCUSDT", 1000)
			if err != nil {
				t.Fatal(err)
			}
			if got.LastUpdateID != book.LastUpdateID || len(got.Bids) != len(book.Bids) || len(got.Asks) != len(book.Asks) {
				t.Fatalf("%s %s: %d with %d bids and %d asks, want %d with %d and %d", endpoint, r.Query,
					got.LastUpdateID, len(got.Bids), len(got.Asks), book.LastUpdateID, len(book.Bids), len(book.Asks))
			}
			for _, side := range []struct {
				got  []Level
				want [][]string
			}{{got.Bids, book.Bids}, {got.Asks, book.Asks}} {
				for i, want := range side.want {
					level, err := LevelOf(want[0], want[1])
					if err != nil || side.got[i] != level {
						t.Fatalf("%s %s: %+v, want %v (%v)", endpoint, r.Query, side.got[i], want, err)
					}
				}
			}
		}
	}
}

func TestRecordedSymbolsAndLimitsAreReadAsTheyStand(t *testing.T) {
	for endpoint, want := range map[string]struct {
		market string
		limit  int
	}{"api_v3_exchangeInfo": {Spot, 6000}, "fapi_v1_exchangeInfo": {USDM, 2400}} {
		for _, r := range recordings(t, endpoint) {
			var info struct {
				Symbols []struct {
					Symbol, Status, QuoteAsset, ContractType string
				}
			}
			if err := json.Unmarshal(r.Response, &info); err != nil {
				t.Fatal(err)
			}
			c := replay(t, want.market, r.Response)
			got, err := c.Sync(t.Context())
			if err != nil || len(got) != len(info.Symbols) || len(got) == 0 {
				t.Fatalf("%s: %d symbols, want %d (%v)", endpoint, len(got), len(info.Symbols), err)
			}
			for i, s := range info.Symbols {
				if got[i].Name != s.Symbol || got[i].QuoteAsset != s.QuoteAsset ||
					got[i].Trading != (s.Status == "TRADING" && (want.market == Spot || s.ContractType == "PERPETUAL")) {
					t.Errorf("%s: %+v, want %+v", endpoint, got[i], s)
				}
			}
			if c.gate.weight.limit != want.limit || c.gate.weight.length != time.Minute || !strings.EqualFold(c.gate.weight.header, "X-MBX-USED-WEIGHT-1M") {
				t.Errorf("%s: a budget of %+v", endpoint, c.gate.weight)
			}
		}
	}
}

func TestRecordedVolumesAreReadAsTheyStand(t *testing.T) {
	for _, r := range recordings(t, "api_v3_ticker_24hr") {
		if !strings.HasPrefix(string(r.Response), "[") {
			continue // of one symbol, which is not asked for
		}
		var rows []struct{ Symbol, QuoteVolume string }
		if err := json.Unmarshal(r.Response, &rows); err != nil {
			t.Fatal(err)
		}
		got, err := replay(t, Spot, r.Response).QuoteVolumes(t.Context())
		if err != nil || len(got) != len(rows) {
			t.Fatalf("%v, %v", got, err)
		}
		for _, row := range rows {
			if got[row.Symbol] != number(t, row.QuoteVolume) {
				t.Errorf("%s: %v, want %s", row.Symbol, got[row.Symbol], row.QuoteVolume)
			}
		}
	}
}
