package arango

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
	"github.com/streamforge/gnn-trainer/test/arangodb"
)

func TestAPageInPlaceOfTheDatabaseIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		status           int
		kind, body, want string
	}{
		"a sign-in page":       {200, "text/html", "<html><title>Sign in</title></html>", `answers with an HTML page titled "Sign in" in place of JSON (200)`},
		"another server":       {200, "text/plain", "It works!", `answers with text/plain that begins with "It works!" in place of JSON (200)`},
		"no such page":         {404, "text/html", "<title>404 Not Found</title>", `answers with an HTML page titled "404 Not Found" in place of JSON (404)`},
		"a proxy that forbids": {403, "text/html", "<h1>Blocked</h1>", `answers with an HTML page that begins with "Blocked" in place of JSON (403)`},
		"another JSON server":  {200, "application/json", `{"tagline":"You Know, for Search"}`, "holds no token"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := Open(ctx, Config{URL: server.URL, Database: "market", User: "root", Password: testPassword, Graph: "g"},
				func(s data.Step) {
					t.Errorf("it is waited for: %+v", s)
					cancel()
				})
			f := fault.Of(err)
			if f == nil || f.Kind != fault.ErrRejected || !strings.Contains(f.What, c.want) || !strings.Contains(f.What, strings.TrimPrefix(server.URL, "http://")) || f.Remedy != pages || len(f.Error()) > 300 {
				t.Errorf("%v", err)
			}
			mustHide(t, err)
		})
	}
}

func TestThePageOfAGatewayBeforeTheDatabaseIsWaitedForAndNamed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<title>502 Bad Gateway</title>")
	}))
	defer server.Close()
	d := &DB{cfg: Config{Database: "market", User: "root"}, endpoints: []string{server.URL}, transport: &http.Transport{}, patience: 300 * time.Millisecond}
	defer d.Close()
	err := d.do(t.Context(), "opening the database", d.login)
	if f := fault.Of(err); f == nil || f.Kind != fault.ErrTransient || !strings.Contains(f.What, `an HTML page titled "502 Bad Gateway"`) || f.Remedy == "" {
		t.Errorf("%v", err)
	}
}

func TestOfSeveralEndpointsOneThatAnswersWithPagesIsPassedOver(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<title>Sign in</title>")
	}))
	defer page.Close()
	for _, urls := range []string{page.URL + "," + s.URL, s.URL + "," + page.URL} {
		c.URL = urls
		open(t, c)
	}
}
