package arango

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	driver "github.com/arangodb/go-driver"
	"github.com/arangodb/go-driver/cluster"
	arangohttp "github.com/arangodb/go-driver/http"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/webpage"
)

// answerTime bounds one request: a server that is silent for this long is
// taken for lost.
const answerTime = 3 * time.Minute

// DB is an open database. Its methods are called from one goroutine at a time.
type DB struct {
	cfg       Config
	watch     data.Watcher
	endpoints []string
	transport *http.Transport
	db        driver.Database
	retriable bool // the server can send a batch of a cursor again
	report    Report

	patience     time.Duration // how long a server may be out of reach
	poll, settle time.Duration // between looks for what is not there yet, and for what may still be written
}

// Open connects to the first server of ARANGO_URL that answers, and proves that
// the database can be used. A wrong password, certificate or database is
// for the user to fix, of kind input or rejected; no error shows a secret.
func Open(ctx context.Context, cfg Config, watch data.Watcher) (*DB, error) {
	endpoints, err := cfg.endpoints()
	if err != nil {
		return nil, err
	}
	roots, err := cfg.roots()
	if err != nil {
		return nil, err
	}
	d := &DB{
		cfg: cfg, watch: watch, endpoints: endpoints,
		transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			IdleConnTimeout:     90 * time.Second,

			OnProxyConnectResponse: webpage.Proxy,
		},
		patience: 2 * time.Minute, poll: 2 * time.Second, settle: time.Second,
	}
	if err := d.do(ctx, "opening the database", d.login); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Close lets the connections go.
func (d *DB) Close() { d.transport.CloseIdleConnections() }

// Report is what was tolerated so far.
func (d *DB) Report() Report { return d.report }

// roots are the system's authorities with those of CA_PATH; nil: the system's.
func (c Config) roots() (*x509.CertPool, error) {
	if c.CAPath == "" || !strings.Contains(c.URL, "https://") {
		return nil, nil
	}
	pem, err := os.ReadFile(c.CAPath)
	if err != nil {
		return nil, fault.Input("reading CA_PATH: %w", err).At("CA_PATH").Fix("set it to a PEM file of certificates")
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fault.Input("CA_PATH=%s holds no certificate", c.CAPath).At("CA_PATH").Fix("set it to the PEM file of the authority that signed ArangoDB's certificate")
	}
	return roots, nil
}

// login opens the database anew. go-driver's own JWT authentication asks for a
// token once in the life of a connection, and tokens end after an hour: so the
// token is fetched here, again whenever the server takes it no longer. One
// coordinator's token holds for the others, which share the secret.
func (d *DB) login(ctx context.Context) error {
	connection, err := arangohttp.NewConnection(arangohttp.ConnectionConfig{
		Endpoints:        append([]string(nil), d.endpoints...), // it sorts them
		Transport:        &webpage.Guard{Base: d.transport, Format: webpage.JSON, Remedy: pages, TLS: "write ARANGO_URL with https://", Passes: withoutTokens},
		ContentType:      driver.ContentTypeJSON,
		ConnectionConfig: cluster.ConnectionConfig{DefaultTimeout: answerTime},
	})
	if err != nil {
		return fmt.Errorf("preparing the connection: %w", err)
	}
	auth, err := d.authentication(ctx, connection)
	if err != nil {
		return err
	}
	client, err := driver.NewClient(driver.ClientConfig{Connection: connection, Authentication: auth})
	if err != nil {
		return fmt.Errorf("preparing the connection: %w", err)
	}
	db, err := client.Database(ctx, d.cfg.Database)
	switch {
	case driver.IsNotFoundGeneral(err):
		return fault.Input("ARANGO_DB=%s is no database of ArangoDB at %s", d.cfg.Database, d.where()).At("ARANGO_DB").Fix("create it, or set one that is there")
	case driver.IsUnauthorized(err) || driver.IsForbidden(err):
		return fault.Rejected("ARANGO_USER=%s may not use ARANGO_DB=%s at %s", d.cfg.User, d.cfg.Database, d.where()).At("%s", d.where()).Fix("grant it access, set another database, or correct ARANGO_PASSWORD")
	case err != nil:
		return err
	}
	d.db = db
	// Only servers from 3.11 on send a batch again; where the version may not be
	// asked for, a batch that was lost is a cursor that was lost.
	if v, err := client.Version(ctx); err == nil {
		d.retriable = v.Version.CompareTo("3.11") >= 0
	}
	return nil
}

// authentication is a token of the server, or the password itself where the
// server gives none.
func (d *DB) authentication(ctx context.Context, c driver.Connection) (driver.Authentication, error) {
	request, err := c.NewRequest(http.MethodPost, "/_open/auth")
	if err == nil {
		_, err = request.SetBody(map[string]string{"username": d.cfg.User, "password": d.cfg.Password.Reveal()})
	}
	if err != nil {
		return nil, fmt.Errorf("preparing the login: %w", err)
	}
	var body []byte // whatever its form is: proxies answer with pages
	response, err := c.Do(driver.WithRawResponse(ctx, &body), request)
	if err == nil {
		err = response.CheckStatus(http.StatusOK)
	}
	var token struct {
		JWT string `json:"jwt"`
	}
	if err == nil {
		if err := response.ParseBody("", &token); err != nil || token.JWT == "" {
			return nil, fault.Rejected("the answer to the login at %s holds no token", d.where()).At("%s", d.where()).Fix(pages)
		}
		return driver.RawAuthentication("bearer " + token.JWT), nil
	}
	if failed, ok := driver.AsArangoError(err); ok {
		switch failed.Code {
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented: // no JWT here
			return driver.BasicAuthentication(d.cfg.User, d.cfg.Password.Reveal()), nil
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest:
			return nil, fault.Rejected("ArangoDB at %s rejects ARANGO_PASSWORD of ARANGO_USER=%s", d.where(), d.cfg.User).At("%s", d.where()).Fix("correct one of the two")
		}
	}
	return nil, err
}

// pages is what to do about a page in the place of an answer.
const pages = "set ARANGO_URL to an ArangoDB server, or check HTTPS_PROXY and NO_PROXY, where a proxy answers"

// withoutTokens is the answer of a server, or of a proxy before it, that has no
// JWT: the password itself is tried then.
func withoutTokens(path string, status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return path == "/_open/auth"
	}
	return false
}

// where names the servers for a message.
func (d *DB) where() string { return strings.Join(d.endpoints, ", ") }

// untrusted is what a certificate that is not accepted comes to; nil: err is
// about something else.
func (d *DB) untrusted(err error) error {
	var (
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
		host      x509.HostnameError
	)
	switch {
	case errors.As(err, &authority):
		return fault.Rejected("ArangoDB's certificate at %s was signed by an authority that is not trusted (%w)", d.where(), authority).At("%s", d.where()).Fix("set CA_PATH to the PEM file of the one that signed it")
	case errors.As(err, &host):
		return fault.Rejected("ArangoDB's certificate at %s is for another host (%w)", d.where(), host).At("%s", d.where()).Fix("use the name it is for in ARANGO_URL")
	case errors.As(err, &invalid):
		return fault.Rejected("ArangoDB's certificate at %s cannot be used (%w)", d.where(), invalid).At("%s", d.where()).Fix("renew it on the server, or correct this machine's clock")
	}
	return nil
}
