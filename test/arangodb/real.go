package arangodb

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
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
