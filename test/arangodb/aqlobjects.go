package arangodb

import "strings"

// merge is MERGE: the last of attributes of one name stays. Objects within are
// not merged.
func merge(_ *query, args []value) value {
	if len(args) == 1 && args[0].kind == array {
		args = args[0].list()
	}
	var fields []field
	for _, a := range args {
		if a.kind != object {
			return value{}
		}
		for _, f := range a.all() {
			fields = set(fields, f.name, f.value)
		}
	}
	return objectOf(fields)
}

// choose is KEEP or UNSET: the names come one by one or as an array.
func choose(args []value, keep bool) value {
	if args[0].kind != object {
		return value{}
	}
	named := map[string]bool{}
	for _, a := range args[1:] {
		if a.kind == str {
			named[a.text] = true
		}
		for _, name := range a.list() {
			named[toString(name)] = true
		}
	}
	var fields []field
	if keep && args[0].doc != nil {
		// Documents are many, and the attributes wanted of them few.
		for _, name := range []string{"_key", "_id", "_rev"} {
			if named[name] {
				fields = append(fields, field{name, args[0].attribute(name)})
			}
		}
		members(args[0].doc.body, func(name, json string) bool {
			if named[name] {
				fields = append(fields, field{name, parseValue(json)})
			}
			return true
		})
		return objectOf(fields)
	}
	for _, f := range args[0].all() {
		if named[f.name] == keep {
			fields = append(fields, f)
		}
	}
	return objectOf(fields)
}

// has tells an attribute that is null from one that is missing.
func has(_ *query, args []value) value {
	name := toString(args[1])
	for _, f := range args[0].all() {
		if f.name == name {
			return boolValue(true)
		}
	}
	return boolValue(false)
}

// attributes is ATTRIBUTES(object, without system ones, sorted).
func attributes(_ *query, args []value) value {
	if args[0].kind != object {
		return value{}
	}
	fields := args[0].all()
	if len(args) > 2 && args[2].truth() {
		fields = args[0].sorted()
	}
	names := []value{}
	for _, f := range fields {
		if len(args) < 2 || !args[1].truth() || !strings.HasPrefix(f.name, "_") {
			names = append(names, textValue(f.name))
		}
	}
	return listValue(names)
}

// parseIdentifier splits an _id, or that of a document; null if it is none.
func parseIdentifier(v value) value {
	if v.kind == object {
		v = v.attribute("_id")
	}
	collection, key, ok := strings.Cut(v.text, "/")
	if v.kind != str || !ok {
		return value{}
	}
	return objectOf([]field{{"collection", textValue(collection)}, {"key", textValue(key)}})
}

func sameCollection(_ *query, args []value) value {
	of := func(v value) string {
		if id := parseIdentifier(v); id.kind == object {
			return id.attribute("collection").text
		}
		return toString(v)
	}
	return boolValue(of(args[0]) == of(args[1]))
}

// lookUp is DOCUMENT(id), DOCUMENT(collection, key), or either with an array.
func lookUp(q *query, args []value) value {
	last := args[len(args)-1]
	get := func(v value) value {
		id := toString(v)
		if len(args) == 2 && !strings.Contains(id, "/") {
			id = toString(args[0]) + "/" + id
		}
		collection, key, _ := strings.Cut(id, "/")
		return q.document(collection, key)
	}
	if last.kind != array {
		return get(last)
	}
	found := []value{}
	for _, v := range last.list() {
		if d := get(v); d.kind != null {
			found = append(found, d)
		}
	}
	return listValue(found)
}
