package report

import (
	"bytes"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/pyg"
)

// nasty is a symbol that ends a script and begins another one, where a page lets it.
const nasty = `</script><img src=x onerror=alert(1)>"'&{{.}}`

// sample is a run on the simulated market whose model knows some of the future, and
// a symbol of which is nasty.
func sample(t *testing.T, lang string) Input {
	t.Helper()
	market, report, err := source.Load(t.Context(), source.Config{Source: source.Simulated, Symbol: "BTCUSDT", Symbols: "top:12", Interval: "5m", Lookback: "12d", Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	c := data.Config{
		Recipe:       data.Recipe{GraphWindow: 100, EdgeTopK: 3, EdgeReturns: data.EdgeReturnsRaw, MaxGap: 7},
		TargetConfig: data.TargetConfig{Task: data.TaskDirection, Target: data.TargetOpen, Horizons: data.Horizons{1}},
		FoldConfig:   data.FoldConfig{TrainFraction: 0.6, ValidFraction: 0.2},
	}
	d, err := data.Build(market, c)
	if err != nil {
		t.Fatal(err)
	}
	d.Symbols = slices.Clone(d.Symbols)
	d.Symbols[3] = nasty
	m := result.Metrics{Data: report, BestEpoch: 2, EpochsRun: 3, Baselines: map[string]result.Baseline{}}
	model := guesses(d, 0.2)
	if m.Splits, err = evaluation.EvaluateSplits(model); err != nil {
		t.Fatal(err)
	}
	test := evaluation.NewTestSplit(model)
	m.Backtest, m.Calibration = test.Backtest(1), evaluation.NewCalibration(model, 2)
	for name, skill := range map[string]float64{"ridge": 0.4, "no_edges": 0.1, "prior": 0} {
		b := result.Baseline{Name: name}
		if b.Splits, err = evaluation.EvaluateSplits(guesses(d, skill)); err != nil {
			t.Fatal(err)
		}
		other := evaluation.NewTestSplit(guesses(d, skill))
		b.Backtest = other.Backtest(1)
		m.Baselines[name] = b
		m.Comparisons = append(m.Comparisons, test.Compare(other, name, 1))
	}
	m.Baseline = new(m.Baselines["no_edges"])
	evaluation.Correct(m.Comparisons)
	m.Verdict = result.NewVerdict(m)
	m.History.Add(1.1, 1.2, 0.5)
	m.History.Add(1.0, 1.1, 0.5)
	m.History.Add(0.9, math.Inf(1), math.NaN())
	m.Importance = &result.Importance{Split: "valid", Snapshots: 9, Features: []result.FeatureImportance{
		{Feature: nasty, Across: data.AcrossNodes, Drop: evaluation.Drop{Metric: "rank_ic", Mean: 0.01, Interval: evaluation.Interval{Low: -0.01, High: 0.03}}},
		{Feature: "time_of_day_sin", Across: data.AcrossTime, Drop: evaluation.Drop{Metric: "rank_ic", Mean: evaluation.Float(math.NaN()), Interval: evaluation.Interval{Low: evaluation.Float(math.NaN()), High: evaluation.Float(math.NaN())}}},
	}}
	times := d.OpenTimes()
	m.Folds = []result.FoldMetrics{{Fold: 1, Splits: m.Splits, BestEpoch: 2, EpochsRun: 3, Ranges: result.FoldRanges{Test: result.FoldRange{Count: 2, First: times[0], Last: times[len(times)-1]}}}}
	ranges, err := result.NewSplitRanges(d.Splits, d.OpenTimes())
	if err != nil {
		t.Fatal(err)
	}
	d.Jumps = []data.Jump{{Symbol: nasty, Origin: nasty, OpenTime: d.OpenTimes()[5], Ratio: 1000}}
	return Input{
		Lang: kafka.Lang(lang), Metrics: m, Test: test, Dataset: d,
		Metadata: result.Metadata{ModelType: "gcn", ModelName: "m", QueueID: "q-1", Symbol: nasty, Symbols: d.Symbols, Interval: "5m", Horizon: 1, Splits: ranges, Task: "direction", Classes: evaluation.Classes[:]},
		Audit:    &Audit{[]Finding{{nasty, "It equals the target.", nasty, "Leave it out of FEATURES."}}},
		Settings: map[string]string{"SYMBOL": nasty, "EPOCHS": "3"},
	}
}

// guesses are predictions that know so much of the return.
func guesses(d *data.Dataset, skill float64) iter.Seq[evaluation.Prediction] {
	return func(yield func(evaluation.Prediction) bool) {
		r := rand.New(rand.NewPCG(1, 2))
		for t, split := range d.Splits {
			class, value := d.Targets.At(t)
			for i, ok := range d.EvalMask(t) {
				up := 1 / (1 + math.Exp(-(skill*500*float64(value[i]) + 0.3*r.NormFloat64())))
				if split == data.Gap || !ok {
					continue
				}
				p := evaluation.Prediction{
					OpenTime: d.OpenTimes()[t], Symbol: d.Symbols[i], Split: string(split), Horizon: 1,
					PUp: 0.7 * up, PFlat: 0.3, PDown: 0.7 * (1 - up),
				}
				p.Score = p.PUp - p.PDown
				if class[i] != pyg.Unlabelled && split != data.Live {
					p.Label, p.Return = &class[i], new(float64(value[i]))
				}
				if !yield(p) {
					return
				}
			}
		}
	}
}

func written(t *testing.T, in Input) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAPageOfATaskWithoutClassesLeavesTheirColumnsOut(t *testing.T) {
	in := sample(t, "en")
	if !strings.Contains(string(written(t, in)), ">Accuracy<") {
		t.Fatal("a page of classes has no accuracy")
	}
	in.Metadata.Task, in.Metadata.Classes, in.Metrics.Calibration = "rank", nil, nil
	page := string(written(t, in))
	for want, there := range map[string]bool{">Accuracy<": false, "task: rank": true, "or the task has no classes": true, ">Rank IC<": true} {
		if strings.Contains(page, want) != there {
			t.Errorf("%q is there: %v", want, !there)
		}
	}
}

func TestThePageConcedesAndIsTheSameBytesEachTime(t *testing.T) {
	in := sample(t, "en")
	page := written(t, in)
	if !bytes.Equal(page, written(t, in)) {
		t.Error("two writings differ")
	}
	text := string(page)
	for _, want := range []string{
		`<html lang="en">`, "A baseline is better", "A baseline, ridge regression, beats the model", "−0.0", "Edges of", `id="market"`, "Folds", "2 / 3", "test from 2024-01-01 to 2024-01-1", "trust no score", "Leave it out of FEATURES.", "2024-01-01 … 2024-01-1",
		"default-src &#39;none&#39;", "The MIT License", "Interrupted run",
	} {
		if strings.Contains(text, want) == (want == "Interrupted run") {
			t.Errorf("%q: there is %v", want, strings.Contains(text, want))
		}
	}
	for _, never := range []string{"NaN", "Inf", "http://", "https://", "<img", "%!", "no value"} {
		body := strings.ReplaceAll(text, uPlotScript[strings.Index(uPlotScript, "\n"):], "")
		body = strings.ReplaceAll(body, scriptText, "")
		if strings.Contains(body, never) {
			at := strings.Index(body, never)
			t.Errorf("the page has %s: %q", never, body[max(0, at-80):at+40])
		}
	}
	for _, never := range []string{"http://", "https://"} {
		if strings.Contains(text, never) {
			t.Errorf("the page names an address: %s", never)
		}
	}
	if len(page) > 3<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
}

func TestThePageIsWellFormedInBothLanguagesAndFindsItsWayByKeyboardAndEar(t *testing.T) {
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	for _, lang := range []string{"en", "ru"} {
		for _, interrupted := range []bool{false, true} {
			in := sample(t, lang)
			if in.Interrupted = interrupted; interrupted {
				in.Metrics.Comparisons, in.Metrics.Baselines, in.Metrics.Baseline, in.Metrics.Backtest, in.Metrics.Calibration, in.Metrics.Importance = nil, nil, nil, nil, nil, nil
				in.Metrics.History = result.History{}
				in.Test = evaluation.NewTestSplit(slices.Values([]evaluation.Prediction(nil)))
				nan := evaluation.Float(math.NaN())
				in.Metrics.Splits = evaluation.Splits{Test: evaluation.SplitMetrics{RankIC: nan, Accuracy: nan, MajorityAccuracy: nan, RankICInterval: evaluation.Interval{Low: nan, High: nan}}}
				in.Metrics.Verdict = result.NewVerdict(in.Metrics)
			}
			c := exec.Command(python, "testdata/structure.py", lang, nasty)
			c.Stdin = bytes.NewReader(written(t, in))
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s, interrupted %v: %v: %s", lang, interrupted, err, out)
			}
		}
	}
}

func TestAnAuditIsShownWhereThereWasOne(t *testing.T) {
	in := sample(t, "en")
	for _, c := range []struct {
		audit *Audit
		says  bool
	}{{nil, false}, {&Audit{}, true}} {
		in.Audit = c.audit
		text := string(written(t, in))
		if strings.Contains(text, "No sign that the data know their future") != c.says || strings.Contains(text, "trust no score") {
			t.Errorf("%+v is shown wrongly", c.audit)
		}
	}
}

func TestEveryTextHasBothLanguages(t *testing.T) {
	for key, text := range texts {
		if text.English == "" || text.Russian == "" {
			t.Errorf("%q is %+v", key, text)
		}
		if e, r := strings.Count(text.English, "%"), strings.Count(text.Russian, "%"); e != r {
			t.Errorf("%q has %d places in English, %d in Russian", key, e, r)
		}
	}
	for _, outcome := range result.Outcomes {
		if texts["outcome "+string(outcome)].English == "" {
			t.Errorf("no text for the outcome %s", outcome)
		}
	}
}

func TestTheLayoutKeepsWhatBelongsTogetherNear(t *testing.T) {
	g := &network{Symbols: make([]string, 8), weights: make([]float64, 64)}
	for i := range 8 {
		for j := i + 1; j < 8; j++ {
			if i/4 == j/4 {
				g.weights[i*8+j] = 1
			}
		}
	}
	g.layout()
	distance := func(i, j int) float64 { return math.Hypot(float64(g.X[i]-g.X[j]), float64(g.Y[i]-g.Y[j])) }
	within, between := 0.0, math.Inf(1)
	for i := range 8 {
		for j := i + 1; j < 8; j++ {
			if i/4 == j/4 {
				within = max(within, distance(i, j))
			} else {
				between = min(between, distance(i, j))
			}
			if distance(i, j) < 0.05 {
				t.Errorf("nodes %d and %d lie on each other", i, j)
			}
		}
	}
	if within >= between {
		t.Errorf("two groups are as wide as %v and as near as %v", within, between)
	}
}

func TestALargeMarketsPageStaysSmall(t *testing.T) {
	p := spread(10_000, graphTimes)
	if len(p) != graphTimes || p[len(p)-1] != 9999 || p[0] != 249 {
		t.Errorf("times %v", p)
	}
	e := data.Edges{RowPtr: []int32{0}}
	at := map[int]int{}
	for i := range 100 { // each with all before it, in both directions of weight
		for j := range 100 {
			if i != j {
				e.Sources, e.Attr = append(e.Sources, int32(j)), append(e.Attr, float32(i*100+j)/1e4)
			}
		}
		e.RowPtr = append(e.RowPtr, int32(len(e.Sources)))
		at[i] = i
	}
	list := pairs(e, at)
	if len(list) != 100*99/2 || list[0].a != 98 || list[0].b != 99 || math.Abs(list[0].weight-0.9998) > 1e-6 {
		t.Errorf("%d pairs, the first %+v", len(list), list[0])
	}
}
