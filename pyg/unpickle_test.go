package pyg

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
)

// tensorPickle is {'x': tensor} with that offset, size and stride over a
// storage of numel float32, in protocol 2.
func tensorPickle(numel, offset int, shape, strides []int) []byte {
	var p pickler
	text := func(s string) { _ = p.string("", s) } // only what is no UTF-8 is refused
	p.op(opProto, 2)
	p.op(opEmptyDict)
	text("x")
	p.global("torch._utils", "_rebuild_tensor_v2")
	p.op(opMark)
	p.op(opMark)
	text("storage")
	p.global("torch", "FloatStorage")
	text("0")
	text("cuda:0")
	p.int(int64(numel))
	p.op(opTuple)
	p.op(opBinPersID)
	p.int(int64(offset))
	p.ints(shape)
	p.ints(strides)
	p.bool(true)
	p.op(opNone)
	p.op(opTuple)
	p.op(opReduce)
	p.op(opSetItem)
	p.op(opStop)
	return p.buf
}

// archiveOf is a zip as torch.save lays it out.
func archiveOf(t testing.TB, pickle []byte, storages ...[]byte) []byte {
	t.Helper()
	var file bytes.Buffer
	out := &counter{w: &file}
	a := archiveWriter{zip: zip.NewWriter(out), out: out}
	a.bytes("data.pkl", pickle)
	for i, s := range storages {
		a.bytes("data/"+string(rune('0'+i)), s)
	}
	if err := errors.Join(a.err, a.zip.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestAViewIsReadFromItsStorageOnlyIfItLiesInside(t *testing.T) {
	var storage []byte
	for i := range 12 {
		storage, _ = binary.Append(storage, binary.LittleEndian, float32(i))
	}
	for name, c := range map[string]struct {
		numel, offset  int
		shape, strides []int
		want           []float32
		refused        string
	}{
		"row-major":              {12, 0, []int{2, 3}, []int{3, 1}, []float32{0, 1, 2, 3, 4, 5}, ""},
		"transposed":             {12, 0, []int{3, 2}, []int{1, 3}, []float32{0, 3, 1, 4, 2, 5}, ""},
		"every other, shifted":   {12, 1, []int{2, 2}, []int{4, 2}, []float32{1, 3, 5, 7}, ""},
		"a repeated row":         {12, 2, []int{2, 2}, []int{0, 1}, []float32{2, 3, 2, 3}, ""},
		"a scalar":               {12, 11, []int{}, []int{}, []float32{11}, ""},
		"up to the end":          {12, 8, []int{4}, []int{1}, []float32{8, 9, 10, 11}, ""},
		"empty anywhere":         {12, 99, []int{3, 0}, []int{7, 7}, []float32{}, ""},
		"one beyond the end":     {12, 9, []int{4}, []int{1}, nil, "reach beyond its storage of 12"},
		"an offset outside":      {12, 12, []int{}, []int{}, nil, "reach beyond"},
		"a stride outside":       {12, 0, []int{2, 2}, []int{1 << 62, 1}, nil, "reach beyond"},
		"a stride that wraps":    {12, 0, []int{5}, []int{1 << 62}, nil, "reach beyond"},
		"an offset that wraps":   {12, 1<<63 - 1, []int{5}, []int{2}, nil, "reach beyond"},
		"a size that wraps":      {12, 0, []int{1 << 32, 1 << 32}, []int{0, 0}, nil, "more elements than fit"},
		"a bomb":                 {12, 0, []int{1 << 40}, []int{0}, nil, "repeats 1 stored values to 1099511627776"},
		"a storage that is less": {13, 0, []int{2}, []int{1}, nil, `its storage claims 13 values of float32, entry "archive/data/0" holds 12`},
	} {
		t.Run(name, func(t *testing.T) {
			file := archiveOf(t, tensorPickle(c.numel, c.offset, c.shape, c.strides), storage)
			a, err := openArchive(bytes.NewReader(file), int64(len(file)))
			if err != nil {
				t.Fatal(err)
			}
			pickle, err := a.read("data.pkl", maxPickle)
			if err != nil {
				t.Fatal(err)
			}
			v, err := unpickle(pickle)
			if err != nil {
				t.Fatal(err)
			}
			got, err := load(a, "x", v.(*pyDict).get("x").(*tensorRef), func(b []byte) float32 { return float32(float32Type.float(b)) })
			if c.refused == "" && (err != nil || !slices.Equal(got, c.want)) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
			if c.refused != "" && (!errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("got %v, %v; want ErrInvalid with %q", got, err, c.refused)
			}
		})
	}
}

func TestPicklesThatTorchDoesNotWriteAreRefused(t *testing.T) {
	deepMarks := append(bytes.Repeat([]byte("("), 100), '.')
	for name, c := range map[string]struct{ pickle, want string }{
		"nothing":                    {"", "cut short"},
		"no stop":                    {"\x80\x02}", "cut short"},
		"a cut string":               {"\x80\x02X\xff\x00\x00\x00abc", "cut short"},
		"a cut global":               {"\x80\x02ctorch\nFloat", "cut short"},
		"protocol 0":                 {"(dp0\n.", "pickle operation 0x64 at byte 1"},
		"protocol 6":                 {"\x80\x06}.", "pickle protocol 6"},
		"an empty stack":             {"\x80\x02.", "empty stack"},
		"only marks":                 {string(deepMarks), "empty stack"},
		"below a mark":               {"\x80\x02N(0.", "pickle operation 0x30"},
		"a pair below a mark":        {"\x80\x02N(N\x86.", "empty stack"},
		"a tuple without mark":       {"\x80\x02t.", "lacks a mark"},
		"an unknown memo":            {"\x80\x02h\x07.", "recalls value 7"},
		"a memo of nothing":          {"\x80\x02q\x00.", "remembers a value of an empty stack"},
		"append to None":             {"\x80\x02NNa.", "no list"},
		"an odd dict":                {"\x80\x02}(Nu.", "no dict"},
		"items of a list":            {"\x80\x02]NNs.", "no dict"},
		"eval":                       {"\x80\x02cbuiltins\neval\n.", "names builtins.eval, by which torch.load would run a command (nothing ran here)"},
		"eval of protocol 4":         {"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "names builtins.eval"},
		"a global of numbers":        {"\x80\x04K\x01K\x02\x93.", "something other than strings"},
		"a made tensor function":     {"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)\x81.", "what is no class"},
		"an object of None":          {"\x80\x02N)\x81.", "what is no class"},
		"an object with arguments":   {"\x80\x02ctorch_geometric.data.data\nData\nN\x85\x81.", "what is no class"},
		"a state that is no dict":    {"\x80\x02ctorch_geometric.data.data\nData\n)\x81Nb.", "gives Data a state that is no dict"},
		"a state of None":            {"\x80\x02N}b.", "state of what is no object"},
		"a call of None":             {"\x80\x02N)R.", "does not call so"},
		"a called class":             {"\x80\x02ctorch_geometric.data.data\nData\n)R.", "does not call so"},
		"a call without tuple":       {"\x80\x02ccollections\nOrderedDict\nNR.", "calls with what is no tuple"},
		"a tensor of nothing":        {"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.", "rebuilds a tensor of 0 arguments"},
		"a tensor without storage":   {"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(NK\x00))\x89NtR.", "without a storage"},
		"a persistent id of None":    {"\x80\x02NQ.", "no storage of torch.save"},
		"a persistent id of a class": {"\x80\x02(X\x07\x00\x00\x00storageccollections\nOrderedDict\nX\x01\x00\x00\x000NK\x01tQ.", "no storage of torch.save"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := unpickle([]byte(c.pickle))
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want ErrInvalid with %q", v, err, c.want)
			}
		})
	}
}

func TestNumbersOfEveryWidthAreUnpickled(t *testing.T) {
	v, err := unpickle([]byte("\x80\x02(K\xffM\xff\xffJ\xfe\xff\xff\xff\x8a\x00\x8a\x01\x80\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fG?\xf8\x00\x00\x00\x00\x00\x00\x88\x89Nt."))
	want := tuple{int64(255), int64(65535), int64(-2), int64(0), int64(-128), int64(1<<63 - 1), 1.5, true, false, nil}
	if got, ok := v.(tuple); err != nil || !ok || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", v, err, want)
	}
}

