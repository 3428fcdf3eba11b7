// Package webpage recognises what a server sends in the place of an interface's
// answer: the sign-in page of a network, the error page of a proxy, the page of
// another server at that address. A response enters; a fault that names the
// server and what it sent leaves. It knows no interface.
package webpage

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// Format is what an interface answers in.
type Format string

// The formats.
const (
	JSON Format = "JSON"
	XML  Format = "XML"
)

// peeked is how much of a body is looked at, in bytes: the title is near the
// front.
const peeked = 8 << 10

// Guard passes requests on to Base, and makes a fault of a page in the place of
// an answer: rejected, or transient where the status (5xx, 429) is that of a
// server that may recover.
type Guard struct {
	Base   http.RoundTripper
	Format Format
	Remedy string                             // which variables to check
	TLS    string                             // what to do about a server that speaks TLS
	Passes func(path string, status int) bool // answers that are handed on, whatever they hold; nil: none
	Only   func(*http.Request) bool           // requests that XML alone answers; nil: not known
}

// RoundTrip implements http.RoundTripper.
func (g *Guard) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := g.Base.RoundTrip(r)
	if err != nil || g.Passes != nil && g.Passes(r.URL.Path, answer.StatusCode) {
		return answer, err
	}
	buffered := bufio.NewReaderSize(answer.Body, peeked)
	start, _ := buffered.Peek(peeked) // what is wrong with the body is its reader's
	page := Find(r.URL.Host, answer, start, g.Format)
	if page == nil && g.Only != nil && g.Only(r) && answer.StatusCode == http.StatusOK && !bytes.HasPrefix(bytes.TrimSpace(start), []byte("<")) {
		page = newFault(r.URL.Host, answer, start, g.Format)
	}
	if page != nil {
		answer.Body.Close()
		if WantsTLS(start) {
			return nil, page.Fix("%s", g.TLS)
		}
		return nil, page.Fix("%s", g.Remedy)
	}
	answer.Body = body{buffered, answer.Body}
	return answer, nil
}

type body struct {
	io.Reader
	io.Closer
}

// Find is the fault of an answer of host that is a page; nil: it may be what was
// asked for. start is the start of its body.
func Find(host string, answer *http.Response, start []byte, want Format) *fault.Error {
	if !isPage(answer, start, want) {
		return nil
	}
	return newFault(host, answer, start, want)
}

func newFault(host string, answer *http.Response, start []byte, want Format) *fault.Error {
	kind := fault.Rejected
	if mayRecover(answer.StatusCode) {
		kind = fault.Transient
	}
	if WantsTLS(start) {
		return fault.Rejected("%s speaks TLS, and was asked without (%d)", host, answer.StatusCode).At("%s", host)
	}
	if to := answer.Header.Get("Location"); to != "" && answer.StatusCode >= 300 && answer.StatusCode < 400 {
		return kind("%s redirects to %.100q in place of an answer in %s (%d)", host, to, want, answer.StatusCode).At("%s", host)
	}
	return kind("%s answers with %s in place of %s (%d)", host, Describe(answer.Header.Get("Content-Type"), start), want, answer.StatusCode).At("%s", host)
}

// mayRecover tells whether a status is that of a server that may answer better
// soon, and not of one that does not do such a thing.
func mayRecover(status int) bool {
	switch status {
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusNetworkAuthenticationRequired:
		return false
	}
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests
}

// WantsTLS tells whether a body is what servers answer a request without TLS with
// that expect it with TLS.
func WantsTLS(start []byte) bool {
	return bytes.Contains(start, []byte("HTTP request to an HTTPS server")) || bytes.Contains(start, []byte("plain HTTP request was sent to HTTPS port"))
}

func isPage(answer *http.Response, start []byte, want Format) bool {
	kind := mediaType(answer.Header.Get("Content-Type"))
	start = bytes.TrimSpace(start)
	switch {
	case kind == "text/html" || kind == "application/xhtml+xml" || looksLikeHTML(start):
		return true
	case len(start) == 0:
		return false // a HEAD, or nothing to tell it by
	case want == JSON:
		return start[0] != '{' && start[0] != '['
	}
	// Objects of any form are read by the same interface: only errors are XML.
	return answer.StatusCode >= http.StatusBadRequest && start[0] != '<'
}

func looksLikeHTML(start []byte) bool {
	head := bytes.ToLower(start[:min(len(start), 1024)])
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html")) ||
		bytes.HasPrefix(head, []byte("<!--")) && bytes.Contains(head, []byte("<html"))
}

func mediaType(header string) string {
	kind, _, err := mime.ParseMediaType(header)
	if err != nil {
		kind, _, _ = strings.Cut(header, ";")
	}
	return strings.ToLower(strings.TrimSpace(kind))
}

var (
	title   = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	unshown = regexp.MustCompile(`(?is)<(script|style)\b.*?</(script|style)>|<!--.*?-->|<[^>]*>`)
)

// Describe is what was sent: its type, and its title or first words.
func Describe(contentType string, start []byte) string {
	text := strings.ToValidUTF8(string(start), "")
	kind := mediaType(contentType)
	if kind == "text/html" || kind == "application/xhtml+xml" || looksLikeHTML(bytes.TrimSpace(start)) {
		if found := title.FindStringSubmatch(text); found != nil && words(found[1]) != "" {
			return fmt.Sprintf("an HTML page titled %q", words(found[1]))
		}
		if first := words(unshown.ReplaceAllString(text, " ")); first != "" {
			return fmt.Sprintf("an HTML page that begins with %q", first)
		}
		return "an HTML page"
	}
	if len(bytes.TrimSpace(start)) == 0 {
		return "nothing"
	}
	if kind == "" {
		kind = "text"
	}
	if first := words(text); first != "" {
		return fmt.Sprintf("%s that begins with %q", kind, first)
	}
	return kind
}

// words are the first ones of a text, on one line.
func words(text string) string {
	const most = 60
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, html.UnescapeString(text))
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > most {
		return strings.TrimSpace(string(runes[:most])) + "..."
	}
	return string(runes)
}

// Proxy is for http.Transport's OnProxyConnectResponse: a proxy that does not let
// a request through is named, with its answer.
func Proxy(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	code := answer.StatusCode
	switch {
	case code == http.StatusOK || mayRecover(code):
		return nil // well, or an error that the transport reports and that may go away
	case code == http.StatusProxyAuthRequired:
		return fault.Rejected("the proxy %s asks for a user (407)", proxy.Host).At("%s", proxy.Host).Fix("write HTTPS_PROXY as http://user:password@%s", proxy.Host)
	}
	return fault.Rejected("the proxy %s does not let a request through (%s)", proxy.Host, answer.Status).At("%s", proxy.Host).
		Fix("check HTTPS_PROXY, or name the server in NO_PROXY")
}
