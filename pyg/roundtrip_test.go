package pyg

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// python is an interpreter with PyTorch and PyG: PYTHON, or what `make setup`
// puts into .venv.
func python(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts Python")
	}
	if path := os.Getenv("PYTHON"); path != "" {
		return path
	}
	path := filepath.Join("..", ".venv", "bin", "python")
	if _, err := os.Stat(path); err != nil {
		t.Skip("needs PyTorch and PyG: run make setup, or set PYTHON to a Python that has them")
	}
	return path
}

func TestPythonReadsWhatGoWritesAndGoReadsWhatPythonWrites(t *testing.T) {
	interpreter := python(t)
	folder := t.TempDir()
	write := func(name string, save func(w *bytes.Buffer) error) {
		var b bytes.Buffer
		if err := save(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	graphs := randomGraphs(7)
	var want struct {
		Graphs []json.RawMessage  `json:"graphs"`
		Shapes []map[string][]int `json:"shapes"`
	}
	for i, d := range graphs {
		write(fmt.Sprintf("graph_%d.pt", i), func(w *bytes.Buffer) error { return Save(w, d.Dict()) })
		fields, shapes := fieldsOf(t, &d)
		want.Graphs = append(want.Graphs, fields)
		want.Shapes = append(want.Shapes, shapes)
	}
	write("want.json", func(w *bytes.Buffer) error { return json.NewEncoder(w).Encode(want) })
	write("dataset.pt", func(w *bytes.Buffer) error {
		return SaveCollated(w, len(graphs), func(i int) Data { return graphs[i] })
	})
	write("weights.pt", func(w *bytes.Buffer) error { return Save(w, gcnWeights(4, 8, 3)) })
	write("values.pt", func(w *bytes.Buffer) error { return Save(w, everyValue()) })

	cmd := exec.Command(interpreter, "-W", "error::UserWarning", filepath.Join("testdata", "roundtrip.py"), folder)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	var size struct{ Nodes, Features, Edges int }
	if err := json.Unmarshal(stdout, &size); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	for _, name := range []string{"data_fresh.pt", "data_used.pt", "data_dict.pt", "data_strided.pt"} {
		t.Run(name, func(t *testing.T) { readsAsPythonHasIt(t, folder, name, size.Nodes, size.Features, size.Edges) })
	}
}

// fieldsOf gives a graph as JSON, its keys in the file's order, and the shapes.
func fieldsOf(t *testing.T, d *Data) (json.RawMessage, map[string][]int) {
	t.Helper()
	n, e := d.NumNodes, d.NumEdges()
	var fields []string
	for _, f := range []struct {
		name   string
		values any
	}{
		{"x", d.X},
		{"edge_index", d.EdgeIndex},
		{"edge_attr", d.EdgeAttr},
		{"y", d.Y},
		{"node_mask", d.NodeMask},
		{"edge_weight", d.EdgeWeight},
		{"ret", d.Ret},
		{"open_time", d.OpenTime},
	} {
		b, err := json.Marshal(f.values)
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, fmt.Sprintf("%q:%s", f.name, b))
	}
	return json.RawMessage("{" + strings.Join(fields, ",") + "}"), map[string][]int{
		"x": {n, d.NumFeatures}, "node_mask": {n}, "edge_index": {2, e}, "edge_weight": {e}, "edge_attr": {e, 1},
		"y": {n}, "ret": {n}, "open_time": {1},
	}
}

// gcnWeights are those of torch_geometric.nn.models.GCN(f, hidden, 2, classes, jk='last').
func gcnWeights(f, hidden, classes int) *Dict {
	ramp := func(shape ...int) Tensor {
		n, _ := product(shape)
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(i)
		}
		return NewTensor(v, shape...)
	}
	return dictOf(
		"convs.0.lin.weight", ramp(hidden, f), "convs.0.bias", ramp(hidden),
		"convs.1.lin.weight", ramp(hidden, hidden), "convs.1.bias", ramp(hidden),
		"lin.weight", ramp(classes, hidden), "lin.bias", ramp(classes))
}

// everyValue has each kind of value that a Dict holds, at the limits of its type.
func everyValue() *Dict {
	return dictOf(
		"float32", NewTensor([]float32{1.5, float32(math.Copysign(0, -1)), float32(math.Inf(1))}, 1, 3),
		"float64", NewTensor([]float64{0.1}),
		"int64", NewTensor([]int64{math.MinInt64, math.MaxInt64}, 2),
		"int32", NewTensor([]int32{math.MinInt32, math.MaxInt32}, 2, 1),
		"uint8", NewTensor([]uint8{0, 255}, 2),
		"bool", NewTensor([]bool{true, false}, 2, 1, 1),
		"empty", NewTensor([]float32{}, 0, 3, 2),
		"none", nil, "yes", true, "no", false,
		"ints", []int64{0, 255, 256, 65536, -1, math.MaxInt32, math.MinInt32, math.MaxInt32 + 1, math.MaxInt64, math.MinInt64},
		"pi", math.Pi, "text", "цена ₿", "names", []string{"BTCUSDT", ""},
		"nested", dictOf("deep", []any{1, dictOf("deeper", NewTensor([]int64{7}, 1))}), "nothing", new(Dict))
}

// readsAsPythonHasIt compares a file with the bytes that Python left beside it.
func readsAsPythonHasIt(t *testing.T, folder, name string, nodes, features, edges int) {
	file, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	f, err := read(t, file)
	if err != nil {
		t.Fatal(err)
	}
	if f.Data.NumNodes != nodes || f.Data.NumFeatures != features || f.Data.NumEdges() != edges {
		t.Errorf("N = %d, F = %d, E = %d; want %d, %d, %d", f.Data.NumNodes, f.Data.NumFeatures, f.Data.NumEdges(), nodes, features, edges)
	}
	if want := []string{"pos"}; !slices.Equal(f.Ignored, want) {
		t.Errorf("ignored %v, want %v", f.Ignored, want)
	}
	for field, values := range map[string]any{
		"x": f.Data.X, "edge_index": f.Data.EdgeIndex, "edge_weight": f.Data.EdgeWeight, "y": f.Data.Y,
		"train_mask": f.TrainMask, "val_mask": f.ValidMask, "test_mask": f.TestMask,
	} {
		want, err := os.ReadFile(filepath.Join(folder, field+".bin"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := binary.Append(nil, binary.LittleEndian, values)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from Python's", field)
		}
	}
}
