package job

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/internal/result"
)

// verdict is a comparison that a person is shown: with the best method that needs
// no network, and with the network without edges.
type verdict struct {
	evaluation.Comparison
	about string // what it says something of: graph, or network
}

// verdicts are the comparisons worth showing. The best method is that of the
// validation split, so that the test split does not choose.
func verdicts(m result.Metrics) []verdict {
	best := ""
	for _, c := range m.Comparisons {
		valid := func(name string) float64 { return float64(m.Baselines[name].Selection().RankIC) }
		if c.Against != config.BaselineNoEdges && !math.IsNaN(valid(c.Against)) && (best == "" || valid(c.Against) > valid(best)) {
			best = c.Against
		}
	}
	var list []verdict
	for about, name := range map[string]string{"network": best, "graph": config.BaselineNoEdges} {
		if i := slices.IndexFunc(m.Comparisons, func(c evaluation.Comparison) bool { return c.Against == name }); i >= 0 {
			list = append(list, verdict{m.Comparisons[i], about})
		}
	}
	slices.SortFunc(list, func(a, b verdict) int { return strings.Compare(b.about, a.about) })
	return list
}

// verdictMetrics is the verdict as Prometheus shows it.
func verdictMetrics(m result.Metrics) metrics.Verdict {
	v := metrics.Verdict{Outcome: string(m.Verdict.Outcome), Test: map[string]evaluation.SplitMetrics{metrics.Model: m.Splits.Test}}
	for _, outcome := range result.Outcomes {
		v.Outcomes = append(v.Outcomes, string(outcome))
	}
	if best, ok := m.Baselines[m.Verdict.BestBaseline]; ok {
		v.Test[best.Name] = best.Splits.Test
	}
	return v
}

// readable is the name of a baseline as a sentence has it.
func readable(name string) string { return strings.ReplaceAll(name, "_", " ") }

// sentence says whether the model is better, by how much, and how sure that is.
func (v verdict) sentence() string {
	other := readable(v.Against)
	if math.IsNaN(float64(v.Interval.Low)) {
		return "too few test rows to compare with " + other
	}
	than := map[int]string{1: "better than", 0: "no different from", -1: "worse than"}[v.Better()]
	metric := map[string]string{"rank_ic": "rank IC", "accuracy": "accuracy"}[v.Metric]
	return fmt.Sprintf("%s %s on the test split: %s %+.4f (95 %%: %+.4f to %+.4f)", than, other, metric, float64(v.Difference), float64(v.Interval.Low), float64(v.Interval.High))
}

// logVerdicts logs how the model compares, and warns where it is worse beyond the
// noise of the test split.
func logVerdicts(m result.Metrics, log zerolog.Logger) {
	if v := m.Verdict; v.Sentence != "" {
		log.Info().Str("outcome", string(v.Outcome)).Msg("verdict: " + v.Sentence)
	}
	for _, v := range verdicts(m) {
		line, advice := log.Info(), ""
		if v.Better() < 0 {
			line = log.Warn()
			advice = ". Use that method in its place"
			if v.about == "graph" {
				advice = ". The graph does harm on this market with these settings"
			}
		}
		line.Str("against", v.Against).Str("metric", v.Metric).Float64("difference", round(v.Difference)).
			Floats64("interval", []float64{round(v.Interval.Low), round(v.Interval.High)}).Float64("p", round(v.P)).Float64("p_holm", round(v.HolmP)).
			Msg("the model is " + v.sentence() + advice)
	}
}

// costsShown is the cost a side, in bps, of which a person is shown what is left.
const costsShown = 2

// afterCosts says what positions by the model's scores would have earned; empty
// where there is no backtest.
func afterCosts(m result.Metrics) string {
	if m.Backtest == nil || m.Backtest.DollarNeutral.Periods == 0 {
		return ""
	}
	p := m.Backtest.DollarNeutral
	for _, c := range p.AfterCosts {
		if c.CostBps == costsShown {
			return fmt.Sprintf("long the upper third of the scores, short the lower: breaks even at %.2f bps a side, %+.1f %% on the test split after %d bps",
				float64(p.BreakEvenBps), 100*float64(c.Return), costsShown)
		}
	}
	return ""
}
