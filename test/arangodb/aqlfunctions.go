package arangodb

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// function is one of AQL's, with how many arguments it takes; most < 0: any.
type function struct {
	least, most int
	apply       func(q *query, args []value) value
}

func single(f func(value) value) function {
	return function{1, 1, func(_ *query, args []value) value { return f(args[0]) }}
}

func isKind(k kind) function { return single(func(v value) value { return boolValue(v.kind == k) }) }

var functions map[string]function

func init() {
	functions = map[string]function{
		"ATTRIBUTES":  {1, 3, attributes},
		"COLLECTIONS": {0, 0, func(q *query, _ []value) value { return q.collectionList() }},
		"CONCAT":      {1, -1, concat},
		"DOCUMENT":    {1, 2, lookUp},
		"FLOOR":       single(func(v value) value { return numberValue(math.Floor(toNumber(v))) }),
		"CEIL":        single(func(v value) value { return numberValue(math.Ceil(toNumber(v))) }),
		"ROUND":       single(func(v value) value { return numberValue(math.Floor(toNumber(v) + 0.5)) }),
		"ABS":         single(func(v value) value { return numberValue(math.Abs(toNumber(v))) }),
		"HAS":         {2, 2, has},
		"IS_ARRAY":    isKind(array), "IS_BOOL": isKind(boolean), "IS_NULL": isKind(null), "IS_NUMBER": isKind(number),
		"IS_OBJECT": isKind(object), "IS_STRING": isKind(str),
		"IS_SAME_COLLECTION": {2, 2, sameCollection},
		"KEEP":               {2, -1, func(_ *query, args []value) value { return choose(args, true) }},
		"UNSET":              {2, -1, func(_ *query, args []value) value { return choose(args, false) }},
		"LENGTH":             single(length), "COUNT": single(length),
		"LOWER":            single(func(v value) value { return textValue(strings.ToLower(toString(v))) }),
		"UPPER":            single(func(v value) value { return textValue(strings.ToUpper(toString(v))) }),
		"MAX":              single(func(v value) value { return extreme(v.list(), 1) }),
		"MIN":              single(func(v value) value { return extreme(v.list(), -1) }),
		"SUM":              single(func(v value) value { return sum(v.list()) }),
		"MERGE":            {1, -1, merge},
		"NOT_NULL":         {1, -1, notNull},
		"PARSE_IDENTIFIER": single(parseIdentifier),
		"PARSE_KEY":        single(func(v value) value { return parseIdentifier(v).attribute("key") }),
		"RAND":             {0, 0, func(*query, []value) value { return numberValue(rand.Float64()) }},
		"STARTS_WITH": {2, 2, func(_ *query, args []value) value {
			return boolValue(strings.HasPrefix(toString(args[0]), toString(args[1])))
		}},
		"TO_BOOL":   single(func(v value) value { return boolValue(v.truth()) }),
		"TO_NUMBER": single(func(v value) value { return numberValue(toNumber(v)) }),
		"TO_STRING": single(func(v value) value { return textValue(toString(v)) }),
	}
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

func length(v value) value {
	switch v.kind {
	case null:
		return numberValue(0)
	case boolean:
		return numberValue(v.num)
	case array:
		return numberValue(float64(len(v.list())))
	case object:
		return numberValue(float64(len(v.all())))
	}
	return numberValue(float64(len([]rune(toString(v)))))
}

func concat(_ *query, args []value) value {
	var b strings.Builder
	if len(args) == 1 && args[0].kind == array {
		args = args[0].list()
	}
	for _, a := range args {
		b.WriteString(toString(a))
	}
	return textValue(b.String())
}

// extreme passes over null; of nothing it is null.
func extreme(items []value, sign int) (found value) {
	for _, v := range items {
		if v.kind != null && (found.kind == null || compare(v, found)*sign > 0) {
			found = v
		}
	}
	return found
}

// sum passes over null, and is null where there is anything but numbers.
func sum(items []value) value {
	total := 0.0
	for _, v := range items {
		if v.kind != number && v.kind != null {
			return value{}
		}
		total += v.num
	}
	return numberValue(total)
}

func notNull(_ *query, args []value) value {
	for _, a := range args {
		if a.kind != null {
			return a
		}
	}
	return value{}
}
