package result

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/kafka"
)

// Outcome is a verdict in one word.
type Outcome string

// The outcomes, by what decides: the test split at the first horizon.
const (
	Better      Outcome = "better"       // the model has skill, and more than the best baseline
	NoBetter    Outcome = "no_better"    // it has skill, and no more than the best baseline as far as one can tell
	Worse       Outcome = "worse"        // a baseline has more
	NoSkill     Outcome = "no_skill"     // its rank IC cannot be told from 0, or is below
	NotCompared Outcome = "not_compared" // it has skill, and no baseline was run
	Unknown     Outcome = "unknown"      // too few test rows
)

// Outcomes are all there are.
var Outcomes = []Outcome{Better, NoBetter, Worse, NoSkill, NotCompared, Unknown}

// significance is the level of the p-values that Holm corrected.
const significance = 0.05

// Verdict is what a run's comparisons come to.
type Verdict struct {
	Outcome Outcome `json:"outcome"`
	// Metric decides: rank_ic, or accuracy where too few snapshots have returns and
	// the model predicts classes.
	Metric string `json:"metric"`
	// BestBaseline is that of the valid split by the metric, so that the test split
	// does not choose; empty: none was run.
	BestBaseline string `json:"best_baseline,omitempty"`
	// Against is the baseline that the sentence names: the best, or another one
	// that won.
	Against  string `json:"against,omitempty"`
	Sentence string `json:"sentence"` // in English
}

// NewVerdict judges metrics whose comparisons are complete. That a baseline won
// needs a corrected p: of many, one wins by chance. That the model won needs an
// interval above zero against the best one, and a rank IC whose interval is.
func NewVerdict(m Metrics) Verdict {
	v := Verdict{Outcome: Unknown, Metric: "rank_ic"}
	test := m.Splits.Test
	short := math.IsNaN(float64(test.RankICInterval.Low)) // of snapshots with returns
	if short && test.HasClasses() {
		v.Metric = "accuracy"
	}
	comparisons := map[string]evaluation.Comparison{}
	var won []string
	for _, c := range m.Comparisons {
		if c.Metric != v.Metric || math.IsNaN(float64(c.Interval.Low)) {
			continue
		}
		comparisons[c.Against] = c
		if c.Difference < 0 && c.HolmP <= significance {
			won = append(won, c.Against)
		}
	}
	v.BestBaseline = m.best(v.Metric, func(name string) bool { _, ok := comparisons[name]; return ok })
	v.Against = v.BestBaseline
	best := comparisons[v.Against]
	skill := v.Metric == "accuracy" || test.RankICInterval.Low > 0
	switch {
	case len(won) > 0:
		v.Outcome = Worse
		if !slices.Contains(won, v.Against) {
			v.Against = m.best(v.Metric, func(name string) bool { return slices.Contains(won, name) })
		}
	case short && v.Metric == "rank_ic":
	case !skill:
		v.Outcome = NoSkill
	case len(comparisons) == 0 && v.Metric == "rank_ic":
		v.Outcome = NotCompared
	case len(comparisons) == 0:
	case best.Better() > 0:
		v.Outcome = Better
	default:
		v.Outcome = NoBetter
	}
	v.Sentence = v.Text(m).English
	return v
}

