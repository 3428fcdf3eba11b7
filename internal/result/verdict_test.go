package result

import (
	"math"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
)

// metricsOf are metrics of a model with a rank IC and its lower end, and of baselines
// that it is compared with.
func metricsOf(ic, low float64, others ...other) Metrics {
	m := Metrics{Baselines: map[string]Baseline{}}
	m.Splits.Test = evaluation.SplitMetrics{RankIC: evaluation.Float(ic), RankICInterval: evaluation.Interval{Low: evaluation.Float(low), High: evaluation.Float(2*ic - low)}}
	for _, o := range others {
		b := Baseline{Name: o.name}
		b.Splits.Valid.RankIC = evaluation.Float(o.valid)
		b.Splits.Test.RankIC = evaluation.Float(o.test)
		m.Baselines[o.name] = b
		d := evaluation.Float(ic - o.test)
		m.Comparisons = append(m.Comparisons, evaluation.Comparison{
			Against: o.name, Metric: "rank_ic", Difference: d, HolmP: evaluation.Float(o.holm),
			Interval: evaluation.Interval{Low: d - evaluation.Float(o.noise), High: d + evaluation.Float(o.noise)},
		})
	}
	return m
}

type other struct {
	name                     string
	valid, test, noise, holm float64
}

func TestTheVerdictConcedesWhatABaselineWonAndClaimsNoMoreThanTheIntervals(t *testing.T) {
	for _, c := range []struct {
		name    string
		metrics Metrics
		outcome Outcome
		against string
		says    string
	}{
		{
			"every baseline beaten", metricsOf(.1, .08, other{"ridge", .05, .04, .01, .01}, other{"prior", .01, .01, .01, .01}), Better, "ridge",
			"beats every baseline: its rank IC on the test split is 0.1000, that of the best one, ridge regression, is 0.0400",
		},
		{
			"the best beaten, another one not surely", metricsOf(.1, .08, other{"ridge", .05, .04, .01, .01}, other{"deviation_3", .04, .05, .09, 1}), Better, "ridge",
			"beats the best baseline, ridge regression: ",
		},
		{"the best of valid decides, not that of test", metricsOf(.1, .08, other{"ridge", .05, .02, .01, .01}, other{"deviation_3", .04, .09, .02, 1}), Better, "ridge", ""},
		{"within noise", metricsOf(.1, .08, other{"ridge", .05, .09, .02, .3}), NoBetter, "ridge", "no better than a baseline, ridge regression: its rank IC on the test split is 0.1000, the baseline's 0.0900"},
		{
			"a baseline won", metricsOf(.03, .01, other{"ridge", .05, .1, .02, .01}, other{"prior", .01, .01, .01, .01}), Worse, "ridge",
			"A baseline, ridge regression, beats the model: its rank IC on the test split is 0.1000, the model's 0.0300. Use the baseline.",
		},
		{"another one than the best won", metricsOf(.03, .01, other{"ridge", .05, .03, .02, 1}, other{"no_edges", .01, .1, .01, .01}), Worse, "no_edges", "same network without edges"},
		{"a win that is chance among so many", metricsOf(.03, .01, other{"ridge", .05, .1, .02, .2}), NoBetter, "ridge", ""},
		{"chance", metricsOf(.01, -.01, other{"ridge", .05, .0, .02, 1}), NoSkill, "ridge", "cannot be told from chance: its rank IC on the test split is 0.0100, and the 95 % interval, -0.0100 to 0.0300"},
		{"chance, and a poor baseline beaten", metricsOf(.01, -.01, other{"ridge", .05, -.1, .02, .01}), NoSkill, "ridge", ""},
		{"the wrong way round", metricsOf(-.1, -.12, other{"ridge", .05, -.1, .02, 1}), NoSkill, "ridge", "the wrong way round"},
		{"no baselines", metricsOf(.1, .08), NotCompared, "", "compared with no baseline"},
		{"no baselines and no skill", metricsOf(.1, -.08), NoSkill, "", ""},
		{"no rows", metricsOf(math.NaN(), math.NaN()), Unknown, "", "too few test rows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := NewVerdict(c.metrics)
			if v.Outcome != c.outcome || v.Against != c.against || !strings.Contains(v.Sentence, c.says) || v.Metric != "rank_ic" && c.outcome != Unknown {
				t.Errorf("got %+v", v)
			}
			text := v.Text(c.metrics)
			if strings.Contains(text.English+text.Russian, "%!") || strings.Contains(text.Russian, "  ") || text.Russian == text.English {
				t.Errorf("%+v", text)
			}
		})
	}
}

func TestWithoutReturnsTheVerdictIsByAccuracy(t *testing.T) {
	m := metricsOf(math.NaN(), math.NaN(), other{"prior", math.NaN(), math.NaN(), 0, .01})
	b := m.Baselines["prior"]
	m.Splits.Test.Accuracy, b.Splits.Test.Accuracy, b.Splits.Valid.Accuracy = .75, .5, .5
	m.Baselines["prior"] = b
	m.Comparisons[0] = evaluation.Comparison{Against: "prior", Metric: "accuracy", Difference: .25, HolmP: .01, Interval: evaluation.Interval{Low: .2, High: .3}}
	v := NewVerdict(m)
	if v.Outcome != Better || v.Metric != "accuracy" || !strings.Contains(v.Sentence, "its accuracy on the test split is 0.7500, that of the best one, class shares, is 0.5000") {
		t.Errorf("got %+v", v)
	}
	m.Comparisons[0].Interval.Low = -.1
	if v := NewVerdict(m); v.Outcome != NoBetter {
		t.Errorf("got %+v", v)
	}
}

// The valid splits of later folds lie in the test windows of folds before.
func TestScoresWithoutClassesAreJudgedByRankICAlone(t *testing.T) {
	m := metricsOf(math.NaN(), math.NaN())
	m.Splits.Test.ReturnCount = 5
	if v := NewVerdict(m); v.Outcome != Unknown || v.Metric != "rank_ic" {
		t.Errorf("of too few snapshots: %+v", v)
	}
}

func TestOfAWalkForwardTheFirstFoldsValidationChoosesTheBestBaseline(t *testing.T) {
	m := metricsOf(.1, .08, other{"ridge", .01, .04, .01, .01}, other{"prior", .05, .01, .01, .01})
	if v := NewVerdict(m); v.BestBaseline != "prior" {
		t.Fatalf("of one split the best is %s", v.BestBaseline)
	}
	for name, first := range map[string]evaluation.Float{"ridge": .05, "prior": .01} {
		b := m.Baselines[name]
		b.Folds = []BaselineFold{{Fold: 1}, {Fold: 2}}
		b.Folds[0].Valid.RankIC, b.Folds[1].Valid.RankIC = first, b.Splits.Valid.RankIC
		m.Baselines[name] = b
	}
	if v := NewVerdict(m); v.BestBaseline != "ridge" {
		t.Errorf("of several folds the best is %s", v.BestBaseline)
	}
}
