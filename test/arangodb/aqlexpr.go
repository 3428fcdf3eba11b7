package arangodb

import (
	"math"
	"strings"
)

// expr is an expression ready to be evaluated: it sees the variables of the row
// at hand in the query's frame.
type expr func() (value, error)

func constant(v value) expr { return func() (value, error) { return v, nil } }

// binding tells how firmly an operator holds its operands, as AQL's grammar
// has it.
var binding = map[string]int{
	"||": 1, "OR": 1, "&&": 2, "AND": 2, "==": 3, "!=": 3, "LIKE": 3, "IN": 4, "NOT IN": 4,
	"<": 5, "<=": 5, ">": 5, ">=": 5, "..": 6, "+": 7, "-": 7, "*": 8, "/": 8, "%": 8,
}

// expression is a whole one: a ternary, or less.
func (q *query) expression() expr {
	condition := q.binary(1)
	if !q.accept("?") {
		return condition
	}
	then := condition // a ?: b
	if !q.accept(":") {
		then = q.expression()
		q.expect(":")
	}
	otherwise := q.expression()
	return func() (value, error) {
		c, err := condition()
		switch {
		case err != nil:
			return value{}, err
		case c.truth():
			return then()
		}
		return otherwise()
	}
}

func (q *query) binary(least int) expr {
	left := q.unary()
	for {
		op := ""
		if t := q.peek(); t.kind == signToken || t.kind == keywordToken {
			op = t.text
			if next := q.tokens[min(q.at+1, len(q.tokens)-1)]; op == "NOT" && next.kind == keywordToken && next.text == "IN" {
				op = "NOT IN"
			}
		}
		strength := binding[op]
		if strength < least || strength == 0 {
			return left
		}
		q.at += len(strings.Fields(op))
		left = operation(op, left, q.binary(strength+1))
	}
}

func (q *query) unary() expr {
	for _, op := range []string{"!", "NOT", "-", "+"} {
		if !q.accept(op) {
			continue
		}
		operand := q.unary()
		return func() (value, error) {
			v, err := operand()
			switch {
			case err != nil:
				return value{}, err
			case op == "-":
				return numberValue(-toNumber(v)), nil
			case op == "+":
				return numberValue(toNumber(v)), nil
			}
			return boolValue(!v.truth()), nil
		}
	}
	return q.postfix(q.primary())
}

func operation(op string, left, right expr) expr {
	switch op {
	case "||", "OR", "&&", "AND":
		// The value is one of the operands, and the right one may go unasked.
		either := op == "||" || op == "OR"
		return func() (value, error) {
			v, err := left()
			if err != nil || v.truth() == either {
				return v, err
			}
			return right()
		}
	}
	return func() (value, error) {
		a, err := left()
		if err != nil {
			return value{}, err
		}
		b, err := right()
		if err != nil {
			return value{}, err
		}
		if op == ".." {
			return numbers(toNumber(a), toNumber(b))
		}
		return operate(op, a, b), nil
	}
}

// numbers is a range, which may go down.
func numbers(from, to float64) (value, error) {
	from, to = math.Trunc(from), math.Trunc(to)
	if math.Abs(to-from) >= 1e6 {
		return value{}, &failure{500, 32, "AQL: this test server makes ranges of a million at most (while executing)"}
	}
	items := []value{}
	for f := from; ; f += math.Copysign(1, to-from) {
		items = append(items, numberValue(f))
		if f == to {
			return listValue(items), nil
		}
	}
}

func operate(op string, a, b value) value {
	switch op {
	case "==":
		return boolValue(equal(a, b))
	case "!=":
		return boolValue(!equal(a, b))
	case "<":
		return boolValue(compare(a, b) < 0)
	case "<=":
		return boolValue(compare(a, b) <= 0)
	case ">":
		return boolValue(compare(a, b) > 0)
	case ">=":
		return boolValue(compare(a, b) >= 0)
	case "IN", "NOT IN":
		found := false
		for _, item := range b.list() {
			found = found || equal(a, item)
		}
		return boolValue(found == (op == "IN"))
	case "LIKE":
		return boolValue(like(toString(a), toString(b)))
	}
	x, y := toNumber(a), toNumber(b)
	switch op {
	case "+":
		return numberValue(x + y)
	case "-":
		return numberValue(x - y)
	case "*":
		return numberValue(x * y)
	case "/":
		return numberValue(x / y) // by zero: null
	}
	return numberValue(math.Mod(x, y))
}

// like matches % to any text and _ to any character.
func like(s, pattern string) bool {
	if pattern == "" {
		return s == ""
	}
	switch rest := pattern[1:]; {
	case pattern[0] == '%':
		return like(s, rest) || s != "" && like(s[1:], pattern)
	case s == "":
		return false
	case pattern[0] == '_':
		_, after := cutRune(s)
		return like(after, rest)
	case pattern[0] == '\\' && rest != "":
		return s[0] == rest[0] && like(s[1:], rest[1:])
	default:
		return s[0] == pattern[0] && like(s[1:], rest)
	}
}

func cutRune(s string) (first, rest string) {
	for i := range s {
		if i > 0 {
			return s[:i], s[i:]
		}
	}
	return s, ""
}
