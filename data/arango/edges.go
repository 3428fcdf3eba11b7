package arango

import (
	"context"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/fault"
)

// edges are the edges of a prepared graph, column by column [E]. Ends are rows
// of the nodes.
type edges struct {
	origins *Origins
	place   []int
	source  []int32
	target  []int32
	weight  []float32 // NaN where there is none
	attr    []float32 // NaN where there is none
	index   []float64 // NaN where there is none

	weighted, attributed, indexed, negative int
	wide                                    bool // edge_attr of several columns, which is not used

	total    int
	dangling string // the first dangling edge, for a message
}

// edges reads the edges of a graph. Those with an end that does not exist are
// dropped and counted; where most of them are, the graph is not what it seems.
func (d *DB) edges(ctx context.Context, l *Layout, n *nodes, dynamic bool) (*edges, error) {
	e := &edges{origins: &Origins{}}
	f := newFinder(n, l, dynamic)
	for _, collection := range l.Edges {
		number := e.origins.collection(collection)
		err := d.stream(ctx, edgesOf(collection, l.Mixed), nil, func(doc []byte) error {
			return e.add(doc, collection, number, f, &d.report)
		})
		if err != nil {
			return nil, err
		}
	}
	if 2*d.report.Dangling > e.total {
		return nil, fault.Input("%d of the %d edges of %s lead to nodes that do not exist, the first is %s", d.report.Dangling, e.total, l.Name, e.dangling).At("%s", l.Name).Fix("write those nodes, or correct _from and _to")
	}
	if e.weighted > 0 && e.weighted < len(e.place) {
		k := slices.IndexFunc(e.weight, func(w float32) bool { return w != w })
		return nil, fault.Input("the edge has no weight, and %d of the %d edges have one", e.weighted, len(e.place)).At("%s", e.at(k)).Fix("give every edge one, or none")
	}
	if e.attributed > 0 && e.attributed < len(e.place) {
		k := slices.IndexFunc(e.attr, func(w float32) bool { return w != w })
		return nil, fault.Input("the edge has no edge_attr, and %d of the %d edges have one", e.attributed, len(e.place)).At("%s", e.at(k)).Fix("give every edge one, or none")
	}
	return e, nil
}

func (e *edges) at(k int) string { return e.origins.Name(e.place[k]) }

// add reads one document.
func (e *edges) add(doc []byte, collection string, number int, find *finder, report *Report) error {
	e.total++
	var key, from, to, source, target []byte
	weight, attr, index := math.NaN(), math.NaN(), math.NaN()
	hasAttr, edgeWeight := false, false
	when := times{names: nodeTimes}
	numberOf := func(name []byte, v value) (float64, bool, error) {
		w, there, asText, err := v.number()
		if err != nil || math.Abs(w) > math.MaxFloat32 {
			return 0, false, badDocument(collection, attribute(doc, "_key").bytes(), "%s is %s, not a number that float32 holds", name, v.shown()).Fix("correct it")
		}
		if asText {
			report.Strings++
		}
		return w, there, nil
	}
	err := fields(doc, func(name []byte, v value) error {
		when.see(name, v)
		switch string(name) {
		case "_key":
			key = v.bytes()
		case "_from":
			from = v.bytes()
		case "_to":
			to = v.bytes()
		case "source":
			source = v.bytes()
		case "target":
			target = v.bytes()
		case "weight", "edge_weight":
			w, there, err := numberOf(name, v)
			if err != nil {
				return err
			}
			if own := string(name) == "edge_weight"; there && (own || !edgeWeight) {
				weight, edgeWeight = w, own
			}
		case "edge_attr":
			var values int
			one := func(v value) error {
				w, there, err := numberOf(name, v)
				values++
				attr, hasAttr = w, there
				return err
			}
			var err error
			if v.isArray() {
				err = elements(v, one)
			} else if !v.isNull() {
				err = one(v)
			}
			if values > 1 {
				e.wide, hasAttr = true, false
			}
			return err
		case "index":
			if w, there, _, err := v.number(); err == nil && there {
				index = w
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if from == nil {
		from = source
	}
	if to == nil {
		to = target
	}
	if from == nil || to == nil {
		return badDocument(collection, key, "the edge has no _from and _to, nor source and target").Fix("name the nodes it joins")
	}
	at := int64(0)
	if find.dynamic && when.best > 0 {
		if at, err = when.millis(); err != nil {
			return badDocument(collection, key, "%w", err).Fix("correct or remove it")
		}
	}
	a, okA := find.row(from, at)
	b, okB := find.row(to, at)
	if !okA || !okB {
		report.Dangling++
		if e.dangling == "" {
			lacking := from
			if okA {
				lacking = to
			}
			e.dangling = collection + "/" + string(key) + " (" + string(lacking) + ")"
		}
		return nil
	}
	if n := find.nodes; find.dynamic && n.time[a] != n.time[b] {
		return badDocument(collection, key, "the edge joins %s of %s and %s of %s, and all edges join nodes of one time", n.name[a], stamp(n.time[a]), n.name[b], stamp(n.time[b])).Fix("remove it, or correct its ends")
	}
	if weight == weight {
		e.weighted++
		if weight < 0 {
			e.negative++
		}
	}
	if !hasAttr {
		attr = math.NaN()
	} else {
		e.attributed++
	}
	if index == index {
		e.indexed++
	}
	e.place = append(e.place, e.origins.add(number, key))
	e.source, e.target = append(e.source, a), append(e.target, b)
	e.weight, e.attr, e.index = append(e.weight, float32(weight)), append(e.attr, float32(attr)), append(e.index, index)
	return nil
}
