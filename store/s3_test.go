package store

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Whatever answers at MINIO_ENDPOINT that is no server of S3 is named, at once.
func TestAServerThatIsNoMinIOIsNamed(t *testing.T) {
	const page = "<!doctype html><title>MinIO Console</title>"
	for name, c := range map[string]struct {
		status           int
		kind, body, want string
	}{
		"the console":            {200, "text/html", page, `answers with an HTML page`},
		"a sign-in page":         {200, "text/html", "<html><title>Sign in</title></html>", `answers with an HTML page`},
		"a page with no type":    {200, "", page, `titled "MinIO Console" in place of XML (200)`},
		"no such page":           {404, "text/html", "<title>404</title>", "answers with an HTML page"},
		"a proxy that forbids":   {403, "text/html", "<title>Blocked by policy</title>", "answers with an HTML page"},
		"another server in JSON": {200, "application/json", `{"tagline":"You Know, for Search"}`, "in place of XML (200)"},
		"words":                  {200, "text/plain", "ok", "in place of XML (200)"},
		"nothing":                {200, "", "", "in place of XML (200)"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = nil
				if c.kind != "" {
					w.Header().Set("Content-Type", c.kind)
				}
				w.WriteHeader(c.status)
				if r.Method != http.MethodHead {
					_, _ = io.WriteString(w, c.body)
				}
			}))
			defer server.Close()
			m, err := NewMinIO(Config{
				Dir: t.TempDir(), ModelName: "m", Endpoint: strings.TrimPrefix(server.URL, "http://"), AccessKey: "a", SecretKey: "s", Bucket: "models", Timeout: time.Hour,
			}, "q", nil, func(line string) { t.Errorf("it is asked again: %s", line) })
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err = m.Open(ctx)
			f := fault.Of(err)
			if f == nil || f.Kind != fault.ErrRejected || !strings.Contains(f.What, c.want) || f.Remedy != pages || f.Where != m.config.Endpoint {
				t.Fatalf("%v", err)
			}
			if n := len(f.Error()); n > 300 {
				t.Errorf("%d characters: %v", n, err)
			}
		})
	}
}
