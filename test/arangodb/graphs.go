package arangodb

import (
	"maps"
	"slices"
)

// EdgeDefinition is an edge collection of a graph, with the vertex collections
// that its edges lead from and to.
type EdgeDefinition struct {
	Collection string   `json:"collection"`
	From       []string `json:"from"`
	To         []string `json:"to"`
}

// graph is a named one.
type graph struct {
	name        string
	rev         uint64
	definitions []EdgeDefinition
	orphans     []string
}

func (s *Server) createGraph(db *database, name string, definitions []EdgeDefinition, orphans []string) (*graph, error) {
	switch {
	case name == "":
		return nil, &failure{400, 1922, "missing graph name"}
	case db.graphs[name] != nil:
		return nil, &failure{409, 1925, "graph already exists"}
	}
	g := &graph{name: name, orphans: slices.Clone(orphans)}
	for _, d := range definitions {
		if err := s.define(db, g, d); err != nil {
			return nil, err
		}
	}
	for _, name := range orphans {
		if err := s.ensure(db, name, false); err != nil {
			return nil, err
		}
	}
	s.changed(g)
	db.graphs[name] = g
	return g, nil
}

func (s *Server) changed(g *graph) {
	s.tick++
	g.rev = s.tick
}

// define adds a definition to a graph, and makes its collections.
func (s *Server) define(db *database, g *graph, d EdgeDefinition) error {
	switch {
	case d.Collection == "" || len(d.From) == 0 || len(d.To) == 0:
		return &failure{400, 1923, "malformed edge definition"}
	case g.definition(d.Collection) != nil:
		return &failure{400, 1920, d.Collection + " is used multiple times in edge definitions"}
	}
	if err := s.ensure(db, d.Collection, true); err != nil {
		return err
	}
	for _, name := range slices.Concat(d.From, d.To) {
		if err := s.ensure(db, name, false); err != nil {
			return err
		}
		g.orphans = slices.DeleteFunc(g.orphans, func(o string) bool { return o == name })
	}
	g.definitions = append(g.definitions, d)
	return nil
}

func (s *Server) ensure(db *database, name string, edge bool) error {
	c := db.collections[name]
	if c == nil {
		return s.create(db, name, edge)
	}
	if edge && !c.edge {
		return &failure{400, 1944, "edge definition is not an edge collection: " + name}
	}
	return nil
}

func (g *graph) definition(collection string) *EdgeDefinition {
	for i := range g.definitions {
		if g.definitions[i].Collection == collection {
			return &g.definitions[i]
		}
	}
	return nil
}

// vertexCollections are those of the definitions and the orphans.
func (g *graph) vertexCollections() []string {
	names := map[string]bool{}
	for _, d := range g.definitions {
		for _, name := range slices.Concat(d.From, d.To) {
			names[name] = true
		}
	}
	for _, name := range g.orphans {
		names[name] = true
	}
	return append([]string{}, slices.Sorted(maps.Keys(names))...)
}

func (g *graph) describe() map[string]any {
	return map[string]any{
		"_key": g.name, "_id": "_graphs/" + g.name, "_rev": revision(g.rev), "name": g.name,
		"edgeDefinitions": append([]EdgeDefinition{}, g.definitions...), "orphanCollections": append([]string{}, g.orphans...),
	}
}

func (r request) graph() (*graph, error) {
	if g := r.db.graphs[r.PathValue("graph")]; g != nil {
		return g, nil
	}
	return nil, &failure{404, 1924, "graph '" + r.PathValue("graph") + "' not found"}
}

func (s *Server) listGraphs(r request) (answer, error) {
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(r.db.graphs)) {
		list = append(list, r.db.graphs[name].describe())
	}
	return answer{status: 200, object: map[string]any{"graphs": list}}, nil
}

func (s *Server) postGraph(r request) (answer, error) {
	var made struct {
		Name              string
		EdgeDefinitions   []EdgeDefinition
		OrphanCollections []string
	}
	if err := r.decode(&made); err != nil {
		return answer{}, err
	}
	g, err := s.createGraph(r.db, made.Name, made.EdgeDefinitions, made.OrphanCollections)
	if err != nil {
		return answer{}, err
	}
	return answer{status: r.status(201, 202), object: map[string]any{"graph": g.describe()}}, nil
}

func (s *Server) getGraph(r request) (answer, error) {
	g, err := r.graph()
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, object: map[string]any{"graph": g.describe()}}, nil
}

// deleteGraph leaves collections alone that other graphs have too.
func (s *Server) deleteGraph(r request) (answer, error) {
	g, err := r.graph()
	if err != nil {
		return answer{}, err
	}
	delete(r.db.graphs, g.name)
	if r.flag("dropCollections", false) {
		for _, name := range g.collections() {
			if !slices.ContainsFunc(slices.Collect(maps.Values(r.db.graphs)), func(o *graph) bool { return slices.Contains(o.collections(), name) }) {
				delete(r.db.collections, name)
			}
		}
	}
	return answer{status: r.status(201, 202), object: map[string]any{"removed": true}}, nil
}

func (g *graph) edgeCollections() []string {
	names := []string{}
	for _, d := range g.definitions {
		names = append(names, d.Collection)
	}
	slices.Sort(names)
	return names
}

func (g *graph) collections() []string { return append(g.vertexCollections(), g.edgeCollections()...) }
