package arango

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/pyg"
)

// minShare is the share of the nodes that must have a number for it to be a
// feature, as of a market's bars; nodes that lack a feature are masked.
const minShare = 0.9

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

// Flags of nodes.
var flagNames = []string{"train_mask", "val_mask", "test_mask", "node_mask"}

// Attributes of nodes that are no features, with the order they count in where
// several mean the same.
var (
	nameAttributes  = []string{"symbol", "node", "name"}
	labelAttributes = []string{"y", "label", "target"}
	indexAttributes = []string{"index", "node_index"}
	plainAttributes = []string{"_key", "_from", "_to", "type", "interval", "saved_by", "feature_names"}
)

// classNames are the classes that a label may name in words.
var classNames = map[string]int64{
	"down": data.Down, "flat": data.Flat, "sideways": data.Flat, "up": data.Up,
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
			return nil, refusal("GRAPH_COLLECTION_NAME=%s holds no document of type \"node\": give nodes type \"node\" and edges type \"edge\", or name a graph", l.Name)
		}
		return nil, refusal("graph %s has no nodes in %s: write them, or name another graph", l.Name, listed(l.Vertices))
	}
	for name := range n.ignored {
		if c := n.columns[name]; c == nil {
			d.report.Ignored = append(d.report.Ignored, name)
		}
	}
	slices.Sort(d.report.Ignored)
	return n, nil
}

