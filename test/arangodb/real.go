package arangodb

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Variables that put a real server behind every Server that Start starts.
const (
	realURL      = "ARANGO_TEST_URL"      // http://host:port or https://host:port; unset: none
	realUser     = "ARANGO_TEST_USER"     // who may create databases; unset: root
	realPassword = "ARANGO_TEST_PASSWORD" // of the user
	realCA       = "ARANGO_TEST_CA"       // PEM file of an authority trusted beside the system's
)

// upstream is a real server of ArangoDB behind a Server: what the Server is
// asked it asks there, in databases of its own, whose names begin with prefix
// and which it drops when the test ends. It writes nowhere else.
//
// Passwords, tokens, TLS, faults and counters stay the Server's.
type upstream struct {
	server         *Server
	base           string // URL without a path
	user, password string
	client         *http.Client
	prefix         string
	routes         *http.ServeMux // what is more than to pass on

	mu      sync.Mutex             // guards what follows
	made    map[[2]string]struct{} // databases (with no collection) and collections that are there
	inserts []*inserts             // not sent yet
	cursors map[string]openCursor  // that wait for their clients
	lost    map[string]struct{}    // cursors that LoseCursors has ended
}

// longestAnswer bounds one request to the real server.
const longestAnswer = 5 * time.Minute

// reach connects a server to the real one of the environment; nil: there is
// none. A test of another version than the real server has is skipped, unless
// that is an older one: then clients are told so, and do with the real server
// what they would do with that one.
func reach(t testing.TB, s *Server) *upstream {
	t.Helper()
	if os.Getenv(realURL) == "" {
		return nil
	}
	u, err := connection(s)
	if err != nil {
		t.Fatal(err)
	}
	var about struct{ Version string }
	r, err := u.outside(http.MethodGet, "/_api/version", nil)
	if err == nil {
		err = r.decode(&about, http.StatusOK)
	}
	if err == nil {
		_, err = u.databases()
	}
	if err != nil {
		t.Fatalf("asking %s=%s as %s=%s: %v", realURL, u.base, realUser, u.user, err)
	}
	if s.told != "" && older(about.Version, s.told) {
		t.Skipf("the real server is of version %s, and the test of %s", about.Version, s.told)
	}
	t.Cleanup(func() {
		if err := u.end(); err != nil {
			t.Errorf("databases named %s... may be left at %s: %v", u.prefix, u.base, err)
		}
	})
	return u
}

func connection(s *Server) (*upstream, error) {
	address, err := url.Parse(strings.TrimSuffix(os.Getenv(realURL), "/"))
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" || address.Path != "" || address.User != nil {
		return nil, errors.New(realURL + " is no address: write it as http://host:8529, with " + realUser + " and " + realPassword + " beside it")
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if path := os.Getenv(realCA); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", realCA, err)
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s=%s holds no certificate", realCA, path)
		}
	}
	id := make([]byte, 6)
	rand.Read(id)
	u := &upstream{
		server: s, base: address.String(), user: os.Getenv(realUser), password: os.Getenv(realPassword), prefix: "gnn_test_" + hex.EncodeToString(id) + "_",
		made: map[[2]string]struct{}{}, cursors: map[string]openCursor{}, lost: map[string]struct{}{},
		client: &http.Client{
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 8},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if u.user == "" {
		u.user = "root"
	}
	u.routes = u.routing()
	return u, nil
}

// end drops all databases of this server.
func (u *upstream) end() error {
	defer u.client.CloseIdleConnections()
	errs := []error{u.loseCursors()}
	names, err := u.databases()
	errs = append(errs, err)
	for _, name := range names {
		r, err := u.outside(http.MethodDelete, "/_api/database/"+u.prefix+name, nil)
		if err == nil {
			err = r.decode(nil, http.StatusOK, http.StatusNotFound)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// single tells whether the real server is no cluster.
func (u *upstream) single() bool {
	var about struct{ Role string }
	r, err := u.outside(http.MethodGet, "/_admin/server/role", nil)
	if err == nil {
		err = r.decode(&about, http.StatusOK)
	}
	if err != nil {
		u.server.t.Errorf("the real server: %v", err)
	}
	return about.Role == "SINGLE"
}

// reply is an answer of the real server.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// decode reads an answer, whose status must be one of those given. No into: it
// is not looked at.
func (r reply) decode(into any, statuses ...int) error {
	for _, status := range statuses {
		if r.status == status && into != nil {
			return json.Unmarshal(r.body, into)
		} else if r.status == status {
			return nil
		}
	}
	var said struct {
		ErrorNum     int
		ErrorMessage string
	}
	_ = json.Unmarshal(r.body, &said) // it may be a page of something between
	return &failure{r.status, said.ErrorNum, said.ErrorMessage}
}

// inside asks in one of this server's databases: path is what comes after its
// name, escaped.
func (u *upstream) inside(method, database, path string, header http.Header, body []byte) (reply, error) {
	return u.ask(method, "/_db/"+u.prefix+url.PathEscape(database)+path, header, body)
}

// outside asks in the real _system: for what the whole server has, and for
// databases of this server to be made or dropped.
func (u *upstream) outside(method, path string, body []byte) (reply, error) {
	return u.ask(method, "/_db/_system"+path, nil, body)
}

// ask goes on when its client has gone: a cursor that is made is to be known.
func (u *upstream) ask(method, path string, header http.Header, body []byte) (reply, error) {
	ctx, cancel := context.WithTimeout(context.Background(), longestAnswer)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, u.base+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for _, name := range []string{"Accept", "Content-Type", "If-Match", "If-None-Match"} {
		if v := header.Values(name); len(v) > 0 {
			request.Header[name] = v
		}
	}
	request.SetBasicAuth(u.user, u.password)
	answer, err := u.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return reply{answer.StatusCode, answer.Header, text}, err
}

// older compares versions by their first two numbers.
func older(a, b string) bool {
	var x, y [2]int
	_, err1 := fmt.Sscanf(a, "%d.%d", &x[0], &x[1])
	_, err2 := fmt.Sscanf(b, "%d.%d", &y[0], &y[1])
	return err1 == nil && err2 == nil && (x[0] < y[0] || x[0] == y[0] && x[1] < y[1])
}