func TestAPickleIsBoundedInLengthAndWork(t *testing.T) {
	for name, pickle := range map[string][]byte{
		"bytes":      make([]byte, maxPickle+1),
		"operations": bytes.Repeat([]byte{opNone}, maxOperations+1),
	} {
		if _, err := unpickle(pickle); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each operation makes the most that it can of its bytes.
func TestAHostilePickleTakesMemoryInProportionToItsBytes(t *testing.T) {
	tensor := tensorPickle(0, 0, make([]int, maxDims), make([]int, maxDims))
	arguments := bytes.LastIndexByte(tensor, opTuple) + 1
	for name, c := range map[string]struct{ before, again string }{
		"dicts":    {"", "}"},
		"marks":    {"", "("},
		"sets":     {"cbuiltins\nset\nq\x00)q\x01", "h\x00h\x01R"},
		"objects":  {"ctorch_geometric.data.data\nData\nq\x00)q\x01", "h\x00h\x01\x81"},
		"nesting":  {"N", "\x85"},
		"memory":   {"N", "\x94"},
		"tensors":  {string(tensor[2:arguments]) + "q\x01ctorch._utils\n_rebuild_tensor_v2\nq\x00", "h\x00h\x01R"},
		"one list": {"]q\x00", "h\x00a"},
	} {
		t.Run(name, func(t *testing.T) {
			const operations = maxOperations / 4
			pickle := []byte("\x80\x02" + c.before + strings.Repeat(c.again, operations/len(c.again)))
			if _, err := unpickle(pickle); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "cut short") {
				t.Fatalf("got %v: the pickle is to be sound but for its end", err)
			}
			readHostile(t, archiveOf(t, pickle))
		})
	}
}

func TestAListThatHoldsItselfEnds(t *testing.T) {
	if _, err := read(t, archiveOf(t, []byte("\x80\x02}q\x00X\x01\x00\x00\x00xh\x00s."))); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "x is a dict") {
		t.Errorf("got %v", err)
	}
}

