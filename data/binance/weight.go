package binance

import (
	"net/url"
	"strconv"
)

// weightOf is what a request costs of the exchange's budget, by its
// documentation. What the documentation calls the default limit is what counts
// where none is asked for.
func weightOf(path string, query url.Values) int {
	limit, _ := strconv.Atoi(query.Get("limit"))
	one := query.Get("symbol") != ""
	switch path {
	case "/api/v3/klines":
		return 2
	case "/api/v3/depth":
		return step(limit, 100, upTo{100, 5}, upTo{500, 25}, upTo{1000, 50}, upTo{5000, 250})
	case "/api/v3/exchangeInfo":
		return 20
	case "/api/v3/ticker/24hr":
		if one {
			return 2
		}
		return 80
	case "/fapi/v1/klines":
		return step(limit, 500, upTo{99, 1}, upTo{499, 2}, upTo{1000, 5}, upTo{1500, 10})
	case "/fapi/v1/depth":
		return step(limit, 500, upTo{50, 2}, upTo{100, 5}, upTo{500, 10}, upTo{1000, 20})
	case "/fapi/v1/ticker/24hr":
		if one {
			return 1
		}
		return 40
	case "/fapi/v1/fundingRate", "/fapi/v1/fundingInfo":
		return 0 // these have a budget of their own
	}
	return 1
}

// upTo is the weight of requests with at most this limit.
type upTo struct{ limit, weight int }

func step(limit, standard int, steps ...upTo) int {
	if limit == 0 {
		limit = standard
	}
	for _, s := range steps {
		if limit <= s.limit {
			return s.weight
		}
	}
	return steps[len(steps)-1].weight
}

// The most candles a page that gets the most of them for their weight.
const (
	spotPage = 1000 // weight 2
	usdmPage = 499  // weight 2; 1000 would weigh 5, 1500 would weigh 10
)

// countsAsFunding reports whether a request is one of those that share 500 in
// 5 minutes.
func countsAsFunding(path string) bool {
	return path == "/fapi/v1/fundingRate" || path == "/fapi/v1/fundingInfo"
}
