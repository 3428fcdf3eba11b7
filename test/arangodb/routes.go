package arangodb

import (
	"maps"
	"net/http"
	"slices"
)

// routing is all that the server answers.
func (s *Server) routing() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"POST /_open/auth":                   s.login,
		"GET /_api/version":                  s.version,
		"GET /_api/engine":                   fixed(map[string]any{"name": "rocksdb"}),
		"GET /_admin/server/availability":    fixed(map[string]any{"mode": "default"}),
		"GET /_admin/server/role":            fixed(map[string]any{"role": "SINGLE"}),
		"GET /_admin/server/mode":            fixed(map[string]any{"mode": "default"}),
		"GET /_api/cluster/endpoints":        s.endpoints,
		"GET /_api/database":                 s.listDatabases,
		"GET /_api/database/user":            s.listDatabases,
		"GET /_api/database/current":         currentDatabase,
		"POST /_api/database":                s.postDatabase,
		"DELETE /_api/database/{name}":       s.deleteDatabase,
		"GET /_api/collection":               s.listCollections,
		"POST /_api/collection":              s.postCollection,
		"GET /_api/collection/{name}":        s.getCollection,
		"GET /_api/collection/{name}/{what}": s.getCollection,
		"PUT /_api/collection/{name}/{what}": s.putCollection,
		"DELETE /_api/collection/{name}":     s.deleteCollection,
		"GET /_api/index":                    s.listIndexes,
		"POST /_api/index":                   s.postIndex,
		"GET /_api/index/{name}/{id}":        s.getIndex,
		"DELETE /_api/index/{name}/{id}":     s.deleteIndex,
		"POST /_api/document/{name}":         s.postDocument,
		"PUT /_api/document/{name}":          s.manyDocuments,
		"PATCH /_api/document/{name}":        s.manyDocuments,
		"DELETE /_api/document/{name}":       s.manyDocuments,
		"GET /_api/document/{name}/{key}":    s.getDocument,
		"PUT /_api/document/{name}/{key}":    s.oneDocument,
		"PATCH /_api/document/{name}/{key}":  s.oneDocument,
		"DELETE /_api/document/{name}/{key}": s.oneDocument,
		"GET /_api/edges/{name}":             s.edges,
		"POST /_api/import":                  s.imports,
		"POST /_api/query":                   s.parseQuery,

		"GET /_api/gharial":                                s.listGraphs,
		"POST /_api/gharial":                               s.postGraph,
		"GET /_api/gharial/{graph}":                        s.getGraph,
		"DELETE /_api/gharial/{graph}":                     s.deleteGraph,
		"GET /_api/gharial/{graph}/vertex":                 s.listVertexCollections,
		"POST /_api/gharial/{graph}/vertex":                s.postVertexCollection,
		"DELETE /_api/gharial/{graph}/vertex/{name}":       s.deleteVertexCollection,
		"GET /_api/gharial/{graph}/edge":                   s.listEdgeCollections,
		"POST /_api/gharial/{graph}/edge":                  s.postEdgeDefinition,
		"PUT /_api/gharial/{graph}/edge/{name}":            s.putEdgeDefinition,
		"DELETE /_api/gharial/{graph}/edge/{name}":         s.deleteEdgeDefinition,
		"POST /_api/gharial/{graph}/vertex/{name}":         s.postMember,
		"GET /_api/gharial/{graph}/vertex/{name}/{key}":    s.getMember,
		"PUT /_api/gharial/{graph}/vertex/{name}/{key}":    s.changeMember,
		"PATCH /_api/gharial/{graph}/vertex/{name}/{key}":  s.changeMember,
		"DELETE /_api/gharial/{graph}/vertex/{name}/{key}": s.changeMember,
		"POST /_api/gharial/{graph}/edge/{name}":           s.postMember,
		"GET /_api/gharial/{graph}/edge/{name}/{key}":      s.getMember,
		"PUT /_api/gharial/{graph}/edge/{name}/{key}":      s.changeMember,
		"PATCH /_api/gharial/{graph}/edge/{name}/{key}":    s.changeMember,
		"DELETE /_api/gharial/{graph}/edge/{name}/{key}":   s.changeMember,
	} {
		s.handle(mux, pattern, h)
	}
	// These see to the lock themselves: a query runs without it.
	mux.HandleFunc("POST /_api/cursor", s.postCursor)
	mux.HandleFunc("POST /_api/cursor/{id}", s.nextBatch)
	mux.HandleFunc("PUT /_api/cursor/{id}", s.nextBatch)
	mux.HandleFunc("POST /_api/cursor/{id}/{batch}", s.nextBatch)
	mux.HandleFunc("DELETE /_api/cursor/{id}", s.deleteCursor)
	return mux
}

func fixed(object map[string]any) handler {
	return func(request) (answer, error) { return answer{status: 200, object: maps.Clone(object)}, nil }
}

func (s *Server) version(r request) (answer, error) {
	about := map[string]any{"server": "arango", "license": "community", "version": s.options.Version}
	if r.flag("details", false) {
		about["details"] = map[string]any{"server-version": s.options.Version, "mode": "server", "role": "SINGLE"}
	}
	return answer{status: 200, raw: encode(about)}, nil
}

func (s *Server) endpoints(request) (answer, error) {
	return answer{}, &failure{501, 501, "only in a cluster"}
}

func (s *Server) listDatabases(request) (answer, error) {
	return answer{status: 200, object: map[string]any{"result": slices.Sorted(maps.Keys(s.databases))}}, nil
}

func currentDatabase(r request) (answer, error) {
	return answer{status: 200, object: map[string]any{"result": map[string]any{
		"id": "1", "name": r.db.name, "path": "none", "isSystem": r.db.name == "_system",
	}}}, nil
}

func (s *Server) postDatabase(r request) (answer, error) {
	var made struct{ Name string }
	if err := r.decode(&made); err != nil {
		return answer{}, err
	}
	switch {
	case r.db.name != "_system":
		return answer{}, &failure{403, 1230, "operation only allowed in system database"}
	case !goodName(made.Name, false):
		return answer{}, &failure{400, 1229, "database name invalid"}
	case s.databases[made.Name] != nil:
		return answer{}, &failure{409, 1207, "duplicate name"}
	}
	s.databases[made.Name] = &database{name: made.Name, collections: map[string]*collection{}, graphs: map[string]*graph{}}
	return answer{status: 201, object: map[string]any{"result": true}}, nil
}

func (s *Server) deleteDatabase(r request) (answer, error) {
	name := r.PathValue("name")
	switch {
	case r.db.name != "_system":
		return answer{}, &failure{403, 1230, "operation only allowed in system database"}
	case name == "_system":
		return answer{}, &failure{403, 11, "forbidden"}
	case s.databases[name] == nil:
		return answer{}, &failure{404, 1228, "database not found"}
	}
	delete(s.databases, name)
	return answer{status: 200, object: map[string]any{"result": true}}, nil
}

// goodName is the traditional form of the names of databases and collections.
func goodName(name string, system bool) bool {
	for i := range len(name) {
		c := name[i]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || i > 0 && (isDigit(c) || c == '_' || c == '-') || system && c == '_') {
			return false
		}
	}
	return name != "" && len(name) <= 64
}
