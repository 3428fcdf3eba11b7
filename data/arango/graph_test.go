package arango

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/pyg"
	"github.com/streamforge/gnn-trainer/test/arangodb"
)

// The one small graph that the shapes below are shapes of: BTC -> ETH, ETH -> BTC, SOL -> BTC.
var (
	smallX = []float32{1.5, 10, 2.5, 20, 3.5, 30}
	smallY = []int64{data.Down, data.Up, pyg.Unlabelled}
	smallE = []int64{1, 2, 0, 0, 0, 1}
	smallW = []float32{0.5, 0.25, 0.75}
)

func small() pyg.Data {
	return pyg.Data{NumNodes: 3, NumFeatures: 2, X: smallX, Y: smallY, EdgeIndex: smallE, EdgeWeight: smallW}
}

func TestAPreparedGraphOfEachShapeIsReadAsTheSameGraph(t *testing.T) {
	mixed := func(more func(kind string, d doc) doc) func(*arangodb.Server) {
		return func(s *arangodb.Server) {
			for _, d := range []doc{
				{"_key": "SOL", "attributes": doc{"return_1": 3.5, "volume": "30", "y": nil}},
				{"_key": "BTC", "attributes": doc{"return_1": 1.5, "volume": 10, "y": 0}},
				{"_key": "ETH", "attributes": doc{"volume": 20, "return_1": "2.5", "y": 2}},
			} {
				insert(s, "g", false, more("node", d))
			}
			for _, d := range []doc{
				{"source": "BTC", "target": "ETH", "weight": "0.75"}, {"source": "g/SOL", "target": "g/BTC", "weight": 0.25}, {"source": "ETH", "target": "BTC", "weight": 0.5},
			} {
				insert(s, "g", false, more("edge", d))
			}
		}
	}
	for _, shape := range []struct {
		name string
		make func(s *arangodb.Server)
	}{
		{"a named graph with attributes at the top", func(s *arangodb.Server) {
			s.CreateGraph("market", "g", nil, arangodb.EdgeDefinition{Collection: "e", From: []string{"v"}, To: []string{"v"}})
			insert(s, "v", false, doc{"_key": "SOL", "return_1": 3.5, "volume": "30"}, doc{"_key": "BTC", "return_1": 1.5, "volume": 10, "y": 0}, doc{"_key": "ETH", "return_1": 2.5, "volume": 20, "y": 2})
			insert(s, "e", true, doc{"_from": "v/SOL", "_to": "v/BTC", "weight": 0.25}, doc{"_from": "v/BTC", "_to": "v/ETH", "weight": 0.75}, doc{"_from": "v/ETH", "_to": "v/BTC", "weight": 0.5})
		}},
		{"a named graph of adbpyg-adapter, with a list x", func(s *arangodb.Server) {
			s.CreateGraph("market", "g", nil, arangodb.EdgeDefinition{Collection: "e", From: []string{"v"}, To: []string{"v"}})
			names := []string{"return_1", "volume"}
			insert(s, "v", false, doc{"_key": "2", "symbol": "SOL", "x": []any{3.5, 30}, "y": -100, "feature_names": names}, doc{"_key": "0", "symbol": "BTC", "x": []any{1.5, "10"}, "y": 0, "feature_names": names},
				doc{"_key": "1", "symbol": "ETH", "x": []any{2.5, 20}, "y": 2, "feature_names": names})
			insert(s, "e", true, doc{"_from": "v/2", "_to": "v/0", "edge_weight": 0.25}, doc{"_from": "v/0", "_to": "v/1", "edge_weight": 0.75}, doc{"_from": "v/1", "_to": "v/0", "edge_weight": 0.5})
		}},
		{"one collection of nodes and edges", mixed(func(kind string, d doc) doc { d["type"] = kind; return d })},
		{"an edge collection of no named graph", func(s *arangodb.Server) {
			insert(s, "v", false, doc{"_key": "a", "name": "SOL", "return_1": 3.5, "volume": 30, "index": 2}, doc{"_key": "c", "name": "BTC", "return_1": 1.5, "volume": 10, "label": "down", "index": 0}, doc{"_key": "b", "name": "ETH", "return_1": 2.5, "volume": 20, "label": "up", "index": 1})
			insert(s, "g", true, doc{"_from": "v/a", "_to": "v/c", "weight": 0.25}, doc{"_from": "v/c", "_to": "v/b", "weight": 0.75}, doc{"_from": "v/b", "_to": "v/c", "weight": 0.5})
		}},
		{"a named graph of two vertex and two edge collections", func(s *arangodb.Server) {
			s.CreateGraph("market", "g", nil, arangodb.EdgeDefinition{Collection: "e", From: []string{"v1", "v2"}, To: []string{"v1"}}, arangodb.EdgeDefinition{Collection: "f", From: []string{"v1"}, To: []string{"v1"}})
			insert(s, "v2", false, doc{"_key": "SOL", "return_1": 3.5, "volume": "30"})
			insert(s, "v1", false, doc{"_key": "BTC", "return_1": 1.5, "volume": 10, "y": 0}, doc{"_key": "ETH", "return_1": 2.5, "volume": 20, "y": 2})
			insert(s, "e", true, doc{"_from": "v2/SOL", "_to": "v1/BTC", "weight": 0.25}, doc{"_from": "v1/BTC", "_to": "v1/ETH", "weight": 0.75})
			insert(s, "f", true, doc{"_from": "v1/ETH", "_to": "v1/BTC", "weight": 0.5})
		}},
	} {
		t.Run(shape.name, func(t *testing.T) {
			s, c := serve(t, arangodb.Options{})
			shape.make(s)
			g, report, err := readGraph(t.Context(), open(t, c), Choice{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(g.Features, []string{"return_1", "volume"}) || !slices.Equal(g.File.Symbols, []string{"BTC", "ETH", "SOL"}) {
				t.Errorf("features %v of %v", g.Features, g.File.Symbols)
			}
			if want := small(); !reflect.DeepEqual(g.File.Data, want) {
				t.Errorf("got  %+v\nwant %+v", g.File.Data, want)
			}
			if report.Nodes != 3 || report.Edges != 3 || report.Documents != 6 || report.Other != 0 {
				t.Errorf("%+v", report)
			}
		})
	}
}

func TestWhatIsToleratedInAPreparedGraphIsCounted(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	for i := range 20 { // enough that one node may lack a number
		insert(s, "g", false, doc{"_key": "N" + string(rune('a'+i)), "type": "node", "p": i, "q": "1", "note": "text", "rare": []any{1, nil}[min(i, 1)], "y": i % 3})
	}
	insert(s, "g", false, doc{"_key": "lame", "type": "node", "p": 1, "q": "", "y": 1},
		doc{"_key": "e1", "type": "edge", "source": "Na", "target": "Nb", "weight": -0.5}, doc{"_key": "e2", "type": "edge", "source": "Na", "target": "Nb", "weight": "-0.5"},
		doc{"_key": "e3", "type": "edge", "source": "Na", "target": "gone", "weight": 1}, doc{"_key": "e4", "type": "edge", "source": "lame", "target": "Nb", "weight": 1},
		doc{"_key": "e5", "type": "edge", "source": "Nc", "target": "Nb", "weight": 0.5}, doc{"_key": "meta", "created": "today"})
	g, r, err := readGraph(t.Context(), open(t, c), Choice{})
	if err != nil {
		t.Fatal(err)
	}
	want := Report{Documents: 26, Strings: 21, Other: 1, Nodes: 21, Masked: 1, Edges: 2, Duplicates: 1, Dangling: 1, MaskedEdges: 1, Ignored: []string{"note"}}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	if !slices.Equal(g.Features, []string{"p", "q"}) || !reflect.DeepEqual(g.Dropped, []data.DroppedFeature{{Name: "rare", Reason: "only 4.8 % of the nodes have it as a number, and 90 % are needed"}}) {
		t.Errorf("features %v, left out %v", g.Features, g.Dropped)
	}
	f := g.File.Data
	if f.NodeMask[20] || f.Y[20] != pyg.Unlabelled || f.X[40] != 0 {
		t.Errorf("the node that lacks q takes part: %v %v %v", f.NodeMask[20], f.Y[20], f.X[40:])
	}
	if !slices.Equal(f.EdgeWeight, []float32{0, 0.5}) || !slices.Equal(f.EdgeAttr, []float32{-0.5, 0.5}) {
		t.Errorf("a negative weight became weight %v and attr %v", f.EdgeWeight, f.EdgeAttr)
	}
	if _, err := data.FromPyG(g.File, nil, dataConfig(), 1); err != nil {
		t.Errorf("it makes no dataset: %v", err)
	}
}

func dataConfig() data.Config {
	return data.Config{
		Recipe:       data.Recipe{GraphWindow: 10, EdgeTopK: 1, EdgeReturns: data.EdgeReturnsRaw},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetClose, Horizons: data.Horizons{1}},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	}
}

func TestAPreparedGraphThatMeansNothingIsRejectedWithItsDocument(t *testing.T) {
	node := func(key string, more doc) doc {
		d := doc{"_key": key, "type": "node", "p": 1.5, "y": 1}
		for k, v := range more {
			d[k] = v
		}
		return d
	}
	edge := func(key, from, to string, more doc) doc {
		d := doc{"_key": key, "type": "edge", "source": from, "target": to}
		for k, v := range more {
			d[k] = v
		}
		return d
	}
	for _, c := range []struct {
		name string
		docs []any
		want string
	}{
		{"no node", []any{doc{"_key": "1", "price": 1}}, `GRAPH_COLLECTION_NAME=g holds no document of type "node": give nodes type "node" and edges type "edge", or name a graph`},
		{"a class that is none", []any{node("a", doc{"y": 3})}, `y 3 is no class, g/a: write 0 (down), 1 (flat), 2 (up), or null where there is none`},
		{"a label in other words", []any{node("a", doc{"y": nil, "label": "moon"})}, `label "moon" is no class, g/a: write 0 (down), 1 (flat), 2 (up), or null where there is none`},
		{"no feature", []any{doc{"_key": "a", "type": "node", "colour": "red"}}, `the nodes have no numbers that could be features, as g/a shows: give them numeric attributes, or a list x`},
		{"a number beyond float32", []any{node("a", doc{"p": 1e300})}, `p is 1e+300, which no float32 holds, g/a: correct it`},
		{"lists of different length", []any{node("a", doc{"x": []int{1, 2}}), node("b", doc{"x": []int{1}})}, `x has 1 values, and 2 elsewhere, g/b: give every node the same`},
		{"a list with a word", []any{node("a", doc{"x": []any{1, "much"}})}, `x[1] is "much", not a number that float32 holds, g/a: correct it`},
		{"a mask that is none", []any{node("a", doc{"train_mask": "maybe"})}, `train_mask is "maybe", g/a: write true or false`},
		{
			"two nodes of one name",
			[]any{node("a", doc{"symbol": "BTC"}), node("b", doc{"symbol": "BTC"})},
			`g/a and g/b are both named BTC, and the time of g/b is not known: give each node its own symbol, or each its time (open_time)`,
		},
		{
			"one node twice at a time",
			[]any{node("a", doc{"symbol": "BTC", "ts": 1717200000000}), node("b", doc{"symbol": "BTC", "ts": "1717200000"})},
			`g/a and g/b are both the node BTC of one time: remove one of them`,
		},
		{"an edge without ends", []any{node("a", nil), doc{"_key": "e", "type": "edge", "weight": 1}}, `the edge has no _from and _to, nor source and target, g/e: name the nodes it joins`},
		{"a weight that is none", []any{node("a", nil), edge("e", "a", "a", doc{"weight": "heavy"})}, `weight is "heavy", not a number that float32 holds, g/e: correct it`},
		{"weights of some edges only", []any{node("a", nil), node("b", nil), edge("e", "a", "b", doc{"weight": 1}), edge("f", "b", "a", nil)}, `the edge has no weight, and 1 of the 2 edges have one, g/f: give every edge one, or none`},
		{
			"edges that contradict each other",
			[]any{node("a", nil), node("b", nil), edge("f", "a", "b", doc{"weight": 1}), edge("e", "a", "b", doc{"weight": 2})},
			`g/e and g/f join the same two nodes with weights 2 and 1: remove one of them`,
		},
		{
			"edges to nowhere",
			[]any{node("a", nil), edge("e", "a", "x", nil), edge("f", "a", "y", nil), edge("h", "a", "a", nil)},
			`2 of the 3 edges of g lead to nodes that do not exist, the first is g/e (x): write those nodes, or correct _from and _to`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, config := serve(t, arangodb.Options{})
			skipUnordered(t, s, c.name)
			insert(s, "g", false, c.docs...)
			_, _, err := readGraph(t.Context(), open(t, config), Choice{})
			mustReject(t, err, c.want)
		})
	}
}

