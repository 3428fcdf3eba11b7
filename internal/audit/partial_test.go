package audit

import (
	"testing"

	"github.com/streamforge/gnn-trainer/data"
)

// wholeCoefficients are the partial edges of some bars of a market as EDGES_FILE
// has them.
func wholeCoefficients(m *data.Market, from, to int) []data.StaticEdge {
	values := m.ScaledReturns(data.Recipe{MaxGap: 7})
	for i := range values {
		values[i] = values[i][from:to]
	}
	b := data.Coefficients(values, []float64{0.2})[0]
	var edges []data.StaticEdge
	for i, target := range m.Symbols {
		for j, source := range m.Symbols {
			if i != j {
				edges = append(edges, data.StaticEdge{Source: source, Target: target, Weight: float32(b[i*len(m.Symbols)+j])})
			}
		}
	}
	return edges
}

func joinedBy(list string, static []data.StaticEdge) data.Config {
	c := config()
	c.Edges, c.EdgeRidge, c.EdgeEvery, c.Static = list, 0.2, 60, static
	return c
}

func TestHonestEdgesOfEveryTypeHaveNoFinding(t *testing.T) {
	for seed := range seeds() {
		m := simulated(t, seed)
		for _, short := range []bool{false, true} {
			quiet(t, audited(t, m.Clone(), joinedBy("correlation,partial,leadlag", nil), short))
			// Of the train split, as a file should be.
			quiet(t, audited(t, m.Clone(), joinedBy("static", wholeCoefficients(m, 0, m.Bars*6/10)), short))
		}
	}
}

func TestAPartialGraphOfTheWholePeriodIsNamed(t *testing.T) {
	for seed := range seeds() {
		m := simulated(t, seed)
		whole := wholeCoefficients(m, 0, m.Bars)
		for _, list := range []string{"static", "partial,static"} {
			for _, short := range []bool{false, true} {
				expect(t, audited(t, m.Clone(), joinedBy(list, whole), short), "graph", "edges", "partial correlation of log returns in units of volatility over the whole period", "a window that ends with it")
			}
		}
		// As if the program itself had taken the whole period.
		c := joinedBy("partial", nil)
		a := Begin(Input{Market: m, Config: c})
		static := joinedBy("static", whole)
		static.GraphWindow += 59 // of the same snapshots
		d, err := data.Build(m, static)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, a.End(d), "causality", "edges", "changes with later candles", "report this defect")
	}
}

func TestAPreparedPartialGraphOfTheWholePeriodIsNamed(t *testing.T) {
	for seed := range seeds() {
		for to, leaks := range map[int]bool{preparedMoments: true, preparedMoments * 6 / 10: false} {
			g := prepare(seed)
			changes := changesOf(datasetOf(t, g), g.closes)[0].values
			for i := range changes {
				changes[i] = changes[i][:to]
			}
			b := data.Coefficients(changes, []float64{0.1})[0]
			e := data.Edges{RowPtr: make([]int32, preparedNodes+1)}
			for i := range preparedNodes {
				for j := range preparedNodes {
					if i != j {
						e.Sources, e.Attr = append(e.Sources, int32(j)), append(e.Attr, float32(b[i*preparedNodes+j]))
					}
				}
				e.RowPtr[i+1] = int32(len(e.Sources))
			}
			for s := range g.snapshots.Edges {
				g.snapshots.Edges[s] = e
			}
			if r := g.audited(t); leaks {
				expect(t, r, "graph", "edges", "partial correlation of log returns over the whole period", "a window that ends with it")
			} else {
				quiet(t, r)
			}
		}
	}
}

func datasetOf(t *testing.T, g *prepared) *data.Dataset {
	t.Helper()
	d, err := data.FromSnapshots(g.snapshots, config())
	if err != nil {
		t.Fatal(err)
	}
	return d
}
