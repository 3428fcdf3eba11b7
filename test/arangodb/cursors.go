package arangodb

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// cursor is a query under way, or its result.
type cursor struct {
	id      string
	db      string
	next    func() ([]byte, bool, error)
	ahead   []byte // the first result of the next batch, which told that there is one
	more    bool
	size    int
	count   int // < 0: not asked for
	extra   map[string]any
	late    bool // extra comes with the last batch only
	retry   bool // allowRetry: the last batch is kept
	ttl     time.Duration
	expires time.Time // guarded by the server's lock
	mu      sync.Mutex
	batch   int // number of the last one given
	last    []byte
}

// batchOf makes the next batch; the cursor's lock is held.
func (c *cursor) batchOf(status int) (body []byte, n int, err error) {
	body = append(body, `{"result":[`...)
	for c.more && n < c.size {
		if n > 0 {
			body = append(body, ',')
		}
		body = append(body, c.ahead...)
		n++
		if c.ahead, c.more, err = c.next(); err != nil {
			return nil, 0, err
		}
	}
	c.batch++
	body = append(body, fmt.Sprintf(`],"hasMore":%v`, c.more)...)
	if c.more {
		body = append(body, fmt.Sprintf(`,"id":"%s","nextBatchId":"%d"`, c.id, c.batch+1)...)
	}
	if c.count >= 0 {
		body = append(body, fmt.Sprintf(`,"count":%d`, c.count)...)
	}
	if !c.late || !c.more {
		body = append(append(body, `,"extra":`...), encode(c.extra)...)
	}
	body = append(body, fmt.Sprintf(`,"cached":false,"error":false,"code":%d}`, status)...)
	if c.retry {
		c.last = body
	}
	return body, n, nil
}

// expireCursors forgets cursors whose time is over; the server's lock is held.
func (s *Server) expireCursors() {
	now := time.Now()
	for id, c := range s.cursors {
		if now.After(c.expires) {
			delete(s.cursors, id)
		}
	}
}

// nextBatch answers POST and PUT /_api/cursor/{id}, and POST with the number of
// a batch: that of the next goes on, that of the last gives it again.
func (s *Server) nextBatch(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.expireCursors()
	c := s.cursors[r.PathValue("id")]
	if c != nil && c.db != r.Context().Value(databaseKey{}).(string) {
		c = nil
	}
	s.mu.Unlock()
	if c == nil {
		tell(w, &failure{404, 1600, "cursor not found"})
		return
	}
	if !c.mu.TryLock() {
		tell(w, &failure{409, 1601, "cursor is busy"})
		return
	}
	defer c.mu.Unlock()
	number, err := strconv.Atoi(r.PathValue("batch"))
	asked := r.PathValue("batch") != ""
	switch {
	case asked && err == nil && number == c.batch && !c.retry:
		tell(w, &failure{400, 400, "expecting allowRetry option to be true"})
		return
	case asked && err == nil && number == c.batch:
		s.give(w, c, 200, c.last)
		return
	case asked && (err != nil || number != c.batch+1 || !c.more):
		tell(w, &failure{404, 1600, "batch id not found"})
		return
	}
	body, n, err := c.batchOf(200)
	s.mu.Lock()
	s.maxBatch = max(s.maxBatch, n)
	if err != nil || !c.more && !c.retry {
		delete(s.cursors, c.id)
	}
	s.mu.Unlock()
	if err != nil {
		tell(w, err)
		return
	}
	s.give(w, c, 200, body)
}

// give sends a batch, unless a test has it lost.
func (s *Server) give(w http.ResponseWriter, c *cursor, status int, body []byte) {
	s.mu.Lock()
	c.expires = time.Now().Add(c.ttl)
	s.mu.Unlock()
	s.spoil(w, body)
	send(w, answer{status: status, raw: body})
}

func (s *Server) deleteCursor(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	s.mu.Lock()
	s.expireCursors()
	known := s.cursors[id] != nil
	delete(s.cursors, id)
	s.mu.Unlock()
	if !known {
		tell(w, &failure{404, 1600, "cursor not found"})
		return
	}
	send(w, answer{status: 202, object: map[string]any{"id": id}})
}
