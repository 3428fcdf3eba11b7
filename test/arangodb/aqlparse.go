package arangodb

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// query is a statement of the part of AQL that data/arango and the clients of
// the tests use: FOR over collections, FILTER, LET, SORT, LIMIT, two forms of
// COLLECT, and RETURN. All else is an error, never another meaning.
type query struct {
	db *database

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
	countAll  bool      // the option fullCount
	fullCount *int      // of the last LIMIT
	deadline  time.Time // by the option maxRuntime
	steps     int
}

// compile reads a query. What it reads of collections is as they are now; the
// server's lock is held.
func (s *Server) compile(db *database, text string, binds map[string]value, unbound bool) (q *query, err error) {
	q = &query{
		db: db, text: text, binds: binds, unbound: unbound,
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
		switch {
		case q.accept("FOR"):
			q.forStatement()
		case q.accept("FILTER"):
			q.rows = &filter{q.rows, q.expression()}
		case q.accept("LET"):
			name := q.name()
			q.expect("=")
			e := q.expression()
			q.rows = &let{q.rows, e, q, q.declare(name)}
		case q.accept("SORT"):
			q.sortStatement()
		case q.accept("LIMIT"):
			q.limitStatement()
		case q.accept("COLLECT"):
			q.collectStatement()
		case q.accept("RETURN"):
			q.result = q.expression()
			if q.peek().kind != endToken {
				q.unexpected()
			}
		default:
			q.unexpected()
		}
	}
}

func (q *query) forStatement() {
	name := q.name()
	q.expect("IN")
	var collection string
	switch t := q.take(); t.kind {
	case dataBindToken:
		collection = q.dataBind(t.text)
	case nameToken:
		collection = t.text
	default:
		q.at--
		q.unexpected()
	}
	q.rows = &loop{in: q.rows, q: q, slot: q.declare(name), documents: q.snapshot(collection), collection: collection}
}

func (q *query) sortStatement() {
	s := &sorted{in: q.rows, q: q}
	for more := true; more; more = q.accept(",") {
		s.keys = append(s.keys, q.expression())
		s.descending = append(s.descending, q.accept("DESC"))
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

// collectStatement knows AGGREGATE name = MAX(...) and WITH COUNT INTO name.
func (q *query) collectStatement() {
	c := &collect{in: q.rows, q: q}
	var name string
	if q.accept("AGGREGATE") {
		name = q.name()
		q.expect("=")
		if t := q.peek(); t.text != "MAX" {
			q.fail(1574, "invalid aggregate expression '"+t.text+"', or one that this test server does not know")
		}
		q.at++
		q.expect("(")
		c.highest = q.expression()
		q.expect(")")
	} else {
		q.expect("WITH")
		if q.name() != "COUNT" {
			q.at--
			q.unexpected()
		}
		q.expect("INTO")
		name = q.name()
	}
	q.scope = map[string]int{} // what was known before is gone
	c.slot = q.declare(name)
	q.rows = c
}

func (q *query) fail(num int, message string) {
	status := 400
	if num == 1203 {
		status = 404
	}
	panic(&failure{status, num, "AQL: " + message + " (while parsing)"})
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
	panic(parseError(q.text, q.peek().pos, "unexpected "+what+", or more of AQL than this test server knows"))
}

func parseError(text string, pos int, message string) *failure {
	line := strings.Count(text[:pos], "\n") + 1
	column := pos - strings.LastIndexByte(text[:pos], '\n')
	near := text[pos:min(len(text), pos+32)]
	return &failure{400, 1501, fmt.Sprintf("AQL: syntax error, %s near '%s' at position %d:%d (while parsing)", message, near, line, column)}
}
