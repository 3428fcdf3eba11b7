package metrics

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/store"
)

var update = flag.Bool("update", false, "rewrite the table in docs/metrics.md")

// whole is a run that has told everything there is to tell.
func whole() *Metrics {
	m := New(Run{QueueID: "q1", Symbol: "BTCUSDT", ModelName: "m", Version: "v1", Torch: "2.11", Epochs: 10, Trainings: 2, Tensors: func() int64 { return 7 }})
	m.Sample(Sources{
		Telemetry: func() kafka.Stats {
			return kafka.Stats{Waiting: 1, Delivered: map[kafka.Status]int64{kafka.Started: 1, kafka.Loading: 5}, Dropped: 2, Undelivered: 3, Last: kafka.Loading}
		},
		KafkaRetries: func() int64 { return 4 },
		Uploads:      func() store.Uploads { return store.Uploads{Waiting: 2, Files: 8, Bytes: 1 << 20, Retries: 6} },
	})
	m.SampleGPU(func() (GPU, bool) { return GPU{1, 2, 3}, true })
	m.Enter(Loading)
	m.Step(data.Step{Phase: data.Fetching, Done: 3, Total: 12})
	m.Enter(Training)
	for _, training := range []string{Model, Baseline} {
		f := m.Fit(training, 10, 100, 32, nil)
		for b := 1; b <= 4; b++ {
			f.Batch(b, 4)
		}
		f.Decided("rank_ic", 0.03125)
		f.Epoch(checkpoint.Epoch{Number: 1, TrainLoss: 1.5, ValidLoss: 1.25, Score: 0.5625, Best: true, Seconds: 2})
		f.Done(false)
		of := evaluation.SplitMetrics{AUC: 0.625, Accuracy: 0.5}
		m.Evaluated(training, evaluation.Splits{Train: of, Valid: of, Test: of})
	}
	m.SetVerdict(Verdict{Outcome: "worse", Outcomes: []string{"better", "worse"}, Test: map[string]evaluation.SplitMetrics{
		Model: {RankIC: 0.0625, RankICInterval: evaluation.Interval{Low: -0.125, High: 0.25}}, "ridge": {RankIC: 0.5},
	}})
	m.Checkpoint(time.Second/2, true)
	m.Checkpoint(time.Second/2, false)
	m.Error()
	m.ModelSaved()
	m.Ready()
	return m
}

// gathered are the values by name and labels, as in name{a="b"}.
func gathered(t *testing.T, m *Metrics) map[string]float64 {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	values := map[string]float64{}
	for line := range strings.Lines(text.String()) {
		if at := strings.LastIndex(line, " "); !strings.HasPrefix(line, "#") {
			var v float64
			if _, err := fmt.Sscan(line[at+1:], &v); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			values[line[:at]] = v
		}
	}
	return values
}

func TestWhatIsToldIsWhatIsScraped(t *testing.T) {
	values := gathered(t, whole())
	for name, want := range map[string]float64{
		`events_total{event_type="loading"}`:                           5,
		`events_total{event_type="finished"}`:                          0,
		`status_last{status_type="loading"}`:                           1,
		`status_last{status_type="started"}`:                           0,
		`errors_total`:                                                 1,
		`epochs_completed_total`:                                       1,
		`current_training_loss`:                                        1.5,
		`models_saved_total`:                                           1,
		`epoch{training="baseline"}`:                                   1,
		`batches_total{training="model"}`:                              4,
		`snapshots_total{training="model"}`:                            100, // the last batch has 4
		`snapshots_per_second{training="model"}`:                       50,
		`epoch_duration_seconds_sum{training="model"}`:                 2,
		`current_validation_loss{training="model"}`:                    1.25,
		`auc{split="test",training="model"}`:                           0.625,
		`current_validation_metric{metric="rank_ic",training="model"}`: 0.03125,
		`accuracy_ratio{split="valid",training="baseline"}`:            0.5,
		`best_epoch{training="model"}`:                                 1,
		`test_rank_ic{method="model"}`:                                 0.0625,
		`test_rank_ic{method="ridge"}`:                                 0.5,
		`test_rank_ic_low{method="model"}`:                             -0.125,
		`test_rank_ic_high{method="model"}`:                            0.25,
		`verdict{outcome="worse"}`:                                     1,
		`verdict{outcome="better"}`:                                    0,
		`checkpoint_duration_seconds_count`:                            2,
		`checkpoint_failures_total`:                                    1,
		`load_steps{step="fetching"}`:                                  3,
		`load_steps_expected{step="fetching"}`:                         12,
		`telemetry_queue_length`:                                       1,
		`telemetry_dropped_total`:                                      2,
		`telemetry_undelivered_total`:                                  3,
		`telemetry_retries_total`:                                      4,
		`store_queue_length`:                                           2,
		`store_uploads_total`:                                          8,
		`store_uploaded_bytes_total`:                                   1 << 20,
		`store_retries_total`:                                          6,
		`live_tensors`:                                                 7,
		`gpu_memory_reserved_bytes`:                                    3,
		`progress_ratio`:                                               1,
		`phase_active{phase="training"}`:                               1,
		`run_info{model_name="m",queue_id="q1",symbol="BTCUSDT"}`:      1,
	} {
		if got, ok := values[prefix+name]; !ok || got != want {
			t.Errorf("%s is %v (there: %v), want %v", name, got, ok, want)
		}
	}
	if values["process_resident_memory_bytes"] == 0 || values["go_goroutines"] == 0 {
		t.Error("the process's own metrics are missing")
	}
}

