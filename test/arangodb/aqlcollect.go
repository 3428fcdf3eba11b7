package arangodb

import "slices"

// collect gives a row for each group, in the order of their keys.
type collect struct {
	in         rows
	q          *query
	keys       []expr
	aggregates []string
	arguments  []expr
	slots      []int // of the keys, then of the aggregates

	groups []*group
	read   bool
}

type group struct {
	keys   []value
	states []aggregate
}

// aggregate takes the values of a group one by one.
type aggregate interface {
	add(value)
	result() value
}

var aggregates = map[string]func() aggregate{
	"LENGTH": func() aggregate { return new(counted) }, "COUNT": func() aggregate { return new(counted) },
	"MIN": func() aggregate { return &best{sign: -1} }, "MAX": func() aggregate { return &best{sign: 1} },
	"SUM": func() aggregate { return new(summed) }, "AVERAGE": func() aggregate { return &summed{mean: true} }, "AVG": func() aggregate { return &summed{mean: true} },
	"UNIQUE":         func() aggregate { return &distinct{seen: map[string]bool{}} },
	"COUNT_DISTINCT": func() aggregate { return &distinct{seen: map[string]bool{}, count: true} },
}

type counted float64

func (c *counted) add(value)     { *c++ }
func (c *counted) result() value { return numberValue(float64(*c)) }

type best struct {
	sign  int
	found value
}

func (b *best) add(v value)   { b.found = extreme([]value{b.found, v}, b.sign) }
func (b *best) result() value { return b.found }

type summed struct {
	total, n            float64
	mean, spoilt, asked bool
}

func (s *summed) add(v value) {
	s.asked = true
	s.spoilt = s.spoilt || v.kind != number && v.kind != null
	if v.kind == number {
		s.total, s.n = s.total+v.num, s.n+1
	}
}

func (s *summed) result() value {
	switch {
	case s.spoilt || !s.asked: // the sum of no rows is null, that of nulls is 0
		return value{}
	case s.mean:
		return numberValue(s.total / s.n) // of none: null
	}
	return numberValue(s.total)
}

type distinct struct {
	seen  map[string]bool
	all   []value
	count bool
}

func (d *distinct) add(v value) {
	if json := string(v.append(nil)); !d.seen[json] {
		d.seen[json] = true
		d.all = append(d.all, v)
	}
}

func (d *distinct) result() value {
	if d.count {
		return numberValue(float64(len(d.all)))
	}
	return listValue(d.all)
}

func (c *collect) next() (bool, error) {
	if !c.read {
		c.read = true
		if err := c.readAll(); err != nil {
			return false, err
		}
	}
	if len(c.groups) == 0 {
		return false, nil
	}
	g := c.groups[0]
	c.groups = c.groups[1:]
	for i, slot := range c.slots {
		if i < len(g.keys) {
			c.q.frame[slot] = g.keys[i]
		} else {
			c.q.frame[slot] = g.states[i-len(g.keys)].result()
		}
	}
	return true, nil
}

func (c *collect) readAll() error {
	byKey := map[string]*group{}
	find := func(keys []value) *group {
		name := string(listValue(keys).append(nil))
		g := byKey[name]
		if g == nil {
			g = &group{keys: keys}
			for _, a := range c.aggregates {
				g.states = append(g.states, aggregates[a]())
			}
			byKey[name] = g
			c.groups = append(c.groups, g)
		}
		return g
	}
	if len(c.keys) == 0 {
		find(nil) // counts nothing if there is nothing
	}
	for {
		ok, err := c.in.next()
		if err != nil {
			return err
		}
		if !ok {
			slices.SortStableFunc(c.groups, func(a, b *group) int { return slices.CompareFunc(a.keys, b.keys, compare) })
			return nil
		}
		keys, err := evaluate(c.keys)
		if err != nil {
			return err
		}
		g := find(keys)
		for i, argument := range c.arguments {
			v, err := argument()
			if err != nil {
				return err
			}
			g.states[i].add(v)
		}
	}
}