// best is the wanted baseline with the highest metric on the valid split, of equals
// the first by name; empty: there is none.
func (m *Metrics) best(metric string, wanted func(name string) bool) string {
	var names []string
	for name := range m.Baselines {
		if wanted(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return slices.MaxFunc(names, func(a, b string) int {
		value := func(name string) evaluation.Float { return m.Baselines[name].Selection().Of(metric) }
		return cmp.Or(cmp.Compare(value(a), value(b)), cmp.Compare(b, a))
	})
}

// everyBaseline says that the model beats all of them, not the best alone.
func (v Verdict) everyBaseline(m Metrics) bool {
	for _, c := range m.Comparisons {
		if c.Metric == v.Metric && !math.IsNaN(float64(c.Interval.Low)) && c.Better() <= 0 {
			return false
		}
	}
	return true
}

var metricTexts = map[string]kafka.Text{
	"rank_ic":  {Russian: "ранговый IC", English: "rank IC"},
	"accuracy": {Russian: "доля верных", English: "accuracy"},
}

// Text is the sentence in each language, which concedes where a baseline won. The
// metrics are those of the verdict.
func (v Verdict) Text(m Metrics) kafka.Text {
	test, metric, other := m.Splits.Test, metricTexts[v.Metric], BaselineText(v.Against)
	mine, theirs := test.Of(v.Metric), m.Baselines[v.Against].Splits.Test.Of(v.Metric)
	format := func(t kafka.Text, russian, english []any) kafka.Text {
		return kafka.Text{Russian: fmt.Sprintf(t.Russian, russian...), English: fmt.Sprintf(t.English, english...)}
	}
	both := func(t kafka.Text) kafka.Text {
		return format(t, []any{other.Russian, metric.Russian, mine, theirs}, []any{other.English, metric.English, mine, theirs})
	}
	switch v.Outcome {
	case Better:
		if v.everyBaseline(m) {
			return both(kafka.Text{
				Russian: "Модель лучше каждого базового метода: на тесте её %[2]s %.4[3]f, а у лучшего из них – %[1]s – %.4[4]f.",
				English: "The model beats every baseline: its %[2]s on the test split is %.4[3]f, that of the best one, %[1]s, is %.4[4]f.",
			})
		}
		return both(kafka.Text{
			Russian: "Модель лучше лучшего базового метода – %[1]s: на тесте её %[2]s %.4[3]f, а у него %.4[4]f.",
			English: "The model beats the best baseline, %[1]s: its %[2]s on the test split is %.4[3]f, the baseline's %.4[4]f.",
		})
	case NoBetter:
		return both(kafka.Text{
			Russian: "Модель предсказывает, но не лучше базового метода – %[1]s: на тесте её %[2]s %.4[3]f, а у него %.4[4]f, и разница в пределах шума.",
			English: "The model predicts, but no better than a baseline, %[1]s: its %[2]s on the test split is %.4[3]f, the baseline's %.4[4]f, a difference within noise.",
		})
	case Worse:
		return both(kafka.Text{
			Russian: "Базовый метод – %[1]s – лучше модели: на тесте его %[2]s %.4[4]f, а у модели %.4[3]f. Используйте его.",
			English: "A baseline, %[1]s, beats the model: its %[2]s on the test split is %.4[4]f, the model's %.4[3]f. Use the baseline.",
		})
	case NoSkill:
		i := test.RankICInterval
		if i.High < 0 {
			return format(kafka.Text{
				Russian: "Модель ранжирует наоборот: ранговый IC на тесте %.4f (95 %%: от %.4f до %.4f).",
				English: "The model ranks the wrong way round: its rank IC on the test split is %.4f (95 %%: %.4f to %.4f).",
			}, []any{mine, i.Low, i.High}, []any{mine, i.Low, i.High})
		}
		return format(kafka.Text{
			Russian: "Модель не отличить от случайности: ранговый IC на тесте %.4f, а его 95 %%-й интервал, от %.4f до %.4f, содержит ноль.",
			English: "The model cannot be told from chance: its rank IC on the test split is %.4f, and the 95 %% interval, %.4f to %.4f, holds zero.",
		}, []any{mine, i.Low, i.High}, []any{mine, i.Low, i.High})
	case NotCompared:
		return format(kafka.Text{
			Russian: "Модель предсказывает лучше случайности (ранговый IC на тесте %.4f), но ни с одним базовым методом её не сравнили.",
			English: "The model predicts better than chance (rank IC %.4f on the test split), but was compared with no baseline.",
		}, []any{mine}, []any{mine})
	}
	return kafka.Text{
		Russian: "Ничего сказать нельзя: для сравнения слишком мало тестовых строк.",
		English: "Nothing can be said: there are too few test rows to compare.",
	}
}
