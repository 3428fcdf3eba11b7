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
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/store"
)

// clipNorm bounds the gradients' joint norm: returns have fat tails, and one
// wild batch should not undo an epoch.
const clipNorm = 1.0

var trainingBaseline = kafka.Text{Russian: "Обучение базовой модели без рёбер", English: "Training the baseline without edges"}

// run is the state of one Job.Run.
type run struct {
	*Job
	shutdown  *shutdown
	telemetry *kafka.Telemetry

	thread  *torch.Thread
	device  torch.Device
	dataset *data.Dataset
	loaded  source.Report
	files   []store.FileInfo
	timing  result.Timing
	record  record
	earlier string // where the model of an interrupted start lies, until Begin

	fingerprint string // of dataset, once it was asked for
}

// outcome is how a run ended that did not fail.
type outcome struct {
	interrupted bool
	stored      bool   // this start has stored something
	modelPath   string // empty: nothing was stored
	metrics     any
}

// do is the run. An error that is the stop's own doing is none.
func (r *run) do() (outcome, error) {
	ctx := r.shutdown
	o, err := r.steps(ctx)
	if err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		return outcome{interrupted: true, modelPath: r.earlier}, nil
	}
	return o, lessMemory(err)
}

// lessMemory adds to a want of memory what to do about it. A retry is worth it
// all the same: on a shared GPU it may be a neighbour's doing.
func lessMemory(err error) error {
	if !errors.Is(err, torch.ErrOutOfMemory) {
		return err
	}
	return fmt.Errorf("%w: lower BATCH_SIZE or HIDDEN, take fewer SYMBOLS or bars (LOOKBACK), or give the run more memory", err)
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
	r.Metrics.Ready()
	if r.kept, err = r.Store.Checkpoints(ctx); err != nil {
		return outcome{}, err
	}
	if o, done := r.before(ctx); done {
		return o, nil
	}
	r.tell(r.telemetry.Started())
	if err := r.recall(ctx); err != nil {
		return outcome{}, err
	}
	if r.dataset, err = r.load(ctx); err != nil {
		return outcome{}, err
	}
	r.timing.LoadSeconds = time.Since(r.begun).Seconds()
	r.describe(r.dataset)
	r.warnOfGraph(r.dataset)
	if err := r.checkSymbol(); err != nil {
		return outcome{}, err
	}
	if err := r.limitThreads(); err != nil {
		return outcome{}, err
	}
	// Before the old result goes: data that a checkpoint does not fit are refused.
	state, err := r.resumeFrom(ctx, modelKind)
	if err != nil {
		return outcome{}, err
	}
	if err := r.Store.Begin(ctx); err != nil {
		return outcome{}, err
	}
	r.earlier = ""
	r.Metrics.Enter(metrics.StoringGraph)
	// The graph does not wait for the model, so that a stop need not write it.
	if err := r.putGraph(ctx); err != nil {
		return outcome{}, err
	}
	return r.learn(ctx, state)
}

// recall finds what earlier starts of the run have left, and begins to listen
// for stops.
func (r *run) recall(ctx context.Context) error {
	if r.Config.Train.Resume == config.ResumeNever {
		if err := r.remove(ctx, r.kept); err != nil {
			return err
		}
	}
	var err error
	if r.record, err = r.loadRecord(ctx); err != nil {
		return err
	}
	if r.record.Number == 0 {
		r.report("keeping the time of the start", r.saveRecord(ctx, &r.record))
	}
	r.listen(r.shutdown, r.record)
	return r.refuseSettings(ctx)
}

// tell reports that an event was not taken. A broker that refuses it before the
// training has begun will refuse them all: the run is stopped.
func (r *run) tell(err error) {
	if errors.Is(err, kafka.ErrRefused) && r.timing.TrainSeconds == 0 {
		r.shutdown.stop(err)
		return
	}
	r.report("telling the progress", err)
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
	if m.Splits, err = evaluation.EvaluateSplits(said.rows()); err != nil {
		return m, err
	}
	r.Metrics.Evaluated(modelKind, m.Splits)
	m.Symbol.Name = r.Config.IDs.Symbol
	if m.Symbol.Splits, err = evaluation.EvaluateSplits(evaluation.OfSymbol(said.rows(), r.Config.IDs.Symbol)); err != nil {
		return m, err
	}
	edges := 0
	for t := range r.dataset.Len() {
		edges += len(r.dataset.Edges(t).Sources)
	}
	m.Graph = result.GraphSize{
		Nodes:            r.dataset.NumNodes(),
		EdgesPerSnapshot: evaluation.Float(float64(edges) / float64(r.dataset.Len())),
		Density:          evaluation.Float(r.dataset.Density),
	}
	m.Data = r.loaded
	m.BestEpoch, m.EpochsRun, m.StoppedEarly = f.BestEpoch, len(f.Epochs), f.EarlyStop
	for _, e := range f.Epochs {
		r.timing.EpochSeconds = append(r.timing.EpochSeconds, e.Seconds)
		m.History.Add(e.TrainLoss, e.ValidLoss, e.Score)
	}
	return m, nil
}

// before is the end of an earlier start of the same QUEUE_ID and settings:
// Kubernetes may start a pod again whose work is done. The run then only tells
// its end again. With other settings it is another run, which takes the old
// one's place.
func (r *run) before(ctx context.Context) (outcome, bool) {
	if r.Config.Train.Resume == config.ResumeNever {
		return outcome{}, false
	}
	m, err := r.Store.Result(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return outcome{}, false
	}
	if err != nil {
		r.Log.Warn().Err(err).Msg("an earlier result of this QUEUE_ID is not whole")
		return outcome{}, false
	}
	location := r.Store.Location("model.pt")
	if m.Status == store.Interrupted {
		r.earlier = location
		return outcome{}, false
	}
	// A finished run leaves no checkpoints, unless it was killed before they
	// were gone: nobody goes on from them.
	r.report("removing old checkpoints", r.remove(ctx, r.kept))
	if !sameResult(m, r.Config) {
		r.Log.Warn().Msg("an earlier result of this QUEUE_ID had other settings: it is replaced when this run is stored")
		return outcome{}, false
	}
	content, err := r.Store.Read(ctx, "metrics.json")
	var metrics result.Metrics
	if err == nil {
		err = json.Unmarshal(content, &metrics)
	}
	if err != nil {
		r.Log.Warn().Err(err).Msg("the metrics of an earlier result cannot be read: training anew")
		return outcome{}, false
	}
	r.report("moving latest.json", r.Store.MoveLatest(ctx, m))
	r.Log.Info().Str("model", location).Msg("this QUEUE_ID has finished with the same settings: nothing is trained again (RESUME=never trains anew)")
	return outcome{modelPath: location, metrics: told(metrics)}, true
}

// sameResult tells whether a run of c would come to the finished result of m.
func sameResult(m store.Manifest, c config.Config) bool {
	return maps.Equal(config.Deciding(m.Config), c.Settings())
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
	e.Float64("seconds", round(evaluation.Float(m.Timing.TotalSeconds))).Str("model", r.Store.Location("model.pt")).Msg("stored")
	if m.Baseline != nil && m.Splits.Test.AUC < m.Baseline.Splits.Test.AUC {
		r.Log.Warn().Msg("on the test part the same network without edges is the better one: the graph does harm on this market with these settings")
	}
}

func round(v evaluation.Float) float64 { return math.Round(float64(v)*1e4) / 1e4 }
