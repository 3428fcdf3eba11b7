package arangodb

import (
	"encoding/json"
	"net/http"
)

// writing is how a document is to be written, and how much to tell of it.
type writing struct {
	mode                        string // of one that is there: conflict, ignore, update, replace, remove
	keepNull, mergeObjects      bool
	returnNew, returnOld, quiet bool
	checkRevs                   bool // compare the _rev in the document
	match                       string
}

func (r request) writing() writing {
	w := writing{
		mode: r.URL.Query().Get("overwriteMode"), keepNull: r.flag("keepNull", true), mergeObjects: r.flag("mergeObjects", true),
		returnNew: r.flag("returnNew", false), returnOld: r.flag("returnOld", false), quiet: r.flag("silent", false),
		checkRevs: !r.flag("ignoreRevs", true), match: unquoteTag(r.Header.Get("If-Match")),
	}
	switch {
	case r.Method == http.MethodPut:
		w.mode = "replace"
	case r.Method == http.MethodPatch:
		w.mode = "update"
	case r.Method == http.MethodDelete:
		w.mode = "remove"
	case w.mode == "" && r.flag("overwrite", false):
		w.mode = "replace"
	case w.mode == "":
		w.mode = "conflict"
	}
	return w
}

func unquoteTag(tag string) string {
	if len(tag) > 1 && tag[0] == '"' {
		return tag[1 : len(tag)-1]
	}
	return tag
}

// written is what came of a write; old is what was there before.
type written struct {
	now, old document
	ignored  bool
}

// insert stores a document that may be there already.
func (s *Server) insert(c *collection, json string, w writing) (written, error) {
	d, err := s.read(c, json, w.mode != "update")
	if err != nil {
		return written{}, err
	}
	at, there := c.index[d.key]
	switch {
	case !there:
		// An update that finds nothing inserts: it must be whole then.
		if w.mode == "update" {
			if d, err = s.read(c, json, true); err != nil {
				return written{}, err
			}
		}
		return written{now: s.put(c, d)}, nil
	case w.mode == "conflict":
		return written{}, &failure{409, 1210, "unique constraint violated - in index primary of type primary over '_key'; conflicting key: " + d.key}
	case w.mode == "ignore":
		return written{now: c.documents[at], old: c.documents[at], ignored: true}, nil
	}
	return s.change(c, d.key, d, w)
}

// change replaces, updates or removes a document that is there.
func (s *Server) change(c *collection, key string, with document, w writing) (written, error) {
	old, err := c.get(key)
	if err != nil {
		return written{}, err
	}
	if w.match != "" && w.match != revision(old.rev) {
		return written{old: old}, &failure{412, 1200, "conflict, _rev values do not match"}
	}
	with.key = key
	switch w.mode {
	case "remove":
		s.remove(c, key)
		return written{old: old}, nil
	case "update":
		with.body = patch(old.body, with.body, w.keepNull, w.mergeObjects)
	}
	return written{now: s.put(c, with), old: old}, nil
}

// told is the answer to a write of one document.
func (w writing) told(c *collection, done written) map[string]any {
	d := done.now
	if d.key == "" {
		d = done.old
	}
	object := map[string]any{"_id": c.name + "/" + d.key, "_key": d.key, "_rev": revision(d.rev)}
	if done.old.key != "" && !done.ignored && w.mode != "remove" {
		object["_oldRev"] = revision(done.old.rev)
	}
	if w.returnNew && done.now.key != "" {
		object["new"] = json.RawMessage(done.now.append(nil, c.name))
	}
	if w.returnOld && done.old.key != "" {
		object["old"] = json.RawMessage(done.old.append(nil, c.name))
	}
	return object
}

// revOf is the revision that a document in a request says it is of.
func revOf(json string) string { return memberOf(json, "_rev").text }
