package arangodb_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/test/arangodb"
)

// theirs is who the server that stands for the real one knows. Its users are not
// those of the tests.
const theirs, theirPassword = "operator", "canary-7be0"

// standIn is a server in memory in the place of the real one. Servers that are
// started after it are in front of it.
func standIn(t *testing.T, o arangodb.Options) *arangodb.Server {
	t.Helper()
	t.Setenv("ARANGO_TEST_URL", "")
	o.User, o.Password = theirs, theirPassword
	s := arangodb.Start(t, o)
	t.Setenv("ARANGO_TEST_URL", s.URL)
	t.Setenv("ARANGO_TEST_USER", theirs)
	t.Setenv("ARANGO_TEST_PASSWORD", theirPassword)
	t.Setenv("ARANGO_TEST_CA", s.CAPath)
	s.Insert("_system", "precious", false, object{"_key": "1"})
	s.Insert("market", "assets", false, object{"_key": "theirs"})
	return s
}

// databases are those of a server but for what standIn made.
func databases(t *testing.T, inner *arangodb.Server) (names []string) {
	t.Helper()
	status, v := ask(t, inner, "GET", "/_api/database", "", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(theirs+":"+theirPassword)))
	if status != http.StatusOK {
		t.Fatalf("no databases: %d, %v", status, v)
	}
	for _, name := range v.(object)["result"].([]any) {
		names = append(names, name.(string))
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "_system" || name == "market" })
}

// mustBeUntouched fails where anything is left, or gone, that a test has not
// made.
func mustBeUntouched(t *testing.T, inner *arangodb.Server) {
	t.Helper()
	if left := databases(t, inner); len(left) > 0 {
		t.Errorf("databases %v are left", left)
	}
	for db, collection := range map[string]string{"_system": "precious", "market": "assets"} {
		if n := len(inner.Documents(db, collection)); n != 1 {
			t.Errorf("%d documents of %s are left of 1", n, db)
		}
	}
}

func TestInFrontOfARealServerDatabasesAreOfTheTestAloneAndEndWithIt(t *testing.T) {
	inner := standIn(t, arangodb.Options{TLS: true})
	t.Run("inner", func(t *testing.T) {
		s, other := filled(t), filled(t)
		if !s.Real() || !s.InOrder() {
			t.Fatal("no real server is behind it")
		}
		for _, db := range []string{"/_db/market", ""} {
			if status, v := ask(t, s, "POST", db+"/_api/collection", `{"name":"mine"}`); status != 200 {
				t.Errorf("%q: no collection: %d, %v", db, status, v)
			}
		}
		if status, v := ask(t, s, "POST", "/_api/database", `{"name":"second"}`); status != 201 {
			t.Errorf("no database: %d, %v", status, v)
		}
		_, v := ask(t, s, "GET", "/_api/database", "")
		if got := jsonOf(t, v.(object)["result"]); got != `["_system","market","second"]` {
			t.Errorf("the databases are %s", got)
		}
		for name, system := range map[string]bool{"market": false, "_system": true} {
			_, v := ask(t, s, "GET", "/_db/"+name+"/_api/database/current", "")
			if about, _ := v.(object)["result"].(object); about["name"] != name || about["isSystem"] != system {
				t.Errorf("%s says it is %v", name, about)
			}
		}
		for _, refused := range []struct {
			method, path, body string
			status, num        int
		}{
			{"GET", "/_db/gone/_api/version", "", 404, 1228},
			{"POST", "/_api/database", `{"name":"market"}`, 409, 1207},
			{"POST", "/_api/database", `{"name":"1"}`, 400, 1229},
			{"POST", "/_api/database", `{"name":"u","users":[{"username":"x"}]}`, 501, 9},
			{"POST", "/_db/market/_api/database", `{"name":"new"}`, 403, 1230},
			{"DELETE", "/_api/database/_system", "", 403, 11},
			{"DELETE", "/_api/database/gone", "", 404, 1228},
			{"POST", "/_api/user", `{"user":"x"}`, 404, 404},
			{"DELETE", "/_admin/shutdown", "", 404, 404},
			{"DELETE", "/_db/market/_api/document/assets/%2e%2e", "", 404, 404},
		} {
			status, v := ask(t, s, refused.method, refused.path, refused.body)
			if got, _ := v.(object); status != refused.status || got["errorNum"] != float64(refused.num) {
				t.Errorf("%s %s %s answers %d, %v in place of %d, errorNum %d", refused.method, refused.path, refused.body, status, v, refused.status, refused.num)
			}
		}
		if status, v := ask(t, s, "DELETE", "/_api/database/second", ""); status != 200 {
			t.Errorf("a database stays: %d, %v", status, v)
		}
		if n := len(databases(t, inner)); n != 3 { // market twice, and the one _system that was asked for something
			t.Errorf("%d databases are there: %v", n, databases(t, inner))
		}
		if status, _ := ask(t, other, "GET", "/_db/market/_api/collection/mine/count", ""); status != 404 {
			t.Error("another test has its collections")
		}
	})
	mustBeUntouched(t, inner)
}

func TestInFrontOfARealServerDocumentsAndGraphsAreWrittenInOrder(t *testing.T) {
	inner := standIn(t, arangodb.Options{})
	t.Run("inner", func(t *testing.T) {
		s := filled(t)
		if s.Documents("nowhere", "none") != nil || s.Documents("market", "none") != nil {
			t.Error("there are documents of no collection")
		}
		for n := range 12_000 {
			s.Insert("market", "numbers", false, object{"_key": fmt.Sprint(n % 11_000), "n": n})
			if n%4000 == 0 {
				s.Insert("market", "related", true, json.RawMessage("{\"_from\":\"assets/btc\",\n\"_to\":\"assets/eth\"}"))
			}
		}
		docs := s.Documents("market", "numbers")
		for n := range docs {
			var d struct{ N int }
			if err := json.Unmarshal(docs[n], &d); err != nil || d.N%11_000 != n || d.N < 1000 {
				t.Fatalf("document %d is %s, %v", n, docs[n], err)
			}
		}
		if len(docs) != 11_000 || len(s.Documents("market", "related")) != 4 {
			t.Errorf("%d and %d documents", len(docs), len(s.Documents("market", "related")))
		}
		s.CreateGraph("market", "second", []string{"alone"}, arangodb.EdgeDefinition{Collection: "e", From: []string{"a"}, To: []string{"b"}})
		_, v := ask(t, s, "GET", "/_db/market/_api/gharial/second/vertex", "")
		if got := jsonOf(t, v.(object)["collections"]); got != `["a","alone","b"]` {
			t.Errorf("its vertices are in %s", got)
		}
		ask(t, s, "DELETE", "/_db/market/_api/collection/numbers", "")
		s.Insert("market", "numbers", false, object{"n": 1})
		if got, _ := aql(t, s, "FOR d IN numbers RETURN d.n", nil); got != "[1]" {
			t.Errorf("after it was dropped it has %s", got)
		}
	})
	mustBeUntouched(t, inner)
}
