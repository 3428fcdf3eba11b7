package pyg

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What make_fixtures.py puts into every file.
var (
	wantX      = []float32{0, 0.25, 0.5, 1, 1.25, 1.5, 2, 2.25, 2.5, 3, 3.25, 3.5}
	wantEdges  = []int64{0, 1, 2, 3, 0, 1, 2, 3, 0, 2}
	wantWeight = []float32{0.5, 0.25, 1, 0, 0.125}
	wantY      = []int64{0, 1, 2, Unlabelled}
)

func TestWhatTorchSavesIsReadWhateverItsFormAndType(t *testing.T) {
	half := []float32{0.5, 0.5, 0.5, 0.5, 0.5}
	for file, c := range map[string]struct {
		weight, attr []float32
		symbols      []string
		ignored      []string
	}{
		"data.pt": {
			wantWeight, wantWeight,
			[]string{"BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"},
			[]string{"pos", "source", "scale", "shape"},
		},
		"data_used.pt":           {weight: wantWeight},
		"data_used_by_3_11_2.pt": {weight: wantWeight},
		"protocol5.pt":           {weight: wantWeight},
		"dict.pt":                {weight: wantWeight},
		"strided.pt":             {weight: half},
		"float16.pt":             {weight: wantWeight},
		"bfloat16.pt":            {weight: wantWeight},
		"float64.pt":             {weight: wantWeight, ignored: []string{"edge_attr"}},
	} {
		t.Run(file, func(t *testing.T) {
			f, err := read(t, fixture(t, file))
			if err != nil {
				t.Fatal(err)
			}
			d := f.Data
			if d.NumNodes != 4 || d.NumFeatures != 3 || !slices.Equal(d.X, wantX) {
				t.Errorf("x [%d, %d] is %v", d.NumNodes, d.NumFeatures, d.X)
			}
			if !slices.Equal(d.EdgeIndex, wantEdges) {
				t.Errorf("edge_index is %v", d.EdgeIndex)
			}
			if !slices.Equal(d.EdgeWeight, c.weight) || !slices.Equal(d.EdgeAttr, c.attr) || (d.EdgeAttr == nil) != (c.attr == nil) {
				t.Errorf("edge_weight is %v, edge_attr %v", d.EdgeWeight, d.EdgeAttr)
			}
			if !slices.Equal(d.Y, wantY) || d.Ret != nil || d.OpenTime != nil || d.NodeMask != nil {
				t.Errorf("y is %v, ret %v, open_time %v, node_mask %v", d.Y, d.Ret, d.OpenTime, d.NodeMask)
			}
			if !slices.Equal(f.TrainMask, []bool{true, true, false, false}) ||
				!slices.Equal(f.ValidMask, []bool{false, false, true, false}) ||
				!slices.Equal(f.TestMask, []bool{false, false, false, true}) {
				t.Errorf("masks are %v, %v, %v", f.TrainMask, f.ValidMask, f.TestMask)
			}
			if !slices.Equal(f.Symbols, c.symbols) || !slices.Equal(f.Ignored, c.ignored) {
				t.Errorf("symbols %q, ignored %q", f.Symbols, f.Ignored)
			}
		})
	}
}

func TestAGraphWithoutEdgesIsRead(t *testing.T) {
	f, err := read(t, fixture(t, "no_edges.pt"))
	if err != nil || f.Data.NumEdges() != 0 || f.Data.NumNodes != 4 || f.TrainMask != nil {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestHostileAndForeignFilesAreRefusedInOneSentence(t *testing.T) {
	good := fixture(t, "data.pt")
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a command":          {fixture(t, "evil.pt"), "names posix.system, by which torch.load would run a command (nothing ran here): find out where the file comes from"},
		"an expanded bomb":   {fixture(t, "bomb.pt"), "x repeats 1 stored values to 1099511627776: save it after .contiguous()"},
		"a legacy file":      {fixture(t, "legacy.pt"), "save it with torch.save(data, path) of PyTorch 1.6 or newer"},
		"an empty file":      {nil, "not a valid zip file"},
		"a text":             {[]byte("open_time,open,high,low,close,volume\n"), "not a valid zip file"},
		"a cut file":         {good[:len(good)-30], "not a valid zip file"},
		"a flipped bit":      {flip(t, good, "data/data/0"), "checksum"},
		"compressed entries": {rezip(t, good, zip.Deflate, nil), "is compressed"},
		"big-endian": {rezip(t, good, zip.Store, func(name string, b []byte) []byte {
			if name == "data/byteorder" {
				return []byte("big")
			}
			return b
		}), `byte order "big": save it on a little-endian machine`},
		"no pickle":  {rezip(t, good, zip.Store, without("data/data.pkl")), "no data.pkl"},
		"no storage": {rezip(t, good, zip.Store, without("data/data/0")), `x: the zip lacks the entry "data/data/0"`},
		"a storage too short": {rezip(t, good, zip.Store, func(name string, b []byte) []byte {
			if name == "data/data/0" {
				return b[:len(b)-1]
			}
			return b
		}), `x: its storage claims 12 values of float32, entry "data/data/0" holds 11`},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := read(t, c.file)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want ErrInvalid with %q", f, err, c.want)
			}
		})
	}
}

