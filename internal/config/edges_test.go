package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// edgesFile writes a CSV file of edges.
func edgesFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "edges.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEdgeTypesAreReadWithWhatTheyDependOn(t *testing.T) {
	c := load(t, "EDGES=partial, leadlag", "MODEL_TYPE=gatv2", "INTERVAL=15m", "EDGE_RIDGE=0.5")
	if got := c.Data.EdgeTypes(); !slices.Equal(got, []string{"partial", "leadlag"}) || c.Data.EdgeRidge != 0.5 || c.Data.EdgeTopKGiven {
		t.Errorf("types %q, ridge %v, EDGE_TOP_K given: %v", got, c.Data.EdgeRidge, c.Data.EdgeTopKGiven)
	}
	if got := c.Data.Recompute("partial", c.Data.Interval); got != 96 {
		t.Errorf("partial edges last %d bars of 15 minutes, want a day's", got)
	}
	if got := c.Data.LeastBars(); got < 100+96 {
		t.Errorf("%d bars are enough, and the first edges need as many as the window and a day", got)
	}
	// What is published is the same run.
	again := load(t, append(publicOf(c), "EDGES=partial, leadlag")...)
	if again.Data.EdgeTopKGiven || again.Data.EdgeEvery != 0 {
		t.Error("the published values make other edges")
	}
	if c := load(t, "EDGES=partial", "MODEL_TYPE=gatv2", "EDGE_TOP_K=10"); !c.Data.EdgeTopKGiven || c.Public()["EDGE_TOP_K"] != "10" {
		t.Error("EDGE_TOP_K=10 is that of partial edges once it is set")
	}
	path := edgesFile(t, "source,target,weight\nETHUSDT,BTCUSDT,0.5\n")
	c = load(t, "EDGES=static", "EDGES_FILE="+path)
	if len(c.Data.Static) != 1 || len(c.Data.StaticSHA256) != 64 || c.Data.SignedEdges() {
		t.Errorf("static edges are %v of %q", c.Data.Static, c.Data.StaticSHA256)
	}
}

// publicOf are the published values as an environment.
func publicOf(c Config) (environ []string) {
	for name, value := range c.Public() {
		environ = append(environ, name+"="+value)
	}
	return environ
}

func TestEdgesThatCannotBeAreRejectedWithTheRemedy(t *testing.T) {
	negative := edgesFile(t, "source,target,weight\nETHUSDT,BTCUSDT,-0.5\n")
	for _, c := range []struct {
		environ []string
		want    string
	}{
		{[]string{"EDGES=partial"}, "EDGES=partial has negative weights, which MODEL_TYPE=gcn cannot take: set MODEL_TYPE=gatv2"},
		{[]string{"EDGES=leadlag", "MODEL_TYPE=sage"}, "EDGES=leadlag has negative weights, which MODEL_TYPE=sage cannot take: set MODEL_TYPE=gatv2"},
		{[]string{"EDGES=static", "EDGES_FILE=" + negative}, "EDGES=static has negative weights, which MODEL_TYPE=gcn cannot take"},
		{[]string{"EDGES=static"}, "EDGES=static needs EDGES_FILE: set it to a CSV file with the columns source, target and weight"},
		{[]string{"EDGES=static", "EDGES_FILE=/no/such.csv"}, "EDGES_FILE cannot be read"},
		{[]string{"EDGES=corelation"}, `EDGES names "corelation": set correlation in its place`},
		{[]string{"EDGES=correlation,none"}, `EDGES is "correlation,none", and none stands alone: set EDGES=none, or take none out`},
		{[]string{"EDGES=correlation,correlation"}, "EDGES names correlation twice: name it once"},
		{[]string{"EDGES=partial", "MODEL_TYPE=gatv2", "EDGE_RIDGE=0"}, "EDGE_RIDGE is 0: set a number from 0.000001 to 1000"},
		{[]string{"EDGE_RIDGE=0.3"}, "EDGE_RIDGE is set, but it is read by EDGES=partial alone: unset it, or add one of them to EDGES"},
		{[]string{"EDGES=partial", "MODEL_TYPE=gatv2", "EDGE_THRESHOLD=0.3"}, "EDGE_THRESHOLD is set, but it is read by EDGES=correlation alone"},
		{[]string{"EDGES=none", "EDGE_EVERY=12"}, "EDGE_EVERY is set, but EDGES=none joins no nodes"},
		{[]string{"EDGE_EVERY=0"}, `EDGE_EVERY is "0": set a whole number from 1 to 1000000`},
		{[]string{"EDGES_FILE=" + negative}, "EDGES_FILE is set, but it is read by EDGES=static alone"},
	} {
		got := rejected(t, environ(c.environ...))
		if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
			t.Errorf("%s: %q, want %q", c.environ, got, c.want)
		}
	}
	for _, given := range [][]string{
		{"EDGE_EVERY=12"},
		{"EDGES=correlation,partial", "MODEL_TYPE=gatv2", "EDGE_THRESHOLD=0.3", "EDGE_TOP_K=4"},
		{"EDGES=leadlag", "MODEL_TYPE=gatv2", "EDGE_TOP_K=4", "EDGE_EVERY=12", "EDGE_RETURNS=excess"},
	} {
		if got := rejected(t, environ(given...)); got != nil {
			t.Errorf("%s: %q", given, got)
		}
	}
}
