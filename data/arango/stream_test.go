package arango

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/arangodb"
)

// edgesTo makes a collection e of n edges.
func edgesTo(s *arangodb.Server, n int) {
	docs := make([]any, n)
	for i := range docs {
		docs[i] = doc{"_key": fmt.Sprint("k", i), "weight": float64(i), "_from": "v/a", "_to": "v/b", "text": "that is not asked for"}
	}
	insert(s, "e", true, docs...)
}

// readEdges reads them and counts how often each came; on is told how many have come.
func readEdges(t *testing.T, d *DB, on func(n int)) (map[string]int, error) {
	t.Helper()
	read := map[string]int{}
	n := 0
	err := d.stream(t.Context(), edgesOf("e", false), nil, func(doc []byte) error {
		key := attribute(doc, "_key").text()
		read[key]++
		if w, _, _, err := attribute(doc, "weight").number(); err != nil || fmt.Sprint("k", w) != key {
			t.Errorf("%s: %v", doc, err)
		}
		if attribute(doc, "text") != nil {
			t.Errorf("%s came whole", doc)
		}
		if n++; on != nil {
			on(n)
		}
		return nil
	})
	return read, err
}

func mustBeEach(t *testing.T, read map[string]int, n int) {
	t.Helper()
	if len(read) != n {
		t.Errorf("%d documents came, want %d", len(read), n)
	}
	for key, times := range read {
		if times != 1 {
			t.Fatalf("%s came %d times", key, times)
		}
	}
}

