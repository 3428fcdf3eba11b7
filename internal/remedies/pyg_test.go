package remedies

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/pyg"
)

// values are those of one attribute: numbers with a shape, of a type of PyTorch,
// or names.
type values struct {
	numbers []float64
	shape   []int
	kind    string // float, long, bool; empty: names
	names   []string
}

func (v values) tensor() any {
	switch v.kind {
	case "float":
		return pyg.NewTensor(converted(v.numbers, func(x float64) float32 { return float32(x) }), v.shape...)
	case "long":
		return pyg.NewTensor(converted(v.numbers, func(x float64) int64 { return int64(x) }), v.shape...)
	case "bool":
		return pyg.NewTensor(converted(v.numbers, func(x float64) bool { return x != 0 }), v.shape...)
	}
	return v.names
}

func converted[T any](all []float64, f func(float64) T) []T {
	out := make([]T, len(all))
	for i, x := range all {
		out[i] = f(x)
	}
	return out
}

// graphNodes is N of the graph of these trials.
const graphNodes = 30

// ring makes a good graph, and sets what reads it.
func (w *world) ring() {
	w.dir = w.t.TempDir()
	w.vars["DATA_SOURCE"], w.vars["DATA_DIR"] = "pyg", filepath.Join(w.dir, "g.pt")
	delete(w.vars, "SYMBOLS")
	x := values{shape: []int{graphNodes, 2}, kind: "float"}
	edges := values{shape: []int{2, graphNodes}, kind: "long", numbers: make([]float64, 2*graphNodes)}
	y := values{shape: []int{graphNodes}, kind: "long"}
	for i := range graphNodes {
		x.numbers = append(x.numbers, float64(i%7), float64(i%5))
		edges.numbers[i], edges.numbers[graphNodes+i] = float64(i), float64((i+1)%graphNodes)
		y.numbers = append(y.numbers, float64(i%3))
	}
	w.graph = map[string]values{"x": x, "edge_index": edges, "y": y}
}

// readsGraph is what a run does up to its dataset.
func readsGraph(w *world) error {
	dict := new(pyg.Dict)
	for _, name := range slices.Sorted(maps.Keys(w.graph)) {
		dict.Set(name, w.graph[name].tensor())
	}
	f, err := os.Create(w.vars["DATA_DIR"])
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	if err := pyg.Save(f, dict); err != nil {
		w.t.Fatal(err)
	}
	c, err := config.Load(environ(w))
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		w.t.Fatal(err)
	}
	file, err := pyg.ReadData(f, info.Size())
	if err == nil {
		_, err = data.FromPyG(file, nil, c.Data, c.Train.Seed)
	}
	if err == nil {
		return nil
	}
	g := fault.Of(err)
	if g.Where == "" {
		g = g.At("g.pt") // which the job names
	}
	return g
}

// attribute is the one that a fault of a graph is about: the first that it names.
func attribute(w *world, f *fault.Error) string {
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(f.What, -1) {
		if _, ok := w.graph[word]; ok {
			return word
		}
	}
	return "y"
}

// each changes every number of the attribute that a fault is about.
func each(change func(float64) float64) func(*world, *fault.Error, []string) bool {
	return func(w *world, f *fault.Error, _ []string) bool {
		name := attribute(w, f)
		v := w.graph[name]
		v.numbers = converted(v.numbers, change)
		w.graph[name] = v
		return true
	}
}

// as changes the type of the attribute that a fault is about.
func as(kind string) func(*world, *fault.Error, []string) bool {
	return func(w *world, f *fault.Error, _ []string) bool {
		name := attribute(w, f)
		v := w.graph[name]
		v.kind = kind
		w.graph[name] = v
		return true
	}
}

func anewGraph(w *world, _ *fault.Error, _ []string) bool {
	w.ring()
	return true
}

// byPyG follow the remedies of graphs.
var byPyG = append([]step{
	{regexp.MustCompile(`^give nodes other classes too`), anewGraph},
	{regexp.MustCompile(`add 1: y\[`), each(func(x float64) float64 { return x + 1 })},
	{regexp.MustCompile(`^subtract 1`), each(func(x float64) float64 { return max(x-1, 0) })},
	{regexp.MustCompile(`where 1 means up, make it 2`), each(func(x float64) float64 { return 2 * x })},
	{regexp.MustCompile(`make y = 1 \+ \(r > b\)\.long\(\) - \(r < -b\)\.long\(\)`), func(w *world, _ *fault.Error, _ []string) bool {
		y := w.graph["y"]
		y.numbers, y.kind = converted(y.numbers, func(r float64) float64 {
			switch {
			case r > 0.001:
				return 2
			case r < -0.001:
				return 0
			}
			return 1
		}), "long"
		w.graph["y"] = y
		return true
	}},
	{regexp.MustCompile(`\.long\(\)`), as("long")},
	{regexp.MustCompile(`\.bool\(\)`), as("bool")},
	{regexp.MustCompile(`\.nan_to_num\(0, 0, 0\)`), each(func(x float64) float64 {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return 0
		}
		return x
	})},
	{regexp.MustCompile(`save (\w+)\.where\(\w+\.abs\(\) < 1e30, 0\)`), each(func(x float64) float64 {
		if math.Abs(x) < 1e30 {
			return x
		}
		return 0
	})},
	{regexp.MustCompile(`\.clamp\(min=0\)`), each(func(x float64) float64 { return max(x, 0) })},
	{regexp.MustCompile(`\.t\(\)|\.T\b`), func(w *world, _ *fault.Error, _ []string) bool {
		w.ring() // its edges are [2, E]
		return true
	}},
	{regexp.MustCompile(`without (\w+)$|leave (\w+) out`), func(w *world, _ *fault.Error, g []string) bool {
		delete(w.graph, g[1]+g[2])
		return true
	}},
	{regexp.MustCompile(`x\[:, None\]|x\.flatten\(1\)`), func(w *world, _ *fault.Error, _ []string) bool {
		x := w.graph["x"]
		x.shape = []int{x.shape[0], len(x.numbers) / x.shape[0]}
		w.graph["x"] = x
		return true
	}},
	{regexp.MustCompile(`save edge_index\[:, k\], where k = \(edge_index\.clamp\(0, 29\)`), func(w *world, _ *fault.Error, _ []string) bool {
		e, kept := w.graph["edge_index"], [2][]float64{}
		for k, source := range e.numbers[:graphNodes] {
			if target := e.numbers[graphNodes+k]; min(source, target) >= 0 && max(source, target) < graphNodes {
				kept[0], kept[1] = append(kept[0], source), append(kept[1], target)
			}
		}
		e.numbers, e.shape = slices.Concat(kept[0], kept[1]), []int{2, len(kept[0])}
		w.graph["edge_index"] = e
		return true
	}},
	{regexp.MustCompile(`^(save|give|correct|drop|name|number|make) `), anewGraph},
}, byVariables...)

