package evaluation

import (
	"maps"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/pyg"
)

// SymbolTest is how good a method's test rows of one symbol are.
type SymbolTest struct {
	Symbol  string
	Metrics SplitMetrics
	// Correlation is Spearman's of score and return over time, NaN where there is none.
	Correlation Float
}

// Symbols are those of all symbols with test rows, in the order of their names.
func (t *TestSplit) Symbols() ([]SymbolTest, error) {
	rows := map[string][]Prediction{}
	for _, p := range t.rows {
		rows[p.Symbol] = append(rows[p.Symbol], p)
	}
	var all []SymbolTest
	for _, symbol := range slices.Sorted(maps.Keys(rows)) {
		m, err := Evaluate(slices.Values(rows[symbol]), pyg.Unlabelled)
		if err != nil {
			return nil, err
		}
		s := SymbolTest{Symbol: symbol, Metrics: m, Correlation: Float(math.NaN())}
		var score, ret []float64
		for _, p := range rows[symbol] {
			if p.Return != nil {
				score, ret = append(score, p.Score), append(ret, *p.Return)
			}
		}
		if c, ok := RankCorrelation(score, ret); ok {
			s.Correlation = Float(c)
		}
		all = append(all, s)
	}
	return all, nil
}
