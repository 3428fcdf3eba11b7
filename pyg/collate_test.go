package pyg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomGraph has n nodes, f features and e edges, and every field.
func randomGraph(r *rand.Rand, n, f, e int) Data {
	floats := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = r.Float32()
		}
		return v
	}
	d := Data{
		NumNodes: n, NumFeatures: f, X: floats(n * f), NodeMask: make([]bool, n), EdgeIndex: make([]int64, 2*e),
		EdgeWeight: floats(e), EdgeAttr: floats(e), Y: make([]int64, n), Ret: floats(n), OpenTime: []int64{r.Int64()},
	}
	for i := range n {
		d.NodeMask[i] = r.IntN(4) > 0
		d.Y[i] = []int64{0, 1, 2, Unlabelled}[r.IntN(4)]
	}
	for i := range d.EdgeIndex {
		d.EdgeIndex[i] = r.Int64N(int64(n))
	}
	return d
}

// randomGraphs differ in nodes and edges; some have no edge.
func randomGraphs(count int) []Data {
	r := rand.New(rand.NewPCG(1, 2))
	graphs := make([]Data, count)
	for i := range graphs {
		graphs[i] = randomGraph(r, 3+r.IntN(5), 4, i%3*7)
	}
	return graphs
}

func read(t testing.TB, file []byte) (*File, error) {
	t.Helper()
	return ReadData(bytes.NewReader(file), int64(len(file)))
}

func TestAGraphReadsBackAsItWasSaved(t *testing.T) {
	for i, want := range randomGraphs(3) {
		f, err := read(t, saved(t, want.Dict()))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(f.Data); got != fmt.Sprint(want) {
			t.Errorf("graph %d: got %s, want %v", i, got, want)
		}
		if len(f.Ignored) > 0 {
			t.Errorf("ignored %v", f.Ignored)
		}
	}
}

func TestFieldsThatAreNilStayOutOfTheFile(t *testing.T) {
	d := Data{NumNodes: 2, NumFeatures: 1, X: []float32{1, 2}}
	var keys []string
	for key := range d.Dict().All() {
		keys = append(keys, key)
	}
	if want := []string{"x", "edge_index"}; !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	if f, err := read(t, saved(t, d.Dict())); err != nil || f.Data.Y != nil || f.Data.EdgeWeight != nil || f.Data.NumEdges() != 0 {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestCollatedSnapshotsAreJoinedFieldByField(t *testing.T) {
	graphs := []Data{
		{NumNodes: 2, NumFeatures: 1, X: []float32{1, 2}, EdgeIndex: []int64{0, 1, 1, 0}, OpenTime: []int64{10}},
		{NumNodes: 1, NumFeatures: 1, X: []float32{3}, EdgeIndex: []int64{0, 0}, OpenTime: []int64{20}},
	}
	var got bytes.Buffer
	if err := SaveCollated(&got, 2, func(i int) Data { return graphs[i] }); err != nil {
		t.Fatal(err)
	}
	want := saved(t, dictOf(
		"data", dictOf("x", NewTensor([]float32{1, 2, 3}, 3, 1),
			"edge_index", NewTensor([]int64{0, 1, 0, 1, 0, 0}, 2, 3),
			"open_time", NewTensor([]int64{10, 20}, 2)),
		"slices", dictOf("x", NewTensor([]int64{0, 2, 3}, 3),
			"edge_index", NewTensor([]int64{0, 2, 3}, 3),
			"open_time", NewTensor([]int64{0, 1, 2}, 3))))
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("the collated file is not the joined dict")
	}
}

func TestSnapshotsThatDoNotCollateAreNamed(t *testing.T) {
	graph := func() Data { return randomGraph(rand.New(rand.NewPCG(1, 1)), 3, 2, 4) }
	for name, c := range map[string]struct {
		spoil func(d *Data)
		want  string
	}{
		"other features": {func(d *Data) { d.NumFeatures, d.X = 1, d.X[:3] }, "it has 1 features and the first has 2"},
		"lacking y":      {func(d *Data) { d.Y = nil }, "only one of it and the first has y"},
		"no mask":        {func(d *Data) { d.NodeMask = nil }, "has node_mask"},
		"a foreign node": {func(d *Data) { d.EdgeIndex[5] = 3 }, "edge_index[1, 1] is 3, outside 0..2"},
	} {
		t.Run(name, func(t *testing.T) {
			err := SaveCollated(io.Discard, 3, func(i int) Data {
				d := graph()
				if i == 2 {
					c.spoil(&d)
				}
				return d
			})
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "collating snapshot 2") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want snapshot 2 and %q", err, c.want)
			}
		})
	}
	if err := SaveCollated(io.Discard, 0, nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("no snapshots: %v", err)
	}
}

func TestSnapshotsThatChangeBetweenPassesAreNotSaved(t *testing.T) {
	calls := 0
	err := SaveCollated(io.Discard, 2, func(int) Data {
		calls++
		return randomGraph(rand.New(rand.NewPCG(1, 1)), 3, 2, calls)
	})
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

func TestTheTypesOfEdgesAreInTheFileWhereThereAreSeveral(t *testing.T) {
	graphs := randomGraphs(3)
	for i := range graphs {
		graphs[i].EdgeType = make([]int64, graphs[i].NumEdges())
	}
	found := false
	for key, value := range graphs[1].Dict().All() {
		found = found || key == "edge_type" && slices.Equal(value.(Tensor).shape, []int{7})
	}
	if !found {
		t.Error("there is no edge_type [E]")
	}
	if err := SaveCollated(io.Discard, 3, func(i int) Data { return graphs[i] }); err != nil {
		t.Error(err)
	}
	graphs[2].EdgeType = nil
	if err := SaveCollated(io.Discard, 3, func(i int) Data { return graphs[i] }); err == nil || !strings.Contains(err.Error(), "only one of it and the first has edge_type") {
		t.Errorf("one without types: %v", err)
	}
	graphs[1].EdgeType = graphs[1].EdgeType[1:]
	if err := graphs[1].Validate(); err == nil {
		t.Error("a type is missing, and nobody says so")
	}
}
