package binance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/webpage"
)

const (
	attemptTime = 30 * time.Second // one request, from the first byte sent to the last one read
	mostRetries = 12               // of a request that fails for other reasons than a limit; about 3 minutes
	mostPause   = 30 * time.Second // between two of them
	mostAnswer  = 256 << 20        // bytes
)

// transport is what go-binance sends its requests by. It keeps to the limits,
// retries what may be retried, and makes a fault of what may not. It
// hands on whole answers only, so a client never reads a part of one.
type transport struct {
	base http.RoundTripper
	gate *gate
	key  string // sent with each request; empty: none

	first time.Duration // wait before the first retry; tests shorten it
}

// ErrUnavailable is an exchange that did not answer, however often it was asked.
var ErrUnavailable = errors.New("the exchange is unavailable")

// unavailableError is what the last try came to.
type unavailableError struct {
	host  string
	tries int
	last  error
}

func (e *unavailableError) Error() string {
	return fmt.Sprintf("%s failed %d times: %v", e.host, e.tries, e.last)
}

func (e *unavailableError) Unwrap() []error { return []error{ErrUnavailable, e.last} }

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	path := request.URL.Path
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = t.first, mostPause
	for failures := 0; ; {
		p, err := t.gate.enter(ctx, path, weightOf(path, request.URL.Query()))
		if err != nil {
			return nil, err
		}
		answer, err := t.once(request)
		p.leave(answer)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case fault.Permanent(err): // a page, or a proxy that does not let it through
			return nil, err
		case err == nil && t.limited(answer):
			continue // the gate is closed for as long as the exchange asked
		case err == nil && answer.StatusCode < http.StatusInternalServerError:
			if err := rejection(request, answer); err != nil {
				return nil, err
			}
			return answer, nil
		case err == nil:
			err = fmt.Errorf("answered %s", answer.Status)
		}
		if failures++; failures > mostRetries {
			return nil, &unavailableError{request.URL.Host, failures, err}
		}
		pause := wait.NextBackOff()
		now := time.Now()
		t.gate.notifyWait(data.Step{
			Why: fmt.Sprintf("%s fails (%v)", request.URL.Host, err), Until: now.Add(pause),
			Try: failures + 1, Tries: mostRetries + 1, GivesUp: now.Add(pause + t.later(failures)),
		})
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

// later is how long the pauses take on average that follow so many others.
func (t *transport) later(failures int) (sum time.Duration) {
	pause := t.first
	for i := range mostRetries {
		if i >= failures {
			sum += pause
		}
		pause = min(time.Duration(float64(pause)*backoff.DefaultMultiplier), mostPause)
	}
	return sum
}

// once asks and reads the whole answer.
func (t *transport) once(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(request.Context(), attemptTime)
	defer cancel()
	r := request.Clone(ctx)
	if t.key != "" {
		r.Header.Set("X-MBX-APIKEY", t.key)
	}
	answer, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer+1))
	switch {
	case err != nil:
		return answer, fmt.Errorf("its answer ended early: %w", err)
	case len(body) > mostAnswer:
		return answer, fmt.Errorf("its answer is longer than %d bytes", mostAnswer)
	}
	if page := webpage.Find(request.URL.Host, answer, body, webpage.JSON); page != nil && !isAnswer(answer) {
		if webpage.WantsTLS(body) {
			return answer, page.Fix("write BINANCE_BASE_URL and BINANCE_FUTURES_BASE_URL with https://")
		}
		return answer, page.Fix(pages)
	}
	if err := checkShape(request, answer, body); err != nil {
		return answer, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// isAnswer tells whether an answer's status says enough, whatever its body holds:
// limits and rejections have sentences of their own.
func isAnswer(answer *http.Response) bool {
	switch answer.StatusCode {
	case http.StatusTeapot, http.StatusTooManyRequests, http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return true
	}
	return answer.StatusCode >= 300 && answer.StatusCode < 400
}

// limited reports whether the exchange asks to wait, and closes the gate so long.
func (t *transport) limited(answer *http.Response) bool {
	ban := answer.StatusCode == http.StatusTeapot
	if !ban && answer.StatusCode != http.StatusTooManyRequests {
		return false
	}
	why := "the exchange asks for fewer requests (429)"
	if ban {
		why = "the exchange has banned this address (418)"
	}
	// A second is the unit of Retry-After: it may be cut, not rounded.
	t.gate.close(t.waitOf(answer, ban)+time.Second, why, ban)
	return true
}

// bannedUntil is in the sentence of a 418: the futures' documentation promises
// no Retry-After.
var bannedUntil = regexp.MustCompile(`until (\d{13})\b`)

// waitOf is how long an answer asks to wait: by Retry-After, else by its
// sentence, else the shortest that the documentation has.
func (t *transport) waitOf(answer *http.Response, ban bool) time.Duration {
	if seconds, err := strconv.ParseInt(answer.Header.Get("Retry-After"), 10, 32); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if !ban {
		return time.Minute // the longest that a window of weight is
	}
	wait := 2 * time.Minute
	if body, err := io.ReadAll(answer.Body); err == nil {
		if found := bannedUntil.FindSubmatch(body); found != nil {
			now, err := http.ParseTime(answer.Header.Get("Date"))
			if err != nil {
				now, _ = t.gate.time()
			}
			until, _ := strconv.ParseInt(string(found[1]), 10, 64) // 13 digits
			wait = max(wait, time.UnixMilli(until).Sub(now))
		}
	}
	return wait
}

// rejection is the fault of an answer that asking again does not change; nil:
// it may be read.
func rejection(request *http.Request, answer *http.Response) error {
	host := request.URL.Host
	// Whoever is at another address is not sent the key, nor believed.
	if answer.StatusCode >= 300 && answer.StatusCode < 400 {
		return fault.Input("%s redirects to another address, %.100q (%d)", host, answer.Header.Get("Location"), answer.StatusCode).At("%s", host).Fix(servers)
	}
	switch answer.StatusCode {
	case http.StatusUnavailableForLegalReasons:
		return fault.Input("%s does not serve this location (451)", host).At("%s", host).Fix("set BINANCE_BASE_URL or BINANCE_FUTURES_BASE_URL to a mirror that does")
	case http.StatusForbidden:
		// It may let the address in again: the retry that comes with exit code 1 is right.
		blocked := fault.Transient("the firewall of %s blocks this address (403)", host).At("%s", host)
		const remedy = "wait, or set BINANCE_BASE_URL or BINANCE_FUTURES_BASE_URL to a mirror"
		if body, err := io.ReadAll(answer.Body); err == nil && webpage.Find(host, answer, body, webpage.JSON) != nil {
			// The exchange's own, or that of a network on the way.
			blocked = fault.Transient("%s answers with %s (403): its firewall blocks this address, or a network on the way asks to sign in", host, webpage.Describe(answer.Header.Get("Content-Type"), body)).At("%s", host)
			return blocked.Fix(remedy + ", or sign in to the network, or check HTTPS_PROXY")
		}
		return blocked.Fix(remedy)
	case http.StatusUnauthorized:
		return fault.Rejected("%s rejects BINANCE_API_KEY (401)", host).At("%s", host).Fix("correct it, or unset it, since public data need none")
	case http.StatusNotFound:
		return fault.Input("%s has no %s (404)", host, request.URL.Path).At("%s", host).Fix(servers)
	}
	return nil
}

const (
	servers = "set BINANCE_BASE_URL and BINANCE_FUTURES_BASE_URL to servers of Binance's API"
	pages   = servers + ", check HTTPS_PROXY, or sign in to the network"
)
