package arangodb

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

const jsonType = "application/json; charset=utf-8"

// failure is an error as the API tells it.
type failure struct {
	status, num int
	message     string
}

func (f *failure) Error() string {
	return fmt.Sprintf("%d, errorNum %d: %s", f.status, f.num, f.message)
}

// request is one in the database that its path names.
type request struct {
	*http.Request
	db   *database
	body string
}

// answer is what goes back: an object, to which error and code are added, or
// JSON as it is.
type answer struct {
	status int
	header map[string]string
	object map[string]any
	raw    []byte
}

// handler answers a request; the server's lock is held.
type handler func(request) (answer, error)

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "ArangoDB")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Arango-Queue-Time-Seconds", "0.000000")
	name, r := splitDatabase(r)
	_, pattern := s.routes.Handler(r)
	s.mu.Lock()
	s.requests[pattern]++
	s.mu.Unlock()
	if err := s.judge(r, name, pattern); err != nil {
		if f := err.(*failure); f.status == http.StatusUnauthorized {
			w.Header().Add("Www-Authenticate", `Bearer token_type="JWT", realm="ArangoDB"`)
			w.Header().Add("Www-Authenticate", `Basic realm="ArangoDB"`)
		}
		tell(w, err)
		return
	}
	login := strings.HasSuffix(pattern, "/_open/auth")
	if s.real != nil && login {
		name = "_system" // which is in memory too
	}
	r = r.WithContext(context.WithValue(r.Context(), databaseKey{}, name))
	if s.real != nil && !login {
		s.real.serve(w, r, pattern)
		return
	}
	s.routes.ServeHTTP(w, r)
}

// splitDatabase takes /_db/{name} from a path.
func splitDatabase(r *http.Request) (string, *http.Request) {
	escaped, ok := strings.CutPrefix(r.URL.EscapedPath(), "/_db/")
	if !ok {
		return "_system", r
	}
	name, rest, _ := strings.Cut(escaped, "/")
	plain, err1 := url.PathUnescape(name)
	path, err2 := url.PathUnescape("/" + rest)
	if err1 != nil || err2 != nil {
		return "", r
	}
	r = r.Clone(r.Context())
	r.URL.Path, r.URL.RawPath = path, "/"+rest
	return plain, r
}

// judge is what holds for all requests alike.
func (s *Server) judge(r *http.Request, database, pattern string) error {
	if err := s.fault(r); err != nil {
		return err
	}
	if !strings.HasSuffix(pattern, "/_open/auth") && !strings.HasSuffix(pattern, "/_admin/server/availability") {
		if err := s.authenticate(r); err != nil {
			return err
		}
	}
	s.mu.Lock()
	known := s.real != nil || s.databases[database] != nil
	s.mu.Unlock()
	accept := r.Header.Get("Accept")
	switch {
	case !known:
		return &failure{404, 1228, "database not found"}
	case pattern == "" && s.methodKnown(r):
		return &failure{405, 405, "method not supported"}
	case pattern == "":
		return &failure{404, 404, "unknown path '" + r.URL.Path + "'"}
	case strings.Contains(r.Header.Get("Content-Type"), "velocypack"),
		strings.Contains(accept, "velocypack") && !strings.Contains(accept, "json") && !strings.Contains(accept, "*"):
		return &failure{415, 415, "this test server speaks JSON only"}
	case r.Header.Get("x-arango-trx-id") != "":
		return &failure{404, 1655, "transaction not found: this test server has none"}
	}
	return nil
}

// handle registers a handler that runs under the server's lock.
func (s *Server) handle(mux *http.ServeMux, pattern string, h handler) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // who sends it is gone
		}
		s.mu.Lock()
		a, err := answer{}, error(&failure{404, 1228, "database not found"}) // since it was judged
		if db := s.databases[r.Context().Value(databaseKey{}).(string)]; db != nil {
			a, err = h(request{r, db, string(body)})
		}
		s.mu.Unlock()
		if err != nil {
			tell(w, err)
			return
		}
		send(w, a)
	})
}

// decode reads a body; an empty one leaves into as it is.
func (r request) decode(into any) error {
	if strings.TrimSpace(r.body) == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(r.body), into); err != nil {
		return &failure{400, 600, "VPackError error: " + err.Error()}
	}
	return nil
}

// flag is a parameter that is true or false.
func (r request) flag(name string, otherwise bool) bool {
	switch strings.ToLower(r.URL.Query().Get(name)) {
	case "":
		return otherwise
	case "true", "yes", "on", "y", "1":
		return true
	}
	return false
}

func tell(w http.ResponseWriter, err error) {
	f, ok := err.(*failure)
	if !ok {
		f = &failure{500, 4, err.Error()}
	}
	send(w, answer{status: f.status, object: errorObject(f)})
}

func errorObject(f *failure) map[string]any {
	return map[string]any{"error": true, "errorNum": f.num, "errorMessage": f.message}
}

func send(w http.ResponseWriter, a answer) {
	if a.object != nil {
		a.object["code"] = a.status
		if a.object["error"] == nil {
			a.object["error"] = false
		}
		a.raw = encode(a.object)
	}
	for name, v := range a.header {
		w.Header().Set(name, v)
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.raw) // who does not read the answer has gone
}

// encode is for what is made here and always becomes JSON.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

type databaseKey struct{}

// methodKnown tells a path that is known for other methods.
func (s *Server) methodKnown(r *http.Request) bool {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		other := *r
		other.Method = method
		if _, pattern := s.routes.Handler(&other); pattern != "" {
			return true
		}
	}
	return false
}