func TestOnlyOneGraphIsReadFromAFile(t *testing.T) {
	const store = "X\x06\x00\x00\x00_store"
	const data, storage = "ctorch_geometric.data.data\nData\n)\x81", "ctorch_geometric.data.storage\nGlobalStorage\n)\x81"
	for name, c := range map[string]struct{ pickle, want string }{
		"a tuple":              {"}}\x86", "the file holds a dataset of PyG, a tuple (data, slices): save one of its graphs: torch.save(dataset[0], path)"},
		"a list of graphs":     {"]" + data + "}ba", "the file holds a list of 1 graphs: save one of them: torch.save(graphs[0], path)"},
		"None":                 {"N", "the file holds None"},
		"a bool":               {"\x88", "the file holds a bool"},
		"a class":              {"ctorch\nSize\n", "the file holds the class or function torch.Size"},
		"a storage":            {storage, "the file holds a torch_geometric.data.GlobalStorage"},
		"a Data of PyG 1":      {data + "}b", "PyG older than 2.0 wrote it"},
		"a Data without state": {data, "PyG older than 2.0 wrote it"},
		"an empty Data":        {data + "}" + store + storage + "sb", "the Data holds no attributes"},
		"an empty dict":        {"}", "the file lacks x"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := read(t, archiveOf(t, []byte("\x80\x02"+c.pickle+".")))
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want ErrInvalid with %q", f, err, c.want)
			}
		})
	}
	keys := "\x80\x02}(K\x07NX\x01\x00\x00\x00x" // {7: None, "x": ...}
	x := bytes.TrimPrefix(tensorPickle(1, 0, []int{1, 1}, []int{1, 1}), []byte("\x80\x02}X\x01\x00\x00\x00x"))
	edges := bytes.ReplaceAll(bytes.TrimSuffix(x, []byte("s.")), []byte("FloatStorage"), []byte("LongStorage"))
	edges = bytes.ReplaceAll(edges, []byte("(K\x01K\x01t(K\x01"), []byte("(K\x02K\x00t(K\x01"))
	numbered := keys + strings.TrimSuffix(string(x), "s.") + "X\x0a\x00\x00\x00edge_index" + string(edges) + "u."
	if _, err := read(t, archiveOf(t, []byte(numbered), make([]byte, 8))); err == nil || !strings.Contains(err.Error(), "a key that is the number 7") {
		t.Errorf("a number as name: %v", err)
	}
}

func TestAZipThatIsNoneOfTorchSaveIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		entries []string
		want    string
	}{
		"TorchScript":     {[]string{"a/data.pkl", "a/constants.pkl"}, "TorchScript"},
		"two pickles":     {[]string{"a/data.pkl", "b/data.pkl"}, `holds both "a/data.pkl" and "b/data.pkl"`},
		"an entry twice":  {[]string{"a/data.pkl", "a/data.pkl"}, `two entries "a/data.pkl"`},
		"no folder":       {[]string{"data.pkl"}, "no data.pkl"},
		"a deeper folder": {[]string{"a/b/data.pkl"}, "no data.pkl"},
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			w := zip.NewWriter(&file)
			for _, entry := range c.entries {
				if _, err := w.CreateHeader(&zip.FileHeader{Name: entry}); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := read(t, file.Bytes()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want ErrInvalid with %q", err, c.want)
			}
		})
	}
}

