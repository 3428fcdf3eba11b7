package arangodb

import "slices"

func (s *Server) listVertexCollections(r request) (answer, error) {
	g, err := r.graph()
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, object: map[string]any{"collections": g.vertexCollections()}}, nil
}

func (s *Server) listEdgeCollections(r request) (answer, error) {
	g, err := r.graph()
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, object: map[string]any{"collections": g.edgeCollections()}}, nil
}

// graphChanged answers with what has become of the graph.
func (s *Server) graphChanged(r request, g *graph) (answer, error) {
	s.changed(g)
	return answer{status: r.status(201, 202), object: map[string]any{"graph": g.describe()}}, nil
}

func (s *Server) postVertexCollection(r request) (answer, error) {
	var made struct{ Collection string }
	g, err := r.graph()
	if err == nil {
		err = r.decode(&made)
	}
	switch {
	case err != nil:
		return answer{}, err
	case slices.Contains(g.orphans, made.Collection):
		return answer{}, &failure{400, 1938, "collection used in orphans"}
	case slices.Contains(g.vertexCollections(), made.Collection):
		return answer{}, &failure{400, 1929, "collection already used in edge def"}
	}
	if err := s.ensure(r.db, made.Collection, false); err != nil {
		return answer{}, err
	}
	g.orphans = append(g.orphans, made.Collection)
	return s.graphChanged(r, g)
}

func (s *Server) deleteVertexCollection(r request) (answer, error) {
	g, err := r.graph()
	if err != nil {
		return answer{}, err
	}
	name := r.PathValue("name")
	switch {
	case !slices.Contains(g.vertexCollections(), name):
		return answer{}, &failure{404, 1926, "vertex collection '" + name + "' does not exist"}
	case !slices.Contains(g.orphans, name):
		return answer{}, &failure{404, 1928, "collection is not in list of orphan collections"}
	}
	g.orphans = slices.DeleteFunc(g.orphans, func(o string) bool { return o == name })
	if r.flag("dropCollection", false) {
		delete(r.db.collections, name)
	}
	return s.graphChanged(r, g)
}

func (s *Server) postEdgeDefinition(r request) (answer, error) {
	var made EdgeDefinition
	g, err := r.graph()
	if err == nil {
		err = r.decode(&made)
	}
	if err == nil {
		err = s.define(r.db, g, made)
	}
	if err != nil {
		return answer{}, err
	}
	return s.graphChanged(r, g)
}

// without takes a definition out; vertex collections that no other one has
// become orphans, as the server's do.
func (g *graph) without(collection string) error {
	if g.definition(collection) == nil {
		return &failure{404, 1930, "edge collection not used in graph: " + collection}
	}
	before := g.vertexCollections()
	g.definitions = slices.DeleteFunc(g.definitions, func(d EdgeDefinition) bool { return d.Collection == collection })
	for _, name := range before {
		if !slices.Contains(g.vertexCollections(), name) {
			g.orphans = append(g.orphans, name)
		}
	}
	return nil
}

func (s *Server) putEdgeDefinition(r request) (answer, error) {
	var made EdgeDefinition
	g, err := r.graph()
	if err == nil {
		err = r.decode(&made)
	}
	if err == nil {
		err = g.without(r.PathValue("name"))
	}
	if err == nil {
		err = s.define(r.db, g, made)
	}
	if err != nil {
		return answer{}, err
	}
	return s.graphChanged(r, g)
}

func (s *Server) deleteEdgeDefinition(r request) (answer, error) {
	g, err := r.graph()
	if err == nil {
		err = g.without(r.PathValue("name"))
	}
	if err != nil {
		return answer{}, err
	}
	if r.flag("dropCollections", false) || r.flag("dropCollection", false) {
		delete(r.db.collections, r.PathValue("name"))
	}
	return s.graphChanged(r, g)
}
