package arangodb

import (
	"math"
	"strings"
)

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
			return q.call(strings.ToUpper(t.text))
		}
		if q.peek().text == ":" && q.tokens[q.at+1].text == ":" {
			q.unsupported("functions of users")
		}
		slot, known := q.scope[t.text]
		if !known {
			q.snapshot(t.text) // fails where there is no such collection
			q.fail(1568, "collection '"+t.text+"' used as expression operand")
		}
		return func() (value, error) { return q.frame[slot], nil }
	case signToken:
		switch t.text {
		case "(":
			if next := q.peek(); next.kind == keywordToken && next.text == "FOR" {
				q.unsupported("a subquery")
			}
			e := q.expression()
			q.expect(")")
			return e
		case "[":
			return q.arrayLiteral()
		case "{":
			return q.objectLiteral()
		}
	}
	q.at--
	q.unexpected()
	return nil
}

func (q *query) arrayLiteral() expr {
	var parts []expr
	for !q.accept("]") {
		parts = append(parts, q.expression())
		if !q.accept(",") {
			q.expect("]")
			break
		}
	}
	return func() (value, error) {
		items, err := evaluate(parts)
		return listValue(items), err
	}
}

func evaluate(parts []expr) ([]value, error) {
	values := make([]value, len(parts))
	for i, p := range parts {
		v, err := p()
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// objectLiteral knows {a: 1}, {"a": 1}, {[name]: 1}, {@name: 1} and {a}, which is {a: a}.
func (q *query) objectLiteral() expr {
	var names, parts []expr
	for !q.accept("}") {
		var name expr
		switch t := q.take(); {
		case t.kind == nameToken && q.peek().text != ":":
			q.at--
			names, parts = append(names, constant(textValue(t.text))), append(parts, q.expression())
		case t.kind == nameToken || t.kind == stringToken:
			name = constant(textValue(t.text))
		case t.kind == bindToken:
			name = constant(q.bind(t.text))
		case t.text == "[" && t.kind == signToken:
			name = q.expression()
			q.expect("]")
		default:
			q.at--
			q.unexpected()
		}
		if name != nil {
			q.expect(":")
			names, parts = append(names, name), append(parts, q.expression())
		}
		if !q.accept(",") {
			q.expect("}")
			break
		}
	}
	return func() (value, error) {
		keys, err := evaluate(names)
		if err != nil {
			return value{}, err
		}
		values, err := evaluate(parts)
		if err != nil {
			return value{}, err
		}
		var fields []field
		for i, key := range keys {
			fields = set(fields, toString(key), values[i])
		}
		return objectOf(fields), nil
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

// postfix is what follows an operand: a.b, a.@b, a["b"], a[0].
func (q *query) postfix(operand expr) expr {
	for {
		var index expr
		switch {
		case q.accept("."):
			switch t := q.take(); t.kind {
			case nameToken:
				index = constant(textValue(t.text))
			case bindToken:
				index = constant(q.bind(t.text))
			default:
				q.at--
				q.unexpected()
			}
		case q.accept("["):
			if q.peek().text == "*" {
				q.unsupported("the expansion [*]")
			}
			index = q.expression()
			q.expect("]")
		default:
			return operand
		}
		from := operand
		operand = func() (value, error) {
			v, err := from()
			if err != nil {
				return value{}, err
			}
			i, err := index()
			if err != nil {
				return value{}, err
			}
			return part(v, i), nil
		}
	}
}

func part(v, index value) value {
	switch {
	case v.kind == object:
		return v.attribute(toString(index))
	case v.kind == array && index.kind == number:
		items := v.list()
		i := int(math.Trunc(index.num))
		if i < 0 {
			i += len(items)
		}
		if i >= 0 && i < len(items) {
			return items[i]
		}
	}
	return value{}
}