// put replaces an attribute.
func put(name string, v values) func(*world) { return func(w *world) { w.graph[name] = v } }

// ofEach are values for each node, which f gives.
func ofEach(kind string, f func(i int) float64) values {
	v := values{shape: []int{graphNodes}, kind: kind}
	for i := range graphNodes {
		v.numbers = append(v.numbers, f(i))
	}
	return v
}

// labels are those that f gives.
func labels(kind string, f func(i int) float64) func(*world) { return put("y", ofEach(kind, f)) }

var wrongGraphs = map[string]func(*world){
	"labels -1, 0, 1":          labels("long", func(i int) float64 { return float64(i%3 - 1) }),
	"labels 1, 2, 3":           labels("long", func(i int) float64 { return float64(i%3 + 1) }),
	"labels 0, 1":              labels("long", func(i int) float64 { return float64(i % 2) }),
	"one class":                labels("long", func(int) float64 { return 2 }),
	"no label":                 labels("long", func(int) float64 { return -100 }),
	"returns":                  labels("float", func(i int) float64 { return math.Sin(float64(i)) / 10 }),
	"labels of seven classes":  labels("long", func(i int) float64 { return float64(i % 7) }),
	"a feature that is NaN":    func(w *world) { w.graph["x"].numbers[5] = math.NaN() },
	"an infinite feature":      func(w *world) { w.graph["x"].numbers[5] = math.Inf(1) },
	"infinities of both signs": func(w *world) { w.graph["x"].numbers[0] = math.Inf(-1); w.graph["x"].numbers[9] = math.NaN() },
	"an infinity clipped":      func(w *world) { w.graph["x"].numbers[5] = math.MaxFloat32 },
	"a return of 1e31":         put("ret", ofEach("float", func(i int) float64 { return 1e31 * float64(i) })),
	"no x":                     func(w *world) { delete(w.graph, "x") },
	"no edge_index":            func(w *world) { delete(w.graph, "edge_index") },
	"no y":                     func(w *world) { delete(w.graph, "y") },
	"edges in columns":         func(w *world) { e := w.graph["edge_index"]; e.shape = []int{graphNodes, 2}; w.graph["edge_index"] = e },
	"an edge to nowhere":       func(w *world) { w.graph["edge_index"].numbers[3] = 99 },
	"an edge to -1":            func(w *world) { w.graph["edge_index"].numbers[graphNodes+3] = -1 },
	"a feature in one axis":    put("x", values{numbers: ofEach("float", func(i int) float64 { return float64(i % 7) }).numbers, shape: []int{graphNodes}, kind: "float"}),
	"features of windows":      func(w *world) { x := w.graph["x"]; x.shape = []int{graphNodes, 1, 2}; w.graph["x"] = x },
	"a label of the graph":     put("y", values{numbers: []float64{1}, kind: "long"}),
	"labels in words":          put("y", values{names: slices.Repeat([]string{"up", "down", "flat"}, graphNodes/3)}),
	"edges as floats":          func(w *world) { e := w.graph["edge_index"]; e.kind = "float"; w.graph["edge_index"] = e },
	"a weight below 0":         put("edge_weight", values{numbers: slices.Repeat([]float64{-1}, graphNodes), shape: []int{graphNodes}, kind: "float"}),
	"a mask of another length": put("train_mask", values{numbers: []float64{1, 0}, shape: []int{2}, kind: "bool"}),
	"folds":                    put("fold", values{numbers: make([]float64, graphNodes), shape: []int{graphNodes}, kind: "long"}),
	"a set of three":           put("set", ofEach("long", func(i int) float64 { return float64(i / 12) })),
	"a phase as a mask":        put("phase", ofEach("bool", func(i int) float64 { return float64(i / 20) })),
	"too few names":            put("symbols", values{names: []string{"A", "B"}}),
	"a name twice":             put("symbols", values{names: slices.Repeat([]string{"A"}, graphNodes)}),
}

func TestTheRemedyOfAWrongGraphIsOne(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(wrongGraphs)) {
		t.Run(name, func(t *testing.T) {
			w := &world{vars: maps.Clone(basis)}
			one := trial{name: name, check: readsGraph, steps: byPyG, prepare: func(w *world) {
				w.ring()
				wrongGraphs[name](w)
			}}
			one.try(t, w)
		})
	}
}
