package arangodb

import (
	"math/rand/v2"
	"slices"
)

// expr is an expression ready to be evaluated: it sees the variables of the row
// at hand in the query's frame.
type expr func() value

func constant(v value) expr { return func() value { return v } }

// binding tells how firmly an operator holds its operands, as AQL's grammar
// has it.
var binding = map[string]int{"||": 1, "OR": 1, "&&": 2, "AND": 2, "==": 3, "!=": 3, "IN": 4, "<": 5, "<=": 5, ">": 5, ">=": 5}

func (q *query) expression() expr { return q.binary(1) }

func (q *query) binary(least int) expr {
	left := q.postfix(q.primary())
	for {
		t := q.peek()
		strength := binding[t.text]
		if t.kind != signToken && t.kind != keywordToken || strength < least {
			return left
		}
		q.at++
		left = operation(t.text, left, q.binary(strength+1))
	}
}

func operation(op string, left, right expr) expr {
	if either := op == "||" || op == "OR"; either || op == "&&" || op == "AND" {
		// The value is one of the operands, and the right one may go unasked.
		return func() value {
			if v := left(); v.truth() == either {
				return v
			}
			return right()
		}
	}
	holds := map[string]func(a, b value) bool{
		"==": equal,
		"!=": func(a, b value) bool { return !equal(a, b) },
		"<":  func(a, b value) bool { return compare(a, b) < 0 },
		"<=": func(a, b value) bool { return compare(a, b) <= 0 },
		">":  func(a, b value) bool { return compare(a, b) > 0 },
		">=": func(a, b value) bool { return compare(a, b) >= 0 },
		"IN": func(a, b value) bool {
			return slices.ContainsFunc(b.list(), func(item value) bool { return equal(a, item) })
		},
	}[op]
	return func() value { return boolValue(holds(left(), right())) }
}

// primary is a literal, a variable, a bind parameter, a call, or an expression
// in brackets.
func (q *query) primary() expr {
	switch t := q.take(); t.kind {
	case numberToken:
		return constant(numberValue(t.num))
	case stringToken:
		return constant(textValue(t.text))
	case bindToken:
		return constant(q.bind(t.text))
	case keywordToken:
		switch t.text {
		case "NULL":
			return constant(value{})
		case "TRUE", "FALSE":
			return constant(boolValue(t.text == "TRUE"))
		}
	case nameToken:
		if q.accept("(") {
			return q.call(t.text)
		}
		slot, known := q.scope[t.text]
		if !known {
			q.snapshot(t.text) // fails where there is no such collection
			q.fail(1568, "collection '"+t.text+"' used as expression operand")
		}
		return func() value { return q.frame[slot] }
	case signToken:
		switch t.text {
		case "(":
			e := q.expression()
			q.expect(")")
			return e
		case "[":
			items := q.list("]")
			return func() value { return listValue(evaluate(items)) }
		case "{":
			return q.objectLiteral()
		}
	}
	q.at--
	q.unexpected()
	return nil
}

// list is expressions up to a bracket, which it takes.
func (q *query) list(end string) (items []expr) {
	for !q.accept(end) {
		items = append(items, q.expression())
		if !q.accept(",") {
			q.expect(end)
			break
		}
	}
	return items
}

func evaluate(parts []expr) []value {
	values := make([]value, len(parts))
	for i, p := range parts {
		values[i] = p()
	}
	return values
}

// objectLiteral knows {a: 1}, {"a": 1} and {a}, which is {a: a}.
func (q *query) objectLiteral() expr {
	var names []string
	var parts []expr
	for !q.accept("}") {
		t := q.take()
		if t.kind != nameToken && t.kind != stringToken {
			q.at--
			q.unexpected()
		}
		if t.kind == stringToken || q.peek().text == ":" {
			q.expect(":")
		} else {
			q.at-- // the name is the value too
		}
		names, parts = append(names, t.text), append(parts, q.expression())
		if !q.accept(",") {
			q.expect("}")
			break
		}
	}
	return func() value {
		var fields []field
		for i, v := range evaluate(parts) {
			fields = set(fields, names[i], v)
		}
		return objectOf(fields)
	}
}

// set gives an attribute its value, the last one if there are several.
func set(fields []field, name string, v value) []field {
	for i, f := range fields {
		if f.name == name {
			fields[i].value = v
			return fields
		}
	}
	return append(fields, field{name, v})
}

// postfix is what follows an operand: a.b, a.@b.
func (q *query) postfix(operand expr) expr {
	for q.accept(".") {
		var name string
		switch t := q.take(); t.kind {
		case nameToken:
			name = t.text
		case bindToken:
			name = toString(q.bind(t.text))
		default:
			q.at--
			q.unexpected()
		}
		from := operand
		operand = func() value { return from().attribute(name) }
	}
	return operand
}

// function is one of AQL's, with the least and the most arguments it takes.
type function struct {
	least, most int
	apply       func(args []value) value
}

const unlimited = 1 << 30 // arguments

var functions = map[string]function{
	"KEEP":      {2, unlimited, func(args []value) value { return choose(args, true) }},
	"UNSET":     {2, unlimited, func(args []value) value { return choose(args, false) }},
	"MERGE":     {1, unlimited, merge},
	"NOT_NULL":  {1, unlimited, notNull},
	"RAND":      {0, 0, func([]value) value { return numberValue(rand.Float64()) }},
	"TO_NUMBER": {1, 1, func(args []value) value { return numberValue(toNumber(args[0])) }},
}

// call is a function's, its opening bracket behind us.
func (q *query) call(name string) expr {
	f, ok := functions[name]
	if !ok {
		q.fail(1540, "usage of unknown function '"+name+"()', or of one that this test server does not know")
	}
	args := q.list(")")
	if len(args) < f.least || len(args) > f.most {
		q.fail(1541, "invalid number of arguments for function '"+name+"()'")
	}
	return func() value { return f.apply(evaluate(args)) }
}

// merge is MERGE: the last of attributes of one name stays. Objects within are
// not merged.
func merge(args []value) value {
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

func notNull(args []value) value {
	for _, a := range args {
		if a.kind != null {
			return a
		}
	}
	return value{}
}
