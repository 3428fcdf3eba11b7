package arangodb

func (q *query) peek() token { return q.tokens[q.at] }

func (q *query) take() token {
	t := q.peek()
	if t.kind == endToken {
		q.unexpected()
	}
	q.at++
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

func (q *query) declare(variable string) int {
	if _, known := q.scope[variable]; known {
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
