//go:build !race

// The race detector multiplies the memory that is measured here.

package arangodb_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/test/arangodb"
)

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAMillionDocumentsFitAndACursorOverThemHoldsOneBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a million documents")
	}
	const count = 1_000_000
	s := arangodb.New(arangodb.Options{User: user, Password: password})
	before := heap()
	for n := range count {
		s.Insert("market", "edges", true, json.RawMessage(fmt.Sprintf(`{"_from":"assets/a%d","_to":"assets/a%d","weight":%v}`, n, n+1, float64(n)/7)))
	}
	stored := heap() - before
	if stored > 500<<20 {
		t.Errorf("they take %d MB", stored>>20)
	}
	var most uint64
	read, path := 0, "/_db/market/_api/cursor"
	for body := `{"query":"FOR e IN edges FILTER e.weight >= 0 RETURN e","batchSize":50000,"options":{"stream":true}}`; path != ""; body = "" {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.SetBasicAuth(user, password)
		s.ServeHTTP(w, r)
		answer := w.Body.Bytes()
		read += bytes.Count(answer, []byte(`"_rev":`))
		path = ""
		if _, rest, more := bytes.Cut(answer, []byte(`],"hasMore":true,"id":"`)); more {
			id, _, _ := bytes.Cut(rest, []byte(`"`))
			path = "/_db/market/_api/cursor/" + string(id)
		}
		if read%250_000 == 0 {
			most = max(most, heap()-before, stored) // the batch included
			runtime.KeepAlive(answer)
		}
	}
	if read != count {
		t.Errorf("read %d", read)
	}
	if most -= stored; most > 60<<20 {
		t.Errorf("the cursor takes %d MB", most>>20)
	}
	t.Logf("%d MB for the documents, %d MB for the cursor and a batch", stored>>20, most>>20)
}
