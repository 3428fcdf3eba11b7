package arangodb

import "slices"

// patch is a document with the attributes of another over its own. Without
// keepNull an attribute that is null is taken away; with mergeObjects objects
// within objects are merged too.
func patch(old, over string, keepNull, mergeObjects bool) string {
	merged := patched(parseValue(old), parseValue(over), keepNull, mergeObjects)
	return string(merged.append(nil))
}

func patched(old, over value, keepNull, mergeObjects bool) value {
	fields := slices.Clone(old.all())
	for _, f := range over.all() {
		at := slices.IndexFunc(fields, func(g field) bool { return g.name == f.name })
		switch {
		case f.value.kind == null && !keepNull:
			if at >= 0 {
				fields = slices.Delete(fields, at, at+1)
			}
			continue
		case at >= 0 && mergeObjects && f.value.kind == object && fields[at].value.kind == object:
			f.value = patched(fields[at].value, f.value, keepNull, mergeObjects)
		}
		fields = set(fields, f.name, f.value)
	}
	return objectOf(fields)
}
