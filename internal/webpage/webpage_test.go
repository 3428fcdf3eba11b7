package webpage

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

func TestAPageIsNamedByWhatItShows(t *testing.T) {
	for _, c := range []struct{ kind, body, want string }{
		{"text/html; charset=utf-8", "<html><head><title>\n Sign in &amp; surf </title></head></html>", `an HTML page titled "Sign in & surf"`},
		{"text/html", "<html><body><script>var a = '<b>';</script><h1>502 Bad Gateway</h1></body>", `an HTML page that begins with "502 Bad Gateway"`},
		{"", "<!DOCTYPE html><TITLE>Гостевая сеть</TITLE>", `an HTML page titled "Гостевая сеть"`},
		{"text/html", "", "an HTML page"},
		{"application/json", "\r\n", "nothing"},
		{"", "", "nothing"},
		{"text/html", "<title></title><p>" + strings.Repeat("x ", 100), `an HTML page that begins with "` + strings.TrimSpace(strings.Repeat("x ", 30)) + `..."`},
		{"text/plain", "no healthy upstream\n", `text/plain that begins with "no healthy upstream"`},
		{"", "hello\x00\xff world", `text that begins with "hello world"`},
		{"application/xml", "<?xml version=\"1.0\"?><Error/>", `application/xml that begins with "<?xml version=\"1.0\"?><Error/>"`},
	} {
		if got := Describe(c.kind, []byte(c.body)); got != c.want {
			t.Errorf("%s %q: %s", c.kind, c.body, got)
		}
	}
}

func TestAGuardHandsOnAnswersAndMakesAFaultOfAPage(t *testing.T) {
	const page = "<html><title>Sign in</title></html>"
	for name, c := range map[string]struct {
		format Format
		status int
		kind   string
		body   string
		want   fault.Kind // empty: it is handed on
	}{
		"JSON":                           {JSON, 200, "application/json", ` {"a":1}`, ""},
		"a list":                         {JSON, 200, "", "[]", ""},
		"an error in JSON":               {JSON, 400, "application/json", `{"code":-1121}`, ""},
		"nothing":                        {JSON, 200, "", "", ""},
		"a page for JSON":                {JSON, 200, "text/html", page, fault.ErrRejected},
		"a page without a type":          {JSON, 200, "", "\n<!doctype html>", fault.ErrRejected},
		"a page with the type of JSON":   {JSON, 200, "application/json", page, fault.ErrRejected},
		"XML for JSON":                   {JSON, 200, "application/xml", "<a/>", fault.ErrRejected},
		"words for JSON":                 {JSON, 200, "text/plain", "OK", fault.ErrRejected},
		"no such page":                   {JSON, 404, "text/html", page, fault.ErrRejected},
		"a gateway's page":               {JSON, 502, "text/html", page, fault.ErrTransient},
		"a network that asks to sign in": {JSON, 511, "text/html", page, fault.ErrRejected},
		"a mesh without a server":        {JSON, 503, "text/plain", "no healthy upstream", fault.ErrTransient},
		"too many":                       {JSON, 429, "text/html", page, fault.ErrTransient},
		"XML":                            {XML, 200, "application/xml", "<?xml version='1.0'?><a/>", ""},
		"an error in XML":                {XML, 404, "application/xml", "<Error/>", ""},
		"an object":                      {XML, 200, "application/octet-stream", "anything", ""},
		"an object in JSON":              {XML, 200, "application/json", "{}", ""},
		"a page for XML":                 {XML, 200, "text/html", page, fault.ErrRejected},
		"a HEAD of a page":               {XML, 200, "text/html", "", fault.ErrRejected},
		"an error in words for XML":      {XML, 404, "text/plain", "404 page not found", fault.ErrRejected},
		"an error in JSON for XML":       {XML, 403, "application/json", `{"error":1}`, fault.ErrRejected},
		"a gateway's page for XML":       {XML, 504, "text/html", page, fault.ErrTransient},
		"a page with a comment before":   {XML, 200, "", "<!-- x --><html>", fault.ErrRejected},
		"an XHTML page of another type":  {XML, 200, "application/xhtml+xml", "<?xml version='1.0'?>", fault.ErrRejected},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = nil
				if c.kind != "" {
					w.Header().Set("Content-Type", c.kind)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := (&Guard{Base: http.DefaultTransport, Format: c.format, Remedy: "check the address"}).RoundTrip(r)
			if fault.KindOf(err) != c.want {
				t.Fatal(err)
			}
			if err != nil {
				if f := fault.Of(err); f.Remedy != "check the address" || f.Where != r.URL.Host || !strings.Contains(f.What, " in place of "+string(c.format)) || len(f.Error()) > 300 {
					t.Errorf("%q", err)
				}
				return
			}
			defer answer.Body.Close()
			if whole, err := io.ReadAll(answer.Body); err != nil || string(whole) != c.body {
				t.Errorf("%q, %v", whole, err)
			}
		})
	}
}

func TestARedirectIsNamedByWhereItLeads(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://login.example/sign-in", http.StatusFound)
	}))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&Guard{Base: http.DefaultTransport, Format: XML, Remedy: "check it"}).RoundTrip(r)
	if want := r.URL.Host + ` redirects to "https://login.example/sign-in" in place of an answer in XML (302): check it`; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestAServerThatSpeaksTLSIsNamedAsThat(t *testing.T) {
	for _, body := range []string{"Client sent an HTTP request to an HTTPS server.\n", "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, body)
		}))
		defer server.Close()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []Format{JSON, XML} {
			_, err = (&Guard{Base: http.DefaultTransport, Format: format, Remedy: "check", TLS: "set TLS"}).RoundTrip(r)
			if want := r.URL.Host + " speaks TLS, and was asked without (400): set TLS"; err == nil || err.Error() != want {
				t.Errorf("%v", err)
			}
		}
	}
}

func TestAProxyThatLetsNothingThroughIsNamed(t *testing.T) {
	proxy := &url.URL{Scheme: "http", User: url.UserPassword("u", "canary"), Host: "proxy:3128"}
	for status, want := range map[int]string{
		200: "", 502: "", 429: "",
		407: "the proxy proxy:3128 asks for a user (407): write HTTPS_PROXY as http://user:password@proxy:3128",
		501: "the proxy proxy:3128 does not let a request through (403 Forbidden): check HTTPS_PROXY, or name the server in NO_PROXY",
		403: "the proxy proxy:3128 does not let a request through (403 Forbidden): check HTTPS_PROXY, or name the server in NO_PROXY",
	} {
		err := Proxy(context.Background(), proxy, nil, &http.Response{StatusCode: status, Status: "403 Forbidden"})
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%d: %v", status, err)
		}
	}
}
