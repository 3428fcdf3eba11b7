package arango

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/test/arangodb"
	"github.com/streamforge/gnn-trainer/test/lab"
)

func TestAServerThatWillNotHaveUsIsRejectedAtOnceWithItsVariable(t *testing.T) {
	s, c := serve(t, arangodb.Options{TLS: true})
	at := s.URL
	_, strange := lab.Certificate(t)
	plain := filepath.Join(t.TempDir(), "plain.pem")
	if err := os.WriteFile(plain, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"a wrong password", func(c *Config) { c.Password = "x" + testPassword }, "ArangoDB at " + at + " rejects ARANGO_PASSWORD of ARANGO_USER=trainer: correct one of the two"},
		{"a wrong user", func(c *Config) { c.User = "nobody" }, "ArangoDB at " + at + " rejects ARANGO_PASSWORD of ARANGO_USER=nobody: correct one of the two"},
		{"an unknown database", func(c *Config) { c.Database = "markt" }, "ARANGO_DB=markt is no database of ArangoDB at " + at + ": create it, or set one that is there"},
		{
			"no authority", func(c *Config) { c.CAPath = "" },
			"ArangoDB's certificate at " + at + " was signed by an authority that is not trusted (x509: certificate signed by unknown authority): set CA_PATH to the PEM file of the one that signed it",
		},
		{"another authority", func(c *Config) { c.CAPath = strange }, ""},
		{"a file that is no certificate", func(c *Config) { c.CAPath = plain }, "CA_PATH=" + plain + " holds no certificate: set it to the PEM file of the authority that signed ArangoDB's certificate"},
		{"no file", func(c *Config) { c.CAPath = plain + "x" }, "reading CA_PATH: open " + plain + "x: no such file or directory: set it to a PEM file of certificates"},
	} {
		t.Run(change.name, func(t *testing.T) {
			c := c
			change.change(&c)
			begun := time.Now()
			_, err := Open(t.Context(), c, nil)
			if change.want == "" {
				if !errors.Is(err, fault.ErrRejected) || !strings.Contains(err.Error(), "set CA_PATH to the PEM file of the one that signed it") {
					t.Errorf("got %v", err)
				}
			} else {
				mustReject(t, err, change.want)
			}
			if time.Since(begun) > time.Minute {
				t.Error("it was tried again and again")
			}
		})
	}
	t.Run("all well", func(t *testing.T) { open(t, c) })
}

func TestAServerWithoutTokensIsToldThePasswordItself(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	var basic int
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_open/auth" {
			http.Error(w, "<html>no such page</html>", http.StatusNotFound)
			return
		}
		if user, password, ok := r.BasicAuth(); ok && user == testUser && password == testPassword {
			basic++
		}
		s.ServeHTTP(w, r)
	}))
	defer front.Close()
	c.URL = front.URL
	open(t, c)
	if basic == 0 {
		t.Error("no request had the password")
	}
	c.Password = "wrong"
	_, err := Open(t.Context(), c, nil)
	mustReject(t, err, "ARANGO_USER=trainer may not use ARANGO_DB=market at "+front.URL+": grant it access, set another database, or correct ARANGO_PASSWORD")
}

func TestATokenThatEndsIsRenewed(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	edgesTo(s, 12_000)
	d := open(t, c)
	s.ExpireTokens()
	read, _ := readEdges(t, d, nil)
	mustBeEach(t, read, 12_000)
	// In the midst of a cursor too.
	read, err := readEdges(t, d, func(n int) {
		if n == 7000 {
			s.ExpireTokens()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	mustBeEach(t, read, 12_000)
}

// dead is an address that nobody listens at.
func dead(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	return "http://" + l.Addr().String()
}

func TestOfSeveralEndpointsOneThatLivesIsEnough(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	edgesTo(s, 12_000)
	starting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "starting", http.StatusServiceUnavailable) }))
	defer starting.Close()
	for _, urls := range []string{dead(t) + "," + s.URL, s.URL + ", " + dead(t), starting.URL + "," + s.URL, s.URL + "," + starting.URL} {
		c.URL = urls
		read, err := readEdges(t, open(t, c), nil)
		if err != nil {
			t.Fatal(err)
		}
		mustBeEach(t, read, 12_000)
	}
}