// allocated is how many bytes the program has ever taken from the heap.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// readHostile fails if a file panics, takes memory out of proportion, is
// refused with another error than ErrInvalid, or gives an invalid graph.
func readHostile(t *testing.T, file []byte) {
	before := allocated()
	f, err := ReadData(bytes.NewReader(file), int64(len(file)))
	// A pickle's byte makes a few hundred; a tensor may repeat a value 2^20 times,
	// and a file holds a dozen of eight bytes each.
	if used, limit := allocated()-before, uint64(128<<20+500*len(file)); used > limit {
		t.Errorf("%d bytes of file took %d of memory", len(file), used)
	}
	if err != nil {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("a refusal without ErrInvalid: %v", err)
		}
		return
	}
	if err := f.Data.Validate(); err != nil {
		t.Error(err)
	}
	n := f.Data.NumNodes
	for _, mask := range [][]bool{f.TrainMask, f.ValidMask, f.TestMask} {
		if mask != nil && len(mask) != n {
			t.Errorf("a mask of %d for %d nodes", len(mask), n)
		}
	}
	if f.Symbols != nil && len(f.Symbols) != n {
		t.Errorf("%d symbols for %d nodes", len(f.Symbols), n)
	}
}

var fixtures = []string{
	"data.pt", "data_used.pt", "data_used_by_3_11_2.pt", "protocol5.pt", "dict.pt", "no_edges.pt", "strided.pt", "float16.pt",
	"bfloat16.pt", "float64.pt", "evil.pt", "evil_getattr.pt", "bomb.pt", "legacy.pt",
}

func FuzzReadData(f *testing.F) {
	for _, name := range fixtures {
		f.Add(fixture(f, name))
	}
	f.Fuzz(readHostile)
}

// FuzzReadPickle changes the pickle inside a sound zip: a mutation of the whole
// file seldom gets past its checksums. Every storage holds the same bytes.
func FuzzReadPickle(f *testing.F) {
	for _, name := range fixtures {
		file := fixture(f, name)
		z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			continue // the legacy file
		}
		for _, e := range z.File {
			if strings.HasSuffix(e.Name, "/data.pkl") {
				b, err := readRange(e, 0, int64(e.UncompressedSize64))
				if err != nil {
					f.Fatal(err)
				}
				f.Add(b, []byte{
					0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				})
			}
		}
	}
	f.Add(tensorPickle(4, 0, []int{2, 2}, []int{1, 2}), make([]byte, 16))
	f.Fuzz(func(t *testing.T, pickle, storage []byte) {
		readHostile(t, archiveOf(t, pickle, storage, storage, storage, storage, storage, storage, storage, storage))
	})
}
