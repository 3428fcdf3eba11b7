package job

import (
	"encoding/json"
	"math"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
)

func finishedRun() (config.Config, Ending) {
	var c config.Config
	c.Source.Source = "files"
	test := func(accuracy, auc, rankIC float64) evaluation.Splits {
		return evaluation.Splits{Test: evaluation.SplitMetrics{
			Count: 9, Accuracy: evaluation.Float(accuracy), AUC: evaluation.Float(auc), RankIC: evaluation.Float(rankIC),
			IC: 0.5, LogLoss: 1, BalancedAccuracy: 0.25, F1Macro: 0.125, MajorityAccuracy: 0.384,
		}}
	}
	m := result.Metrics{
		Splits: test(0.4428, 0.599, -0.0058), Baselines: map[string]result.Baseline{
			"no_edges": {Splits: test(0.3916, 0.5186, 0.02)}, "prior": {Splits: test(0.384, 0.5, math.NaN())}, "deviation_12": {Splits: test(math.NaN(), 0.53, 0.03)},
			"ridge": {Splits: test(math.NaN(), 0.54, 0.05)},
		},
		Comparisons: []evaluation.Comparison{
			{Against: "prior", Metric: "accuracy", Difference: 0.0588, Interval: evaluation.Interval{Low: 0.01, High: 0.1}},
			{Against: "deviation_12", Metric: "rank_ic", Difference: -0.0358, Interval: evaluation.Interval{Low: -0.05, High: -0.02}},
			{Against: "ridge", Metric: "rank_ic", Difference: -0.0558, Interval: evaluation.Interval{Low: -0.07, High: -0.04}},
			{Against: "no_edges", Metric: "rank_ic", Difference: -0.0258, Interval: evaluation.Interval{Low: -0.06, High: 0.01}, P: 0.2},
		},
		Symbol: result.SymbolMetrics{Name: "BTCUSDT", Splits: test(0.41, 0.62, math.NaN())}, BestEpoch: 7, EpochsRun: 17, StoppedEarly: true,
	}
	evaluation.Correct(m.Comparisons)
	for name, valid := range map[string]evaluation.Float{"prior": evaluation.Float(math.NaN()), "deviation_12": 0.04, "ridge": 0.02, "no_edges": 0.09} {
		b := m.Baselines[name]
		b.Name, b.Splits.Valid.RankIC = name, valid // of the methods without a network, deviation_12 is the best by it
		m.Baselines[name] = b
	}
	day := func(n int64) *int64 { return new(1717200000000 + n*86400_000) }
	m.Verdict = result.NewVerdict(m)
	return c, Ending{
		ModelPath: "file:///srv/models/market_gnn_v1/demo/model.pt", Stored: true,
		Result: &Result{Metrics: m, Metadata: result.Metadata{ModelType: "gcn", Symbols: make([]string, 20), Interval: "5m", Splits: result.SplitRanges{
			Train: result.Span{Count: 100, First: day(0), Last: day(9)}, Live: result.Span{Count: 1, First: day(10), Last: day(10)}, Gap: 2,
		}}},
	}
}

func TestASummaryOfScoresWithoutClassesLeadsWithTheRankIC(t *testing.T) {
	c, e := finishedRun()
	m := &e.Result.Metrics
	for _, test := range []*evaluation.SplitMetrics{&m.Splits.Test, &m.Symbol.Splits.Test} {
		test.Count, test.ReturnCount = 0, 9
		for _, f := range []*evaluation.Float{&test.Accuracy, &test.MajorityAccuracy, &test.LogLoss, &test.BalancedAccuracy, &test.F1Macro} {
			*f = evaluation.Float(math.NaN())
		}
	}
	var b strings.Builder
	if err := writeSummary(&b, 60, c, e); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "test ") && strings.Join(strings.Fields(line), " ") != "test rank IC IC AUC t" {
			t.Errorf("the columns are %q", line)
		}
	}
	for want, there := range map[string]bool{"majority class": false, "accuracy": false, "BTCUSDT alone": true, "-0.0058": true} {
		if strings.Contains(text, want) != there {
			t.Errorf("%q is there: %v, in\n%s", want, !there, text)
		}
	}
}

func TestAPersonIsShownInADozenLinesWhatCameOut(t *testing.T) {
	c, e := finishedRun()
	var b strings.Builder
	if err := writeSummary(&b, 60, c, e); err != nil {
		t.Fatal(err)
	}
	want := `
data    files, 20 symbols, 103 bars of 5m
        2024-06-01 00:00 to 2024-06-11 00:00 UTC
model   gcn, best epoch 7 of 17, early stop

test                    accuracy      AUC  rank IC       IC
        model             0.4428   0.5990  -0.0058   0.5000
        BTCUSDT alone     0.4100   0.6200            0.5000
        deviation 12               0.5300   0.0300   0.5000
        no edges          0.3916   0.5186   0.0200   0.5000
        majority class    0.3840

verdict A baseline, deviation from the 12-bar mean, beats
        the model: its rank IC on the test split is 0.0300,
        the model's -0.0058. Use the baseline.
network worse than deviation 12 on the test split: rank IC
        -0.0358 (95 %: -0.0500 to -0.0200)
graph   no different from no edges on the test split: rank
        IC -0.0258 (95 %: -0.0600 to +0.0100)

files   /srv/models/market_gnn_v1/demo
report  /srv/models/market_gnn_v1/demo/report.html
check   python examples/load_model.py
        /srv/models/market_gnn_v1/demo
python  gnn_trainer.load("/srv/models/market_gnn_v1/demo")
`
	if b.String() != want {
		t.Errorf("it shows\n%s\nwant\n%s", b.String(), want)
	}
}

