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

// predictionGrace is how long an interrupted run may still predict: the process
// ends within two seconds of the signal, files included.
const predictionGrace = 200 * time.Millisecond

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
	lightGBM    *baseline.Library     // nil: there is none
	searched    *searched             // nil: settings were not searched
	initial     *initial              // nil: weights are drawn
	kept        *result.KeptSnapshots // what dataset.pt holds
}

// trainAndStore trains the model, from a state where there is one, and the
// baseline, and stores the result.
func (t *trainer) trainAndStore(s *shutdown, a *artefacts, resumed *checkpoint.State, started time.Time, loadTime time.Duration) (Ending, error) {
	r := t.reporter
	r.enter(metrics.Training, kafka.Training)
	// From here on a stop takes moments, and what is learned is stored.
	graceCtx, cancel := s.withGrace(stopWrites)
	defer cancel()
	trained := &walk{title: "training", kind: modelKind, first: resumed}
	defer trained.close()
	if err := t.walk(s, graceCtx, trained); err != nil {
		return Ending{}, err
	}
	r.trained.Store(true)
	w, other, selection, err := t.choose(s, graceCtx, trained)
	if err != nil {
		return Ending{}, err
	}
	defer w.close()
	if other != nil {
		defer other.close()
	}
	model := w.model // of the last fold
	// The model first, which is worth most.
	r.enter(metrics.StoringModel, kafka.StoringModel)
	metadata, err := t.metadataOf(w)
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
	m, err := evaluate(model.fitted, model.criterion, predicted, t.loaded, t.config.IDs.Symbol)
	if err != nil {
		return Ending{}, err
	}
	m.Folds, m.Selection = w.folds, selection
	r.metrics.Evaluated(w.kind, m.Splits)
	ending := Ending{ModelPath: a.store.Location("model.pt")}
	status := store.Finished
	var took result.Timing // by the twins
	stop, baselinesSeconds := context.Cause(s), 0.0
	m.Audit, m.Tuning = &t.loaded.audit, t.searched.tuning()
	if stop == nil {
		m.Backtest = predicted.backtest()
		t.countTrials(s, &m)
		m.Calibration = predicted.calibration()
		begin := time.Now()
		stop, err = t.compareWithMethods(s, predicted, &m)
		baselinesSeconds = time.Since(begin).Seconds()
		if err != nil {
			return Ending{}, err
		}
	}
	if stop == nil {
		if took, stop, err = t.compareWithTwins(s, graceCtx, a, other, predicted, &m); err != nil {
			return Ending{}, err
		}
	}
	importanceSeconds := 0.0
	if stop == nil {
		begin := time.Now()
		m.Importance, err = importance(s, model.predictor, predicted, t.config.Model.Network().Window, uint64(t.config.Train.Seed))
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
	r.metrics.SetVerdict(verdictMetrics(m))
	ending.Stored = true
	m.Timing = result.Timing{
		LoadSeconds: loadTime.Seconds(), TrainSeconds: w.seconds, EpochSeconds: w.epochSeconds, BaselineSeconds: took.BaselineSeconds, ShuffledSeconds: took.ShuffledSeconds, MixerSeconds: took.MixerSeconds, BaselinesSeconds: baselinesSeconds,
		ImportanceSeconds: importanceSeconds, TuneSeconds: t.searched.took(),
		TotalSeconds:      time.Since(started).Seconds(),
		CheckpointSeconds: w.checkpointSeconds + took.CheckpointSeconds, TelemetrySeconds: w.telemetrySeconds,
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
	kind    string               // of its checkpoints, and of those of other folds
	twin    *twin                // nil: the model itself
	dataset *data.Dataset        // of the fold
	resumed *checkpoint.State    // nil: it starts
	initial []checkpoint.Weights // that it starts with; nil: they are drawn

	criterion *criterion       // nil: the loss
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
	task, err := taskOf(c.Data.Task, f.dataset)
	if err != nil {
		return nil, err
	}
	if task, err = nn.WithLoss(task, c.Data.Task, c.Train.Loss); err != nil {
		return nil, err
	}
	origin, folds := t.origin(), f.dataset.NumFolds()
	f.criterion = newCriterion(c.Data.Task, f.dataset, task)
	network := &train.Network{
		Thread: t.thread, Device: t.device, Model: f.twin.of(c).Network(), Task: task, Isolated: f.twin.isolated(), Shuffled: f.twin.shuffled(), Initial: f.initial,
		Config: train.Config{
			Epochs: c.Train.Epochs, BatchSize: c.Train.BatchSize, Patience: c.Train.Patience, Seed: c.Train.Seed, ClipNorm: c.Train.ClipNorm,
			Adam:     torch.AdamConfig{LearningRate: c.Train.LearningRate, WeightDecay: c.Train.WeightDecay, Decoupled: true},
			Schedule: train.Schedule{Kind: c.Train.Schedule, Warmup: c.Train.Warmup, Patience: c.Train.SchedulePatience},
			EMA:      c.Train.EMA, LabelSmoothing: c.Train.LabelSmoothing, Balanced: c.Train.ClassWeights == config.ClassWeightsBalanced,
			Score: newScorer(f.dataset, data.Valid, task).auc,
			OnBatch: func(done, of int) {
				counted.Batch(done, of)
				display.Batch(done, of)
			},
			OnEpoch: func(e train.Epoch) {
				if f.criterion != nil {
					counted.Decided(f.criterion.name, e.Metric)
					display.Decided(f.criterion.words(), e.Metric)
				}
				counted.Epoch(e)
				display.Epoch(e.Number, e.TrainLoss, e.ValidLoss, e.Score, e.Best)
				if f.twin == nil {
					f.telemetrySeconds += t.reporter.epoch(e, f.criterion, c.Train.Epochs, f.dataset.Number, folds).Seconds()
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
	}
	if f.criterion != nil {
		network.Select = f.criterion.of
	}
	if begun := f.twin.begun(t.initial); begun != nil {
		network.State = begun.weights
	}
	if c.Data.Task == data.TaskNode { // L2 of the first layer, as Kipf and Welling have it
		network.Adam.Decoupled, network.Decays = false, nn.InFirstLayer
	}
	return network, nil
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
