package arangodb

import (
	"crypto/rand"
	"maps"
	"net/http"
	"strings"
)

// faults are what a test has the server do wrong, and what it counted.
type faults struct {
	failing  []failing
	drop     int
	cut      int
	requests map[string]int
	maxBatch int
}

type failing struct {
	path      string
	n, status int
}

// Fail answers the next n requests whose path contains path (empty: any) with
// an error of that status, before anything is looked at. 503 is what a server
// that starts or ends says.
func (s *Server) Fail(path string, n, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = append(s.failing, failing{path, n, status})
}

// DropAnswers takes the next n batches from their cursors, and closes the
// connections in place of sending them.
func (s *Server) DropAnswers(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop = n
}

// CutAnswers is DropAnswers with the first half of each batch sent.
func (s *Server) CutAnswers(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = n
}

// LoseCursors forgets all cursors, as a server that has been restarted.
func (s *Server) LoseCursors() {
	if s.real != nil {
		if err := s.real.loseCursors(); err != nil {
			s.t.Errorf("the real server: %v", err)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.cursors)
}

// ExpireTokens makes all tokens given so far invalid.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secret = make([]byte, 32)
	rand.Read(s.secret)
}

// Requests counts what was asked, such as "POST /_api/cursor/{id}". Requests
// that Fail answered count too.
func (s *Server) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// OpenCursors is how many cursors wait for their clients.
func (s *Server) OpenCursors() int {
	if s.real != nil {
		return s.real.openCursors()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireCursors()
	return len(s.cursors)
}

// MaxBatch is the most results that one answer has held.
func (s *Server) MaxBatch() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.maxBatch
}

// fault is what Fail has in store for a request.
func (s *Server) fault(r *http.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.failing {
		f := &s.failing[i]
		if f.n == 0 || !strings.Contains(r.URL.Path, f.path) {
			continue
		}
		f.n--
		num := f.status
		switch f.status {
		case http.StatusUnauthorized, http.StatusForbidden:
			num = 11
		case http.StatusConflict, http.StatusPreconditionFailed:
			num = 1200
		case http.StatusInternalServerError:
			num = 4
		}
		return &failure{f.status, num, "said by the test"}
	}
	return nil
}

// spoil is called as a batch is ready: it ends the connection if it is to.
func (s *Server) spoil(w http.ResponseWriter, body []byte) {
	s.mu.Lock()
	drop, cut := s.drop > 0, s.drop == 0 && s.cut > 0
	if drop {
		s.drop--
	} else if cut {
		s.cut--
	}
	s.mu.Unlock()
	if cut {
		w.Header().Set("Content-Type", jsonType)
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(body[:len(body)/2]) // the connection ends anyway
		_ = http.NewResponseController(w).Flush()
	}
	if drop || cut {
		panic(http.ErrAbortHandler)
	}
}
