package arangodb

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// member finds the graph and the collection that a path to a vertex or edge
// names.
func (r request) member() (g *graph, c *collection, kind string, err error) {
	if g, err = r.graph(); err != nil {
		return nil, nil, "", err
	}
	name := r.PathValue("name")
	kind = "vertex"
	if strings.Contains(r.Pattern, "/edge/") {
		kind = "edge"
		if g.definition(name) == nil {
			return nil, nil, "", &failure{404, 1930, "edge collection not used in graph: " + name}
		}
	} else if !slices.Contains(g.vertexCollections(), name) {
		return nil, nil, "", &failure{404, 1926, "vertex collection '" + name + "' does not exist"}
	}
	c, err = r.collection(name)
	return g, c, kind, err
}

func (s *Server) postMember(r request) (answer, error) {
	g, c, kind, err := r.member()
	if err != nil {
		return answer{}, err
	}
	text, err := r.text()
	if err == nil && kind == "edge" {
		err = r.checkEnds(g.definition(c.name), text, true)
	}
	w := r.writing()
	var done written
	if err == nil {
		done, err = s.insert(c, text, w)
	}
	if err != nil {
		return answer{}, err
	}
	return memberTold(w, c, kind, done, r.status(201, 202)), nil
}

// memberTold is like the answer of /_api/document, with the document's data in
// an attribute.
func memberTold(w writing, c *collection, kind string, done written, status int) answer {
	told := w.told(c, done)
	object := map[string]any{kind: told}
	for _, name := range []string{"new", "old"} {
		if told[name] != nil {
			object[name] = told[name]
			delete(told, name)
		}
	}
	if w.mode == "remove" {
		delete(object, kind)
		object["removed"] = true
	}
	return answer{status: status, object: object}
}

func (s *Server) getMember(r request) (answer, error) {
	_, c, kind, err := r.member()
	if err != nil {
		return answer{}, err
	}
	d, err := c.get(r.PathValue("key"))
	if err != nil {
		return answer{}, err
	}
	rev := revision(d.rev)
	if match := unquoteTag(r.Header.Get("If-Match")); match != "" && match != rev {
		return answer{}, &failure{412, 1200, "conflict, _rev values do not match"}
	}
	return answer{
		status: 200, header: map[string]string{"Etag": `"` + rev + `"`},
		object: map[string]any{kind: json.RawMessage(d.append(nil, c.name))},
	}, nil
}

// changeMember replaces, updates or removes. With a vertex go its edges.
func (s *Server) changeMember(r request) (answer, error) {
	g, c, kind, err := r.member()
	if err != nil {
		return answer{}, err
	}
	w := r.writing()
	var with document
	if w.mode != "remove" {
		text, err := r.text()
		if err == nil && kind == "edge" {
			err = r.checkEnds(g.definition(c.name), text, w.mode == "replace")
		}
		if err == nil {
			with, err = s.read(c, text, false)
		}
		if err != nil {
			return answer{}, err
		}
	}
	done, err := s.change(c, r.PathValue("key"), with, w)
	if err != nil {
		return answer{}, err
	}
	status := r.status(200, 202)
	if r.Method == http.MethodDelete && kind == "vertex" {
		for _, name := range g.edgeCollections() {
			s.removeEdges(r.db.collections[name], c.name+"/"+r.PathValue("key"))
		}
	}
	return memberTold(w, c, kind, done, status), nil
}

func (s *Server) removeEdges(c *collection, vertex string) {
	if c == nil {
		return
	}
	for _, d := range slices.Clone(c.documents) {
		if d.key != "" && (memberOf(d.body, "_from").text == vertex || memberOf(d.body, "_to").text == vertex) {
			s.remove(c, d.key)
		}
	}
}

// checkEnds sees that an edge leads where its definition allows, to vertices
// that are there.
func (r request) checkEnds(definition *EdgeDefinition, text string, whole bool) error {
	for name, allowed := range map[string][]string{"_from": definition.From, "_to": definition.To} {
		end := memberOf(text, name)
		if end.kind == null && !whole {
			continue
		}
		collection, key, ok := strings.Cut(end.text, "/")
		switch c := r.db.collections[collection]; {
		case !ok:
			return &failure{400, 1233, "edge attribute missing or invalid"}
		case !slices.Contains(allowed, collection):
			return &failure{400, 1947, "referenced " + name + " collection '" + collection + "' is not part of the graph"}
		case c == nil || !c.has(key):
			return &failure{404, 1202, "document not found"}
		}
	}
	return nil
}

// edges answers GET /_api/edges: those at a vertex.
func (s *Server) edges(r request) (answer, error) {
	c, err := r.collection(r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	vertex, direction := r.URL.Query().Get("vertex"), r.URL.Query().Get("direction")
	list := []any{}
	for _, d := range c.documents {
		out := d.key != "" && direction != "in" && memberOf(d.body, "_from").text == vertex
		in := d.key != "" && direction != "out" && memberOf(d.body, "_to").text == vertex
		if in || out {
			list = append(list, json.RawMessage(d.append(nil, c.name)))
		}
	}
	return answer{status: 200, object: map[string]any{"edges": list, "stats": map[string]any{"scannedIndex": len(list), "filtered": 0}}}, nil
}
