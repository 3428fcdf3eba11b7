package arangodb_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"testing"

	driver "github.com/arangodb/go-driver"
	"github.com/arangodb/go-driver/http"

	"github.com/streamforge/gnn-trainer/test/arangodb"
)

type candle struct {
	Key   string  `json:"_key,omitempty"`
	T     int     `json:"t"`
	Close float64 `json:"close"`
}

func connect(t *testing.T, s *arangodb.Server, auth driver.Authentication) driver.Client {
	t.Helper()
	config := http.ConnectionConfig{Endpoints: []string{s.URL}}
	if s.CAPath != "" {
		pem, err := os.ReadFile(s.CAPath)
		if err != nil {
			t.Fatal(err)
		}
		config.TLSConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		config.TLSConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	c, err := http.NewConnection(config)
	if err != nil {
		t.Fatal(err)
	}
	client, err := driver.NewClient(driver.ClientConfig{Connection: c, Authentication: auth})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// want ends the test at the first step that went wrong.
func want[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestTheGoDriverWorksUnchanged(t *testing.T) {
	for _, auth := range []driver.Authentication{driver.BasicAuthentication(user, password), driver.JWTAuthentication(user, password)} {
		s := arangodb.Start(t, arangodb.Options{User: user, Password: password, TLS: true})
		client := connect(t, s, auth)
		ctx := t.Context()
		if v := want[driver.VersionInfo](t)(client.Version(ctx)); v.Server != "arango" {
			t.Errorf("the server is %q", v.Server)
		}
		_, err := connect(t, s, driver.BasicAuthentication(user, "wrong")).Databases(ctx)
		if !driver.IsUnauthorized(err) {
			t.Errorf("a wrong password ends in %v", err)
		}
		_, err = client.Database(ctx, "nowhere")
		if !driver.IsArangoErrorWithErrorNum(err, driver.ErrArangoDatabaseNotFound) {
			t.Errorf("a missing database ends in %v", err)
		}
		db := want[driver.Database](t)(client.CreateDatabase(ctx, "go", nil))
		documentsOfTheGoDriver(t, db)
		cursorsOfTheGoDriver(t, db)
		graphsOfTheGoDriver(t, db)
		if err := db.Remove(ctx); err != nil {
			t.Error(err)
		}
	}
}

func documentsOfTheGoDriver(t *testing.T, db driver.Database) {
	ctx := t.Context()
	c := want[driver.Collection](t)(db.CreateCollection(ctx, "candles", nil))
	if _, err := db.Collection(ctx, "other"); !driver.IsNotFoundGeneral(err) {
		t.Errorf("a missing collection ends in %v", err)
	}
	meta := want[driver.DocumentMeta](t)(c.CreateDocument(ctx, candle{Key: "a", Close: 1.5}))
	if _, err := c.CreateDocument(ctx, candle{Key: "a"}); !driver.IsConflict(err) {
		t.Errorf("a key twice ends in %v", err)
	}
	var read candle
	want[driver.DocumentMeta](t)(c.UpdateDocument(ctx, "a", map[string]any{"t": 5}))
	if want[driver.DocumentMeta](t)(c.ReadDocument(ctx, "a", &read)); read != (candle{"a", 5, 1.5}) {
		t.Errorf("read %+v", read)
	}
	if _, err := c.ReplaceDocument(driver.WithRevision(ctx, meta.Rev), "a", candle{}); !driver.IsPreconditionFailed(err) {
		t.Errorf("an old revision ends in %v", err)
	}
	_, errs, err := c.CreateDocuments(ctx, []candle{{Key: "b"}, {Key: "a"}})
	if err != nil || errs[0] != nil || !driver.IsArangoErrorWithErrorNum(errs[1], driver.ErrArangoUniqueConstraintViolated) {
		t.Errorf("two documents end in %v, %v", errs, err)
	}
	want[driver.DocumentMeta](t)(c.RemoveDocument(ctx, "b"))
	if want[bool](t)(c.DocumentExists(ctx, "b")) {
		t.Error("a removed document is there")
	}
	if err := c.Truncate(ctx); err != nil {
		t.Error(err)
	}
	all := make([]candle, 250)
	for i := range all {
		all[i] = candle{fmt.Sprint(i), i, float64(i) / 4}
	}
	if n := want[driver.ImportDocumentStatistics](t)(c.ImportDocuments(ctx, all, nil)); n.Created != 250 {
		t.Errorf("imported %+v", n)
	}
	var details []string
	n := want[driver.ImportDocumentStatistics](t)(c.ImportDocuments(driver.WithImportDetails(ctx, &details), []candle{{Key: "0"}, {Key: "z"}}, nil))
	if n.Created != 1 || n.Errors != 1 || len(details) != 1 {
		t.Errorf("imported %+v, %v", n, details)
	}
	want[driver.DocumentMeta](t)(c.RemoveDocument(ctx, "z"))
	want[driver.Index](t)(first(c.EnsurePersistentIndex(ctx, []string{"t"}, nil)))
	if all := want[[]driver.Index](t)(c.Indexes(ctx)); len(all) != 2 {
		t.Errorf("%d indexes", len(all))
	}
	if n := want[int64](t)(c.Count(ctx)); n != 250 {
		t.Errorf("%d documents", n)
	}
}

func first[T any](v T, _ bool, err error) (T, error) { return v, err }

func cursorsOfTheGoDriver(t *testing.T, db driver.Database) {
	const query = "FOR c IN @@c FILTER c.t >= @from SORT c.t RETURN c"
	binds := map[string]any{"@c": "candles", "from": 50}
	for name, ctx := range map[string]context.Context{
		"plain":             t.Context(),
		"counted":           driver.WithQueryCount(t.Context()),
		"in batches":        driver.WithQueryBatchSize(t.Context(), 30),
		"streamed":          driver.WithQueryStream(driver.WithQueryBatchSize(t.Context(), 30), true),
		"retried":           driver.WithQueryAllowRetry(driver.WithQueryBatchSize(t.Context(), 30), true),
		"streamed, retried": driver.WithQueryAllowRetry(driver.WithQueryStream(driver.WithQueryBatchSize(t.Context(), 30), true), true),
	} {
		cursor := want[driver.Cursor](t)(db.Query(ctx, query, binds))
		if name == "counted" && cursor.Count() != 200 {
			t.Errorf("%s: counts %d", name, cursor.Count())
		}
		n := 50
		for ; cursor.HasMore(); n++ {
			var c candle
			want[driver.DocumentMeta](t)(cursor.ReadDocument(t.Context(), &c))
			if c.T != n {
				t.Fatalf("%s: read %d in place of %d", name, c.T, n)
			}
		}
		if n != 250 {
			t.Errorf("%s: read up to %d", name, n)
		}
		if err := cursor.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := db.Query(t.Context(), "FOR c IN", nil); !driver.IsArangoErrorWithErrorNum(err, driver.ErrQueryParse) {
		t.Errorf("a query that is none ends in %v", err)
	}
	if err := db.ValidateQuery(t.Context(), "FOR c IN candles RETURN c"); err != nil {
		t.Error(err)
	}
}

func graphsOfTheGoDriver(t *testing.T, db driver.Database) {
	ctx := t.Context()
	g := want[driver.Graph](t)(db.CreateGraphV2(ctx, "market", &driver.CreateGraphOptions{
		EdgeDefinitions: []driver.EdgeDefinition{{Collection: "related", From: []string{"assets"}, To: []string{"assets"}}},
	}))
	if _, err := db.Graph(ctx, "nowhere"); !driver.IsArangoErrorWithErrorNum(err, driver.ErrGraphNotFound) {
		t.Errorf("a missing graph ends in %v", err)
	}
	assets := want[driver.Collection](t)(g.VertexCollection(ctx, "assets"))
	related, constraints, err := g.EdgeCollection(ctx, "related")
	if err != nil || constraints.From[0] != "assets" {
		t.Fatalf("%+v, %v", constraints, err)
	}
	for _, key := range []string{"btc", "eth"} {
		want[driver.DocumentMeta](t)(assets.CreateDocument(ctx, map[string]any{"_key": key}))
	}
	edge := want[driver.DocumentMeta](t)(related.CreateDocument(ctx, driver.EdgeDocument{From: "assets/btc", To: "assets/eth"}))
	var read driver.EdgeDocument
	if want[driver.DocumentMeta](t)(related.ReadDocument(ctx, edge.Key, &read)); read.To != "assets/eth" {
		t.Errorf("read %+v", read)
	}
	want[driver.DocumentMeta](t)(assets.RemoveDocument(ctx, "eth"))
	if want[bool](t)(related.DocumentExists(ctx, edge.Key)) {
		t.Error("an edge outlives its vertex")
	}
	if err := g.Remove(ctx); err != nil {
		t.Error(err)
	}
}