func TestAnEntryThatClaimsMoreThanTheFileHasTakesNoMemory(t *testing.T) {
	const claimed = 1 << 40
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	for name, size := range map[string]uint64{"a/data.pkl": 0, "a/data/0": claimed} {
		if _, err := w.CreateRaw(&zip.FileHeader{Name: name, CompressedSize64: size, UncompressedSize64: size}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := openArchive(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	x := &tensorRef{storageRef{"0", float32Type, claimed / 4}, 0, []int{claimed / 4}, []int{1}}
	if _, err := load(a, "x", x, func([]byte) float32 { return 0 }); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), `entry "a/data/0" claims 1099511627776 bytes, more than the file has`) {
		t.Errorf("got %v", err)
	}
}

func without(name string) func(string, []byte) []byte {
	return func(n string, b []byte) []byte {
		if n == name {
			return nil
		}
		return b
	}
}

// rezip writes a zip anew with changed entries; those that become nil are left out.
func rezip(t testing.TB, file []byte, method uint16, change func(name string, b []byte) []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range entriesOf(t, bytes.NewReader(file), int64(len(file))) {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			if b = change(f.Name, b); b == nil {
				continue
			}
		}
		e, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// flip changes one bit of an entry.
func flip(t testing.TB, file []byte, name string) []byte {
	t.Helper()
	for _, f := range entriesOf(t, bytes.NewReader(file), int64(len(file))) {
		if f.Name == name {
			at, err := f.DataOffset()
			if err != nil {
				t.Fatal(err)
			}
			file = bytes.Clone(file)
			file[at] ^= 1
			return file
		}
	}
	t.Fatalf("no entry %s", name)
	return nil
}

func TestAGraphThatCannotBeTrainedOnIsRefusedInOneSentence(t *testing.T) {
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		key   string
		value any // nil removes the key
		want  string
	}{
		"no x":                 {"x", nil, "the file lacks x"},
		"no edge_index":        {"edge_index", nil, "the file lacks edge_index"},
		"x is text":            {"x", "none", `x is the string "none": a tensor [N, F] of features is needed`},
		"x is a list":          {"x", []int{1}, "x is a list"},
		"x of one dimension":   {"x", NewTensor([]float32{1, 2, 3, 4}, 4), "x is a tensor of float32 [4]: a tensor [N, F]"},
		"x without features":   {"x", NewTensor([]float32{}, 4, 0), "x has shape [4, 0]"},
		"x without nodes":      {"x", NewTensor([]float32{}, 0, 4), "x has shape [0, 4]"},
		"x of wide integers":   {"x", NewTensor([]int64{1, 2, 3, 4}, 4, 1), "x holds int64, which float32 does not hold exactly: save it after .float()"},
		"NaN in x":             {"x", NewTensor([]float32{1, 2, 3, 4, 5, nan, 7, 8}, 4, 2), "x[2, 1] is NaN (node 2, feature 1)"},
		"x beyond float32":     {"x", NewTensor([]float64{1, 1e39, 3, 4}, 4, 1), "x[1, 0] is 1e+39 (node 1, feature 0)"},
		"three rows of edges":  {"edge_index", NewTensor([]int64{0, 1, 2}, 3, 1), "edge_index has shape [3, 1], not [2, E]"},
		"edges as floats":      {"edge_index", NewTensor([]float32{0, 1}, 2, 1), "edge_index holds float32: integers are needed"},
		"edges as bools":       {"edge_index", NewTensor([]bool{false, true}, 2, 1), "edge_index holds bool"},
		"a foreign node":       {"edge_index", NewTensor([]int64{0, 1, 2, 4}, 2, 2), "edge_index[1, 1] is 4, outside 0..3"},
		"a negative node":      {"edge_index", NewTensor([]int64{0, -1, 2, 3}, 2, 2), "edge_index[0, 1] is -1, outside 0..3"},
		"a negative weight":    {"edge_weight", NewTensor([]float32{0, -0.5}, 2), "edge_weight[1] is -0.5, of the edge from node 1 to node 3"},
		"a NaN weight":         {"edge_weight", NewTensor([]float32{nan, 0}, 2), "edge_weight[0] is NaN"},
		"weights too many":     {"edge_weight", NewTensor([]float32{1, 1, 1}, 3), "edge_weight is a tensor of float32 [3]: a tensor [2], one value for each edge"},
		"weights in columns":   {"edge_weight", NewTensor([]float32{1, 1, 1, 1}, 2, 2), "edge_weight is a tensor of float32 [2, 2]: a tensor [2], one value for each edge, is needed: save one column: edge_weight[:, 0]"},
		"edge_attr too short":  {"edge_attr", NewTensor([]float32{1}, 1, 1), "edge_attr is a tensor of float32 [1, 1]"},
		"NaN in edge_attr":     {"edge_attr", NewTensor([]float32{0, nan}, 2, 1), "edge_attr[1, 0] is NaN"},
		"y of returns":         {"y", NewTensor([]float32{0, 0.25, 2, 0}, 4), "y holds fractions such as 0.25 (returns), not classes 0 (down), 1 (flat), 2 (up): save y = 1 + (r > b)"},
		"y of two classes":     {"y", NewTensor([]bool{true, false, true, false}, 4), "y holds bool, two classes, and there are three"},
		"y of several columns": {"y", NewTensor([]int64{0, 1, 2, 0, 1, 1, 1, 1}, 4, 2), "y is a tensor of int64 [4, 2]: one class for each node is needed: save y.argmax(dim=1)"},
		"y of the graph":       {"y", NewTensor([]int64{1}, 1), "y is a tensor of int64 [1]"},
		"ret too short":        {"ret", NewTensor([]float32{1}, 1), "ret is a tensor"},
		"two open times":       {"open_time", NewTensor([]int64{1, 2}, 2), "open_time is a tensor of int64 [2]"},
		"a mask of numbers":    {"train_mask", NewTensor([]int64{0, 1}, 2), "train_mask holds 2 values, the graph has 4 nodes: save a bool for each node; numbers of nodes belong in train_idx"},
		"ten splits in a mask": {"test_mask", NewTensor(make([]bool, 40), 4, 10), "test_mask is a tensor of bool [4, 10]: it holds 10 divisions of the nodes, and one is needed: save one column of each mask"},
		"too few symbols":      {"symbols", []string{"A"}, "symbols holds 1 names for 4 nodes"},
		"a number as symbol":   {"symbols", []any{"A", "B", 3, "D"}, "symbols[2] is the number 3"},
		"a symbol twice":       {"symbols", []string{"A", "B", "C", "A"}, `symbols[0] and symbols[3] are both "A"`},
		"symbols as text":      {"symbols", "ABCD", `symbols is the string "ABCD"`},
		"another num_nodes":    {"num_nodes", 5, "num_nodes is the number 5, and x has 4 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			d := dictOf("x", NewTensor([]float32{1, 2, 3, 4}, 4, 1), "edge_index", NewTensor([]int64{0, 1, 2, 3}, 2, 2), "num_nodes", 4)
			d.Set(c.key, c.value)
			f, err := read(t, saved(t, d))
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want ErrInvalid with %q", f, err, c.want)
			}
		})
	}
}

