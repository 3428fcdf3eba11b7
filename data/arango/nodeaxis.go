package arango

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

// minShare is the share of the nodes that must have a number for it to be a
// feature, as of a market's bars; nodes that lack a feature are masked.
const minShare = 0.9

// mask is a flag of all nodes; nil: not every node has it.
func (n *nodes) mask(name string) []bool {
	if m := n.flags[name]; len(m) == len(n.place) {
		return m
	}
	return nil
}

// dynamic reports whether the nodes are symbols at several times: whether a name
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
				return false, fault.Input("%s and %s are both named %s, and the time of %s is not known", n.at(was), n.at(row), name, n.at(r)).At("%s", n.at(r)).Fix("give each node its own symbol, or each its time (open_time)")
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
	return fault.Input("%s and %s are both the node %s of one time", a, b, n.name[row]).At("%s", b).Fix("remove one of them")
}

// choose decides which features there are, and fills x of each row [R, F], NaN
// where a value is missing. without is a column that is no feature.
func (n *nodes) choose(without string, why string) (features []string, x func(row int, to []float32), out []data.DroppedFeature, err error) {
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
			out = append(out, data.DroppedFeature{Name: name, Reason: why})
		case share < minShare:
			out = append(out, data.DroppedFeature{Name: name, Reason: "only " + strconv.FormatFloat(100*share, 'f', 1, 64) + " % of the nodes have it as a number, and 90 % are needed"})
		default:
			features, kept = append(features, name), append(kept, c)
		}
	}
	if len(features) == 0 {
		return nil, nil, out, fault.Input("the nodes have no numbers that could be features, as %s shows", n.at(0)).At("%s", n.at(0)).Fix("give them numeric attributes, or a list x")
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
