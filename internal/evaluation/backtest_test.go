package evaluation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTheBacktestAgreesWithPandas(t *testing.T) {
	cases := [][]Prediction{
		smaller(forecasts(1, 9, 0.1)), smaller(forecasts(2, 4, 0)),
		randomRows(rand.New(rand.NewPCG(9, 2)), 400), // ties and gaps
	}
	files := []string{}
	for _, rows := range cases {
		files = append(files, writeFile(t, rows))
	}
	for _, horizon := range []int{1, 3} {
		var want []any
		runPython(t, &want, "backtest_reference.py", append([]string{fmt.Sprint(horizon)}, files...)...)
		for i, rows := range cases {
			t.Run(fmt.Sprintf("case %d, horizon %d", i, horizon), func(t *testing.T) {
				got := asJSON(t, NewTestSplit(slices.Values(rows)).Backtest(horizon))
				for _, rules := range []map[string]any{got, want[i].(map[string]any)} {
					for _, rule := range rules {
						p := rule.(map[string]any)
						p["after_costs"] = indexed(p["after_costs"])
					}
				}
				compare(t, "", got, want[i], 1e-9)
			})
		}
	}
}

// smaller makes returns of a market of rows whose returns have a deviation of 1.
func smaller(rows []Prediction) []Prediction {
	for i := range rows {
		*rows[i].Return /= 1000
	}
	return rows
}

// indexed is a JSON list as an object, for compare.
func indexed(list any) map[string]any {
	out := map[string]any{}
	for i, v := range list.([]any) {
		out[fmt.Sprint(i)] = v
	}
	return out
}

func TestABacktestCountedByHand(t *testing.T) {
	ret := func(simple float64) *float64 { return new(math.Log1p(simple)) }
	at := func(time int64, symbol string, score, simple float64) Prediction {
		p := row(time*86_400_000, symbol, "test", nil, ret(simple), 0.2, 0.3, 0.5)
		p.Score = score
		return p
	}
	rows := []Prediction{
		at(0, "A", 0.3, 0.10), at(0, "B", 0.1, 0.02), at(0, "C", -0.2, -0.04), // long A, short C
		at(1, "A", -0.3, 0.01), at(1, "B", 0.1, 0.02), at(1, "C", 0.2, 0.03), // long C, short A
		at(2, "A", -0.3, 0.01), at(2, "B", 0.1, 0.02), // too few
	}
	p := NewTestSplit(slices.Values(rows)).Backtest(1).DollarNeutral
	near := func(name string, got Float, want float64) {
		t.Helper()
		if math.Abs(float64(got)-want) > 1e-12*max(1, math.Abs(want)) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if p.Periods != 2 {
		t.Fatalf("%d periods", p.Periods)
	}
	near("mean", p.MeanBps, (0.07+0.01)/2*1e4)
	near("turnover", p.Turnover, (1.0+2+1)/2) // in, over, out
	near("break even", p.BreakEvenBps, 0.04/2*1e4)
	near("return at 10 bps", p.AfterCosts[3].Return, (1+0.07-0.001)*(1+0.01-0.003)-1)
	if empty := NewTestSplit(slices.Values([]Prediction(nil))).Backtest(1); empty != nil {
		t.Errorf("without rows: %+v", empty)
	}
}

func TestWithoutSkillNothingIsLeftAfterCosts(t *testing.T) {
	p := NewTestSplit(slices.Values(smaller(forecasts(3, 60, 0)))).Backtest(1).DollarNeutral
	if last := p.AfterCosts[3]; last.Return > 0 || last.Sharpe > 0 || last.Drawdown <= 0 {
		t.Errorf("%+v", p)
	}
	for i := 1; i < len(p.AfterCosts); i++ {
		if p.AfterCosts[i].Return >= p.AfterCosts[i-1].Return {
			t.Errorf("a higher cost leaves more: %+v", p.AfterCosts)
		}
	}
}
