package pyg

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// dictOf makes a Dict of keys and values in turn.
func dictOf(pairs ...any) *Dict {
	d := new(Dict)
	for pair := range slices.Chunk(pairs, 2) {
		d.Set(pair[0].(string), pair[1])
	}
	return d
}

func saved(t testing.TB, d *Dict) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := Save(&file, d); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func entriesOf(t testing.TB, r io.ReaderAt, size int64) []*zip.File {
	t.Helper()
	z, err := zip.NewReader(r, size)
	if err != nil {
		t.Fatal(err)
	}
	return z.File
}

func TestEveryEntryIsStoredAlignedAndIntact(t *testing.T) {
	d := dictOf("odd", NewTensor([]bool{true, false, true}, 3), "empty", NewTensor([]int32{}, 0, 7),
		"scalar", NewTensor([]float64{math.Pi}), "wide", NewTensor(make([]uint8, 1000), 10, 100),
		"long", NewTensor([]int64{1, -2}, 2, 1))
	file := saved(t, d)
	var names []string
	for _, f := range entriesOf(t, bytes.NewReader(file), int64(len(file))) {
		names = append(names, f.Name)
		if f.Method != zip.Store {
			t.Errorf("%s has method %d", f.Name, f.Method)
		}
		if at, err := f.DataOffset(); err != nil || at%64 != 0 {
			t.Errorf("%s starts at %d, %v", f.Name, at, err)
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil { // compares the CRC
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	want := []string{
		"archive/data.pkl", "archive/.storage_alignment", "archive/byteorder", "archive/data/0",
		"archive/data/1", "archive/data/2", "archive/data/3", "archive/data/4", "archive/version",
	}
	if !slices.Equal(names, want) {
		t.Errorf("entries %v, want %v", names, want)
	}
}

func TestEqualInputGivesEqualBytes(t *testing.T) {
	dict := func() *Dict {
		return dictOf("b", NewTensor([]float32{1, 2}, 2), "a", dictOf("z", 1, "y", "text", "x", []string{"p", "q"}))
	}
	if !bytes.Equal(saved(t, dict()), saved(t, dict())) {
		t.Error("two files of the same dict differ")
	}
	swapped := dictOf("a", 1, "b", 2)
	if bytes.Equal(saved(t, swapped), saved(t, dictOf("b", 2, "a", 1))) {
		t.Error("the order of insertion is lost")
	}
}

func TestADictKeepsTheOrderOfInsertionAndTheNewestValue(t *testing.T) {
	d := dictOf("b", 1, "a", 2, "b", 3)
	var got []any
	for key, value := range d.All() {
		got = append(got, key, value)
	}
	if want := []any{"b", 3, "a", 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// chunks yields n values in chunks of that length.
func chunks(n, length int) iter.Seq[[]float32] {
	return func(yield func([]float32) bool) {
		chunk := make([]float32, length)
		for from := 0; from < n; from += length {
			for i := range chunk {
				chunk[i] = float32(from + i)
			}
			if !yield(chunk[:min(length, n-from)]) {
				return
			}
		}
	}
}

func TestAStreamedTensorEqualsOneInMemory(t *testing.T) {
	const n = 100_000
	all := slices.Concat(slices.Collect(chunks(n, n))...)
	want := saved(t, dictOf("x", NewTensor(all, n/10, 10)))
	for _, length := range []int{1, 7, 16 << 10, n, 2 * n} {
		if got := saved(t, dictOf("x", StreamTensor(chunks(n, length), n/10, 10))); !bytes.Equal(got, want) {
			t.Errorf("chunks of %d give other bytes", length)
		}
	}
}

func TestWhatNoFileCanHoldIsRefusedByName(t *testing.T) {
	endless := new(Dict)
	endless.Set("again", endless)
	for name, c := range map[string]struct {
		dict *Dict
		want string
	}{
		"too few values":    {dictOf("a", dictOf("x", NewTensor([]float32{1}, 2, 3))), "dict.a.x: 1 values do not fill shape [2, 3], which needs 6"},
		"values, no shape":  {dictOf("x", NewTensor([]float32{1, 2})), "needs 1"},
		"negative size":     {dictOf("x", NewTensor([]float32{}, -1)), "negative size"},
		"negative and zero": {dictOf("x", NewTensor([]float32{}, 0, -1)), "negative size"},
		"endless size":      {dictOf("x", StreamTensor(chunks(1, 1), 1<<40, 1<<40)), "more elements than fit"},
		"short stream":      {dictOf("x", StreamTensor(chunks(5, 2), 6)), "writing tensor dict.x: its chunks hold 5 values"},
		"long stream":       {dictOf("x", StreamTensor(chunks(9, 2), 6)), "more than the 6 values"},
		"another type":      {dictOf("x", []float32{1}), "dict.x holds a []float32"},
		"inside a list":     {dictOf("x", []any{1, struct{}{}}), "dict.x[1] holds a struct {}"},
		"zero tensor":       {dictOf("x", Tensor{}), "zero Tensor"},
		"nil dict":          {dictOf("x", (*Dict)(nil)), "nil *Dict"},
		"no UTF-8":          {dictOf("x", "\xff"), "UTF-8"},
		"key without UTF-8": {dictOf("\xff", 1), "a key of dict"},
		"a dict in itself":  {endless, "nests deeper"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Save(io.Discard, c.dict)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want ErrInvalid with %q", err, c.want)
			}
		})
	}
}

// failing fails once n bytes have passed.
type failing struct{ n int }

func (f *failing) Write(b []byte) (int, error) {
	if f.n -= len(b); f.n < 0 {
		return 0, iotest.ErrTimeout
	}
	return len(b), nil
}

func TestAFailingWriterIsNeverOverheard(t *testing.T) {
	d := dictOf("x", NewTensor(make([]float32, 5000), 5000), "y", NewTensor(make([]int64, 10), 10))
	size := len(saved(t, d))
	for n := 0; n < size; n += 97 {
		if err := Save(&failing{n}, d); !errors.Is(err, iotest.ErrTimeout) {
			t.Fatalf("a writer that fails after %d of %d bytes: %v", n, size, err)
		}
	}
	if err := Save(&failing{size}, d); err != nil {
		t.Errorf("a writer that holds all %d bytes: %v", size, err)
	}
}

// ends keeps the first and the last bytes of a long file, and forgets those
// between, which are zeros.
type ends struct {
	head, tail []byte
	size       int64
}

const keep = 1 << 20

func (e *ends) Write(b []byte) (int, error) {
	e.size += int64(len(b))
	if len(e.head) < keep {
		e.head = append(e.head, b[:min(len(b), keep-len(e.head))]...)
	}
	if e.tail = append(e.tail, b...); len(e.tail) > 8*keep {
		e.tail = append(e.tail[:0], e.tail[len(e.tail)-keep:]...)
	}
	return len(b), nil
}

func (e *ends) ReadAt(b []byte, at int64) (int, error) {
	for i := range b {
		switch p := at + int64(i); {
		case p < int64(len(e.head)):
			b[i] = e.head[p]
		case p >= e.size:
			return i, io.EOF
		case p >= e.size-int64(len(e.tail)):
			b[i] = e.tail[p-e.size+int64(len(e.tail))]
		default:
			b[i] = 0
		}
	}
	return len(b), nil
}

func TestStoragesAndFilesMayPassFourGiB(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 4 GiB of zeros; run without -short")
	}
	const n = 1<<29 + 1 // of float64: 4 GiB and 8 bytes
	zeros := make([]float64, 1<<20)
	huge := func(yield func([]float64) bool) {
		for left := n; left > 0; left -= len(zeros) {
			if !yield(zeros[:min(left, len(zeros))]) {
				return
			}
		}
	}
	var file ends
	if err := Save(&file, dictOf("huge", StreamTensor(huge, n), "after", NewTensor([]float32{1, 2, 3}, 3), "last", NewTensor([]bool{true}, 1))); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]uint64{"archive/data/0": 8 * n, "archive/data/1": 12, "archive/data/2": 1}
	for _, f := range entriesOf(t, &file, file.size) {
		if want, ok := sizes[f.Name]; ok && f.UncompressedSize64 != want {
			t.Errorf("%s has %d bytes, want %d", f.Name, f.UncompressedSize64, want)
		}
		delete(sizes, f.Name)
		if at, err := f.DataOffset(); err != nil || at%64 != 0 {
			t.Errorf("%s starts at %d, %v", f.Name, at, err)
		}
	}
	if len(sizes) > 0 {
		t.Errorf("the file lacks %v", sizes)
	}
	a, err := openArchive(&file, file.size)
	if err != nil {
		t.Fatal(err)
	}
	after, err := load(a, "after", &tensorRef{storageRef{"1", float32Type, 3}, 0, []int{3}, []int{1}}, func(b []byte) float32 { return float32(float32Type.float(b)) })
	if err != nil || !slices.Equal(after, []float32{1, 2, 3}) {
		t.Errorf("behind 4 GiB: %v, %v", after, err)
	}
}