func TestNodesAreChosenByNameInTheOrderAskedFor(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	for i, k := range []string{"A", "B", "C"} {
		insert(s, "g", false, doc{"_key": k, "type": "node", "p": i})
	}
	insert(s, "g", false, doc{"type": "edge", "source": "A", "target": "C"}, doc{"type": "edge", "source": "B", "target": "C"})
	d := open(t, c)
	g, r, err := readGraph(t.Context(), d, Choice{Symbols: []string{"C", "A"}})
	if err != nil {
		t.Fatal(err)
	}
	if f := g.File; !slices.Equal(f.Symbols, []string{"C", "A"}) || !slices.Equal(f.Data.X, []float32{2, 0}) || !slices.Equal(f.Data.EdgeIndex, []int64{1, 0}) || r.Outside != 1 {
		t.Errorf("%+v, %+v", f, r)
	}
	_, _, err = readGraph(t.Context(), d, Choice{Symbols: []string{"C", "D"}})
	mustReject(t, err, "SYMBOLS names D, and the graph's nodes are A, B, C: choose among these, or unset it")
	g, r, err = readGraph(t.Context(), d, Choice{Exclude: []string{"B"}})
	if err != nil || !slices.Equal(g.File.Symbols, []string{"A", "C"}) || !slices.Equal(g.File.Data.EdgeIndex, []int64{0, 1}) || r.Outside != 1 {
		t.Errorf("without B: %+v, %v", g, err)
	}
	_, _, err = readGraph(t.Context(), d, Choice{Exclude: []string{"B", "X"}})
	mustReject(t, err, "EXCLUDE names X, and the graph's nodes are A, B, C: choose among these, or unset it")
}

