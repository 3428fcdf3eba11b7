package arangodb

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// database is one of the server's. The server's lock guards all that is in it.
type database struct {
	name        string
	collections map[string]*collection
	graphs      map[string]*graph
}

func (d *database) sorted() []*collection {
	return slices.SortedFunc(maps.Values(d.collections), func(a, b *collection) int { return strings.Compare(a.name, b.name) })
}

// collection keeps its documents in the order they came in.
type collection struct {
	id, name  string
	edge      bool
	rev       uint64
	documents []document
	index     map[string]int32 // key to place in documents
	shared    bool             // a query reads documents: what is there stays
	indexes   []index
}

// document is kept as JSON without _key, _id and _rev. One whose key is empty
// was removed.
type document struct {
	key, body string
	rev       uint64
}

// append writes the document as the server gives it.
func (d document) append(out []byte, collection string) []byte {
	out = append(out, `{"_key":`...)
	out = appendString(out, d.key)
	out = append(out, `,"_id":`...)
	out = appendString(out, collection+"/"+d.key)
	out = append(out, `,"_rev":"`...)
	out = append(out, revision(d.rev)...)
	out = append(out, '"')
	if len(d.body) > 2 {
		out = append(out, ',')
	}
	return append(out, d.body[1:]...)
}

// revision is an opaque word that looks like the server's.
func revision(n uint64) string { return "_k" + strconv.FormatUint(1<<40+n, 36) + "---" }

// snapshot is what is there now.
func (c *collection) snapshot() []document {
	c.shared = true
	return c.documents[:len(c.documents):len(c.documents)]
}

// own makes what is there safe to change.
func (c *collection) own() {
	if c.shared {
		c.documents, c.shared = slices.Clone(c.documents), false
	}
}

func (c *collection) get(key string) (document, error) {
	at, ok := c.index[key]
	if !ok {
		return document{}, &failure{404, 1202, "document not found"}
	}
	return c.documents[at], nil
}

// put stores a document under its key, be it new or not.
func (s *Server) put(c *collection, d document) document {
	s.tick++
	d.rev = s.tick
	c.rev = d.rev
	if at, ok := c.index[d.key]; ok {
		c.own()
		c.documents[at] = d
		return d
	}
	c.index[d.key] = int32(len(c.documents))
	c.documents = append(c.documents, d)
	return d
}

func (s *Server) remove(c *collection, key string) {
	s.tick++
	c.rev = s.tick
	c.own()
	c.documents[c.index[key]] = document{}
	delete(c.index, key)
	if len(c.documents) > 2*len(c.index)+64 { // close the gaps
		c.documents = slices.DeleteFunc(c.documents, func(d document) bool { return d.key == "" })
		for at, d := range c.documents {
			c.index[d.key] = int32(at)
		}
	}
}

func (s *Server) truncate(c *collection) {
	s.tick++
	c.rev, c.documents, c.shared, c.index = s.tick, nil, false, map[string]int32{}
}

// read takes a document apart: what the server keeps for itself, and the rest.
// It makes a key where there is none.
func (s *Server) read(c *collection, json string, makeKey bool) (document, error) {
	if json[0] != '{' {
		return document{}, &failure{400, 1227, "invalid document type"}
	}
	var d document
	var err error
	body := make([]byte, 0, len(json))
	body = append(body, '{')
	ends := 0 // of _from and _to
	members(json, func(name, v string) bool {
		switch name {
		case "_key":
			if d.key = parseValue(v).text; v[0] != '"' || !goodKey(d.key) {
				err = &failure{400, 1221, "illegal document key"}
			}
			return err == nil
		case "_id", "_rev":
			return true
		case "_from", "_to":
			if !c.edge {
				return true // only edges have ends: of others the server keeps none
			}
			if id, key, ok := strings.Cut(parseValue(v).text, "/"); v[0] != '"' || !ok || id == "" || !goodKey(key) {
				err = &failure{400, 1233, "edge attribute missing or invalid"}
				return false
			}
			ends++
		}
		if len(body) > 1 {
			body = append(body, ',')
		}
		body = append(append(appendString(body, name), ':'), v...)
		return true
	})
	if err != nil {
		return document{}, err
	}
	if makeKey && c.edge && ends < 2 {
		return document{}, &failure{400, 1233, "edge attribute missing or invalid"}
	}
	if d.key == "" && makeKey {
		for d.key == "" || c.has(d.key) {
			s.tick++
			d.key = fmt.Sprint(s.tick)
		}
	}
	d.body = string(append(body, '}'))
	return d, nil
}

func (c *collection) has(key string) bool { _, ok := c.index[key]; return ok }

// goodKey is the documented form of a key.
func goodKey(key string) bool {
	if key == "" || len(key) > 254 {
		return false
	}
	for i := range len(key) {
		if c := key[i]; !(c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) || strings.IndexByte("_-:.@()+,=;$!*'%", c) >= 0) {
			return false
		}
	}
	return true
}
