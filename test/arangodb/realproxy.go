package arangodb

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// everywhere are requests that are about the whole server: they need no
// database, and change nothing.
var everywhere = []string{
	"GET /_api/version", "GET /_api/engine", "GET /_admin/server/availability", "GET /_admin/server/role", "GET /_admin/server/mode", "GET /_api/cluster/endpoints",
}

// routing is what is not only passed on.
func (u *upstream) routing() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/", u.forward)
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request){
		"GET /_api/version":              u.version,
		"GET /_api/database":             u.listDatabases,
		"GET /_api/database/user":        u.listDatabases,
		"GET /_api/database/current":     u.currentDatabase,
		"POST /_api/database":            u.postDatabase,
		"DELETE /_api/database/{name}":   u.deleteDatabase,
		"POST /_api/cursor":              u.postCursor,
		"POST /_api/cursor/{id}":         u.nextBatch,
		"PUT /_api/cursor/{id}":          u.nextBatch,
		"POST /_api/cursor/{id}/{batch}": u.nextBatch,
		"DELETE /_api/cursor/{id}":       u.deleteCursor,
	} {
		mux.HandleFunc(pattern, h)
	}
	return mux
}

// serve answers a request that was judged: it is one of those that the server
// in memory knows, so that nothing passes that is not about a database.
func (u *upstream) serve(w http.ResponseWriter, r *http.Request, pattern string) {
	if path.Clean(r.URL.Path) != r.URL.Path {
		tell(w, &failure{404, 404, "unknown path '" + r.URL.Path + "'"})
		return
	}
	err := u.flush()
	if err == nil && databaseOf(r) == "_system" && !slices.Contains(everywhere, pattern) {
		err = u.createDatabase("_system")
	}
	if err != nil {
		u.fail(w, err)
		return
	}
	u.routes.ServeHTTP(w, r)
	if r.Method == http.MethodDelete { // something may be there no longer
		u.mu.Lock()
		clear(u.made)
		u.mu.Unlock()
	}
}

func databaseOf(r *http.Request) string { return r.Context().Value(databaseKey{}).(string) }

// fail is for what is not the test's client's to see: the test fails.
func (u *upstream) fail(w http.ResponseWriter, err error) {
	u.server.t.Errorf("the real server: %v", err)
	tell(w, &failure{502, 502, err.Error()})
}

func (u *upstream) forward(w http.ResponseWriter, r *http.Request) {
	if answer, _, ok := u.pass(w, r); ok {
		u.deliver(w, answer)
	}
}

// pass asks the real server what the Server was asked. Where it is not ok, it
// has answered.
func (u *upstream) pass(w http.ResponseWriter, r *http.Request) (answer reply, body []byte, ok bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return answer, nil, false // who sends it is gone
	}
	to := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if databaseOf(r) == "_system" && slices.Contains(everywhere, "GET "+r.URL.Path) {
		answer, err = u.outside(r.Method, to.String(), nil)
	} else {
		answer, err = u.inside(r.Method, databaseOf(r), to.String(), r.Header, body)
	}
	if err != nil {
		u.fail(w, err)
		return answer, body, false
	}
	return answer, body, true
}

// deliver sends an answer with the names of databases that the client knows.
func (u *upstream) deliver(w http.ResponseWriter, answer reply) {
	for name, values := range answer.header {
		switch name {
		case "Connection", "Content-Length", "Date", "Keep-Alive", "Server", "Transfer-Encoding":
			continue
		}
		w.Header().Del(name)
		for _, v := range values {
			w.Header().Add(name, strings.ReplaceAll(v, u.prefix, ""))
		}
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(bytes.ReplaceAll(answer.body, []byte(u.prefix), nil)) // who does not read the answer has gone
}

// version tells of the version that the test asked for.
func (u *upstream) version(w http.ResponseWriter, r *http.Request) {
	answer, _, ok := u.pass(w, r)
	if !ok {
		return
	}
	var about map[string]any
	if told := u.server.told; told != "" && answer.decode(&about, http.StatusOK) == nil {
		about["version"] = told
		if details, ok := about["details"].(map[string]any); ok {
			details["server-version"] = told
		}
		answer.body = encode(about)
	}
	u.deliver(w, answer)
}

// rewrite changes an answer that is an object; others stay.
func (answer *reply) rewrite(change func(object map[string]any)) {
	var object map[string]any
	if json.Unmarshal(answer.body, &object) == nil {
		change(object)
		answer.body = encode(object)
	}
}