const hour = int64(time.Hour / time.Millisecond)

const noon = 1717243200000 // 2024-06-01T12:00:00Z

func TestADynamicGraphIsReadMomentByMoment(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	// Three moments; ETH is missing at the second.
	insert(s, "g", false,
		doc{"_key": "BTC_1717243200000", "type": "node", "open_time": noon, "p": 1, "close": 100, "y": 0}, doc{"_key": "ETH_1717243200000", "type": "node", "open_time": noon, "p": 2, "close": 10, "y": 1},
		doc{"_key": "x7", "symbol": "BTC", "type": "node", "ts": (noon + hour) * 1000, "p": 3, "close": 101, "y": "up"},
		doc{"_key": "x8", "symbol": "BTC", "type": "node", "timestamp": "2024-06-01T14:00:00Z", "p": 4, "close": 99, "y": nil}, doc{"_key": "x9", "node": "ETH", "type": "node", "time": (noon + 2*hour) / 1000, "p": 5, "close": 9, "y": nil},
		doc{"type": "edge", "source": "g/BTC_1717243200000", "target": "g/ETH_1717243200000", "weight": 0.5}, doc{"type": "edge", "source": "ETH", "target": "BTC", "open_time": noon + 2*hour, "weight": -0.25},
		doc{"type": "edge", "source": "x8", "target": "x9", "weight": 0.75}, doc{"type": "edge", "source": "ETH", "target": "BTC", "open_time": noon + hour, "weight": 1},
	)
	g, r, err := readGraph(t.Context(), open(t, c), Choice{Interval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	got := g.Snapshots
	want := &data.Snapshots{
		Symbols: []string{"BTC", "ETH"}, Features: []string{"close", "p"}, Interval: time.Hour, Times: []int64{noon, noon + hour, noon + 2*hour},
		X: []float32{100, 1, 10, 2, 101, 3, 0, 0, 99, 4, 9, 5}, Mask: []bool{true, true, true, false, true, true},
		Y: []int64{0, 1, 2, -100, -100, -100}, Close: got.Close,
		Edges: []data.Edges{
			{RowPtr: []int32{0, 0, 1}, Sources: []int32{0}, Weight: []float32{0.5}, Attr: []float32{0.5}},
			{RowPtr: []int32{0, 0, 0}, Weight: []float32{}, Attr: []float32{}},
			{RowPtr: []int32{0, 1, 2}, Sources: []int32{1, 0}, Weight: []float32{0, 0.75}, Attr: []float32{-0.25, 0.75}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if r.Dangling != 1 || r.Edges != 3 || r.Nodes != 5 {
		t.Errorf("%+v", r)
	}

	one, _, err := readGraph(t.Context(), open(t, c), Choice{Interval: time.Hour, Exclude: []string{"ETH"}})
	if err != nil || !slices.Equal(one.Snapshots.Symbols, []string{"BTC"}) || !slices.Equal(one.Snapshots.Y, []int64{0, 2, -100}) {
		t.Errorf("without ETH: %+v, %v", one, err)
	}

	// The range is cut by time.
	g, r, err = readGraph(t.Context(), open(t, c), Choice{Interval: time.Hour, Bounds: func(newest int64) (int64, int64) { return newest - 2*hour, newest }})
	if err != nil || !slices.Equal(g.Snapshots.Times, []int64{noon + hour, noon + 2*hour}) || r.Outside != 1 {
		t.Errorf("%v: %+v, %+v", err, g.Snapshots, r)
	}
}

func TestADynamicGraphThatMeansNothingIsRejected(t *testing.T) {
	node := func(key, symbol string, at any, more doc) doc {
		d := doc{"_key": key, "type": "node", "symbol": symbol, "open_time": at, "p": 1.5}
		for k, v := range more {
			d[k] = v
		}
		return d
	}
	for _, c := range []struct {
		name string
		docs []any
		want string
	}{
		{"neither label nor close", []any{node("a", "BTC", noon, nil), node("b", "BTC", noon+hour, nil)}, `no node has a label (y, label or target) nor a close that one could be made of, as g/a shows: give the nodes one of them`},
		{"a price of 0", []any{node("a", "BTC", noon, doc{"close": 1}), node("b", "BTC", noon+hour, doc{"close": 0})}, `close is 0, and a price is above 0, g/b: correct it`},
		{
			"a node without time",
			[]any{node("a", "BTC", noon, nil), node("b", "BTC", noon+hour, nil), node("c", "ETH", "soon", nil)},
			`open_time "soon" is no time in Unix milliseconds or RFC 3339, and other nodes have their time, g/c: correct or remove it`,
		},
		{
			"an edge across time",
			[]any{node("a", "BTC", noon, doc{"y": 1}), node("b", "BTC", noon+hour, nil), doc{"_key": "e", "type": "edge", "source": "a", "target": "b"}},
			`the edge joins BTC of 2024-06-01T12:00:00Z and BTC of 2024-06-01T13:00:00Z, and all edges join nodes of one time, g/e: remove it, or correct its ends`,
		},
		{
			"a range without nodes",
			[]any{node("a", "BTC", noon, doc{"y": 1}), node("b", "BTC", noon+hour, nil)},
			`the graph has no node within START, END and LOOKBACK; its times run from 2024-06-01T12:00:00Z to 2024-06-01T13:00:00Z: choose another range`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, config := serve(t, arangodb.Options{})
			skipUnordered(t, s, c.name)
			insert(s, "g", false, c.docs...)
			choice := Choice{Interval: time.Hour}
			if c.name == "a range without nodes" {
				choice.Bounds = func(int64) (int64, int64) { return noon + 5*hour, noon + 6*hour }
			}
			_, _, err := readGraph(t.Context(), open(t, config), choice)
			mustReject(t, err, c.want)
		})
	}
}
