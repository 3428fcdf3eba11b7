package arangodb

func (q *query) peek() token { return q.tokens[q.at] }

func (q *query) take() token {
	t := q.peek()
	if t.kind != endToken {
		q.at++
	} else if q.at == len(q.tokens)-1 {
		// A caller that cannot use the end steps back by one.
		q.tokens = append(q.tokens, t)
		q.at++
	}
	return t
}

// accept steps over a sign or keyword if it comes next.
func (q *query) accept(text string) bool {
	t := q.peek()
	if t.kind != signToken && t.kind != keywordToken || t.text != text {
		return false
	}
	q.at++
	return true
}

func (q *query) expect(text string) {
	if !q.accept(text) {
		q.unexpected()
	}
}

func (q *query) name() string {
	if q.peek().kind != nameToken {
		q.unexpected()
	}
	return q.take().text
}

func (q *query) known(variable string) bool {
	_, ok := q.scope[variable]
	return ok
}

func (q *query) declare(variable string) int {
	if q.known(variable) {
		q.fail(1511, "variable '"+variable+"' is assigned multiple times")
	}
	q.scope[variable] = len(q.frame)
	q.frame = append(q.frame, value{})
	return len(q.frame) - 1
}

func (q *query) bind(name string) value {
	q.used[name] = true
	v, ok := q.binds[name]
	if !ok && !q.unbound {
		q.fail(1551, "no value specified for declared bind parameter '"+name+"'")
	}
	return v
}

// dataBind is the collection that a parameter @@name stands for.
func (q *query) dataBind(name string) string {
	v := q.bind("@" + name)
	if v.kind != str && !q.unbound {
		q.fail(1553, "bind parameter '@"+name+"' has an invalid value or type")
	}
	return v.text
}

// snapshot is a collection's documents at the query's beginning.
func (q *query) snapshot(collection string) []document {
	documents, ok := q.reads[collection]
	if ok || collection == "" && q.unbound {
		return documents
	}
	c := q.db.collections[collection]
	if c == nil {
		if q.unbound {
			return nil
		}
		q.fail(1203, "collection or view not found: "+collection)
	}
	documents = c.snapshot()
	q.reads[collection] = documents
	return documents
}

// document is null where there is none.
func (q *query) document(collection, key string) value {
	q.server.mu.Lock()
	defer q.server.mu.Unlock()
	if c := q.db.collections[collection]; c != nil {
		if at, ok := c.index[key]; ok {
			return documentValue(c.documents[at], collection)
		}
	}
	return value{}
}

func (q *query) collectionList() value {
	q.server.mu.Lock()
	defer q.server.mu.Unlock()
	list := []value{}
	for _, c := range q.db.sorted() {
		list = append(list, objectOf([]field{{"_id", textValue(c.id)}, {"name", textValue(c.name)}}))
	}
	return listValue(list)
}

// call is a function's, its opening bracket behind us.
func (q *query) call(name string) expr {
	f, ok := functions[name]
	if !ok {
		q.fail(1540, "usage of unknown function '"+name+"()'")
	}
	if name == "LENGTH" || name == "COUNT" {
		if e, ok := q.size(); ok {
			return e
		}
	}
	var args []expr
	for !q.accept(")") {
		args = append(args, q.argument(name))
		if !q.accept(",") {
			q.expect(")")
			break
		}
	}
	if len(args) < f.least || f.most >= 0 && len(args) > f.most {
		q.fail(1541, "invalid number of arguments for function '"+name+"()'")
	}
	return func() (value, error) {
		values, err := evaluate(args)
		if err != nil {
			return value{}, err
		}
		return f.apply(q, values), nil
	}
}

// argument may be a collection for some functions.
func (q *query) argument(function string) expr {
	collection, ok := q.collectionArgument()
	switch {
	case !ok:
		return q.expression()
	case function != "DOCUMENT" && function != "IS_SAME_COLLECTION":
		q.fail(1568, "collection '"+collection+"' used as expression operand")
	}
	return constant(textValue(collection))
}

func (q *query) collectionArgument() (string, bool) {
	t, after := q.peek(), q.tokens[min(q.at+1, len(q.tokens)-1)]
	switch {
	case t.kind == dataBindToken:
		q.at++
		return q.dataBind(t.text), true
	case t.kind == nameToken && !q.known(t.text) && (after.text == ")" || after.text == ","):
		q.at++
		q.snapshot(t.text) // fails where there is no such collection
		return t.text, true
	}
	return "", false
}

// size is that of a collection, if it is what LENGTH is asked for.
func (q *query) size() (expr, bool) {
	collection, ok := q.collectionArgument()
	if !ok {
		return nil, false
	}
	q.expect(")")
	n := 0
	for _, d := range q.snapshot(collection) {
		if d.key != "" {
			n++
		}
	}
	return constant(numberValue(float64(n))), true
}
