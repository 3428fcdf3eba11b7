package arangodb

import (
	"fmt"
	"maps"
	"strings"
)

// imported counts what came of the lines of an import.
type imported struct {
	created, errors, empty, updated, ignored int
	details                                  []string
}

// imports answers POST /_api/import: one document a line (documents), an array
// of them (list, array), whichever it is (auto), or a line of names and then
// lines of values (no type).
func (s *Server) imports(r request) (answer, error) {
	parameters := r.URL.Query()
	if parameters.Get("collection") == "" {
		return answer{}, &failure{400, 1204, "'collection' is missing, expecting /_api/import?collection=<identifier>"}
	}
	c, err := r.collection(parameters.Get("collection"))
	if err != nil {
		return answer{}, err
	}
	var counts imported
	lines, err := r.importLines(&counts)
	if err != nil {
		return answer{}, err
	}
	w := writing{mode: parameters.Get("onDuplicate"), keepNull: true, mergeObjects: true}
	switch w.mode {
	case "", "error":
		w.mode = "conflict"
	case "ignore", "update", "replace":
	default:
		return answer{}, &failure{400, 400, "invalid value for 'onDuplicate'"}
	}
	prefix := map[string]string{"_from": parameters.Get("fromPrefix"), "_to": parameters.Get("toPrefix")}
	var before collection
	complete := r.flag("complete", false)
	if complete {
		c.snapshot()
		before = *c
		before.index = maps.Clone(c.index)
	}
	if r.flag("overwrite", false) {
		s.truncate(c)
	}
	for i, line := range lines {
		if err := s.importLine(c, line, prefix, w, &counts); err != nil {
			f := err.(*failure)
			if complete {
				*c = before
				return answer{}, f
			}
			counts.errors++
			counts.details = append(counts.details, fmt.Sprintf("at position %d: creating document failed with error '%s', offending document: %s", i+1, f.message, line))
		}
	}
	object := map[string]any{"created": counts.created, "errors": counts.errors, "empty": counts.empty, "updated": counts.updated, "ignored": counts.ignored}
	// An import with errors is told by their count: error stays false.
	if r.flag("details", false) {
		object["details"] = append([]string{}, counts.details...)
	}
	return answer{status: 201, object: object}, nil
}

func (s *Server) importLine(c *collection, line string, prefix map[string]string, w writing, counts *imported) error {
	json, err := canonical([]byte(line))
	if err != nil {
		return &failure{400, 600, "invalid JSON type (expecting object, probably parse error)"}
	}
	if c.edge && json[0] == '{' && prefix["_from"]+prefix["_to"] != "" {
		json = prefixed(json, prefix)
	}
	done, err := s.insert(c, json, w)
	switch {
	case err != nil:
		return err
	case done.ignored:
		counts.ignored++
	case done.old.key != "":
		counts.updated++
	default:
		counts.created++
	}
	return nil
}

// prefixed gives ends of edges that are bare keys their collections.
func prefixed(json string, prefix map[string]string) string {
	fields := parseValue(json).all()
	for i, f := range fields {
		if p := prefix[f.name]; p != "" && (f.value.kind == number || f.value.kind == str && !strings.Contains(f.value.text, "/")) {
			fields[i].value = textValue(strings.TrimSuffix(p, "/") + "/" + toString(f.value))
		}
	}
	return string(objectOf(fields).append(nil))
}

func (r request) importLines(counts *imported) ([]string, error) {
	kind := r.URL.Query().Get("type")
	if kind == "auto" {
		kind = "documents"
		if strings.HasPrefix(strings.TrimLeft(r.body, " \t\r\n"), "[") {
			kind = "list"
		}
	}
	var lines []string
	switch kind {
	case "list", "array":
		text, err := canonical([]byte(r.body))
		if err != nil || text[0] != '[' {
			return nil, &failure{400, 400, "expecting a JSON array in the request"}
		}
		elements(text, func(v string) { lines = append(lines, v) })
		return lines, nil
	case "documents", "":
	default:
		return nil, &failure{400, 10, "invalid value for 'type'"}
	}
	for line := range strings.Lines(r.body) {
		if line = strings.TrimSpace(line); line == "" {
			counts.empty++
		} else {
			lines = append(lines, line)
		}
	}
	if kind == "" {
		return valueLines(lines)
	}
	return lines, nil
}

// valueLines makes documents of lists of values, whose names are in the first.
func valueLines(lines []string) ([]string, error) {
	var rows [][]value
	for _, line := range lines {
		text, err := canonical([]byte(line))
		if err != nil || text[0] != '[' {
			return nil, &failure{400, 400, "no JSON array found in line: " + line}
		}
		rows = append(rows, parseValue(text).list())
	}
	var documents []string
	for _, row := range rows[min(1, len(rows)):] {
		var fields []field
		for i, v := range row[:min(len(row), len(rows[0]))] {
			if v.kind != null {
				fields = append(fields, field{toString(rows[0][i]), v})
			}
		}
		documents = append(documents, string(objectOf(fields).append(nil)))
	}
	return documents, nil
}