func TestNoDocumentIsLostOrDoubledWhateverTheServerDoes(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: half a million documents")
	}
	const n = 23_000
	for _, version := range []string{"3.12.4", "3.10.0"} { // with and without batches that are sent again
		for _, fault := range []struct {
			name string
			at   map[int]func(s *arangodb.Server)
		}{
			{"nothing", nil},
			{"503 to begin with", map[int]func(*arangodb.Server){0: func(s *arangodb.Server) { s.Fail("/_api/cursor", 3, http.StatusServiceUnavailable) }}},
			{"503 in the midst", map[int]func(*arangodb.Server){6000: func(s *arangodb.Server) { s.Fail("/_api/cursor", 2, http.StatusServiceUnavailable) }}},
			{"an answer dropped", map[int]func(*arangodb.Server){6000: func(s *arangodb.Server) { s.DropAnswers(1) }}},
			{"the second answer dropped", map[int]func(*arangodb.Server){0: func(s *arangodb.Server) { s.DropAnswers(1) }}},
			{"an answer cut short", map[int]func(*arangodb.Server){6000: func(s *arangodb.Server) { s.CutAnswers(2) }}},
			{"the last answer dropped", map[int]func(*arangodb.Server){19_999: func(s *arangodb.Server) { s.DropAnswers(1) }}},
			{"the cursor lost", map[int]func(*arangodb.Server){7000: func(s *arangodb.Server) { s.LoseCursors() }}},
			{"the cursor lost thrice", map[int]func(*arangodb.Server){1: func(s *arangodb.Server) { s.LoseCursors() }, 7000: func(s *arangodb.Server) { s.LoseCursors() }, 22_000: func(s *arangodb.Server) { s.LoseCursors() }}},
			{"all at once", map[int]func(*arangodb.Server){6000: func(s *arangodb.Server) { s.DropAnswers(1) }, 11_000: func(s *arangodb.Server) {
				s.Fail("/_api/cursor", 2, http.StatusServiceUnavailable)
				s.LoseCursors()
			}}},
		} {
			t.Run(version+", "+fault.name, func(t *testing.T) {
				s, c := serve(t, arangodb.Options{Version: version})
				edgesTo(s, n)
				d := open(t, c)
				if f := fault.at[0]; f != nil {
					f(s)
				}
				read, err := readEdges(t, d, func(n int) {
					if f := fault.at[n]; f != nil {
						f(s)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				mustBeEach(t, read, n)
				if d.report.Documents != n {
					t.Errorf("%d documents are counted, %d were read", d.report.Documents, n)
				}
				if s.MaxBatch() > batchDocuments {
					t.Errorf("%d documents came at once", s.MaxBatch())
				}
				restarted := strings.Contains(fault.name, "lost") || strings.Contains(fault.name, "all") || version == "3.10.0" && (strings.Contains(fault.name, "midst") || strings.Contains(fault.name, "answer"))
				if (d.report.Restarts > 0) != restarted {
					t.Errorf("%d restarts", d.report.Restarts)
				}
				if open := s.OpenCursors(); open > 1 { // one whose first answer was lost is not known here
					t.Errorf("%d cursors are left open", open)
				}
			})
		}
	}
}

func TestACursorThatIsAlwaysLostEndsTheReading(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	edgesTo(s, 12_000)
	d := open(t, c)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/_api/cursor/") {
			s.LoseCursors()
		}
		s.ServeHTTP(w, r)
	}))
	defer front.Close()
	d.endpoints = []string{front.URL}
	if err := d.login(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := readEdges(t, d, nil)
	if want := "reading edges of e: the server has lost the cursor 5 times in a row, " + front.URL; !errors.Is(err, errLost) || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestAReadingEndsWithItsContextAndLeavesNoCursor(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	edgesTo(s, 12_000)
	d := open(t, c)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped")
	n := 0
	err := d.stream(ctx, edgesOf("e", false), nil, func([]byte) error {
		if n++; n == 6000 {
			cancel(why)
		}
		return nil
	})
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if n > 10_000 {
		t.Errorf("%d documents came after the end", n-6000)
	}
	if open := s.OpenCursors(); open > 0 {
		t.Errorf("%d cursors are left", open)
	}
	// While a server is waited for too.
	ctx, cancel = context.WithCancelCause(t.Context())
	s.Fail("", math.MaxInt32, http.StatusServiceUnavailable)
	go func() { cancel(why) }()
	begun := time.Now()
	if err := d.stream(ctx, edgesOf("e", false), nil, func([]byte) error { return nil }); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if time.Since(begun) > time.Minute {
		t.Error("the wait went on")
	}
}

func TestAnErrorOfAVisitEndsTheReadingAndTheCursor(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	edgesTo(s, 12_000)
	mine := errors.New("no more of this")
	if err := open(t, c).stream(t.Context(), edgesOf("e", false), nil, func([]byte) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("got %v", err)
	}
	if open := s.OpenCursors(); open > 0 {
		t.Errorf("%d cursors are left", open)
	}
}

func TestAReadingThatBeginsAnewForgetsItsCounts(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	for i := range 3 * batchBooks {
		insert(s, "books", false, doc{"symbol": "BTC", "ts": noon + i, "bids": [][]string{{"1", "2"}}, "asks": [][]string{{"3", "4"}}})
	}
	d := open(t, c)
	visits := 0
	err := d.Books(t.Context(), []string{"books"}, Reading{}, func(_ string, _ []byte, b Book) {
		if b.BestBid != 1 || b.BidSize != 2 || b.BestAsk != 3 || b.AskSize != 4 {
			t.Fatalf("%+v", b)
		}
		if visits++; visits == batchBooks+1 {
			s.LoseCursors()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Report{Documents: 3 * batchBooks, Strings: 12 * batchBooks, Restarts: 1}); !reflect.DeepEqual(d.report, want) {
		t.Errorf("got %+v, want %+v", d.report, want)
	}
}

func TestADatabaseThatIsClosedLeavesNoGoroutine(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	edgesTo(s, 12_000)
	before := runtime.NumGoroutine()
	d, err := Open(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readEdges(t, d, nil); err != nil {
		t.Fatal(err)
	}
	d.Close()
	// Connections end on both sides in their own time.
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buffer := make([]byte, 1<<20)
			t.Fatalf("%d goroutines are left of %d:\n%s", runtime.NumGoroutine(), before, buffer[:runtime.Stack(buffer, true)])
		}
	}
}
