package arango

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	driver "github.com/arangodb/go-driver"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Pauses between tries of a request, doubled from the first to the longest.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// do makes a request until it succeeds, fails for good, or the server has been
// out of reach for as long as patience lasts. Tries after the first go to the
// servers in turn: one that answers 503 is not asked again and again. Where the
// token has ended, a new one is fetched.
func (d *DB) do(ctx context.Context, doing string, request func(context.Context) error) error {
	begun, pause := time.Now(), firstPause
	for try, renewed := 0, false; ; try++ {
		to := ctx
		if try > 0 && len(d.endpoints) > 1 {
			to = driver.WithEndpoint(ctx, d.endpoints[try%len(d.endpoints)])
		}
		err := request(to)
		page := ofTransport(err)
		if page != nil {
			err = page
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
		case page != nil && fault.Permanent(page) && len(d.endpoints) == 1: // of several another one may be a database
			return fmt.Errorf("%s: %w", doing, page)
		case page == nil && fault.Permanent(err):
			return err
		case driver.IsUnauthorized(err) && !renewed && d.db != nil:
			renewed = true
			if err := d.do(ctx, "logging in again", d.login); err != nil {
				return err
			}
			continue
		}
		if err := d.untrusted(err); err != nil {
			return err
		}
		if driver.IsUnauthorized(err) || driver.IsForbidden(err) {
			return fault.Rejected("%s: ARANGO_USER=%s may not do this in ARANGO_DB=%s (%w)", doing, d.cfg.User, d.cfg.Database, err).At("%s", d.where()).Fix("grant it the right")
		}
		err = brief(err)
		if !transient(err) {
			return fault.Internal("%s: %w", doing, err).At("%s", d.where())
		}
		until := begun.Add(d.patience)
		if time.Now().Add(pause).After(until) {
			return fault.Transient("%s: ArangoDB at %s has failed for %v: %w", doing, d.where(), d.patience, err).At("%s", d.where()).
				Fix("start the database, or set ARANGO_URL to a running one")
		}
		if pause > time.Second {
			d.watch.Tell(data.Step{Phase: data.Waiting, Until: until, Why: fmt.Sprintf("ArangoDB at %s is unavailable (%s)", d.where(), fault.Of(err).What)})
		}
		if err := sleep(ctx, pause); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		pause = min(2*pause, longestPause)
	}
}

// ofTransport is the fault that the transport made of an answer, out of what
// net/http and the driver put around it; nil: err is about something else.
func ofTransport(err error) *fault.Error {
	var response *driver.ResponseError
	if errors.As(err, &response) {
		err = response.Err
	}
	var request *url.Error
	var f *fault.Error
	if errors.As(err, &request) && errors.As(request.Err, &f) {
		return f
	}
	return nil
}

// brief shortens an error that holds a whole page of some proxy.
func brief(err error) error {
	const most = 300
	if text := err.Error(); len(text) > most {
		return errors.New(text[:most] + " (and more)")
	}
	return err
}

// transient reports what another try may fix: servers that start, end or are
// overrun, and connections that broke.
func transient(err error) bool {
	failed, ok := driver.AsArangoError(err)
	if !ok {
		return !driver.IsNoMoreDocuments(err) && !driver.IsInvalidArgument(err)
	}
	switch failed.Code {
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusTooManyRequests, http.StatusRequestTimeout:
		return true
	case http.StatusConflict: // another write of the same document, or a batch that is still being made
		return failed.ErrorNum == driver.ErrArangoConflict || failed.ErrorNum == driver.ErrCursorBusy
	case http.StatusInternalServerError:
		return failed.ErrorNum >= driver.ErrReplicationNoResponse && failed.ErrorNum < driver.ErrQueryKilled // of a cluster in motion
	}
	return false
}

// lost reports whether the server no longer has a cursor.
func lost(err error) bool {
	failed, ok := driver.AsArangoError(err)
	return ok && (failed.Code == http.StatusNotFound || failed.Code == http.StatusGone || failed.Code == http.StatusUnauthorized)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
