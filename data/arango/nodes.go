package arango

import (
	"context"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// nodes are the nodes of a prepared graph, column by column [R]: of a dynamic
// graph, one row is one symbol at one time.
type nodes struct {
	origins *Origins
	rows    map[string]map[string]int32 // of collection and key

	place []int     // in origins
	name  []string  // symbol, node or name, else made of the key
	time  []int64   // Unix ms; 0: none
	y     []int64   // class, pyg.Unlabelled where there is none
	close []float64 // NaN where there is none
	ret   []float64 // NaN where there is none
	index []float64 // NaN where there is none
	flags map[string][]bool

	columns     map[string]*column
	vector      []float32 // [R, width] attribute x, NaN where there is none
	width       int       // 0: no node has x
	vectors     int       // nodes that have x
	vectorNames []string  // feature_names

	labelled, priced, returned int
	noTime                     string // why the last node without time has none
	noTimeAt                   int
	ignored                    map[string]bool
	report                     *Report
}

// column is a number of the nodes, NaN where it is missing.
type column struct {
	values []float32 // shorter than R where the last nodes lack it
	there  int
}

// at is the value of a row.
func (c *column) at(row int) float32 {
	if row < len(c.values) {
		return c.values[row]
	}
	return float32(math.NaN())
}

// nodes reads the nodes of a graph.
func (d *DB) nodes(ctx context.Context, l *Layout) (*nodes, error) {
	n := &nodes{
		origins: &Origins{}, rows: map[string]map[string]int32{}, flags: map[string][]bool{},
		columns: map[string]*column{}, ignored: map[string]bool{}, report: &d.report,
	}
	for _, collection := range l.Vertices {
		n.rows[collection] = map[string]int32{}
		number := n.origins.collection(collection)
		err := d.stream(ctx, nodesOf(collection, l.Mixed), nil, func(doc []byte) error {
			return n.add(doc, collection, number)
		})
		if err != nil {
			return nil, err
		}
	}
	if len(n.place) == 0 {
		if l.Mixed {
			return nil, fault.Input("GRAPH_COLLECTION_NAME=%s holds no document of type \"node\"", l.Name).At("GRAPH_COLLECTION_NAME").Fix("give nodes type \"node\" and edges type \"edge\", or name a graph")
		}
		return nil, fault.Input("graph %s has no nodes in %s", l.Name, listed(l.Vertices)).At("%s", l.Name).Fix("write them, or name another graph")
	}
	for name := range n.ignored {
		if c := n.columns[name]; c == nil {
			d.report.Ignored = append(d.report.Ignored, name)
		}
	}
	slices.Sort(d.report.Ignored)
	return n, nil
}

// add reads one document.
func (n *nodes) add(doc []byte, collection string, number int) error {
	row := len(n.place)
	a := node{
		name: times{names: nameAttributes}, label: times{names: labelAttributes}, index: times{names: indexAttributes}, time: times{names: nodeTimes},
		collection: collection, key: attribute(doc, "_key").bytes(),
	}
	nan := math.NaN()
	n.close, n.ret = append(n.close, nan), append(n.ret, nan)
	if err := n.attributes(doc, row, &a, true); err != nil {
		return err
	}
	n.place = append(n.place, n.origins.add(number, a.key))
	n.rows[collection][string(a.key)] = int32(row)

	at := int64(0)
	ms, err := a.time.millis()
	if err == nil {
		at = ms
	} else {
		n.noTime, n.noTimeAt = err.Error(), row
	}
	n.time = append(n.time, at)
	if a.name.best > 0 {
		n.name = append(n.name, a.name.v.text())
	} else {
		n.name = append(n.name, nameOf(a.key, at))
	}
	class, err := classOf(a.label)
	if err != nil {
		return badDocument(collection, a.key, "%s %s is no class", labelAttributes[a.label.best-1], a.label.v.shown()).Fix("write %d (down), %d (flat), %d (up), or null where there is none", data.Down, data.Flat, data.Up)
	}
	if class != pyg.Unlabelled {
		n.labelled++
	}
	n.y = append(n.y, class)
	index, there, _, err := a.index.v.number()
	if err != nil || !there {
		index = nan
	}
	n.index = append(n.index, index)
	for len(n.vector) < (row+1)*n.width {
		n.vector = append(n.vector, float32(nan))
	}
	return nil
}

// at names a row for a message.
func (n *nodes) at(row int) string { return n.origins.Name(n.place[row]) }