func TestASummaryFitsEveryTerminalAndUsesWhatThereIs(t *testing.T) {
	c, e := finishedRun()
	widths := map[int]bool{}
	for columns := 60; columns <= 200; columns++ {
		var b strings.Builder
		if err := writeSummary(&b, columns, c, e); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))
			if n >= columns {
				t.Errorf("%d columns: %q takes %d", columns, line, n)
			}
			if strings.HasPrefix(line, "test") {
				widths[n] = true
			}
		}
	}
	if len(widths) != 4 { // IC, log loss, balanced accuracy and F1 come one by one
		t.Errorf("the table of metrics has the widths %v", widths)
	}
}

func TestASummaryOfARunWithoutTimeInABucketThatWasStopped(t *testing.T) {
	c, e := finishedRun()
	c.Source.Source, c.Store.Endpoint = "pyg", "minio:9000"
	e.InterruptedBy, e.ModelPath = Stopped{syscall.SIGINT}, "s3://models/market_gnn_v1/demo/model.pt"
	e.Result.Metadata.Interval, e.Result.Metadata.Splits = "", result.SplitRanges{Train: result.Span{Count: 1}}
	e.Result.Metrics.Comparisons, e.Result.Metrics.Symbol, e.Result.Metrics.Verdict = nil, result.SymbolMetrics{Name: "BTCUSDT"}, result.Verdict{}
	var b strings.Builder
	if err := writeSummary(&b, 80, c, e); err != nil {
		t.Fatal(err)
	}
	want := `
data    pyg, 20 nodes, one snapshot
model   gcn, best epoch 7 of 17, interrupted

test                    accuracy      AUC  rank IC       IC  log loss
        model             0.4428   0.5990  -0.0058   0.5000    1.0000
        majority class    0.3840

files   s3://models/market_gnn_v1/demo
report  s3://models/market_gnn_v1/demo/report.html
python  gnn_trainer.load("s3://models/market_gnn_v1/demo",
        endpoint="minio:9000", secure=False, access_key=..., secret_key=...)
`
	if b.String() != want {
		t.Errorf("it shows\n%s\nwant\n%s", b.String(), want)
	}
}

func TestALongPathGoesToALineOfItsOwn(t *testing.T) {
	c, e := finishedRun()
	e.ModelPath = "file:///srv/models/of/the/desk/market_gnn_v1/demo/model.pt"
	var b strings.Builder
	if err := writeSummary(&b, 60, c, e); err != nil {
		t.Fatal(err)
	}
	want := `
files   /srv/models/of/the/desk/market_gnn_v1/demo
report  /srv/models/of/the/desk/market_gnn_v1/demo/report.html
check   python examples/load_model.py
        /srv/models/of/the/desk/market_gnn_v1/demo
python  gnn_trainer.load(
        "/srv/models/of/the/desk/market_gnn_v1/demo")
`
	if !strings.HasSuffix(b.String(), want) {
		t.Errorf("it shows\n%s", b.String())
	}
}

// The summary of a run that is started again comes from the files.
func TestTheSummaryOfStoredFilesIsThatOfTheRun(t *testing.T) {
	c, e := finishedRun()
	var first, again strings.Builder
	if err := writeSummary(&first, 80, c, e); err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(e.Result)
	if err != nil {
		t.Fatal(err)
	}
	e.Result = &Result{}
	if err := json.Unmarshal(content, e.Result); err != nil {
		t.Fatal(err)
	}
	if err := writeSummary(&again, 80, c, e); err != nil || again.String() != first.String() {
		t.Errorf("%v: it shows\n%s\nwant\n%s", err, again.String(), first.String())
	}
}

func TestAPathOfTheSummaryIsOneThatAShellTakes(t *testing.T) {
	t.Chdir(t.TempDir())
	here := t.TempDir()
	t.Chdir(here)
	for model, want := range map[string]string{
		"file://" + here + "/out/m/q1/model.pt": "out/m/q1", "file:///srv/m/q%201/model.pt": "'/srv/m/q 1'", "s3://b/m/q/model.pt": "s3://b/m/q",
	} {
		if got := quoted(placeOf(model)); got != want {
			t.Errorf("%s is %s, want %s", model, got, want)
		}
	}
}
