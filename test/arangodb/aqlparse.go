package arangodb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// query is a statement of the subset of AQL that the clients of the tests use:
// FOR, FILTER, LET, SORT, LIMIT, COLLECT and RETURN. All else is an error.
type query struct {
	server *Server
	db     *database

	text   string
	tokens []token
	at     int

	binds     map[string]value
	unbound   bool            // it is only looked at: parameters need no values
	used      map[string]bool // names of parameters, data ones with an @ before
	reads     map[string][]document
	scope     map[string]int // variable to its place in frame
	frame     []value        // the row at hand
	rows      rows
	result    expr
	distinct  bool
	countAll  bool      // the option fullCount
	fullCount *int      // of the last LIMIT
	deadline  time.Time // by the option maxRuntime
	steps     int
}

// compile reads a query. What it reads of collections is as they are now; the
// server's lock is held.
func (s *Server) compile(db *database, text string, binds map[string]value, unbound bool) (q *query, err error) {
	q = &query{
		server: s, db: db, text: text, binds: binds, unbound: unbound,
		used: map[string]bool{}, reads: map[string][]document{}, scope: map[string]int{}, rows: &once{},
	}
	defer func() {
		if p := recover(); p != nil {
			failure, ours := p.(*failure)
			if !ours {
				panic(p)
			}
			q, err = nil, failure
		}
	}()
	if q.tokens, err = lex(text); err != nil {
		return nil, err
	}
	q.statements()
	for _, name := range slices.Sorted(maps.Keys(binds)) {
		if !q.used[name] {
			q.fail(1552, "bind parameter '"+name+"' was not declared in the query")
		}
	}
	return q, nil
}

func (q *query) statements() {
	for q.result == nil {
		switch t := q.take(); {
		case t.kind == keywordToken && t.text == "FOR":
			q.forStatement()
		case t.kind == keywordToken && t.text == "FILTER":
			q.rows = &filter{q.rows, q.expression()}
		case t.kind == keywordToken && t.text == "LET":
			name := q.name()
			q.expect("=")
			e := q.expression()
			q.rows = &let{q.rows, e, q, q.declare(name)}
		case t.kind == keywordToken && t.text == "SORT":
			q.sortStatement()
		case t.kind == keywordToken && t.text == "LIMIT":
			q.limitStatement()
		case t.kind == keywordToken && t.text == "COLLECT":
			q.collectStatement()
		case t.kind == keywordToken && t.text == "RETURN":
			q.distinct = q.accept("DISTINCT")
			q.result = q.expression()
			if q.peek().kind != endToken {
				q.unexpected()
			}
		case t.kind == keywordToken && slices.Contains([]string{"INSERT", "UPDATE", "REPLACE", "REMOVE", "UPSERT", "WINDOW", "WITH"}, t.text):
			q.unsupported(t.text)
		default:
			q.at--
			q.unexpected()
		}
	}
}

func (q *query) forStatement() {
	name := q.name()
	if q.peek().text == "," {
		q.unsupported("a traversal")
	}
	q.expect("IN")
	var list expr
	var documents []document
	collection := ""
	switch t := q.peek(); {
	case t.kind == dataBindToken:
		collection = q.dataBind(q.take().text)
		documents = q.snapshot(collection)
	case t.kind == nameToken && q.tokens[q.at+1].text != "(" && !q.known(t.text):
		collection = q.take().text
		documents = q.snapshot(collection)
	default:
		list = q.expression()
		if t := q.peek(); t.kind == keywordToken && slices.Contains([]string{"INBOUND", "OUTBOUND", "ANY", "GRAPH"}, t.text) {
			q.unsupported("a traversal")
		}
	}
	if t := q.peek(); t.kind == nameToken && strings.EqualFold(t.text, "OPTIONS") {
		q.at++
		q.expression() // hints to the optimizer
	}
	q.rows = &loop{in: q.rows, q: q, slot: q.declare(name), list: list, documents: documents, collection: collection}
}

func (q *query) sortStatement() {
	s := &sorted{in: q.rows, q: q}
	for {
		s.keys = append(s.keys, q.expression())
		descending := q.accept("DESC")
		if !descending {
			q.accept("ASC")
		}
		s.descending = append(s.descending, descending)
		if !q.accept(",") {
			break
		}
	}
	q.rows = s
}

func (q *query) limitStatement() {
	l := &limit{in: q.rows, q: q}
	l.count = q.expression()
	if q.accept(",") {
		l.offset, l.count = l.count, q.expression()
	}
	q.fullCount = &l.seen
	q.rows = l
}

func (q *query) collectStatement() {
	c := &collect{in: q.rows, q: q}
	var names []string
	for q.peek().kind == nameToken {
		names = append(names, q.name())
		q.expect("=")
		c.keys = append(c.keys, q.expression())
		if !q.accept(",") {
			break
		}
	}
	if q.accept("AGGREGATE") {
		for {
			names = append(names, q.name())
			q.expect("=")
			t := q.take()
			function := strings.ToUpper(t.text)
			if aggregates[function] == nil {
				q.fail(1574, "invalid aggregate expression '"+t.text+"'")
			}
			q.expect("(")
			argument := constant(value{})
			if !q.accept(")") {
				argument = q.expression()
				q.expect(")")
			}
			c.aggregates, c.arguments = append(c.aggregates, function), append(c.arguments, argument)
			if !q.accept(",") {
				break
			}
		}
	}
	if q.accept("WITH") {
		if t := q.take(); !strings.EqualFold(t.text, "COUNT") {
			q.at--
			q.unexpected()
		}
		q.expect("INTO")
		names = append(names, q.name())
		c.aggregates, c.arguments = append(c.aggregates, "LENGTH"), append(c.arguments, constant(value{}))
	}
	if q.peek().text == "INTO" {
		q.unsupported("COLLECT ... INTO")
	}
	if len(names) == 0 {
		q.unexpected()
	}
	q.scope = map[string]int{} // what was known before is gone
	for _, name := range names {
		c.slots = append(c.slots, q.declare(name))
	}
	q.rows = c
}

func (q *query) fail(num int, message string) {
	status := 400
	if num == 1203 {
		status = 404
	}
	panic(&failure{status, num, "AQL: " + message + " (while parsing)"})
}

func (q *query) unsupported(what string) {
	panic(parseError(q.text, q.tokens[max(0, q.at-1)].pos, "this test server does not know "+what))
}

func (q *query) unexpected() {
	what := "end of query string"
	switch t := q.peek(); {
	case t.kind == keywordToken:
		what = t.text + " keyword"
	case t.kind == nameToken:
		what = "identifier"
	case t.kind != endToken:
		what = "'" + t.text + "'"
	}
	panic(parseError(q.text, q.peek().pos, "unexpected "+what))
}

func parseError(text string, pos int, message string) *failure {
	line := strings.Count(text[:pos], "\n") + 1
	column := pos - strings.LastIndexByte(text[:pos], '\n')
	near := text[pos:min(len(text), pos+32)]
	return &failure{400, 1501, fmt.Sprintf("AQL: syntax error, %s near '%s' at position %d:%d (while parsing)", message, near, line, column)}
}
