package arangodb

import (
	"math"
	"slices"
	"time"
)

// rows brings the rows of a query one by one into its frame, so that a cursor
// holds no more of a result than the batch it sends.
type rows interface {
	next() (bool, error)
}

// once is the one row that every query begins with.
type once struct{ done bool }

func (o *once) next() (bool, error) {
	first := !o.done
	o.done = true
	return first, nil
}

type loop struct {
	in         rows
	q          *query
	slot       int
	documents  []document
	collection string

	at   int
	open bool
}

func (l *loop) next() (bool, error) {
	for {
		if l.q.overdue() {
			return false, &failure{410, 1500, "AQL: query killed: it took longer than maxRuntime (while executing)"}
		}
		for l.open && l.at < len(l.documents) {
			d := l.documents[l.at]
			l.at++
			if d.key != "" { // removed
				l.q.frame[l.slot] = documentValue(d, l.collection)
				return true, nil
			}
		}
		if ok, err := l.in.next(); !ok || err != nil {
			return false, err
		}
		l.open, l.at = true, 0
	}
}

// overdue looks at the clock once in a while.
func (q *query) overdue() bool {
	q.steps++
	return q.steps%1024 == 0 && !q.deadline.IsZero() && time.Now().After(q.deadline)
}

type filter struct {
	in        rows
	condition expr
}

func (f *filter) next() (bool, error) {
	for {
		if ok, err := f.in.next(); !ok || err != nil {
			return false, err
		}
		if f.condition().truth() {
			return true, nil
		}
	}
}

type let struct {
	in   rows
	expr expr
	q    *query
	slot int
}

func (l *let) next() (bool, error) {
	if ok, err := l.in.next(); !ok || err != nil {
		return false, err
	}
	l.q.frame[l.slot] = l.expr()
	return true, nil
}

type limit struct {
	in            rows
	q             *query
	offset, count expr

	seen      int // rows asked for
	from, end int
	ready     bool
}

func (l *limit) next() (bool, error) {
	if !l.ready {
		l.ready = true
		var err error
		if l.from, err = limitValue(l.offset, 0); err != nil {
			return false, err
		}
		if l.end, err = limitValue(l.count, math.MaxInt32); err != nil {
			return false, err
		}
		l.end += l.from
	}
	for l.seen < l.end || l.q.countAll && l.q.fullCount == &l.seen {
		if ok, err := l.in.next(); !ok || err != nil {
			return false, err
		}
		if l.seen++; l.seen > l.from && l.seen <= l.end {
			return true, nil
		}
	}
	return false, nil
}

// limitValue is a number of rows; null stands for otherwise, though no
// documentation says so: python-arango writes it.
func limitValue(e expr, otherwise int) (int, error) {
	if e == nil {
		return otherwise, nil
	}
	switch v := e(); {
	case v.kind == null:
		return otherwise, nil
	case v.kind == number && v.num >= 0:
		return int(v.num), nil
	}
	return 0, &failure{400, 1504, "AQL: LIMIT value is not a number, or out of range (while executing)"}
}

// sorted needs all rows before it can give the first.
type sorted struct {
	in         rows
	q          *query
	keys       []expr
	descending []bool

	all  []sortedRow
	read bool
}

type sortedRow struct{ keys, frame []value }

func (s *sorted) next() (bool, error) {
	for !s.read {
		ok, err := s.in.next()
		if err != nil {
			return false, err
		}
		if !ok {
			s.read = true
			slices.SortStableFunc(s.all, s.compare)
			break
		}
		s.all = append(s.all, sortedRow{evaluate(s.keys), slices.Clone(s.q.frame)})
	}
	if len(s.all) == 0 {
		return false, nil
	}
	copy(s.q.frame, s.all[0].frame)
	s.all = s.all[1:]
	return true, nil
}

func (s *sorted) compare(a, b sortedRow) int {
	for i, descending := range s.descending {
		if c := compare(a.keys[i], b.keys[i]); c != 0 {
			if descending {
				return -c
			}
			return c
		}
	}
	return 0
}

// collect gives one row: how many rows there are, or the highest of their
// values. MAX passes over null; of nothing it is null.
type collect struct {
	in      rows
	q       *query
	highest expr // nil: rows are counted
	slot    int
	done    bool
}

func (c *collect) next() (bool, error) {
	if c.done {
		return false, nil
	}
	c.done = true
	n, most := 0, value{}
	for {
		ok, err := c.in.next()
		if err != nil {
			return false, err
		}
		if !ok {
			break
		}
		n++
		if c.highest != nil {
			if v := c.highest(); v.kind != null && (most.kind == null || compare(v, most) > 0) {
				most = v
			}
		}
	}
	if c.highest == nil {
		most = numberValue(float64(n))
	}
	c.q.frame[c.slot] = most
	return true, nil
}
