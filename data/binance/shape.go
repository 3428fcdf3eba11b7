package binance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/webpage"
)

// go-binance takes what lacks the fields that it looks for as zeros, and an
// object in a list's place as an empty list.

// checkShape tells whether a good answer is of the form that the request has. Of
// the two requests that every run begins with, another form shows another
// server: asking it again does not help. Later ones are asked again.
func checkShape(request *http.Request, answer *http.Response, body []byte) error {
	if answer.StatusCode >= http.StatusMultipleChoices {
		return nil
	}
	path, host := request.URL.Path, request.URL.Host
	of := func(what string, ok bool) error {
		if ok {
			return nil
		}
		return fault.Rejected("%s answers with %s in place of %s (%d)", host, webpage.Describe(answer.Header.Get("Content-Type"), body), what, answer.StatusCode).
			At("%s", host).Fix(pages)
	}
	body = bytes.TrimSpace(body)
	switch {
	case strings.HasSuffix(path, "/time"):
		var clock struct {
			ServerTime int64 `json:"serverTime"`
		}
		return of("the exchange's time", json.Unmarshal(body, &clock) == nil && clock.ServerTime > 0)
	case strings.HasSuffix(path, "/exchangeInfo"):
		var info struct {
			Symbols []json.RawMessage `json:"symbols"`
		}
		return of("the exchange's symbols", json.Unmarshal(body, &info) == nil && info.Symbols != nil)
	case isList(path) && !bytes.HasPrefix(body, []byte("[")):
		return fmt.Errorf("its answer is no list but %.80q", body)
	case !json.Valid(body):
		return errors.New("its answer is no whole JSON")
	}
	return nil
}

func isList(path string) bool {
	return strings.HasSuffix(path, "/klines") || strings.HasSuffix(path, "/fundingRate") || strings.HasSuffix(path, "/ticker/24hr")
}