func TestAServerOutOfReachIsNoErrorOfTheUserAndIsWaitedForInBounds(t *testing.T) {
	_, c := serve(t, arangodb.Options{})
	c.URL = dead(t)
	d := &DB{cfg: c, endpoints: []string{c.URL}, transport: &http.Transport{}, patience: 300 * time.Millisecond}
	err := d.do(t.Context(), "opening the database", d.login)
	if fault.KindOf(err) != fault.ErrTransient || !strings.HasPrefix(err.Error(), "opening the database: ArangoDB at "+c.URL+" has failed for 300ms: ") {
		t.Errorf("got %v", err)
	}
	mustHide(t, err)
}

func TestAConfigurationTellsAllThatIsWrongWithItsVariables(t *testing.T) {
	good := Config{URL: "http://a:8529,https://b:8529/", Database: "_system", User: "root", Graph: "g"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no address", func(c *Config) { c.URL = "" }, "ARANGO_URL is not set: set it to the server, such as http://arangodb:8529"},
		{"a host alone", func(c *Config) { c.URL = "arangodb:8529" }, "ARANGO_URL, address 1, is no address: write it as http://arangodb:8529 or https://arangodb:8529"},
		{"a password in the address", func(c *Config) { c.URL = "http://a:8529,http://root:" + testPassword + "@b:8529" }, "ARANGO_URL, address 2 (b:8529), holds a user or password: set ARANGO_USER and ARANGO_PASSWORD instead"},
		{"a path", func(c *Config) { c.URL = "http://a:8529/_db/x" }, "ARANGO_URL, address 1 (a:8529), has something behind the host: write only scheme, host and port"},
		{"an address twice", func(c *Config) { c.URL = "http://a,http://a/" }, "ARANGO_URL names http://a twice: remove one"},
		{"no database", func(c *Config) { c.Database = "a/b" }, `ARANGO_DB="a/b" names no database: set it to the one that holds the collections, such as _system`},
		{"a wait below 0", func(c *Config) { c.Wait = -time.Second }, "GRAPH_WAIT=-1s is below 0: set how long to wait for the graph, such as 10m, or 0"},
		{"two graphs", func(c *Config) { c.Graph = "a,b" }, "GRAPH_COLLECTION_NAME=a,b names several graphs: set one"},
		{"a comma too many", func(c *Config) { c.Candles = "a,,b" }, "CANDLES_COLLECTION=a,,b: name 2 is empty: remove the comma, or write the collection"},
		{"a collection twice", func(c *Config) { c.Inputs = "a,b,a" }, "COLLECTION_INPUTS=a,b,a names a twice: remove one"},
		{"no collection's name", func(c *Config) { c.Funding = "a/b" }, `FUNDING_COLLECTION: name 1, "a/b", cannot name a collection: write it as the database has it`},
		{"nothing to read", func(c *Config) { c.Graph = "" }, "GRAPH_COLLECTION_NAME and CANDLES_COLLECTION are not set, so there is nothing to read from ArangoDB: set the one to a prepared graph, or the other to collections of candles"},
		{"books alone", func(c *Config) { c.Graph, c.OrderBook = "", "b" }, "ORDERBOOK_COLLECTION or FUNDING_COLLECTION is set, but CANDLES_COLLECTION is not: set it too"},
		{"no graph's name", func(c *Config) { c.Save = "9 lives" }, `GRAPH_SAVE="9 lives" cannot name a graph: set a name of letters, digits, _ and - that begins with a letter`},
		{"a graph over itself", func(c *Config) { c.Save = "g" }, "GRAPH_SAVE=g would write over the graph that GRAPH_COLLECTION_NAME reads: set another name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := good
			c.change(&bad)
			mustReject(t, bad.Validate(), c.want)
		})
	}
	bad := Config{Wait: -1, Password: secret.String(testPassword)}
	if err := bad.Validate(); strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("not all errors are told: %v", err)
	}
	mustHide(t, bad.Validate())
}
