package data

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestStaticEdgesAreThoseOfTheFileBetweenPresentNodes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "edges.csv")
	text := "\ufeffTarget,weight,source,note\nS01USDT,0.5,S00USDT,a\nS01USDT,-2,\"S03USDT\",b\n\nS00USDT,1e-3,S04USDT,c\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m := randomMarket(newRand(52), 9, 400)
	c := defaultConfig()
	c.Edges, c.EdgesFile = EdgesStatic, path
	if c.SignedEdges() {
		t.Error("the sign is known before the file is read")
	}
	d := mustBuild(t, m, c)
	all, some := 0, 0
	for s := range d.Len() {
		e, mask := d.Edges(s), d.Mask(s)
		var sources []int32
		var weights []float32
		for _, want := range []struct {
			source, target int32
			weight         float32
		}{{4, 0, 1e-3}, {0, 1, 0.5}, {3, 1, -2}} { // by target
			if mask[want.source] && mask[want.target] {
				sources, weights = append(sources, want.source), append(weights, want.weight)
			}
		}
		if !slices.Equal(e.Sources, sources) || !slices.Equal(e.Weight, weights) || !slices.Equal(e.Attr, weights) {
			t.Fatalf("snapshot %d: %v with %v, want %v with %v", s, e.Sources, e.Weight, sources, weights)
		}
		if all++; len(sources) < 3 {
			some++
		}
	}
	if some == 0 || some == all {
		t.Errorf("%d of %d snapshots lack an edge", some, all)
	}
	if d.HeldEdges()*10 > int64(3*d.Len()) {
		t.Errorf("%d edges are in memory", d.HeldEdges())
	}
	c.Static = []StaticEdge{{Source: "S00USDT", Target: "S01USDT", Weight: -1}}
	if !c.SignedEdges() {
		t.Error("a negative weight has no sign")
	}
}

func TestWhatIsWrongWithEdgesFileIsNamedWithItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "EDGES_FILE is empty, e.csv: give it the header source,target,weight and an edge a line",
		"source,target\n":                       "EDGES_FILE has a header and no edge, e.csv: list an edge a line, or set EDGES=none",
		"from,to\na,b\n":                        `the header "from,to" lacks source or target, line 1 of e.csv: begin the file with source,target,weight`,
		"source,target,source\na,b,c\n":         `the column "source" occurs twice, line 1 of e.csv: name each of source, target and weight once`,
		"source,target\na,b\nb\n":               "an edge has 1 fields where the header has 2, line 3 of e.csv: give it as many",
		"source,target\na,b\n,b\n":              "an edge lacks its source or its target, line 3 of e.csv: name both symbols",
		"source,target\na,a\n":                  "a is joined with itself, line 2 of e.csv: take the line out: a node's own part is in each layer",
		"source,target\na,b\nb,a\n\na,b\n":      "the edge from a to b is in line 2 already, line 5 of e.csv: take one of both out",
		"source,target,weight\na,b,NaN\n":       `the weight "NaN" is no finite number, line 2 of e.csv: write a number such as 0.5, or leave the edge out`,
		"source,target,weight\na,b,1e99\n":      `the weight "1e99" is no finite number, line 2 of e.csv: write a number such as 0.5, or leave the edge out`,
		"source,target,weight\na,b,\n":          `the weight "" is no finite number, line 2 of e.csv: write a number such as 0.5, or leave the edge out`,
		"source,target\na,b\n\"a\"x,\"b\n":      "it is no CSV: extraneous or missing \" in quoted-field, line 3 of e.csv: correct the line: source,target,weight",
		"source,target\nS00USDT,S0OUSDT\n":      "the edge from S00USDT to S0OUSDT names S0OUSDT, which is no symbol of the market, line 2 of e.csv: write S00USDT, or take the line out",
		"source,target\nS00USDT,S01USDT\nb,a\n": "the edge from b to a names b, which is no symbol of the market, line 3 of e.csv: take the line out, or add the symbol to SYMBOLS",
	} {
		edges, err := readStaticEdges(strings.NewReader(text), "e.csv")
		if err == nil {
			r := Recipe{Edges: EdgesStatic, Static: edges}
			_, err = r.staticEdges([]string{"S00USDT", "S01USDT"})
		}
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n%v\nwant\n%s", text, err, want)
		}
	}
	if _, _, err := ReadStaticEdges(t.TempDir()); err == nil || !strings.Contains(err.Error(), "EDGES_FILE cannot be read") {
		t.Errorf("a folder: %v", err)
	}
}

func FuzzReadStaticEdges(f *testing.F) {
	f.Add("source,target,weight\na,b,1\n")
	f.Add("\"")
	f.Fuzz(func(t *testing.T, text string) {
		edges, err := readStaticEdges(strings.NewReader(text), "e.csv")
		if (err == nil) == (len(edges) == 0) {
			t.Errorf("%d edges, %v", len(edges), err)
		}
	})
}
