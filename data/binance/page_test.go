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
		"long XML":                {200, "application/xml", `<?xml version="1.0"?><Error><Code>NoSuchBucket</Code><Message>x</Message></Error>`, `application/xml that begins with "<?xml version=`},
	} {
		client := answering(t, c.status, c.kind, c.body)
		client.Watch(func(s data.Step) { t.Errorf("%s is waited for: %+v", name, s) })
		_, err := client.Sync(t.Context())
		f := fault.Of(err)
		if f == nil || f.Kind != fault.ErrRejected || !strings.Contains(f.What, c.want) || !strings.Contains(f.What, "127.0.0.1:") || !strings.Contains(f.Remedy, "BINANCE_BASE_URL") || !strings.Contains(f.Remedy, "HTTPS_PROXY") || len(fault.Text(err)) > 290 {
			t.Errorf("%s: %d, %v", name, len(fault.Text(err)), err)
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

func TestAnotherServersJSONIsNoExchangeAndIsNamed(t *testing.T) {
	for body, want := range map[string]string{
		"":                           "answers with nothing in place of the exchange's time (200)",
		" \n":                        "answers with nothing in place of the exchange's time (200)",
		`{}`:                         `begins with "{}" in place of the exchange's time (200)`,
		`[]`:                         `begins with "[]" in place of the exchange's time (200)`,
		`{"status":"ok"}`:            `begins with "{\"status\":\"ok\"}" in place of the exchange's time (200)`,
		`{"serverTime":"yesterday"}`: "in place of the exchange's time (200)",
		`{"serverTime":17356`:        "in place of the exchange's time (200)",
		`{"serverTime":-1}`:          "in place of the exchange's time (200)",
		`{"serverTime":1735689600000,"more":"` + strings.Repeat("x", 500) + `"}`: "in place of the exchange's symbols (200)",
		`{"serverTime":1735689600000,"symbols":null}`:                            "in place of the exchange's symbols (200)",
	} {
		client := answering(t, 200, "application/json", body)
		client.Watch(func(s data.Step) { t.Errorf("%q is waited for: %+v", body, s) })
		_, err := client.Sync(t.Context())
		f := fault.Of(err)
		if f == nil || f.Kind != fault.ErrRejected || !strings.Contains(f.What, want) || !strings.Contains(f.What, "127.0.0.1:") || !strings.Contains(f.Remedy, "BINANCE_BASE_URL") || len(fault.Text(err)) > 300 {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestAnErrorThatIsNoneOfBinancesIsNoReasonToTryAgain(t *testing.T) {
	for body, status := range map[string]int{`{}`: 400, `{"detail":"Method Not Allowed"}`: 405, `{"error":{"type":"x"}}`: 422} {
		_, err := answering(t, status, "application/json", body).Sync(t.Context())
		if f := fault.Of(err); f == nil || f.Kind != fault.ErrRejected || !strings.Contains(f.What, "none of Binance's answers") || !strings.Contains(f.Remedy, "BINANCE_BASE_URL") {
			t.Errorf("%d %s: %v", status, body, err)
		}
	}
}

func TestAPageThatForbidsIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		kind, body string
		want       fault.Kind
		says       string
	}{
		"a sign-in page":          {403, "text/html", "<title>Guest Wi-Fi</title>", fault.ErrTransient, `an HTML page titled "Guest Wi-Fi" (403)`},
		"the firewall's own page": {403, "text/html", "<h1>ERROR: The request could not be satisfied</h1>", fault.ErrTransient, `begins with "ERROR: The request could not be satisfied" (403)`},
		"words of a proxy":        {403, "text/plain", "blocked by policy", fault.ErrTransient, `text/plain that begins with "blocked by policy" (403)`},
		"nothing":                 {403, "", "", fault.ErrTransient, "the firewall of 127.0.0.1"},
		"JSON":                    {403, "application/json", `{"code":0}`, fault.ErrTransient, "the firewall of 127.0.0.1"},
		"a login for a user":      {401, "text/html", "<title>Log in</title>", fault.ErrRejected, `an HTML page titled "Log in" in place of JSON (401)`},
		"a wrong key":             {401, "application/json", `{"code":-2014,"msg":"API-key format invalid."}`, fault.ErrRejected, "rejects BINANCE_API_KEY (401)"},
	} {
		_, err := answering(t, c.status, c.kind, c.body).Sync(t.Context())
		if f := fault.Of(err); f == nil || f.Kind != c.want || !strings.Contains(f.What, c.says) || f.Remedy == "" || len(fault.Text(err)) > 300 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
