package arangodb_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/test/arangodb"
)

// batch is an answer to a cursor's request.
type batch struct {
	Result      []int
	HasMore     bool
	ID          string
	NextBatchID string
	Count       *int
	Extra       *struct{ Stats struct{ FullCount int } }
	ErrorNum    int
	Code        int
}

func fetch(t testing.TB, s *arangodb.Server, method, path, body string) batch {
	t.Helper()
	_, v := ask(t, s, method, "/_db/market/_api/cursor"+path, body)
	var b batch
	if err := json.Unmarshal([]byte(jsonOf(t, v)), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// numbered has documents {n: 0} to {n: count-1}.
func numbered(s *arangodb.Server, count int) {
	for n := range count {
		s.Insert("market", "numbers", false, object{"n": n})
	}
}

// open asks for the numbers in their order, which only a real server has to be
// told.
func open(s *arangodb.Server, options string) string {
	query := "FOR d IN numbers RETURN d.n"
	if s.Real() {
		query = "FOR d IN numbers SORT d.n RETURN d.n"
	}
	return `{"query":"` + query + `",` + options + `}`
}

func TestACursorGivesItsBatchesInOrderAndIsGoneAfterTheLast(t *testing.T) {
	for _, stream := range []bool{false, true} {
		s := filled(t)
		numbered(s, 25)
		b := fetch(t, s, "POST", "", open(s, fmt.Sprintf(`"batchSize":10,"count":true,"options":{"stream":%v}`, stream)))
		if (b.Count == nil) != stream || !stream && *b.Count != 25 {
			t.Errorf("stream %v: counted %v", stream, b.Count)
		}
		if s.OpenCursors() != 1 {
			t.Errorf("stream %v: %d cursors are open", stream, s.OpenCursors())
		}
		id := b.ID
		got := b.Result
		for number := 2; b.HasMore; number++ {
			if b.NextBatchID != fmt.Sprint(number) || (b.Extra == nil) != stream {
				t.Errorf("stream %v: batch %d is %+v", stream, number-1, b)
			}
			b = fetch(t, s, map[bool]string{true: "POST", false: "PUT"}[number == 2], "/"+id, "")
			got = append(got, b.Result...)
		}
		if b.ID != "" || b.NextBatchID != "" || b.Extra == nil || len(b.Result) != 5 {
			t.Errorf("stream %v: the last batch is %+v", stream, b)
		}
		for n, v := range got {
			if n != v {
				t.Fatalf("stream %v: read %v", stream, got)
			}
		}
		if s.OpenCursors() != 0 || fetch(t, s, "POST", "/"+id, "").ErrorNum != 1600 || s.MaxBatch() != 10 {
			t.Errorf("stream %v: %d cursors are left; the largest batch was %d", stream, s.OpenCursors(), s.MaxBatch())
		}
	}
}

func TestABatchIsGivenAgainIfAllowRetryWasAskedFor(t *testing.T) {
	s := filled(t)
	numbered(s, 25)
	b := fetch(t, s, "POST", "", open(s, `"batchSize":10,"options":{"allowRetry":true}`))
	path := "/" + b.ID + "/"
	if again := fetch(t, s, "POST", path+"1", ""); again.Result[9] != 9 {
		t.Errorf("the first batch again is %+v", again)
	}
	if early := fetch(t, s, "POST", path+"3", ""); early.ErrorNum != 1600 {
		t.Errorf("a batch too early is %+v", early)
	}
	for range 3 {
		if b := fetch(t, s, "POST", path+"2", ""); b.Result[0] != 10 || b.NextBatchID != "3" {
			t.Errorf("the second batch is %+v", b)
		}
	}
	for range 3 {
		if b := fetch(t, s, "POST", path+"3", ""); len(b.Result) != 5 || b.HasMore || b.NextBatchID != "" {
			t.Errorf("the last batch is %+v", b)
		}
	}
	for _, gone := range []string{"1", "2", "4", "x"} {
		if b := fetch(t, s, "POST", path+gone, ""); b.ErrorNum != 1600 || b.Code != 404 {
			t.Errorf("batch %s is %+v", gone, b)
		}
	}
	if s.OpenCursors() != 1 || fetch(t, s, "DELETE", "/"+b.ID, "").Code != 202 || s.OpenCursors() != 0 {
		t.Error("the cursor is not kept until it is deleted")
	}
	plain := fetch(t, s, "POST", "", open(s, `"batchSize":10`))
	if again := fetch(t, s, "POST", "/"+plain.ID+"/1", ""); again.ErrorNum != 400 {
		t.Errorf("without allowRetry a batch again is %+v", again)
	}
	if next := fetch(t, s, "POST", "/"+plain.ID+"/2", ""); next.Result[0] != 10 {
		t.Errorf("without allowRetry the next batch is %+v", next)
	}
}

func TestACursorReadsWhatWasThereAsItsQueryBegan(t *testing.T) {
	s := filled(t)
	numbered(s, 25)
	b := fetch(t, s, "POST", "", open(s, `"batchSize":10,"options":{"stream":true}`))
	ask(t, s, "PUT", "/_db/market/_api/collection/numbers/truncate", "")
	numbered(s, 3)
	if b = fetch(t, s, "POST", "/"+b.ID, ""); len(b.Result) != 10 || b.Result[0] != 10 {
		t.Errorf("after a truncation it reads %+v", b)
	}
	b = fetch(t, s, "POST", "", open(s, `"batchSize":1,"options":{"stream":true}`))
	key := struct {
		Key string `json:"_key"`
	}{}
	for _, d := range s.Documents("market", "numbers") {
		if bytes.Contains(d, []byte(`"n":1}`)) || bytes.Contains(d, []byte(`"n":1,`)) {
			if err := json.Unmarshal(d, &key); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask(t, s, "PATCH", "/_db/market/_api/document/numbers/"+key.Key, `{"n":77}`)
	if b = fetch(t, s, "POST", "/"+b.ID, ""); b.Result[0] != 1 {
		t.Errorf("after an update it reads %+v", b)
	}
}

func TestACursorIsLostWithTheServerOrItsTime(t *testing.T) {
	s := filled(t)
	numbered(s, 25)
	b := fetch(t, s, "POST", "", open(s, `"batchSize":10,"options":{"stream":true,"allowRetry":true}`))
	s.LoseCursors()
	if b = fetch(t, s, "POST", "/"+b.ID+"/2", ""); b.ErrorNum != 1600 || b.Code != 404 {
		t.Errorf("a lost cursor gives %+v", b)
	}
	skipReal(t, s, "it looks for cursors past their time now and then only")
	b = fetch(t, s, "POST", "", open(s, `"batchSize":10,"ttl":1e-9`))
	if b = fetch(t, s, "POST", "/"+b.ID, ""); b.ErrorNum != 1600 {
		t.Errorf("a cursor past its time gives %+v", b)
	}
}

func TestAQueryThatTakesTooLongIsKilled(t *testing.T) {
	s := filled(t)
	numbered(s, 1000)
	b := fetch(t, s, "POST", "", `{"query":"FOR a IN numbers FOR b IN numbers FOR c IN numbers FILTER a.n < 0 RETURN a","options":{"maxRuntime":0.01}}`)
	if b.ErrorNum != 1500 || b.Code != 410 {
		t.Errorf("it gives %+v", b)
	}
}

func TestFullCountIsOfTheRowsBeforeTheLastLimit(t *testing.T) {
	s := filled(t)
	numbered(s, 25)
	b := fetch(t, s, "POST", "", `{"query":"FOR d IN numbers FILTER d.n >= 5 SORT d.n LIMIT 2, 3 RETURN d.n","options":{"fullCount":true}}`)
	if fmt.Sprint(b.Result) != "[7 8 9]" || b.Extra.Stats.FullCount != 20 {
		t.Errorf("it gives %+v", b)
	}
}

func TestABatchThatWasLostOnItsWayIsGivenAgain(t *testing.T) {
	s := arangodb.Start(t, arangodb.Options{})
	numbered(s, 25)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	post := func(path, body string) (b batch, err error) {
		answer, err := client.Post(s.URL+"/_db/market/_api/cursor"+path, "application/json", strings.NewReader(body))
		if err != nil {
			return b, err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return b, err
		}
		return b, json.Unmarshal(text, &b)
	}
	b, err := post("", open(s, `"batchSize":10,"options":{"stream":true,"allowRetry":true}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, lose := range map[string]func(int){"dropped": s.DropAnswers, "cut": s.CutAnswers} {
		lose(2)
		for range 2 {
			if _, err := post("/"+b.ID+"/2", ""); err == nil {
				t.Errorf("an answer that is %s arrives", name)
			}
		}
		if b, err := post("/"+b.ID+"/2", ""); err != nil || b.Result[0] != 10 {
			t.Errorf("after it was %s the batch is %+v, %v", name, b, err)
		}
	}
}
