package data

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

// The size of the benchmark of edges, and a small one that only shows that all
// sides agree.
type edgesSize struct{ symbols, bars, window, topK, pandasSymbols int }

var (
	edgesBench = edgesSize{400, 10_000, 288, 10, 40}
	edgesQuick = edgesSize{40, 700, 288, 10, 10}
)

// edgesPeer is how a peer does it; names are those of functions in
// testdata/edges_peer.py.
var edgesPeers = []struct{ name, title string }{
	{"numpy_blas_threads", "NumPy, float64, BLAS on 2 threads"},
	{"numpy_processes", "NumPy, float64, 2 processes"},
	{"numpy_processes_float32", "NumPy, float32, 2 processes"},
	{"pandas", "pandas `rolling().corr()`, scaled by pairs"},
}

func TestEdgesBesideNumPyAndPandas(t *testing.T) {
	size, turns := edgesQuick, 1
	if os.Getenv("GNN_BENCH") != "" {
		size, turns = edgesBench, 3
	}
	m := walks(size)
	first := size.window
	mask := slices.Repeat([]bool{true}, (m.Bars-first)*size.symbols)
	cfg := Recipe{GraphWindow: size.window, EdgeTopK: size.topK}
	returns := newReturnPanel(m, make([][]Jump, len(m.Symbols)), false)
	var edges []Edges
	timed := func(to int) float64 {
		part := *m
		part.Bars = to
		runtime.GC()
		begun := time.Now()
		edges = correlationEdges(part.Axis(), cfg, returns, mask, first)
		return time.Since(begun).Seconds()
	}
	half := timed(first + (m.Bars-first)/2)
	var before, after runtime.MemStats
	edges = nil
	runtime.GC()
	runtime.ReadMemStats(&before)
	ours := 0.0 // the slowest turn, beside the one turn of each peer
	for range turns {
		ours = max(ours, timed(m.Bars))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	result := (m.Bars - first) * (size.symbols*size.topK*8 + (size.symbols+1)*4)
	extra := float64(after.HeapAlloc) - float64(before.HeapAlloc) - float64(result)

	folder := t.TempDir()
	raw := filepath.Join(folder, "returns.bin")
	writeFloats(t, raw, m, returns)
	t.Logf("ours: %.2f s for %d windows of %d symbols (half of them: %.2f s), edges of %d MB and %.0f MB beside them",
		ours, m.Bars-first, size.symbols, half, result>>20, extra/(1<<20))
	if extra > 64<<20 {
		t.Errorf("%.0f MB are held beside the result", extra/(1<<20))
	}
	for _, p := range edgesPeers {
		seconds, checks := runEdgesPeer(t, p.name, raw, size)
		t.Logf("%-45s %8.2f s, %.1f times ours", p.title, seconds, seconds/ours)
		for _, c := range checks {
			compareTopK(t, p.title, edges[c.Bar-first], c)
		}
	}
}

// walks is a market of random walks with a common part.
func walks(size edgesSize) *Market {
	r := rand.New(rand.NewPCG(1, 2))
	m := &Market{Interval: 5 * time.Minute, Start: 1_700_000_100_000, Bars: size.bars}
	for i := range size.symbols {
		m.Symbols = append(m.Symbols, fmt.Sprintf("S%03d", i))
	}
	series := func() [][]float64 { return NewSeries(size.symbols, size.bars) }
	m.Open, m.High, m.Low, m.Close, m.Volume = series(), series(), series(), series(), series()
	level := make([]float64, size.symbols)
	for bar := range size.bars {
		common := r.NormFloat64()
		for i := range size.symbols {
			level[i] += 0.001 * (0.6*common + r.NormFloat64())
			m.Close[i][bar] = math.Exp(level[i])
		}
	}
	return m
}

// writeFloats writes the returns [T, N] in float64.
func writeFloats(t *testing.T, path string, m *Market, returns *returnPanel) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	var b [8]byte
	for bar := range m.Bars {
		values, _ := returns.bar(bar)
		for _, v := range values {
			bits := math.Float64bits(v)
			for k := range b {
				b[k] = byte(bits >> (8 * k))
			}
			if _, err := w.Write(b[:]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// peerTopK is what a peer found at one bar: of each node the correlations with
// its nearest ones, highest first.
type peerTopK struct {
	Bar     int
	Sources [][]int
	Attr    [][]float64
}

func runEdgesPeer(t *testing.T, name, raw string, size edgesSize) (seconds float64, checks []peerTopK) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts Python")
	}
	python := cmp.Or(os.Getenv("PYTHON"), filepath.Join("..", ".venv", "bin", "python"))
	if err := exec.Command(python, "-c", "import pandas").Run(); err != nil {
		t.Skipf("no Python with pandas (`make setup` brings it): %v", err)
	}
	c := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "edges_peer.py"), name, raw,
		fmt.Sprint(size.symbols), fmt.Sprint(size.window), fmt.Sprint(size.topK), fmt.Sprint(size.pandasSymbols))
	c.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { // the peer's best kernels
		return len(s) > 9 && s[:9] == "OPENBLAS_"
	})
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var answer struct {
		Seconds float64
		Checks  []peerTopK
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%s: %v in %.200q", name, err, out)
	}
	return answer.Seconds, answer.Checks
}

func compareTopK(t *testing.T, title string, e Edges, c peerTopK) {
	t.Helper()
	for i, want := range c.Attr {
		got := e.Attr[e.RowPtr[i]:e.RowPtr[i+1]]
		for k := range want {
			if math.Abs(float64(got[k])-want[k]) > 1e-5 {
				t.Fatalf("%s, bar %d, node %d: neighbour %d has %v, ours %v", title, c.Bar, i, k, want[k], got[k])
			}
		}
	}
}
