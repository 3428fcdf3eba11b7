package job

import (
	"context"
	"fmt"
	"time"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/baseline"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/metrics"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/kafka"
	"github.com/streamforge/gnn-trainer/nn"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/torch"
	"github.com/streamforge/gnn-trainer/nn/train"
	"github.com/streamforge/gnn-trainer/store"
)

// clipNorm bounds the gradients' joint norm: returns have fat tails, and one
// wild batch should not undo an epoch.
const clipNorm = 1.0

// predictionGrace is how long an interrupted run may still predict: the process
// ends within two seconds of the signal, files included.
const predictionGrace = 200 * time.Millisecond

var trainingBaseline = kafka.Text{Russian: "Обучение базовой модели без рёбер", English: "Training the baseline without edges"}

// trainer trains the networks of one run, on its device and its data. It changes
// none of its fields.
type trainer struct {
	config      config.Config
	version     string
	console     *progress.Console
	reporter    *reporter
	thread      *torch.Thread
	device      torch.Device
	loaded      loaded
	checkpoints *checkpoints
	trials      TrialStore
	lightGBM    *baseline.Library // nil: there is none
}

// trainAndStore trains the model, from a state where there is one, and the
// baseline, and stores the result.
func (t *trainer) trainAndStore(s *shutdown, a *artefacts, resumed *checkpoint.State, started time.Time, loadTime time.Duration) (Ending, error) {
	r := t.reporter
	r.enter(metrics.Training, kafka.Training)
	// From here on a stop takes moments, and what is learned is stored.
	graceCtx, cancel := s.withGrace(stopWrites)
	defer cancel()
	w := &walk{title: "training", kind: modelKind, edges: true, first: resumed}
	defer w.close()
	if err := t.walk(s, graceCtx, w); err != nil {
		return Ending{}, err
	}
	model := w.model // of the last fold
	r.trained.Store(true)
	// The model first, which is worth most.
	r.enter(metrics.StoringModel, kafka.StoringModel)
	metadata, err := newMetadata(t.config, t.version, model.dataset)
	if err != nil {
		return Ending{}, err
	}
	if err := putModel(graceCtx, a, t, model.predictor, metadata); err != nil {
		return Ending{}, err
	}
	r.metrics.Enter(metrics.Evaluating)
	predicted, err := t.lastPredictions(s, w)
	if err != nil {
		return Ending{}, err
	}
	if err := a.put(graceCtx, "predictions.parquet", predicted.write); err != nil {
		return Ending{}, err
	}
	m, err := evaluate(model.fitted, predicted, t.loaded, t.config.IDs.Symbol)
	if err != nil {
		return Ending{}, err
	}
	m.Folds = w.folds
	r.metrics.Evaluated(modelKind, m.Splits)
	ending := Ending{ModelPath: a.store.Location("model.pt")}
	status := store.Finished
	twin := &walk{title: "baseline", kind: baselineKind}
	stop, baselinesSeconds := context.Cause(s), 0.0
	if stop == nil {
		m.Backtest = predicted.backtest()
		t.countTrials(s, m.Backtest)
		m.Calibration = predicted.calibration()
		begin := time.Now()
		stop, err = t.compareWithMethods(s, predicted, &m)
		baselinesSeconds = time.Since(begin).Seconds()
		if err != nil {
			return Ending{}, err
		}
	}
	if stop == nil && t.config.TrainsTwin() {
		var without *predictions
		m.Baseline, without, err = t.trainBaseline(s, graceCtx, twin)
		switch {
		case isStop(s, err): // a baseline is reported whole or not at all
			stop = err
		case err != nil:
			return Ending{}, fmt.Errorf("training the baseline: %w", err)
		default:
			addBaseline(&m, *m.Baseline, predicted.compare(without, m.Baseline.Name))
		}
	}
	importanceSeconds := 0.0
	if stop == nil {
		begin := time.Now()
		m.Importance, err = importance(s, model.predictor, predicted, uint64(t.config.Train.Seed))
		importanceSeconds = time.Since(begin).Seconds()
		switch {
		case isStop(s, err):
			stop = err
		case err != nil:
			return Ending{}, fmt.Errorf("measuring the importance of features: %w", err)
		}
	}
	if stop != nil {
		ending, status = endingOf(s, stop, ending.ModelPath), store.Interrupted
	}
	evaluation.Correct(m.Comparisons)
	m.Verdict = result.NewVerdict(m)
	r.metrics.Judged(judged(m))
	ending.Stored = true
	m.Timing = result.Timing{
		LoadSeconds: loadTime.Seconds(), TrainSeconds: w.seconds, EpochSeconds: w.epochSeconds, BaselineSeconds: twin.seconds, BaselinesSeconds: baselinesSeconds,
		ImportanceSeconds: importanceSeconds,
		TotalSeconds:      time.Since(started).Seconds(),
		CheckpointSeconds: w.checkpointSeconds + twin.checkpointSeconds, TelemetrySeconds: w.telemetrySeconds,
	}
	r.metrics.Enter(metrics.Finishing)
	if err := t.putReport(graceCtx, a, m, metadata, predicted, status); err != nil {
		return Ending{}, err
	}
	if err := a.putResult(graceCtx, m, status, t.config.Public(), versions(t.version)); err != nil {
		return Ending{}, err
	}
	r.metrics.ModelSaved()
	ending.Result = &Result{metadata, m}
	if status == store.Finished {
		r.warn("removing the checkpoints", t.checkpoints.removeAll(graceCtx))
	}
	return ending, nil
}

