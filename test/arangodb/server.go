// Package arangodb is a server of ArangoDB's HTTP API, as far as its documents,
// graphs, imports and cursors go, for tests: no package registry has the real
// one. Requests come in over HTTP or HTTPS with JSON; documents are kept in
// memory and end with the test. Its tests run ArangoDB's own clients for
// Python, JavaScript and Go against it, unchanged, to keep it honest.
//
// It does not do VelocyPack, transactions, views, users or clusters, and of AQL
// only the statements and functions that queries of its clients need. What it
// does not do it refuses. Strings sort as the server's do only as far as ASCII
// goes, and indexes change nothing but the list of them.
//
// Where ARANGO_TEST_URL is set, Start puts the real server at that address in
// the place of the memory: the same tests then hold the real one, and what this
// package says of it, to account. docs/market-data.md says how.
package arangodb

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/test/lab"
)

// Options is how a server is set up.
type Options struct {
	User, Password string // of the one user, who may do all; no User: anybody may
	TLS            bool
	Version        string        // that it says it has; empty: 3.12.4
	TokenLifetime  time.Duration // of what /_open/auth gives; 0: an hour
}

// Server is a server with the database _system.
type Server struct {
	URL    string
	CAPath string // PEM file of the authority that signed its certificate; empty: no TLS

	options Options
	t       testing.TB // nil: none
	routes  *http.ServeMux
	told    string    // the version that the test asked for; empty: any
	real    *upstream // answers in place of what follows; nil: nobody does

	mu        sync.Mutex // guards what follows
	databases map[string]*database
	tick      uint64 // the last number given to anything
	cursors   map[string]*cursor
	secret    []byte // of tokens
	faults
}

// New makes a server that is yet to be served by its ServeHTTP.
func New(o Options) *Server {
	told := o.Version
	if o.Version == "" {
		o.Version = "3.12.4"
	}
	if o.TokenLifetime == 0 {
		o.TokenLifetime = time.Hour
	}
	s := &Server{options: o, told: told, databases: map[string]*database{}, cursors: map[string]*cursor{}, faults: faults{requests: map[string]int{}}}
	s.ExpireTokens()
	s.CreateDatabase("_system")
	s.routes = s.routing()
	return s
}

// Start serves on a free port of the loopback address until the test ends: from
// memory, or from a real server.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := New(o)
	s.t = t
	s.real = reach(t, s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)} // handshakes fail in tests
	s.URL = "http://" + l.Addr().String()
	if o.TLS {
		var pair tls.Certificate
		pair, s.CAPath = lab.Certificate(t)
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
		s.URL = "https://" + l.Addr().String()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if o.TLS {
			err = server.ServeTLS(l, "", "")
		} else {
			err = server.Serve(l)
		}
	}()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			server.Close() // a request hangs
		}
		if <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving: %v", err)
		}
	})
	return s
}

// Real tells whether a real server answers. What is asserted then must be what
// ArangoDB documents.
func (s *Server) Real() bool { return s.real != nil }

// InOrder tells whether documents are read in the order of their writing where
// no SORT asks for another. No real server promises that, and a single one does
// it: ArangoDB's adapter of PyG lives by it.
func (s *Server) InOrder() bool { return s.real == nil || s.real.single() }

// CreateDatabase makes a database if there is none of the name.
func (s *Server) CreateDatabase(name string) {
	if s.real != nil {
		s.must(s.real.createDatabase(name))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.databases[name] == nil {
		s.databases[name] = &database{name: name, collections: map[string]*collection{}, graphs: map[string]*graph{}}
	}
}

// CreateCollection makes a collection, and its database, if there is none of
// the name.
func (s *Server) CreateCollection(db, name string, edge bool) {
	if s.real != nil {
		s.must(s.real.createCollection(db, name, edge))
		return
	}
	s.CreateDatabase(db)
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.databases[db]; d.collections[name] == nil {
		s.must(s.create(d, name, edge))
	}
}

// Insert stores documents, anything that becomes a JSON object, in a collection
// that it makes if need be. One whose _key is there already is replaced.
func (s *Server) Insert(db, collection string, edge bool, docs ...any) {
	s.CreateCollection(db, collection, edge)
	for _, doc := range docs {
		text, raw := doc.(json.RawMessage)
		if !raw {
			var err error
			text, err = json.Marshal(doc)
			s.must(err)
		}
		if s.real != nil {
			s.must(s.real.insert(db, collection, text))
			continue
		}
		json, err := canonical(text)
		s.must(err)
		s.mu.Lock()
		c := s.databases[db].collections[collection]
		d, err := s.read(c, json, true)
		if err == nil {
			s.put(c, d)
		}
		s.mu.Unlock()
		s.must(err)
	}
}

// Documents are those of a collection with _key, _id and _rev, in the order
// they came in, which a real cluster does not keep.
func (s *Server) Documents(db, collection string) []json.RawMessage {
	if s.real != nil {
		all, err := s.real.documents(db, collection)
		s.must(err)
		return all
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []json.RawMessage
	if d := s.databases[db]; d != nil && d.collections[collection] != nil {
		for _, doc := range d.collections[collection].documents {
			if doc.key != "" {
				all = append(all, doc.append(nil, collection))
			}
		}
	}
	return all
}

// CreateGraph makes a named graph, with the collections that it lacks.
func (s *Server) CreateGraph(db, name string, orphans []string, definitions ...EdgeDefinition) {
	s.CreateDatabase(db)
	if s.real != nil {
		s.must(s.real.createGraph(db, name, orphans, definitions))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.createGraph(s.databases[db], name, definitions, orphans)
	s.must(err)
}

// must ends the test that sets the server up wrongly.
func (s *Server) must(err error) {
	switch {
	case err == nil:
	case s.t != nil:
		s.t.Helper()
		s.t.Fatalf("setting up ArangoDB: %v", err)
	default:
		panic(err)
	}
}
