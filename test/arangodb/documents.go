package arangodb

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// text is the body as canonical JSON.
func (r request) text() (string, error) {
	text, err := canonical([]byte(r.body))
	if err != nil {
		return "", &failure{400, 600, "VPackError error: Expecting digit"}
	}
	return text, nil
}

// status is that of a write: the clients tell by it whether it was synced.
func (r request) status(synced, not int) int {
	if r.flag("waitForSync", false) {
		return synced
	}
	return not
}

func (s *Server) postDocument(r request) (answer, error) {
	c, err := r.collection(r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	text, err := r.text()
	if err != nil {
		return answer{}, err
	}
	w := r.writing()
	if text[0] == '[' {
		return many(text, w, r.status(201, 202), func(text string) (map[string]any, error) {
			done, err := s.insert(c, text, w)
			return w.told(c, done), err
		})
	}
	done, err := s.insert(c, text, w)
	if err != nil {
		return answer{}, err
	}
	return one(w, w.told(c, done), r.status(201, 202)), nil
}

func one(w writing, told map[string]any, status int) answer {
	if w.quiet {
		return answer{status: status, raw: []byte("{}")}
	}
	return answer{status: status, raw: encode(told), header: map[string]string{"Etag": fmt.Sprintf("%q", told["_rev"])}}
}

// many does something with each element of an array. What fails is told in its
// place, and counted in a header.
func many(text string, w writing, status int, each func(string) (map[string]any, error)) (answer, error) {
	if text[0] != '[' {
		return answer{}, &failure{400, 400, "expecting a JSON array in the request"}
	}
	list := []any{}
	errors := map[int]int{}
	elements(text, func(element string) {
		told, err := each(element)
		if err != nil {
			f := err.(*failure)
			errors[f.num]++
			told = errorObject(f)
		}
		if !w.quiet || err != nil {
			list = append(list, told)
		}
	})
	a := answer{status: status, raw: encode(list)}
	if len(errors) > 0 {
		var counts []string
		for _, num := range slices.Sorted(maps.Keys(errors)) {
			counts = append(counts, fmt.Sprintf("%d:%d", num, errors[num]))
		}
		a.header = map[string]string{"X-Arango-Error-Codes": strings.Join(counts, ",")}
	}
	return a, nil
}

// getDocument answers HEAD too.
func (s *Server) getDocument(r request) (answer, error) {
	c, err := r.collection(r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	d, err := c.get(r.PathValue("key"))
	if err != nil {
		return answer{}, err
	}
	rev := revision(d.rev)
	header := map[string]string{"Etag": `"` + rev + `"`}
	if match := unquoteTag(r.Header.Get("If-Match")); match != "" && match != rev {
		return answer{}, &failure{412, 1200, "conflict, _rev values do not match"}
	}
	if unquoteTag(r.Header.Get("If-None-Match")) == rev {
		return answer{status: http.StatusNotModified, header: header}, nil
	}
	return answer{status: 200, header: header, raw: d.append(nil, c.name)}, nil
}

// oneDocument replaces, updates or removes.
func (s *Server) oneDocument(r request) (answer, error) {
	c, err := r.collection(r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	w := r.writing()
	var with document
	if w.mode != "remove" {
		text, err := r.text()
		if err != nil {
			return answer{}, err
		}
		if with, err = s.read(c, text, false); err != nil {
			return answer{}, err
		}
		if w.checkRevs && w.match == "" {
			w.match = revOf(text)
		}
	}
	done, err := s.change(c, r.PathValue("key"), with, w)
	if err != nil {
		return answer{}, err
	}
	return one(w, w.told(c, done), r.status(map[bool]int{true: 200, false: 201}[w.mode == "remove"], 202)), nil
}

// manyDocuments does the same to many, by the _key in each; or only gets them.
func (s *Server) manyDocuments(r request) (answer, error) {
	c, err := r.collection(r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	text, err := r.text()
	if err != nil {
		return answer{}, err
	}
	w := r.writing()
	get := r.Method == http.MethodPut && r.flag("onlyget", false)
	status := r.status(201, 202)
	if get || w.mode == "remove" {
		status = 200
	}
	return many(text, w, status, func(text string) (map[string]any, error) {
		key := parseValue(text)
		if key.kind == object {
			key = key.attribute("_key")
		}
		if _, of, ok := strings.Cut(key.text, "/"); ok {
			key.text = of
		}
		if key.kind != str {
			return nil, &failure{400, 1221, "illegal document key"}
		}
		if get {
			d, err := c.get(key.text)
			var told map[string]any
			if err == nil {
				err = json.Unmarshal(d.append(nil, c.name), &told)
			}
			return told, err
		}
		var with document
		w := w
		if w.mode != "remove" {
			var err error
			if with, err = s.read(c, text, false); err != nil {
				return nil, err
			}
		}
		if w.checkRevs && text[0] == '{' {
			w.match = revOf(text)
		}
		done, err := s.change(c, key.text, with, w)
		if err != nil {
			return nil, err
		}
		return w.told(c, done), nil
	})
}
