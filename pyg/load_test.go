package pyg

import (
	"bytes"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// savedDict is a dict of each kind of value as a file.
func savedDict(t testing.TB) []byte {
	t.Helper()
	var d Dict
	d.Set("text", "смысл {}")
	d.Set("floats", NewTensor([]float32{1, -2.5, float32(math.Inf(1)), 4, 5, 6}, 2, 3))
	d.Set("bytes", NewTensor([]uint8{0, 127, 255}, 3))
	d.Set("scalar", NewTensor([]float32{7}))
	d.Set("none", NewTensor([]int64{}, 0, 4))
	var b bytes.Buffer
	if err := Save(&b, &d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestADictThatWasSavedIsLoadedToTheBit(t *testing.T) {
	file := savedDict(t)
	l, err := Load(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := l.Text("text"); err != nil || text != "смысл {}" {
		t.Errorf("text is %q, %v", text, err)
	}
	floats, shape, err := ReadTensor[float32](l, "floats")
	if err != nil || !slices.Equal(floats, []float32{1, -2.5, float32(math.Inf(1)), 4, 5, 6}) || !slices.Equal(shape, []int{2, 3}) {
		t.Errorf("floats are %v %v, %v", floats, shape, err)
	}
	if b, _, err := ReadTensor[uint8](l, "bytes"); err != nil || !slices.Equal(b, []uint8{0, 127, 255}) {
		t.Errorf("bytes are %v, %v", b, err)
	}
	if s, shape, err := ReadTensor[float32](l, "scalar"); err != nil || !slices.Equal(s, []float32{7}) || len(shape) != 0 {
		t.Errorf("the scalar is %v %v, %v", s, shape, err)
	}
	if none, shape, err := ReadTensor[int64](l, "none"); err != nil || len(none) != 0 || !slices.Equal(shape, []int{0, 4}) {
		t.Errorf("the empty tensor is %v %v, %v", none, shape, err)
	}
}

func TestAValueOfAnotherKindIsRefusedByItsKey(t *testing.T) {
	file := savedDict(t)
	l, err := Load(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	_, _, asInts := ReadTensor[int64](l, "floats")
	_, _, absent := ReadTensor[float32](l, "absent")
	_, notText := l.Text("floats")
	for name, err := range map[string]error{"another dtype": asInts, "no such key": absent, "a tensor for a text": notText} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAStateDictThatTorchSavedIsLoaded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.pt")
	script := `
import sys, torch
w = torch.arange(6, dtype=torch.float32).reshape(2, 3)
torch.save({"text": "meta", "w": w, "transposed": w.t(), "step": torch.tensor(3.0)}, sys.argv[1])`
	if out, err := exec.Command(python(t), "-c", script, path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Load(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := l.Text("text"); text != "meta" || err != nil {
		t.Errorf("text is %q, %v", text, err)
	}
	w, shape, err := ReadTensor[float32](l, "transposed")
	if !slices.Equal(w, []float32{0, 3, 1, 4, 2, 5}) || !slices.Equal(shape, []int{3, 2}) || err != nil {
		t.Errorf("the transposed tensor is %v %v, %v", w, shape, err)
	}
}

// Whatever a file holds, loading it refuses it or gives what it holds.
func FuzzLoad(f *testing.F) {
	file := savedDict(f)
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Load(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, key := range []string{"text", "floats", "bytes", "scalar", "none"} {
			_, _ = l.Text(key)
			if values, shape, err := ReadTensor[float32](l, key); err == nil {
				if n, err := product(shape); err != nil || n != len(values) {
					t.Errorf("%s has shape %v and %d values", key, shape, len(values))
				}
			}
		}
	})
}
