package binance

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// rejectedError is an answer to the handshake other than yes.
type rejectedError struct {
	status string
	after  time.Duration
	final  bool // asking again does not change it
}

func (r *rejectedError) Error() string { return "the stream is rejected: " + r.status }

func rejectedBy(err error, answer *http.Response) error {
	if answer == nil {
		return fmt.Errorf("connecting: %w", err)
	}
	r := &rejectedError{status: answer.Status}
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnavailableForLegalReasons:
		r.final = true
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		r.after = time.Duration(seconds) * time.Second
	}
	return r
}