// What is not known is not told: a loss of 0 would look like a perfect model.
func TestBeforeTheTrainingNothingIsToldOfIt(t *testing.T) {
	for name := range gathered(t, New(Run{})) {
		for _, unknown := range []string{"loss", "auc", "epoch{", "estimated", "store_", "gpu_", "retries", "rank_ic", "verdict"} {
			if strings.Contains(name, unknown) {
				t.Errorf("%s is told", name)
			}
		}
	}
	m := New(Run{})
	m.Fit(Model, 1, 1, 1, nil).Epoch(checkpoint.Epoch{Number: 1, Score: math.NaN()})
	nan := evaluation.Float(math.NaN())
	m.Evaluated(Model, evaluation.Splits{Test: evaluation.SplitMetrics{AUC: nan}})
	m.SetVerdict(Verdict{Test: map[string]evaluation.SplitMetrics{Model: {RankIC: nan, RankICInterval: evaluation.Interval{Low: nan, High: nan}}}})
	for name, value := range gathered(t, m) {
		if strings.HasPrefix(name, prefix) && (math.IsNaN(value) || math.IsInf(value, 0)) {
			t.Errorf("%s is %v", name, value)
		}
	}
}

func TestTheNamesFollowPrometheussConventions(t *testing.T) {
	families, err := whole().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The names that the service had which this one replaces.
func TestTheNamesOfTheServiceBeforeAreKept(t *testing.T) {
	labels := map[string]string{}
	for _, row := range New(Run{}).Table() {
		labels[row.Name] = row.Labels
	}
	for name, want := range map[string]string{
		"gnn_trainer_events_total": "event_type", "gnn_trainer_status_last": "status_type", "gnn_trainer_errors_total": "",
		"gnn_trainer_epochs_completed_total": "", "gnn_trainer_current_training_loss": "", "gnn_trainer_models_saved_total": "",
	} {
		if got, ok := labels[name]; !ok || got != want {
			t.Errorf("%s has the labels %q (there: %v), want %q", name, got, ok, want)
		}
	}
}

const documentation = "../../docs/metrics.md"

func TestTheDocumentationListsEveryMetric(t *testing.T) {
	m := whole()
	told := map[string]bool{}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		told[f.GetName()] = true
	}
	var table strings.Builder
	table.WriteString("\n| metric | type | labels | unit | meaning |\n|---|---|---|---|---|\n")
	for _, row := range m.Table() {
		if !told[row.Name] {
			t.Errorf("%s is in the table, and a whole run does not tell it", row.Name)
		}
		delete(told, row.Name)
		labels := row.Labels
		if labels != "" {
			labels = "`" + strings.ReplaceAll(labels, ", ", "`, `") + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s | %s |\n", row.Name, row.Type, labels, unitOf(row.Name), row.Meaning)
	}
	table.WriteString("\n")
	for name := range told {
		if strings.HasPrefix(name, prefix) {
			t.Errorf("%s is told, and not in the table", name)
		}
	}
	content, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(content), "<!-- metrics -->\n")
	_, after, ended := strings.Cut(rest, "<!-- /metrics -->\n")
	if !begun || !ended {
		t.Fatal("docs/metrics.md lacks the marks around its table")
	}
	now := before + "<!-- metrics -->\n" + table.String() + "<!-- /metrics -->\n" + after
	if *update {
		if err := os.WriteFile(documentation, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if now != string(content) {
		t.Error("docs/metrics.md tells other metrics than there are: go test ./internal/metrics -run TheDocumentation -update")
	}
}

// unitOf reads the unit from the name, where the convention puts it.
func unitOf(name string) string {
	name = strings.TrimSuffix(name, "_total")
	for _, u := range []struct{ suffix, unit string }{
		{"per_second", "1/s"}, {"timestamp_seconds", "Unix seconds"}, {"seconds", "seconds"}, {"bytes", "bytes"}, {"ratio", "0 to 1"},
	} {
		if strings.HasSuffix(name, "_"+u.suffix) {
			return u.unit
		}
	}
	return ""
}

func TestTheEstimateIsThatOfTheStepsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Run{Epochs: 10, Trainings: 2})
		expect := func(what string, done float64, remaining time.Duration) {
			t.Helper()
			p := m.Progress()
			if math.Abs(p.Done-done) > 1e-9 || p.Known != (remaining >= 0) || p.Known && (p.Remaining-remaining).Abs() > time.Millisecond {
				t.Errorf("%s: %+v, want %v done and %v remaining", what, p, done, remaining)
			}
		}
		expect("before", 0, -1)
		f := m.Fit(Model, 10, 64, 32, &checkpoint.State{BestEpoch: 1, Epochs: []checkpoint.Epoch{{Number: 1}, {Number: 2}}})
		expect("gone on after two epochs", 0.1, -1)
		time.Sleep(10 * time.Second)
		f.Batch(1, 2) // a twentieth of the training in 10 s: 200 s a training
		expect("within an epoch", 0.125, 150*time.Second+200*time.Second)
		time.Sleep(4 * time.Second)
		expect("between two batches", 0.125, 346*time.Second)
		time.Sleep(6 * time.Second)
		f.Batch(2, 2)
		f.Epoch(checkpoint.Epoch{Number: 3})
		expect("after an epoch", 0.15, 140*time.Second+200*time.Second)
		f.Done(false) // an early stop
		f = m.Fit(Baseline, 10, 64, 32, nil)
		expect("the baseline", 0.5, -1)
		time.Sleep(time.Minute)
		f.Epoch(checkpoint.Epoch{Number: 6})
		expect("its epochs", 0.8, 40*time.Second)
		f.Done(true)
		expect("after a stop", 0.8, 40*time.Second)
		m.Finished()
		expect("at the end", 1, 0)
		if e := m.Progress().Epoch; e == nil || e.Number != 3 {
			t.Errorf("the newest epoch of the model is %+v", e)
		}
	})
}

func TestPhasesAndWaitsAreTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Run{})
		time.Sleep(2 * time.Second)
		m.Enter(Loading)
		wait := data.Step{Phase: data.Waiting, Why: "the exchange has banned this address (418)"}
		for range 3 { // told again and again
			m.Step(wait)
			time.Sleep(time.Second)
		}
		m.Step(data.Step{Phase: data.Waiting, Why: "a limit of requests"})
		time.Sleep(time.Second)
		m.Step(data.Step{Phase: data.ReadingCache, Done: 1})
		time.Sleep(time.Second)
		m.Step(wait)
		time.Sleep(time.Second)
		values := gathered(t, m)
		for name, want := range map[string]float64{
			`phase_seconds_total{phase="starting"}`: 2, `phase_seconds_total{phase="loading"}`: 6, `phase_active{phase="loading"}`: 1,
			`load_waits_total`: 3, `load_wait_seconds_total`: 5, `load_waiting`: 1, `load_steps{step="reading_cache"}`: 1,
		} {
			if values[prefix+name] != want {
				t.Errorf("%s is %v, want %v", name, values[prefix+name], want)
			}
		}
		m.LoadDone()
		if got := gathered(t, m)[prefix+"load_waiting"]; got != 0 {
			t.Errorf("after the load it still waits: %v", got)
		}
	})
}

// Everything is told and read at once, for the race detector.
func TestItIsSafeForConcurrentUse(t *testing.T) {
	m := New(Run{Epochs: 3, Trainings: 2})
	var telling sync.WaitGroup
	for _, f := range []func(){
		func() {
			fit := m.Fit(Model, 3, 10, 3, nil)
			for e := range 3 {
				fit.Batch(1, 1)
				fit.Epoch(checkpoint.Epoch{Number: e + 1, Seconds: 1})
			}
		},
		func() { m.Step(data.Step{Phase: data.Waiting}); m.Step(data.Step{Phase: data.Fetching}) },
		func() { m.Enter(Training); m.Ready(); m.Error(); m.Finished() },
		func() { m.Sample(Sources{Telemetry: func() kafka.Stats { return kafka.Stats{} }}) },
		func() { m.Progress() },
	} {
		telling.Go(func() {
			for range 100 {
				f()
			}
		})
		telling.Go(func() {
			if _, err := m.registry.Gather(); err != nil {
				t.Error(err)
			}
		})
	}
	telling.Wait()
}

func TestATrainingThatGoesOnTellsWhatIsKnownAndCountsItsOwn(t *testing.T) {
	m := New(Run{})
	m.Fit(Model, 10, 64, 32, &checkpoint.State{BestEpoch: 1, Epochs: []checkpoint.Epoch{
		{Number: 1, TrainLoss: 2, ValidLoss: 1, Score: 0.5}, {Number: 2, TrainLoss: 1.5, ValidLoss: 1.25, Score: 0.75},
	}})
	values := gathered(t, m)
	for name, want := range map[string]float64{
		`epoch{training="model"}`: 2, `best_epoch{training="model"}`: 1, `current_training_loss`: 1.5,
		`current_validation_loss{training="model"}`: 1.25, `auc{split="valid",training="model"}`: 0.75,
		`epochs_completed_total`: 0, `epoch_duration_seconds_count{training="model"}`: 0,
	} {
		if got, ok := values[prefix+name]; !ok || got != want {
			t.Errorf("%s is %v (there: %v), want %v", name, got, ok, want)
		}
	}
}

// Nothing is shared between two runs in one process.
func TestTwoRunsHaveMetricsOfTheirOwn(t *testing.T) {
	a, b := New(Run{}), New(Run{})
	a.Error()
	if gathered(t, b)[prefix+"errors_total"] != 0 {
		t.Error("an error of one run is counted in the other")
	}
}
