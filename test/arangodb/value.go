package arangodb

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// kind is a type of AQL; their order is the order of values of unlike types.
type kind uint8

const (
	null kind = iota
	boolean
	number
	str
	array
	object
)

func (k kind) String() string {
	return [...]string{"null", "bool", "number", "string", "array", "object"}[k]
}

// value is one of AQL. An array or object that comes from JSON stays text until
// its parts are asked for, and a document stays where it is stored.
type value struct {
	kind   kind
	num    float64 // of a number; 1 for true
	text   string  // of a string; the JSON of a number, array or object that was not made here
	items  []value
	fields []field
	doc    *row // of a document
}

type field struct {
	name  string
	value value
}

// row is a document with the name of its collection.
type row struct {
	document
	collection string
}

func boolValue(b bool) value {
	if b {
		return value{kind: boolean, num: 1}
	}
	return value{kind: boolean}
}

func numberValue(f float64) value {
	if f-f != 0 { // AQL knows no infinity
		return value{}
	}
	return value{kind: number, num: f}
}

func textValue(s string) value      { return value{kind: str, text: s} }
func listValue(items []value) value { return value{kind: array, items: items} }
func objectOf(fields []field) value { return value{kind: object, fields: fields} }
func documentValue(d document, collection string) value {
	return value{kind: object, doc: &row{d, collection}}
}

// parseValue reads canonical JSON.
func parseValue(json string) value {
	switch json[0] {
	case 'n':
		return value{}
	case 't', 'f':
		return boolValue(json[0] == 't')
	case '"':
		return textValue(unquote(json))
	case '[':
		return value{kind: array, text: json}
	case '{':
		return value{kind: object, text: json}
	}
	f, _ := strconv.ParseFloat(json, 64) // canonical
	return value{kind: number, num: f, text: json}
}

// append writes the value as JSON.
func (v value) append(out []byte) []byte {
	switch {
	case v.kind == null:
		return append(out, "null"...)
	case v.kind == boolean:
		return strconv.AppendBool(out, v.num != 0)
	case v.kind == str:
		return appendString(out, v.text)
	case v.doc != nil:
		return v.doc.append(out, v.doc.collection)
	case v.text != "":
		return append(out, v.text...)
	case v.kind == number:
		return appendFloat(out, v.num)
	case v.kind == array:
		out = append(out, '[')
		for i, item := range v.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = item.append(out)
		}
		return append(out, ']')
	}
	out = append(out, '{')
	for i, f := range v.fields {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendString(out, f.name)
		out = append(out, ':')
		out = f.value.append(out)
	}
	return append(out, '}')
}

// attribute is null where there is none.
func (v value) attribute(name string) (found value) {
	switch {
	case v.kind != object:
		return value{}
	case v.doc != nil:
		switch name {
		case "_key":
			return textValue(v.doc.key)
		case "_id":
			return textValue(v.doc.collection + "/" + v.doc.key)
		case "_rev":
			return textValue(revision(v.doc.rev))
		}
		return memberOf(v.doc.body, name)
	case v.text != "":
		return memberOf(v.text, name)
	}
	for _, f := range v.fields {
		if f.name == name {
			return f.value
		}
	}
	return value{}
}

func memberOf(json, name string) (found value) {
	members(json, func(n, v string) bool {
		if n == name {
			found = parseValue(v)
		}
		return n != name
	})
	return found
}

// all is the attributes of an object, in its order.
func (v value) all() []field {
	if v.doc != nil {
		v.text = string(v.append(nil))
	}
	if v.kind != object || v.text == "" {
		return v.fields
	}
	var fields []field
	members(v.text, func(name, json string) bool {
		fields = append(fields, field{name, parseValue(json)})
		return true
	})
	return fields
}

// list is the elements of an array.
func (v value) list() []value {
	if v.kind != array || v.text == "" {
		return v.items
	}
	var items []value
	elements(v.text, func(json string) { items = append(items, parseValue(json)) })
	return items
}

// truth is false for null, 0, "" and false alone.
func (v value) truth() bool {
	switch v.kind {
	case null:
		return false
	case str:
		return v.text != ""
	case boolean, number:
		return v.num != 0
	}
	return true
}

// compare orders two values as AQL's < does, but strings by their bytes, where
// ArangoDB asks the language of the server.
func compare(a, b value) int {
	if c := cmp.Compare(a.kind, b.kind); c != 0 {
		return c
	}
	switch a.kind {
	case boolean, number:
		return cmp.Compare(a.num, b.num)
	case str:
		return strings.Compare(a.text, b.text)
	case array:
		return slices.CompareFunc(a.list(), b.list(), compare)
	case object:
		x, y := a.sorted(), b.sorted()
		// Attributes by name; one that is missing counts as null.
		for len(x) > 0 || len(y) > 0 {
			var l, r value
			switch {
			case len(y) == 0 || len(x) > 0 && x[0].name < y[0].name:
				l, x = x[0].value, x[1:]
			case len(x) == 0 || y[0].name < x[0].name:
				r, y = y[0].value, y[1:]
			default:
				l, r, x, y = x[0].value, y[0].value, x[1:], y[1:]
			}
			if c := compare(l, r); c != 0 {
				return c
			}
		}
	}
	return 0
}

// equal is AQL's ==.
func equal(a, b value) bool { return compare(a, b) == 0 }

func (v value) sorted() []field {
	fields := slices.Clone(v.all())
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return fields
}

// toNumber is TO_NUMBER: what is no number is 0, and an array is its only
// element.
func toNumber(v value) float64 {
	switch v.kind {
	case boolean, number:
		return v.num
	case str:
		f, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64)
		if err == nil && f-f == 0 {
			return f
		}
	case array:
		if items := v.list(); len(items) == 1 {
			return toNumber(items[0])
		}
	}
	return 0
}

// toString is TO_STRING: null is empty, and what has parts is JSON.
func toString(v value) string {
	switch v.kind {
	case null:
		return ""
	case str:
		return v.text
	}
	return string(v.append(nil))
}
