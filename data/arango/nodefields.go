package arango

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/pyg"
)

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

// node is what a document has beside its numbers.
type node struct {
	name, label, index, time times
	collection               string
	key                      []byte
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
		return badDocument(a.collection, a.key, "%s is %s, which no number holds", name, v.shown()).Fix("correct it")
	}
	if err != nil {
		n.ignored[name] = true
		return nil
	}
	if !there {
		return nil
	}
	if math.Abs(x) > math.MaxFloat32 {
		return badDocument(a.collection, a.key, "%s is %v, which no float32 holds", name, x).Fix("correct it")
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
			return badDocument(a.collection, a.key, "x[%d] is %s, not a number that float32 holds", len(x), v.shown()).Fix("correct it")
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
		return badDocument(a.collection, a.key, "x has %d values, and %d elsewhere", len(x), n.width).Fix("give every node the same")
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
		return badDocument(a.collection, a.key, "feature_names are %s, and %s elsewhere", listed(all), listed(n.vectorNames)).Fix("give every node the same")
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
		return badDocument(a.collection, a.key, "%s is %s", name, v.shown()).Fix("write true or false")
	}
	if len(n.flags[name]) == row {
		n.flags[name] = append(n.flags[name], set)
	}
	return nil
}

// classOf is the class that a label names.
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
