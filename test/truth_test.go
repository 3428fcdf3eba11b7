package test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
)

// writeRandomWalks writes candles of symbols in two sectors, whose returns follow
// nothing that is known before: what they share is news of the same bar.
func writeRandomWalks(t *testing.T, dir string, seed uint64) {
	t.Helper()
	const symbols, bars = 12, 1800
	r := rand.New(rand.NewPCG(seed, 7))
	files := make([]strings.Builder, symbols)
	prices := make([]float64, symbols)
	for i := range files {
		files[i].WriteString("open_time,open,high,low,close,volume\n")
		prices[i] = 100
	}
	for bar := range bars {
		market, news := r.NormFloat64(), [2]float64{r.NormFloat64(), r.NormFloat64()}
		for i := range files {
			open := prices[i]
			prices[i] *= math.Exp(1e-3 * (0.4*market + 0.5*news[i%2] + 0.8*r.NormFloat64()))
			high, low := max(open, prices[i])*(1+1e-4*r.ExpFloat64()), min(open, prices[i])*(1-1e-4*r.ExpFloat64())
			fmt.Fprintf(&files[i], "%d,%.8f,%.8f,%.8f,%.8f,%.3f\n", 1_704_067_200_000+300_000*int64(bar), open, high, low, prices[i], 10*r.ExpFloat64())
		}
	}
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("W%02dUSDT.csv", i)), []byte(files[i].String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWithoutASignalNothingIsFound runs the whole account on markets in which
// there is nothing to find: 3 of them, or 20 with GNN_TRUTH=1 (`make truth`).
func TestWithoutASignalNothingIsFound(t *testing.T) {
	seeds, most := 3, 1
	if os.Getenv("GNN_TRUTH") != "" {
		seeds, most = 20, 2
	}
	if testing.Short() {
		t.Skip("-short: trains")
	}
	found := make([]string, seeds)
	t.Run("seeds", func(t *testing.T) {
		for seed := range seeds {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				candles := t.TempDir()
				writeRandomWalks(t, candles, uint64(seed))
				vars, folder := environment(t, map[string]string{
					"DATA_SOURCE": "files", "DATA_DIR": candles, "SYMBOL": "W00USDT", "SYMBOLS": "", "LOOKBACK": "",
					"SEED": fmt.Sprint(seed), "EPOCHS": "12", "EDGE_TOP_K": "5",
				})
				run(t, vars).mustEnd(t, "finished", 0)
				found[seed] = significant(t, folder)
			})
		}
	})
	if t.Failed() {
		return
	}
	wrong := 0
	for seed, what := range found {
		if what != "" {
			t.Logf("seed %d: %s", seed, what)
			wrong++
		}
	}
	if wrong > most {
		t.Errorf("%d of %d markets without a signal have a method with skill", wrong, seeds)
	}
}

// significant names what a result claims: a method whose rank IC is not zero, with
// Holm's correction over all methods, a network or graph that is better, or a
// profit after costs.
func significant(t *testing.T, folder string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, "metrics.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m result.Metrics
	if err := json.Unmarshal(content, &m); err != nil {
		t.Fatal(err)
	}
	names, p := []string{"model"}, []float64{normalP(float64(m.Splits.Test.RankICT))}
	for name, b := range m.Baselines {
		if v := normalP(float64(b.Splits.Test.RankICT)); !math.IsNaN(v) {
			names, p = append(names, name), append(p, v)
		}
	}
	if len(names) != 11 {
		t.Errorf("%d methods have a rank IC: %v", len(names), names)
	}
	var claims []string
	for i, v := range evaluation.Holm(p) {
		if v < 0.05 {
			claims = append(claims, fmt.Sprintf("%s has skill (p %.4f)", names[i], v))
		}
	}
	for _, c := range m.Comparisons {
		if c.Metric == "rank_ic" && c.HolmP < 0.05 {
			claims = append(claims, fmt.Sprintf("the model differs from %s (p %.4f)", c.Against, float64(c.HolmP)))
		}
	}
	if left := m.Backtest.DollarNeutral.AfterCosts[2]; left.CostBps != 5 || left.Return > 0 {
		claims = append(claims, fmt.Sprintf("the backtest earns %.3f after %v bps", float64(left.Return), left.CostBps))
	}
	return strings.Join(claims, ", ")
}

// normalP is the two-sided p of a t statistic of many values.
func normalP(t float64) float64 { return math.Erfc(math.Abs(t) / math.Sqrt2) }

func TestWithoutEdgesTheModelIsTheTwinOfOneWithEdges(t *testing.T) {
	t.Parallel()
	metrics := func(changes map[string]string) result.Metrics {
		vars, folder := environment(t, changes)
		run(t, vars).mustEnd(t, "finished", 0)
		content, err := os.ReadFile(filepath.Join(folder, "metrics.json"))
		if err != nil {
			t.Fatal(err)
		}
		var m result.Metrics
		if err := json.Unmarshal(content, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	with := metrics(map[string]string{"BASELINES": "no_edges"})
	without := metrics(map[string]string{"EDGES": "none", "BASELINES": "no_edges"})
	twin, err := json.Marshal(with.Baselines["no_edges"].Splits)
	if err != nil {
		t.Fatal(err)
	}
	model, err := json.Marshal(without.Splits)
	if err != nil {
		t.Fatal(err)
	}
	if string(twin) != string(model) {
		t.Errorf("the twin has\n%s\nand the model without edges\n%s", twin, model)
	}
	if len(without.Baselines) > 0 || without.Graph.Density != 0 {
		t.Errorf("without edges there are baselines %v and density %v", without.Baselines, without.Graph.Density)
	}
}
