package arango

import (
	"bytes"
)

// finder finds the row of an edge's end.
type finder struct {
	nodes   *nodes
	mixed   string // the collection of a mixed graph
	dynamic bool
	named   map[string]int32           // of a static graph, by name
	timed   map[string]map[int64]int32 // of a dynamic graph, by name and time
	alone   []map[string]int32         // of the collections, for ends without one
}

func newFinder(n *nodes, l *Layout, dynamic bool) *finder {
	f := &finder{nodes: n, dynamic: dynamic}
	if l.Mixed {
		f.mixed = l.Name
	}
	for _, c := range l.Vertices {
		f.alone = append(f.alone, n.rows[c])
	}
	return f
}

// row is the row that an end names: by _id, by _key, or by the node's name, in
// a dynamic graph with the edge's own time.
func (f *finder) row(end []byte, at int64) (int32, bool) {
	if i := bytes.IndexByte(end, '/'); i >= 0 {
		if keys, ok := f.nodes.rows[string(end[:i])]; ok {
			row, ok := keys[string(end[i+1:])]
			return row, ok
		}
		return 0, false
	}
	for _, keys := range f.alone {
		if row, ok := keys[string(end)]; ok {
			return row, true
		}
	}
	if f.dynamic {
		row, ok := f.byTime()[string(end)][at]
		return row, ok
	}
	row, ok := f.byName()[string(end)]
	return row, ok
}

func (f *finder) byName() map[string]int32 {
	if f.named == nil {
		f.named = make(map[string]int32, len(f.nodes.name))
		for row, name := range f.nodes.name {
			f.named[name] = int32(row)
		}
	}
	return f.named
}

func (f *finder) byTime() map[string]map[int64]int32 {
	if f.timed == nil {
		f.timed = map[string]map[int64]int32{}
		for row, name := range f.nodes.name {
			if f.timed[name] == nil {
				f.timed[name] = map[int64]int32{}
			}
			f.timed[name][f.nodes.time[row]] = int32(row)
		}
	}
	return f.timed
}