// node is what a document says beside its numbers.
type node struct {
	name, label, index, time times
	collection               string
	key                      []byte
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
		return refuse(collection, a.key, "%s %s is no class: write %d (down), %d (flat), %d (up), or null where there is none", labelAttributes[a.label.best-1], a.label.v.shown(), data.Down, data.Flat, data.Up)
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

// attributes sees the attributes of a document, and of the object `attributes`
// in it.
func (n *nodes) attributes(object []byte, row int, a *node, outer bool) error {
	return fields(object, func(field []byte, v value) error {
		name := string(field)
		a.name.see(field, v)
		a.label.see(field, v)
		a.index.see(field, v)
		a.time.see(field, v)
		switch {
		case name == "attributes" && outer && v.isObject():
			return n.attributes(v, row, a, false)
		case slices.Contains(flagNames, name):
			return n.flag(name, row, v, a)
		case (name == "x" || name == "features") && v.isArray():
			return n.features(row, v, a)
		case name == "feature_names" && v.isArray():
			return n.nameFeatures(v, a)
		case slices.Contains(nameAttributes, name), slices.Contains(labelAttributes, name), slices.Contains(indexAttributes, name),
			slices.Contains(nodeTimes, name), slices.Contains(plainAttributes, name):
			return nil
		}
		return n.number(name, row, v, a)
	})
}

// number sees an attribute that may be a feature. A string that is no number is
// a missing value: whether the attribute is a feature is decided at the end.
func (n *nodes) number(name string, row int, v value, a *node) error {
	x, there, asText, err := v.number()
	if err != nil && v.isNumber() {
		return refuse(a.collection, a.key, "%s is %s, which no number holds: correct it", name, v.shown())
	}
	if err != nil {
		n.ignored[name] = true
		return nil
	}
	if !there {
		return nil
	}
	if math.Abs(x) > math.MaxFloat32 {
		return refuse(a.collection, a.key, "%s is %v, which no float32 holds: correct it", name, x)
	}
	if asText {
		n.report.Strings++
	}
	switch name {
	case "close":
		n.close[row] = x
		n.priced++
	case "ret":
		n.ret[row] = x
		n.returned++
		return nil
	}
	c := n.columns[name]
	if c == nil {
		c = &column{}
		n.columns[name] = c
	}
	if row < len(c.values) {
		return nil // once outside and once in attributes
	}
	for len(c.values) < row {
		c.values = append(c.values, float32(math.NaN()))
	}
	c.values = append(c.values, float32(x))
	c.there++
	return nil
}

// features sees the vector x.
func (n *nodes) features(row int, v value, a *node) error {
	if len(n.vector) > row*n.width && n.width > 0 {
		return nil // both x and features
	}
	var x []float32
	err := elements(v, func(v value) error {
		f, there, asText, err := v.number()
		switch {
		case err != nil || math.Abs(f) > math.MaxFloat32:
			return refuse(a.collection, a.key, "x[%d] is %s, not a number that float32 holds: correct it", len(x), v.shown())
		case !there:
			f = math.NaN()
		case asText:
			n.report.Strings++
		}
		x = append(x, float32(f))
		return nil
	})
	if err != nil {
		return err
	}
	if n.width == 0 && len(x) > 0 {
		n.width = len(x)
		n.vector = slices.Repeat([]float32{float32(math.NaN())}, row*n.width) // of those before
	}
	if len(x) != n.width {
		return refuse(a.collection, a.key, "x has %d values, and %d elsewhere: give every node the same", len(x), n.width)
	}
	n.vector = append(n.vector, x...)
	n.vectors++
	return nil
}

func (n *nodes) nameFeatures(v value, a *node) error {
	var all []string
	_ = elements(v, func(v value) error {
		all = append(all, v.text())
		return nil
	})
	if n.vectorNames != nil && !slices.Equal(all, n.vectorNames) {
		return refuse(a.collection, a.key, "feature_names are %s, and %s elsewhere: give every node the same", listed(all), listed(n.vectorNames))
	}
	n.vectorNames = all
	return nil
}

// flag sees a mask: a truth value, or 0 or 1.
func (n *nodes) flag(name string, row int, v value, a *node) error {
	set := false
	switch string(v) {
	case "true", "1":
		set = true
	case "false", "0":
	default:
		return refuse(a.collection, a.key, "%s is %s: write true or false", name, v.shown())
	}
	if len(n.flags[name]) == row {
		n.flags[name] = append(n.flags[name], set)
	}
	return nil
}

// mask is a flag of all nodes; nil: not every node has it.
func (n *nodes) mask(name string) []bool {
	if m := n.flags[name]; len(m) == len(n.place) {
		return m
	}
	return nil
}

// classOf is the class that a label says.
func classOf(label times) (int64, error) {
	if label.best == 0 {
		return pyg.Unlabelled, nil
	}
	if class, ok := classNames[label.v.text()]; ok {
		return class, nil
	}
	v, there, _, err := label.v.number()
	if err != nil || !there {
		return 0, strconv.ErrSyntax
	}
	class := int64(v)
	if float64(class) != v || class != pyg.Unlabelled && (class < data.Down || class > data.Up) {
		return 0, strconv.ErrRange
	}
	return class, nil
}

// nameOf is the name in a key such as BTCUSDT_1717200000000, whose end is the
// document's time; any other key is the name itself.
func nameOf(key []byte, at int64) string {
	if i := bytes.LastIndexByte(key, '_'); i > 0 && at > 0 {
		if ms, err := value(key[i+1:]).millis(); err == nil && ms == at {
			return string(key[:i])
		}
	}
	return string(key)
}

// at names a row for a message.
func (n *nodes) at(row int) string { return n.origins.Name(n.place[row]) }

// dynamic tells whether the nodes are symbols at several times: whether a name
// comes again.
func (n *nodes) dynamic() (bool, error) {
	first := make(map[string]int, len(n.name))
	for row, name := range n.name {
		was, again := first[name]
		if !again {
			first[name] = row
			continue
		}
		for _, r := range []int{row, was} {
			if n.time[r] == 0 {
				return false, refusal("%s and %s are both named %s, and the time of %s is not known: give each node its own symbol, or each its time (open_time)",
					n.at(was), n.at(row), name, n.at(r))
			}
		}
		if n.time[row] == n.time[was] {
			return false, n.twice(was, row)
		}
		return true, nil
	}
	return false, nil
}

func (n *nodes) twice(was, row int) error {
	a, b := n.at(was), n.at(row)
	if b < a {
		a, b = b, a
	}
	return refusal("%s and %s are both the node %s of one time: remove one of them", a, b, n.name[row])
}

// choose decides which features there are, and fills x of each row [R, F], NaN
// where a value is missing. without is a column that is no feature.
func (n *nodes) choose(without string, why string) (features []string, x func(row int, to []float32), out []data.LeftOut, err error) {
	if n.width > 0 {
		features = n.vectorNames
		if len(features) != n.width {
			features = nil
			for j := range n.width {
				features = append(features, "x_"+strconv.Itoa(j))
			}
		}
		return features, func(row int, to []float32) { copy(to, n.vector[row*n.width:(row+1)*n.width]) }, nil, nil
	}
	var kept []*column
	for _, name := range sortedKeys(n.columns) {
		c := n.columns[name]
		share := float64(c.there) / float64(len(n.place))
		switch {
		case name == without && len(n.columns) > 1:
			out = append(out, data.LeftOut{Name: name, Reason: why})
		case share < minShare:
			out = append(out, data.LeftOut{Name: name, Reason: "only " + strconv.FormatFloat(100*share, 'f', 1, 64) + " % of the nodes have it as a number, and 90 % are needed"})
		default:
			features, kept = append(features, name), append(kept, c)
		}
	}
	if len(features) == 0 {
		return nil, nil, out, refusal("the nodes have no numbers that could be features, as %s shows: give them numeric attributes, or a list x", n.at(0))
	}
	return features, func(row int, to []float32) {
		for j, c := range kept {
			to[j] = c.at(row)
		}
	}, out, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// order is the rows in node order: by index where each has its own, else by
// collection and key, where all are whole numbers (as adbpyg-adapter makes them)
// by their value. The server's order may differ from one reading to the next.
func (n *nodes) order() []int {
	rows := make([]int, len(n.place))
	for i := range rows {
		rows[i] = i
	}
	seen := map[float64]bool{}
	for _, v := range n.index {
		seen[v] = true // NaN is never the same again
	}
	byIndex := len(seen) == len(rows) && !slices.ContainsFunc(n.index, math.IsNaN)
	byNumber := !slices.ContainsFunc(n.place, func(place int) bool {
		return bytes.ContainsFunc(n.origins.Key(place), func(r rune) bool { return r < '0' || r > '9' })
	})
	slices.SortFunc(rows, func(a, b int) int {
		if byIndex {
			return cmp.Compare(n.index[a], n.index[b])
		}
		x, y := n.origins.Key(n.place[a]), n.origins.Key(n.place[b])
		shorter := 0
		if byNumber {
			shorter = cmp.Compare(len(x), len(y))
		}
		return cmp.Or(cmp.Compare(n.origins.Collection(n.place[a]), n.origins.Collection(n.place[b])), shorter, bytes.Compare(x, y))
	})
	return rows
}
