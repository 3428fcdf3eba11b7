package arango

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/test/arangodb"
)

const (
	testUser     = "trainer"
	testPassword = "canary-5d1f"
)

// doc is a document.
type doc = map[string]any

// serve starts a server with a user, and gives a configuration for it.
func serve(t testing.TB, o arangodb.Options) (*arangodb.Server, Config) {
	t.Helper()
	o.User, o.Password = testUser, testPassword
	s := arangodb.Start(t, o)
	s.CreateDatabase("market")
	return s, Config{URL: s.URL, Database: "market", User: testUser, Password: secret.String(testPassword), CAPath: s.CAPath, Graph: "g"}
}

// open opens the database, with little patience.
func open(t testing.TB, c Config) *DB {
	t.Helper()
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	hurry(d)
	return d
}

// ofTheFirst are cases whose message names the first of several documents.
var ofTheFirst = []string{"lists of different length", "two nodes of one name", "edges to nowhere", "neither label nor close"}

// skipUnordered ends a case that a real server may answer in another order than
// that of writing: it documents none where there is no SORT.
func skipUnordered(t *testing.T, s *arangodb.Server, name string) {
	t.Helper()
	if s.Real() && slices.Contains(ofTheFirst, name) {
		t.Skip("a real server answers: which document comes first is not documented")
	}
}

func hurry(d *DB) { d.patience, d.poll, d.settle = 3*time.Second, 5*time.Millisecond, time.Millisecond }

// insert stores documents of one collection of the database market.
func insert(s *arangodb.Server, collection string, edge bool, docs ...any) {
	s.Insert("market", collection, edge, docs...)
}

// mustReject fails unless err is for the user to fix and reads so.
func mustReject(t *testing.T, err error, what string) {
	t.Helper()
	if !fault.Permanent(err) {
		t.Fatalf("got %v, want a permanent fault: %s", err, what)
	}
	if err.Error() != what {
		t.Errorf("got  %s\nwant %s", err, what)
	}
	mustHide(t, err)
}

// mustHide fails where an error shows the password.
func mustHide(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(fmt.Sprintf("%+v", err), testPassword) {
		t.Errorf("the error shows the password: %v", err)
	}
}

// readGraph finds the graph of the configuration and reads it.
func readGraph(ctx context.Context, d *DB, c Choice) (*Graph, Report, error) {
	in, err := d.Inputs(ctx)
	if err != nil {
		return nil, Report{}, err
	}
	return d.Graph(ctx, in.Graph, c)
}
