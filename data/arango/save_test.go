package arango

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/streamforge/gnn-trainer/pyg"
	"github.com/streamforge/gnn-trainer/test/arangodb"
	"github.com/streamforge/gnn-trainer/test/lab"
)

// snapshot is a graph of n nodes as our own snapshots are: with masked and
// unlabelled nodes, and names that no key may have.
func snapshot(n int) Saved {
	g := Saved{Features: []string{"log_return_1", "rsi_14", "symbol"}}
	d := pyg.Data{NumNodes: n, NumFeatures: 3, OpenTime: []int64{noon}}
	var sources, targets []int64
	for i := range n {
		g.Symbols = append(g.Symbols, []string{fmt.Sprintf("%dUSDT", n-i), fmt.Sprintf("币安/人生 %d:é", i)}[i%2])
		masked := i == 3
		d.NodeMask = append(d.NodeMask, !masked)
		x := []float32{float32(i) / 7, -1e-20 * float32(i), 3}
		if masked {
			x = []float32{0, 0, 0}
		}
		d.X = append(d.X, x...)
		d.Y = append(d.Y, []int64{0, 1, 2, pyg.Unlabelled}[i%4])
		d.Ret = append(d.Ret, []float32{-0.25, 0.125, 1e-6, 0}[i%4])
		for k := range 3 {
			source := (i + n - 1 - 5*k) % n
			if masked || source == 3 {
				continue
			}
			c := 0.9 - 0.6*float32(k) - float32(i)/1000
			sources, targets = append(sources, int64(source)), append(targets, int64(i))
			d.EdgeAttr, d.EdgeWeight = append(d.EdgeAttr, c), append(d.EdgeWeight, max(c, 0))
		}
	}
	d.EdgeIndex = append(sources, targets...)
	g.Data = d
	return g
}

func TestASavedGraphIsReadBackAsItWas(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	d := open(t, c)
	for _, n := range []int{40, 1300} { // of one batch and of several
		g := snapshot(n)
		if err := d.Save(t.Context(), "saved", g); err != nil {
			t.Fatal(err)
		}
		c.Graph = "saved"
		back, _, err := readGraph(t.Context(), open(t, c), Choice{})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back.File.Data, g.Data) {
			t.Errorf("got  %+v\nwant %+v", back.File.Data, g.Data)
		}
		if !slices.Equal(back.Features, g.Features) || !slices.Equal(back.File.Symbols, g.Symbols) {
			t.Errorf("%q of %q", back.Features, back.File.Symbols)
		}
	}
	if n := len(s.Documents("market", "saved_nodes")); n != 1300 {
		t.Errorf("%d vertices", n)
	}
}

// contents are the documents of both collections, without their revisions.
func contents(t *testing.T, s *arangodb.Server) []string {
	t.Helper()
	var all []string
	for _, c := range []string{"saved_nodes", "saved_edges"} {
		for _, text := range s.Documents("market", c) {
			var d doc
			if err := json.Unmarshal(text, &d); err != nil {
				t.Fatal(err)
			}
			delete(d, "_rev")
			all = append(all, fmt.Sprint(d))
		}
	}
	slices.Sort(all)
	return all
}

func TestSavingAgainChangesNothingAndRemovesWhatIsGone(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	d := open(t, c)
	g := snapshot(30)
	save := func() {
		t.Helper()
		if err := d.Save(t.Context(), "saved", g); err != nil {
			t.Fatal(err)
		}
	}
	save()
	first := contents(t, s)
	save()
	if again := contents(t, s); !slices.Equal(first, again) {
		t.Errorf("a second save changed %d documents into %d", len(first), len(again))
	}
	g = snapshot(12)
	save()
	if n, e := len(s.Documents("market", "saved_nodes")), len(s.Documents("market", "saved_edges")); n != 12 || e != g.Data.NumEdges() {
		t.Errorf("%d nodes and %d edges are left of 12 and %d", n, e, g.Data.NumEdges())
	}
}

func TestASaveThatTheServerFailsIsMadeWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: waits between attempts")
	}
	s, c := serve(t, arangodb.Options{})
	d := open(t, c)
	g := snapshot(1300)
	g.Data.EdgeIndex = slices.Clone(g.Data.EdgeIndex)
	for _, fault := range []func(){
		func() { s.Fail("/_api/import", 2, http.StatusServiceUnavailable) },
		func() { s.Fail("/_api/import", 1, http.StatusConflict) },
		func() { s.Fail("/_api/gharial", 2, http.StatusServiceUnavailable) },
		func() { s.Fail("/_api/document", 1, http.StatusServiceUnavailable) },
		func() { s.ExpireTokens() },
		func() { s.LoseCursors() },
	} {
		fault()
		if err := d.Save(t.Context(), "saved", g); err != nil {
			t.Fatal(err)
		}
		c.Graph = "saved"
		back, _, err := readGraph(t.Context(), open(t, c), Choice{})
		if err != nil || !reflect.DeepEqual(back.File.Data, g.Data) {
			t.Errorf("it came back otherwise: %v", err)
		}
		// The next one has something to remove.
		if g = snapshot(1300 + len(g.Symbols)%2); len(g.Symbols) == 1300 {
			g = snapshot(1290)
		}
	}
}

func TestASaveTouchesNothingOfOthers(t *testing.T) {
	s, c := serve(t, arangodb.Options{})
	d := open(t, c)
	insert(s, "a_nodes", false, doc{"_key": "mine"})
	s.CreateGraph("market", "b", nil, arangodb.EdgeDefinition{Collection: "other", From: []string{"b_nodes"}, To: []string{"b_nodes"}})
	s.CreateCollection("market", "c_edges", false)
	for name, want := range map[string]string{
		"a": "GRAPH_SAVE=a would be written to collection a_nodes, which holds 1 documents of others: set another name",
		"b": "GRAPH_SAVE=b is a graph of other collections than b_nodes and b_edges: set another name",
	} {
		mustReject(t, d.Save(t.Context(), name, snapshot(5)), want)
	}
	if err := d.Save(t.Context(), "c", snapshot(5)); err == nil {
		t.Error("edges were saved to a collection of documents")
	} else {
		t.Log(err)
	}
	if n := len(s.Documents("market", "a_nodes")); n != 1 {
		t.Errorf("%d documents are left of 1", n)
	}
}

func TestKeysOfAllSymbolsAreDifferentAndTakenByTheDatabase(t *testing.T) {
	long := string(slices.Repeat([]byte("L"), 300))
	symbols := []string{"BTCUSDT", "btcusdt", "a:b", "a%3Ab", "a/b", "a b", "币", long + "1", long + "2", "", "."}
	seen := map[string]string{}
	for i, key := range vertexKeys(symbols) {
		if was, again := seen[key]; again {
			t.Errorf("%q and %q are both %q", was, symbols[i], key)
		}
		seen[key] = symbols[i]
		if key == "" || len(key) > longestKey {
			t.Errorf("%q has %d bytes", key, len(key))
		}
	}
	g := Saved{Data: pyg.Data{EdgeIndex: []int64{0, 0, 0, 1, 1, 1}}}
	if keys := edgeKeys(g, []string{"a", "b"}); !slices.Equal(keys, []string{"a:b", "a:b:2", "a:b:3"}) {
		t.Errorf("%v", keys)
	}
}

func TestASavedGraphOpensInPyGsAdapterAsTheSameTensors(t *testing.T) {
	python, err := filepath.Abs(filepath.Join("..", "..", "build", "arango-venv", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	lab.Need(t, python, "run `make arango-clients`")
	for _, secure := range []bool{false, true} {
		s, c := serve(t, arangodb.Options{TLS: secure})
		if !s.InOrder() {
			t.Skip("a cluster answers: the adapter needs documents in the order of their writing")
		}
		d := open(t, c)
		for _, n := range []int{1300, 41} { // the second takes the place of the first
			g := snapshot(n)
			if err := d.Save(t.Context(), "saved", g); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "graph.pt")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := pyg.Save(f, g.Data.Dict()); err != nil {
				t.Fatal(err)
			}
			f.Close()
			cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "reads_back.py"), s.URL, testUser, testPassword, s.CAPath, "market", "saved", path)
			cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if want := fmt.Sprintf("%d %d\n", n, g.Data.NumEdges()); string(out[len(out)-len(want):]) != want {
				t.Errorf("it said %s, want %s", out, want)
			}
		}
	}
}
