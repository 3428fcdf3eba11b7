package arangodb

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Indexes are remembered and told of; no query is any faster for them.

func (c *collection) describe(x index) map[string]any {
	all := maps.Clone(x.properties)
	all["id"] = c.name + "/" + x.id
	return all
}

func (s *Server) listIndexes(r request) (answer, error) {
	c, err := r.collection(r.URL.Query().Get("collection"))
	if err != nil {
		return answer{}, err
	}
	list, byID := []any{}, map[string]any{}
	for _, x := range c.indexes {
		list = append(list, c.describe(x))
		byID[c.name+"/"+x.id] = c.describe(x)
	}
	return answer{status: 200, object: map[string]any{"indexes": list, "identifiers": byID}}, nil
}

func (s *Server) postIndex(r request) (answer, error) {
	c, err := r.collection(r.URL.Query().Get("collection"))
	if err != nil {
		return answer{}, err
	}
	properties := map[string]any{"unique": false, "sparse": false, "deduplicate": true, "estimates": true, "cacheEnabled": false}
	if err := r.decode(&properties); err != nil {
		return answer{}, err
	}
	kind, _ := properties["type"].(string)
	if !slices.Contains([]string{"persistent", "hash", "skiplist"}, kind) || properties["fields"] == nil {
		return answer{}, &failure{400, 10, "this test server makes persistent indexes only"}
	}
	if properties["unique"] == true {
		return answer{}, &failure{501, 9, "this test server has no unique indexes"}
	}
	status := 200
	at := slices.IndexFunc(c.indexes, func(x index) bool {
		return x.properties["type"] == kind && reflect.DeepEqual(x.properties["fields"], properties["fields"])
	})
	if at < 0 {
		status, at = 201, len(c.indexes)
		s.tick++
		if properties["name"] == nil {
			properties["name"] = fmt.Sprint("idx_", s.tick)
		}
		c.indexes = append(c.indexes, index{fmt.Sprint(s.tick), properties})
	}
	made := c.describe(c.indexes[at])
	made["isNewlyCreated"] = status == 201
	return answer{status: status, object: made}, nil
}

func (r request) index() (*collection, int, error) {
	c, err := r.collection(r.PathValue("name"))
	if err != nil {
		return nil, 0, err
	}
	at := slices.IndexFunc(c.indexes, func(x index) bool { return x.id == r.PathValue("id") || x.properties["name"] == r.PathValue("id") })
	if at < 0 {
		return nil, 0, &failure{404, 1212, "index not found"}
	}
	return c, at, nil
}

func (s *Server) getIndex(r request) (answer, error) {
	c, at, err := r.index()
	if err != nil {
		return answer{}, err
	}
	return answer{status: 200, object: c.describe(c.indexes[at])}, nil
}

func (s *Server) deleteIndex(r request) (answer, error) {
	c, at, err := r.index()
	if err != nil {
		return answer{}, err
	}
	id := c.name + "/" + c.indexes[at].id
	if kind := c.indexes[at].properties["type"]; kind == "primary" || kind == "edge" {
		return answer{}, &failure{403, 11, "forbidden"}
	}
	c.indexes = slices.Delete(c.indexes, at, at+1)
	return answer{status: 200, object: map[string]any{"id": id}}, nil
}
