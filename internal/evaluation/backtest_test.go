package evaluation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

func TestTheBacktestAgreesWithPandas(t *testing.T) {
	cases := [][]Prediction{
		smaller(forecasts(1, 9, 0.1)), smaller(forecasts(2, 4, 0)),
		randomRows(rand.New(rand.NewPCG(9, 2)), 400), // ties and gaps
		funded(smaller(forecasts(3, 9, 0.1)), 3),
		funded(randomRows(rand.New(rand.NewPCG(9, 4)), 400), 4),
	}
	files := []string{}
	for _, rows := range cases {
		file := writeFile(t, rows)
		files = append(files, file)
		paid := "open_time,symbol,funding\n"
		for _, p := range rows {
			if p.Funding != 0 {
				paid += fmt.Sprintf("%d,%s,%v\n", p.OpenTime, p.Symbol, p.Funding)
			}
		}
		if err := os.WriteFile(file+".funding.csv", []byte(paid), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, horizon := range []int{1, 3} {
		var want []any
		runPython(t, &want, "backtest_reference.py", append([]string{fmt.Sprint(horizon)}, files...)...)
		all := make([]*Backtest, len(cases))
		for i, rows := range cases {
			all[i] = NewTestSplit(slices.Values(rows)).Backtest(horizon)
		}
		for i := range cases {
			t.Run(fmt.Sprintf("case %d, horizon %d", i, horizon), func(t *testing.T) {
				b := *all[i]
				b.Deflate(nil, slices.Concat(all[:i], all[i+1:]), 0)
				b.Trials = nil
				got := asJSON(t, b)
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

// funded has rows pay and receive funding, most of them none.
func funded(rows []Prediction, seed uint64) []Prediction {
	r := rand.New(rand.NewPCG(seed, 8))
	for i := range rows {
		if r.IntN(8) == 0 {
			rows[i].Funding = 1e-4 * r.NormFloat64()
		}
	}
	return rows
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
	if !math.IsNaN(float64(p.FundingBps)) {
		t.Errorf("funding of %v bps without a rate", p.FundingBps)
	}
	near("turnover", p.Turnover, (1.0+2+1)/2) // in, over, out
	near("break even", p.BreakEvenBps, 0.04/2*1e4)
	near("return at 10 bps", p.AfterCosts[3].Return, (1+0.07-0.001)*(1+0.01-0.003)-1)
	rows[0].Funding, rows[2].Funding, rows[5].Funding = 0.002, 0.003, -0.004 // A pays long, C receives short, then C receives long
	funded := NewTestSplit(slices.Values(rows)).Backtest(1).DollarNeutral
	near("funding", funded.FundingBps, ((-0.001+0.0015)+0.002)/2*1e4)
	near("mean with funding", funded.MeanBps, (0.0705+0.012)/2*1e4)
	near("return with funding at 10 bps", funded.AfterCosts[3].Return, (1+0.0705-0.001)*(1+0.012-0.003)-1)
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
