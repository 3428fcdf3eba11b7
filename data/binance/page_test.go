package binance

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// answering is a client of a server that answers everything alike.
func answering(t *testing.T, status int, kind, body string) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	c, err := NewClient(Config{Market: Spot, BaseURL: server.URL, FuturesBaseURL: server.URL, RecordEvery: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAPageInPlaceOfJSONEndsTheFetchAtOnceAndIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		status           int
		kind, body, want string
	}{
		"a sign-in page":          {200, "text/html", "<html><title>Hotel Wi-Fi: sign in</title></html>", `an HTML page titled "Hotel Wi-Fi: sign in" in place of JSON (200)`},
		"another server":          {200, "text/html; charset=utf-8", "<!doctype html><body><h1>Welcome to nginx!</h1>", `an HTML page that begins with "Welcome to nginx!" in place of JSON (200)`},
		"a page with JSON's type": {200, "application/json", "<html></html>", "an HTML page in place of JSON (200)"},
		"no such page":            {404, "text/html", "<title>404 Not Found</title>", `an HTML page titled "404 Not Found" in place of JSON (404)`},
		"a proxy's words":         {400, "text/plain", "This proxy serves no such host", `text/plain that begins with "This proxy serves no such host" in place of JSON (400)`},
		"XML":                     {200, "application/xml", "<ListBucketResult/>", `application/xml that begins with "<ListBucketResult/>" in place of JSON (200)`},
	} {
		client := answering(t, c.status, c.kind, c.body)
		client.Watch(func(s data.Step) { t.Errorf("%s is waited for: %+v", name, s) })
		_, err := client.Sync(t.Context())
		f := fault.Of(err)
		if f == nil || f.Kind != fault.ErrRejected || !strings.Contains(f.What, c.want) || !strings.Contains(f.What, "127.0.0.1:") || !strings.Contains(f.Remedy, "BINANCE_BASE_URL") || !strings.Contains(f.Remedy, "HTTPS_PROXY") || len(f.Error()) > 300 {
			t.Errorf("%s: %d, %v", name, len(f.Error()), err)
		}
	}
}

func TestThePageOfAGatewayIsAskedForAgainAndNamed(t *testing.T) {
	client := answering(t, 502, "text/html", "<title>502 Bad Gateway</title>")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var why string
	client.Watch(func(s data.Step) {
		why = s.Why
		cancel()
	})
	if _, err := client.Sync(ctx); err == nil || !strings.Contains(why, `an HTML page titled "502 Bad Gateway"`) {
		t.Errorf("%v, %q", err, why)
	}
}

func TestAnotherServersJSONIsNoExchange(t *testing.T) {
	_, err := answering(t, 200, "application/json", `{"status":"ok"}`).Sync(t.Context())
	if f := fault.Of(err); f == nil || !strings.Contains(f.Remedy, "BINANCE_BASE_URL") {
		t.Errorf("%v", err)
	}
}
