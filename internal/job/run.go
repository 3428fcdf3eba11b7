package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/libtorch"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/internal/train"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/store"
)

// clipNorm bounds the gradients' joint norm: returns have fat tails, and one
// wild batch should not undo an epoch.
const clipNorm = 1.0

var trainingBaseline = kafka.Text{Russian: "Обучение базовой модели без рёбер", English: "Training the baseline without edges"}

// run is the state of one Job.Run.
type run struct {
	*Job
	telemetry *kafka.Telemetry
	started   time.Time

	thread  *libtorch.Thread
	device  libtorch.Device
	dataset *data.Dataset
	loaded  source.Report
	files   []store.FileInfo
	timing  result.Timing
}

// outcome is how a run ended that did not fail.
type outcome struct {
	interrupted bool
	modelPath   string // empty: nothing was stored
	metrics     any
}

// do is the run. An error that is the stop's own doing is none.
func (r *run) do(ctx context.Context) (outcome, error) {
	o, err := r.steps(ctx)
	if err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		return outcome{interrupted: true}, nil
	}
	return o, err
}

func (r *run) steps(ctx context.Context) (outcome, error) {
	var err error
	// First of all, since it asks for CUDA before libtorch looks for it.
	if err = r.openDevice(); err != nil {
		return outcome{}, err
	}
	defer r.thread.Close()
	// A store that cannot be written is told before hours of work, not after.
	if err = r.Store.Open(ctx); err != nil {
		return outcome{}, err
	}
	if r.dataset, err = r.load(ctx); err != nil {
		return outcome{}, err
	}
	r.timing.LoadSeconds = time.Since(r.started).Seconds()
	r.describe(r.dataset)
	if err := r.checkSymbol(); err != nil {
		return outcome{}, err
	}
	if err := r.limitThreads(); err != nil {
		return outcome{}, err
	}
	if err := r.Store.Begin(ctx); err != nil {
		return outcome{}, err
	}
	// The graph does not wait for the model, so that a stop need not write it.
	if err := r.putGraph(ctx); err != nil {
		return outcome{}, err
	}
	return r.learn(ctx)
}

// checkSymbol refuses a SYMBOL that is no node of a market. The nodes of a
// graph from a file may have no names.
func (r *run) checkSymbol() error {
	for _, s := range r.dataset.Symbols {
		if s == r.Config.IDs.Symbol || r.dataset.Interval == 0 {
			return nil
		}
	}
	return inputError(fmt.Errorf("SYMBOL=%s is none of the %d nodes", r.Config.IDs.Symbol, r.dataset.NumNodes()))
}

// evaluate judges the model on every part: the test part is opened here, once.
func (r *run) evaluate(f train.Result, said *sayings) (result.Metrics, error) {
	var m result.Metrics
	var err error
	if m.Splits, err = result.EvaluateSplits(said.rows()); err != nil {
		return m, err
	}
	m.Symbol.Name = r.Config.IDs.Symbol
	if m.Symbol.Splits, err = result.EvaluateSplits(result.OfSymbol(said.rows(), r.Config.IDs.Symbol)); err != nil {
		return m, err
	}
	edges := 0
	for t := range r.dataset.Len() {
		edges += len(r.dataset.Edges(t).Sources)
	}
	m.Graph = result.GraphSize{
		Nodes:            r.dataset.NumNodes(),
		EdgesPerSnapshot: result.Float(float64(edges) / float64(r.dataset.Len())),
		Density:          result.Float(r.dataset.Density),
	}
	m.Data = r.loaded
	m.BestEpoch, m.EpochsRun, m.StoppedEarly = f.BestEpoch, len(f.Epochs), f.EarlyStop
	for _, e := range f.Epochs {
		r.timing.EpochSeconds = append(r.timing.EpochSeconds, e.Seconds)
		m.History.Add(e.TrainLoss, e.ValidLoss, e.Score)
	}
	return m, nil
}

// finishedBefore is the end of an earlier run of the same QUEUE_ID, settings
// and version of the artefacts: Kubernetes may start a pod again whose work is
// done. The run then only tells its end again. With other settings it is
// another run, which takes the old one's place.
func (j *Job) finishedBefore() (outcome, bool) {
	if j.Config.Train.Resume == config.ResumeNever {
		return outcome{}, false
	}
	m, err := j.Store.Result()
	if errors.Is(err, fs.ErrNotExist) {
		return outcome{}, false
	}
	if err != nil {
		j.Log.Warn().Err(err).Msg("an earlier result of this QUEUE_ID is not whole: training anew")
		return outcome{}, false
	}
	if m.Status != store.Finished || !sameSettings(m.Config, j.Config.Public()) {
		j.Log.Info().Str("status", string(m.Status)).Msg("an earlier result of this QUEUE_ID is replaced: it was interrupted, or had other settings")
		return outcome{}, false
	}
	content, err := j.Store.Read("metrics.json")
	var metrics result.Metrics
	if err == nil {
		err = json.Unmarshal(content, &metrics)
	}
	if err != nil {
		j.Log.Warn().Err(err).Msg("the metrics of an earlier result cannot be read: training anew")
		return outcome{}, false
	}
	j.Log.Info().Str("model", j.Store.Location("model.pt")).Msg("this QUEUE_ID has finished with the same settings: nothing is trained again (RESUME=never trains anew)")
	return outcome{modelPath: j.Store.Location("model.pt"), metrics: told(metrics)}, true
}

// sameSettings compares what decides about the result.
func sameSettings(a, b map[string]string) bool {
	aside := func(m map[string]string) map[string]string {
		m = maps.Clone(m)
		for _, name := range []string{"RESUME", "LOG_LEVEL", "LOG_FORMAT", "MESSAGE_LANG", "STORE_DIR"} {
			delete(m, name)
		}
		return m
	}
	return maps.Equal(aside(a), aside(b))
}

// told is what the finished event says of the metrics.
func told(m result.Metrics) map[string]any {
	t := map[string]any{"splits": m.Splits, "best_epoch": m.BestEpoch, "epochs_run": m.EpochsRun}
	if m.Baseline != nil {
		t["baseline_splits"] = m.Baseline.Splits
	}
	return t
}

// summarise logs what a person wants to know first.
func (r *run) summarise(m result.Metrics) {
	e := r.Log.Info().Int("best_epoch", m.BestEpoch).
		Float64("test_accuracy", round(m.Splits.Test.Accuracy)).Float64("test_majority_accuracy", round(m.Splits.Test.MajorityAccuracy)).
		Float64("test_auc", round(m.Splits.Test.AUC))
	if m.Baseline != nil {
		e = e.Float64("test_auc_without_edges", round(m.Baseline.Splits.Test.AUC))
	}
	e.Float64("seconds", round(result.Float(m.Timing.TotalSeconds))).Str("model", r.Store.Location("model.pt")).Msg("stored")
}

func round(v result.Float) float64 { return math.Round(float64(v)*1e4) / 1e4 }
