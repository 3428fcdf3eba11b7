package baseline

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
)

// library is that of `make build`, or of LIGHTGBM_LIB.
func library(t *testing.T) *Library {
	t.Helper()
	l, err := OpenLibrary(os.Getenv("LIGHTGBM_LIB"))
	if err != nil {
		t.Fatalf("%v: run `make build`", err)
	}
	return l
}

// python is the interpreter of PYTHON, or that of the repository's virtual
// environment.
func python(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts Python")
	}
	if p := os.Getenv("PYTHON"); p != "" {
		return p
	}
	return filepath.Join("..", "..", ".venv", "bin", "python")
}

func TestTreesPredictAsPythonsDo(t *testing.T) {
	interpreter := python(t)
	for _, rows := range []int{30, 500, 20_000} {
		const features = 7
		r := rand.New(rand.NewPCG(uint64(rows), 3))
		x, y, file := make([]float32, rows*features), make([]float32, rows), []float32{}
		for i := range y {
			for j := range features {
				x[i*features+j] = float32(r.IntN(30))/29 - 0.5 // ranks, with ties
			}
			y[i] = x[i*features]*x[i*features+1] + float32(0.2*r.NormFloat64())
			file = append(append(file, x[i*features:(i+1)*features]...), y[i])
		}
		var content bytes.Buffer
		if err := binary.Write(&content, binary.LittleEndian, file); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "rows")
		if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		var stderr strings.Builder
		cmd := exec.Command(interpreter, filepath.Join("testdata", "lightgbm_reference.py"), fmt.Sprint(features), path)
		cmd.Stderr = &stderr
		printed, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, stderr.String())
		}
		var want struct{ Scores []float64 }
		if err := json.Unmarshal(printed, &want); err != nil {
			t.Fatal(err)
		}
		b, err := lightGBM{library(t)}.boost(t.Context(), ranked{features: features, x: x, y: y})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, rows)
		err = b.predict(x, got, predictParameters)
		b.close()
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if math.Abs(v-want.Scores[i]) > 1e-12 {
				t.Fatalf("of %d rows, row %d is %v, and %v in Python", rows, i, v, want.Scores[i])
			}
		}
	}
}

// interacting is reverting where the last bar's range is in the upper half, and
// goes on elsewhere, which no line through ranks can say.
func interacting(seed uint64, n, bars int) *data.Market {
	m := reverting(seed, n, bars, 0)
	r := rand.New(rand.NewPCG(seed, 2))
	for i := range n {
		price, ret, wide := 100.0, 0.0, false
		for t := range bars {
			open, factor := price, 0.5
			if wide {
				factor = -0.5
			}
			ret = factor*ret + 1e-3*r.NormFloat64()
			price *= math.Exp(ret)
			wide = r.IntN(2) == 0
			margin := 1.0001
			if wide {
				margin = 1.01
			}
			m.Open[i][t], m.Close[i][t] = open, price
			m.High[i][t], m.Low[i][t] = max(open, price)*margin, min(open, price)/margin
		}
	}
	return m
}

func TestTreesFindWhatIsNotLinear(t *testing.T) {
	d := dataset(t, interacting(11, 12, 1500))
	boosted, linear := rankIC(t, d, LightGBM), rankIC(t, d, Ridge)
	if boosted < 0.25 || linear > 0.1 {
		t.Errorf("rank IC %.3f of the trees and %.3f of the line", boosted, linear)
	}
	if live := liveHandles.Load(); live != 0 {
		t.Errorf("%d handles remain", live)
	}
}

func TestTreesRepeatToTheBit(t *testing.T) {
	d := dataset(t, reverting(12, 8, 700, -0.2))
	first := predict(t, d, LightGBM, d.Snapshots(data.Test))
	again := predict(t, d, LightGBM, d.Snapshots(data.Test))
	for k, v := range first.Values {
		if math.Float32bits(v) != math.Float32bits(again.Values[k]) {
			t.Fatalf("value %d is %v, then %v", k, v, again.Values[k])
		}
	}
}

func TestEachHorizonHasItsTrees(t *testing.T) {
	d := dataset(t, reverting(13, 8, 700, -0.3))
	p := predict(t, d, LightGBM, d.Snapshots(data.Test))
	differ := 0
	for k := 0; k < len(p.Values); k += 2 {
		if p.Values[k] != p.Values[k+1] {
			differ++
		}
	}
	if differ < len(p.Values)/4 {
		t.Errorf("%d of %d scores differ between horizons", differ, len(p.Values)/2)
	}
}

func TestAFailureInsideLightGBMIsAnError(t *testing.T) {
	l := library(t)
	for what, parameters := range map[string]string{"an objective that is none": "objective=best", "one leaf": "num_leaves=1"} {
		_, err := l.newBooster(make([]float32, 200), make([]float32, 100), parameters+" "+predictParameters)
		if err == nil || !strings.Contains(err.Error(), "LightGBM: ") || strings.HasSuffix(err.Error(), "LightGBM: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	b, err := l.newBooster(make([]float32, 200), make([]float32, 100), treeParameters)
	if err != nil {
		t.Fatal(err)
	}
	b.features = 1
	if err := b.predict(make([]float32, 2), make([]float64, 2), predictParameters); err == nil || !strings.Contains(err.Error(), "number of features") {
		t.Errorf("rows of another width: %v", err)
	}
	b.close()
	b.close()
	if live := liveHandles.Load(); live != 0 {
		t.Errorf("%d handles remain", live)
	}
}

func TestGrowingEndsWithItsContext(t *testing.T) {
	d := dataset(t, reverting(14, 5, 600, 0))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := (lightGBM{library(t)}).Fit(ctx, d); err == nil || ctx.Err() == nil {
		t.Errorf("it learned: %v", err)
	}
	if live := liveHandles.Load(); live != 0 {
		t.Errorf("%d handles remain", live)
	}
}

func TestALibraryThatIsNoneIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lib_lightgbm.so")
	if _, err := OpenLibrary(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLibrary(path); err == nil {
		t.Error("a text is opened")
	}
	if _, err := OpenLibrary("libc.so.6"); err == nil || !strings.Contains(err.Error(), "LGBM_") {
		t.Errorf("another library: %v", err)
	}
}
