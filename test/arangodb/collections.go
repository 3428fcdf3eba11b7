package arangodb

import (
	"fmt"
	"strings"
)

type index struct {
	id         string
	properties map[string]any
}

func (s *Server) create(db *database, name string, edge bool) error {
	switch {
	case !goodName(name, true):
		return &failure{400, 1208, "illegal name: collection name invalid"}
	case db.collections[name] != nil:
		return &failure{409, 1207, "duplicate name: duplicate name '" + name + "'"}
	}
	s.tick++
	c := &collection{id: fmt.Sprint(s.tick), name: name, edge: edge, rev: s.tick, index: map[string]int32{}}
	c.indexes = []index{{"0", map[string]any{"type": "primary", "name": "primary", "fields": []string{"_key"}, "unique": true, "sparse": false, "selectivityEstimate": 1}}}
	if edge {
		c.indexes = append(c.indexes, index{"1", map[string]any{"type": "edge", "name": "edge", "fields": []string{"_from", "_to"}, "unique": false, "sparse": false, "selectivityEstimate": 1}})
	}
	db.collections[name] = c
	return nil
}

// collection finds one by its name.
func (r request) collection(name string) (*collection, error) {
	if c := r.db.collections[name]; c != nil {
		return c, nil
	}
	return nil, &failure{404, 1203, "collection or view not found: " + name}
}

func (c *collection) info() map[string]any {
	kind := 2
	if c.edge {
		kind = 3
	}
	return map[string]any{
		"id": c.id, "name": c.name, "type": kind, "status": 3, "statusString": "loaded",
		"isSystem": strings.HasPrefix(c.name, "_"), "globallyUniqueId": "h" + c.id,
	}
}

func (c *collection) properties() map[string]any {
	all := c.info()
	for name, v := range map[string]any{
		"waitForSync": false, "cacheEnabled": false, "schema": nil, "computedValues": nil, "syncByRevision": true, "objectId": c.id,
		"writeConcern": 1, "keyOptions": map[string]any{"allowUserKeys": true, "type": "traditional", "lastValue": 0},
	} {
		all[name] = v
	}
	return all
}

func (s *Server) listCollections(r request) (answer, error) {
	list := []any{}
	for _, c := range r.db.sorted() {
		if !r.flag("excludeSystem", false) || !strings.HasPrefix(c.name, "_") {
			list = append(list, c.info())
		}
	}
	return answer{status: 200, object: map[string]any{"result": list}}, nil
}

func (s *Server) postCollection(r request) (answer, error) {
	made := struct {
		Name string
		Type int
	}{Type: 2}
	if err := r.decode(&made); err != nil {
		return answer{}, err
	}
	if made.Type != 2 && made.Type != 3 {
		return answer{}, &failure{400, 1218, "collection type invalid"}
	}
	if err := s.create(r.db, made.Name, made.Type == 3); err != nil {
		return answer{}, err
	}
	return answer{status: 200, object: r.db.collections[made.Name].properties()}, nil
}

func (s *Server) getCollection(r request) (answer, error) {
	c, err := r.collection(r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	object := c.properties()
	switch r.PathValue("what") {
	case "":
		object = c.info()
	case "properties":
	case "count":
		object["count"] = len(c.index)
	case "revision":
		object["revision"] = revision(c.rev)
	case "figures":
		object["count"], object["figures"] = len(c.index), map[string]any{"indexes": map[string]any{"count": len(c.indexes), "size": 0}, "documentsSize": 0}
	default:
		return answer{}, &failure{404, 404, "expecting one of the resources 'count', 'figures', 'properties', 'revision'"}
	}
	return answer{status: 200, object: object}, nil
}

func (s *Server) putCollection(r request) (answer, error) {
	c, err := r.collection(r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	object := c.info()
	switch r.PathValue("what") {
	case "load":
		object["count"] = len(c.index)
	case "unload":
	case "properties":
		object = c.properties() // nothing of them changes what this server does
	case "truncate":
		s.truncate(c)
	case "recalculateCount", "loadIndexesIntoMemory":
		object = map[string]any{"result": true, "count": len(c.index)}
	default:
		return answer{}, &failure{404, 404, "expecting one of the actions 'load', 'unload', 'truncate', 'properties'"}
	}
	return answer{status: 200, object: object}, nil
}

func (s *Server) deleteCollection(r request) (answer, error) {
	c, err := r.collection(r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	delete(r.db.collections, c.name)
	return answer{status: 200, object: map[string]any{"id": c.id}}, nil
}