// training is one model of one fold, and how its training went.
type training struct {
	title   string
	kind    string // of its checkpoints, and of those of other folds
	edges   bool
	dataset *data.Dataset        // of the fold
	resumed *checkpoint.State    // nil: it starts
	initial []checkpoint.Weights // that it starts with; nil: they are drawn

	state     checkpoint.State // with FOLD_WARM the newest that was handed over
	predictor train.Predictor
	fitted    train.Result

	seconds           float64
	checkpointSeconds float64 // of them, spent storing checkpoints
	telemetrySeconds  float64 // and sending events
}

// method is how the network is trained, or its twin without message passing,
// with a hook for each of those who watch. Checkpoints are stored until graceCtx
// ends.
func (t *trainer) method(graceCtx context.Context, f *training, display *progress.Display, counted *metrics.Fit) (train.Method, error) {
	c := t.config
	task, err := nn.NewTask(c.Data.Task)
	if err != nil {
		return nil, err
	}
	origin, folds := t.origin(), f.dataset.NumFolds()
	return &train.Network{
		Thread: t.thread, Device: t.device, Model: c.Model.Network(), Task: task, Isolated: !f.edges, Initial: f.initial,
		Config: train.Config{
			Epochs: c.Train.Epochs, BatchSize: c.Train.BatchSize, Patience: c.Train.Patience, Seed: c.Train.Seed, ClipNorm: clipNorm,
			Adam:  torch.AdamConfig{LearningRate: c.Train.LearningRate, WeightDecay: c.Train.WeightDecay, Decoupled: true},
			Score: newScorer(f.dataset, data.Valid, task).auc,
			OnBatch: func(done, of int) {
				counted.Batch(done, of)
				display.Batch(done, of)
			},
			OnEpoch: func(e train.Epoch) {
				counted.Epoch(e)
				display.Epoch(e.Number, e.TrainLoss, e.ValidLoss, e.Score, e.Best)
				if f.edges {
					f.telemetrySeconds += t.reporter.epoch(e, c.Train.Epochs, f.dataset.Number, folds).Seconds()
				}
			},
			Resume: f.resumed,
			Checkpoint: func(s checkpoint.State) {
				if c.Data.Warm {
					f.state = s // the next fold begins with it
				}
				f.checkpointSeconds += t.saveCheckpoint(graceCtx, kindOf(f.kind, f.dataset.Number), origin, s).Seconds()
			},
			CheckpointEvery: c.Train.CheckpointEvery,
		},
	}, nil
}

// train fits a method. The caller closes the training.
func (t *trainer) train(ctx, graceCtx context.Context, f *training) error {
	c, d := t.config.Train, f.dataset
	display := progress.New(t.console, t.reporter.log, f.title, c.Epochs)
	defer display.Done(progress.Failed) // counts only where nothing else was reported
	if f.resumed != nil {
		display.Resume(len(f.resumed.Epochs))
	}
	counted := t.reporter.metrics.Fit(f.kind, c.Epochs, len(d.Snapshots(data.Train)), c.BatchSize, f.resumed)
	method, err := t.method(graceCtx, f, display, counted)
	if err != nil {
		return err
	}
	begin := time.Now()
	f.predictor, f.fitted, err = method.Fit(ctx, d)
	f.seconds = time.Since(begin).Seconds()
	if err == nil {
		counted.Done(f.fitted.Interrupted)
		display.Done(displayEnd(f.fitted))
	}
	return err
}

func displayEnd(f train.Result) progress.End {
	switch {
	case f.Interrupted:
		return progress.Interrupted
	case f.EarlyStop:
		return progress.EarlyStop
	}
	return progress.Completed
}

// close frees what the training holds.
func (f *training) close() {
	if f.predictor != nil {
		f.predictor.Close()
		f.predictor = nil
	}
}

// predict has the model predict every snapshot of a split; after a stop as many,
// the newest first, as there is time for.
func (t *trainer) predict(ctx context.Context, f *training) (*foldPredictions, error) {
	graceCtx := context.WithoutCancel(ctx)
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		graceCtx, cancel = context.WithTimeout(graceCtx, predictionGrace)
		defer cancel()
	}
	p, err := predict(graceCtx, f.predictor, t.config.Data.Task, f.dataset, splitsOf(f))
	if err == nil && graceCtx.Err() != nil {
		t.reporter.log.Warn().Int("snapshots", len(p.of)).Msg("stopped before all snapshots were predicted: the oldest are not in the predictions and metrics")
	}
	return p, err
}

// trainBaseline trains the same network the same way, without message passing:
// the difference is what the edges are worth. A stop is an error.
func (t *trainer) trainBaseline(ctx, graceCtx context.Context, w *walk) (*result.Baseline, *predictions, error) {
	t.reporter.enter(metrics.Comparing, trainingBaseline)
	defer w.close()
	if err := t.walk(ctx, graceCtx, w); err != nil {
		return nil, nil, err
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	p, err := t.lastPredictions(ctx, w)
	if err != nil {
		return nil, nil, err
	}
	splits, horizons, err := p.evaluate()
	if err == nil {
		t.reporter.metrics.Evaluated(baselineKind, splits)
	}
	b := &result.Baseline{
		Name:        config.BaselineNoEdges,
		Description: "the same network, trained the same way, without edges",
		Splits:      splits,
		Horizons:    horizons,
		Backtest:    p.backtest(),
	}
	for _, f := range w.folds {
		b.Folds = append(b.Folds, result.BaselineFold{Fold: f.Fold, Valid: f.Splits.Valid, Test: f.Splits.Test})
	}
	return b, p, err
}