func TestEveryIntegerThatFitsIsConverted(t *testing.T) {
	d := dictOf("x", NewTensor([]uint8{0, 255}, 2, 1), "edge_index", NewTensor([]int32{1, 0}, 2, 1),
		"y", NewTensor([]int32{-100, 1<<31 - 1}, 2), "ret", NewTensor([]float64{0.5, -0.25}, 2), "edge_attr", NewTensor([]float64{-1}, 1))
	f, err := read(t, saved(t, d))
	if err != nil {
		t.Fatal(err)
	}
	g := f.Data
	if !slices.Equal(g.X, []float32{0, 255}) || !slices.Equal(g.EdgeIndex, []int64{1, 0}) || !slices.Equal(g.Y, []int64{-100, 1<<31 - 1}) ||
		!slices.Equal(g.Ret, []float32{0.5, -0.25}) || !slices.Equal(g.EdgeAttr, []float32{-1}) || g.EdgeWeight != nil {
		t.Errorf("got %+v", g)
	}
}

func TestHalfPrecisionIsExact(t *testing.T) {
	for bits, want := range map[uint16]float64{
		0x0000: 0, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x0400: 0x1p-14, 0x0001: 0x1p-24, 0x03ff: 0x1p-14 - 0x1p-24,
		0x3555: 0.333251953125, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	} {
		if got := half(bits); got != want {
			t.Errorf("%#04x is %v, want %v", bits, got, want)
		}
	}
	if got := half(0x8000); got != 0 || !math.Signbit(got) {
		t.Errorf("0x8000 is %v, want -0", got)
	}
	if got := half(0x7e00); !math.IsNaN(got) {
		t.Errorf("0x7e00 is %v, want NaN", got)
	}
}

func TestAFailingDiskIsNoInvalidFile(t *testing.T) {
	file := fixture(t, "data.pt")
	for at := range int64(len(file)) {
		r := brokenAt{bytes.NewReader(file), at}
		if _, err := ReadData(r, int64(len(file))); err != nil && (!errors.Is(err, iotest.ErrTimeout) || errors.Is(err, ErrInvalid)) {
			t.Fatalf("a disk that fails at byte %d: %v", at, err)
		}
	}
	if _, err := ReadData(brokenAt{bytes.NewReader(file), 0}, int64(len(file))); err == nil {
		t.Error("a disk that fails at once gives no error")
	}
}

// brokenAt fails whenever a read touches that byte.
type brokenAt struct {
	io.ReaderAt
	at int64
}

func (b brokenAt) ReadAt(p []byte, off int64) (int, error) {
	if off <= b.at && b.at < off+int64(len(p)) {
		return 0, iotest.ErrTimeout
	}
	return b.ReaderAt.ReadAt(p, off)
}
