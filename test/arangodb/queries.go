package arangodb

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"
)

// asked is the body of POST /_api/cursor.
type asked struct {
	Query     string
	BindVars  map[string]json.RawMessage
	BatchSize *float64
	Count     bool
	TTL       float64
	Stream    bool
	Options   struct {
		Stream, AllowRetry, FullCount bool
		MaxRuntime                    float64 // seconds; 0: any
	}
}

// postCursor runs a query. With stream a batch is made as it is asked for, else
// the whole result at once.
func (s *Server) postCursor(w http.ResponseWriter, r *http.Request) {
	name := r.Context().Value(databaseKey{}).(string)
	c, n, body, err := s.open(r, name)
	if err != nil {
		tell(w, err)
		return
	}
	s.mu.Lock()
	s.maxBatch = max(s.maxBatch, n)
	// One that has sent all is kept only to send it again.
	if c.more || c.retry && c.late {
		s.cursors[c.id] = c
	}
	s.mu.Unlock()
	send(w, answer{status: 201, raw: body})
}

func (s *Server) open(r *http.Request, name string) (c *cursor, n int, body []byte, err error) {
	var a asked
	if text, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(text, &a) != nil {
		return nil, 0, nil, &failure{400, 600, "expecting an object with <query>, and one as <bindVars>"}
	}
	if a.Query == "" {
		return nil, 0, nil, &failure{400, 1502, "query is empty"}
	}
	size := 1000.0
	if a.BatchSize != nil {
		size = *a.BatchSize
	}
	if size <= 0 {
		return nil, 0, nil, &failure{400, 17, "expecting positive value for <batchSize>"}
	}
	binds := map[string]value{}
	for name, v := range a.BindVars {
		text, err := canonical(v)
		if err != nil {
			return nil, 0, nil, &failure{400, 600, err.Error()}
		}
		binds[name] = parseValue(text)
	}
	if a.TTL <= 0 {
		a.TTL = 30
	}
	stream := a.Stream || a.Options.Stream
	ttl := time.Duration(a.TTL * float64(time.Second))
	c = &cursor{
		db: name, size: int(size), count: -1, late: stream, retry: a.Options.AllowRetry, ttl: ttl, expires: time.Now().Add(ttl),
		extra: map[string]any{"warnings": []any{}},
	}
	stats := map[string]any{"writesExecuted": 0, "writesIgnored": 0, "scannedFull": 0, "scannedIndex": 0, "filtered": 0, "executionTime": 0.001, "peakMemoryUsage": 0}
	c.extra["stats"] = stats

	s.mu.Lock()
	s.expireCursors()
	s.tick++
	c.id = fmt.Sprint(s.tick)
	var q *query
	if db := s.databases[name]; db == nil {
		err = &failure{404, 1228, "database not found"}
	} else {
		q, err = s.compile(db, a.Query, binds, false)
	}
	s.mu.Unlock()
	if err != nil {
		return nil, 0, nil, err
	}
	q.countAll = a.Options.FullCount && !stream
	if a.Options.MaxRuntime > 0 {
		q.deadline = time.Now().Add(time.Duration(a.Options.MaxRuntime * float64(time.Second)))
	}
	c.next = q.results()
	if !stream {
		all, n, err := materialise(c.next)
		if err != nil {
			return nil, 0, nil, err
		}
		c.next = all
		if a.Count {
			c.count = n
		}
		if q.countAll && q.fullCount != nil {
			stats["fullCount"] = *q.fullCount
		}
	}
	if c.ahead, c.more, err = c.next(); err == nil {
		body, n, err = c.batchOf(201)
	}
	return c, n, body, err
}

// results gives the results one by one, as JSON.
func (q *query) results() func() ([]byte, bool, error) {
	return func() ([]byte, bool, error) {
		if ok, err := q.rows.next(); !ok || err != nil {
			return nil, false, err
		}
		return q.result().append(nil), true, nil
	}
}

// materialise makes a whole result, in one piece of memory.
func materialise(next func() ([]byte, bool, error)) (again func() ([]byte, bool, error), n int, err error) {
	var all []byte
	var ends []int
	for {
		text, ok, err := next()
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			break
		}
		all = append(all, text...)
		ends = append(ends, len(all))
	}
	n = len(ends)
	from := 0
	return func() ([]byte, bool, error) {
		if len(ends) == 0 {
			return nil, false, nil
		}
		text := all[from:ends[0]:ends[0]]
		from, ends = ends[0], ends[1:]
		return text, true, nil
	}, n, nil
}

// parseQuery answers POST /_api/query: whether a query is one, and what it
// names.
func (s *Server) parseQuery(r request) (answer, error) {
	var a struct{ Query string }
	if err := r.decode(&a); err != nil {
		return answer{}, err
	}
	if a.Query == "" {
		return answer{}, &failure{400, 1502, "query is empty"}
	}
	q, err := s.compile(r.db, a.Query, nil, true)
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, object: map[string]any{
		"parsed": true, "ast": []any{}, "warnings": []any{},
		"collections": append([]string{}, slices.Sorted(maps.Keys(q.reads))...),
		"bindVars":    append([]string{}, slices.Sorted(maps.Keys(q.used))...),
	}}, nil
}
