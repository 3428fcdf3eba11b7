package exchange

import (
	"net/http"
	"strconv"
)

// The weights of the documentation, written down apart from the client's.

func one(*http.Request) int { return 1 }

func none(*http.Request) int { return 0 }

func limitOf(r *http.Request, standard int) int {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		return standard
	}
	return limit
}

func (e *Exchange) infoWeight(market string) func(*http.Request) int {
	return func(*http.Request) int {
		if market == spot {
			return 20
		}
		return 1
	}
}

func klinesWeight(market string) func(*http.Request) int {
	return func(r *http.Request) int {
		switch limit := limitOf(r, 500); {
		case market == spot:
			return 2
		case limit < 100:
			return 1
		case limit < 500:
			return 2
		case limit <= 1000:
			return 5
		}
		return 10
	}
}

func depthWeight(market string) func(*http.Request) int {
	return func(r *http.Request) int {
		if market == spot {
			switch limit := limitOf(r, 100); {
			case limit <= 100:
				return 5
			case limit <= 500:
				return 25
			case limit <= 1000:
				return 50
			}
			return 250
		}
		switch limit := limitOf(r, 500); {
		case limit <= 50:
			return 2
		case limit <= 100:
			return 5
		case limit <= 500:
			return 10
		}
		return 20
	}
}

func tickerWeight(market string) func(*http.Request) int {
	return func(r *http.Request) int {
		single := r.URL.Query().Get("symbol") != ""
		switch {
		case market == spot && single:
			return 2
		case market == spot:
			return 80
		case single:
			return 1
		}
		return 40
	}
}
