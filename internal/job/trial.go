package job

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/fault"
	"github.com/streamforge/gnn-trainer/internal/progress"
	"github.com/streamforge/gnn-trainer/internal/tune"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// validLossName is the metric of trials of a task that trains by its loss.
const validLossName = "valid_loss"

// try trains a trial at a rung, in each fold, and validates it. Nothing is
// predicted but the validation split, and nothing is stored. A stop is an error, and
// a training that diverged is none.
func (t *trainer) try(ctx context.Context, f *searched, l *loader, trial, rung int) (tune.Run, string, error) {
	of := f.state.Trials[trial]
	run, metric := tune.Run{Epochs: tune.EpochsAt(of.Epochs, rung, f.state.Rungs)}, validLossName
	one := *t
	one.config = f.configs[trial]
	one.config.Train.Epochs = run.Epochs
	if err := one.loadTrial(ctx, l); err != nil {
		return run, "", fault.Wrap("trial %d (%s): %w", of.Number, named(of.Settings), err)
	}
	tuning, err := one.loaded.dataset.TuningFolds()
	if err != nil {
		return run, "", err
	}
	sum := 0.0
	for number := 1; number <= tuning.NumFolds(); number++ {
		fold := &training{title: fmt.Sprintf("trial %d of %d", of.Number, len(f.state.Trials)), kind: searchKind, dataset: tuning.OfFold(number)}
		if tuning.NumFolds() > 1 {
			fold.title += fmt.Sprintf(", fold %d of %d", number, tuning.NumFolds())
		}
		err := one.fitTrial(ctx, fold)
		switch {
		case ctx.Err() != nil:
			return run, "", context.Cause(ctx)
		case errors.Is(err, train.ErrNonFinite):
			run.Failed, run.Value = err.Error(), evaluation.Float(math.NaN())
			return run, metric, nil
		case err != nil:
			return run, "", fault.Wrap("trial %d (%s): %w", of.Number, named(of.Settings), err)
		}
		var value float64
		value, metric = fold.validated()
		sum += value
		run.Folds, run.BestEpochs = append(run.Folds, evaluation.Float(value)), append(run.BestEpochs, fold.fitted.BestEpoch)
	}
	run.Value = evaluation.Float(sum / float64(tuning.NumFolds()))
	if math.IsNaN(sum) {
		run.Failed = metric + " has no value at any epoch"
	}
	return run, metric, nil
}

// validated is what the validation split says of the best epoch, the higher the
// better, and the metric.
func (f *training) validated() (value float64, metric string) {
	value, metric = math.NaN(), validLossName
	if f.criterion != nil {
		metric = "valid_" + f.criterion.name
	}
	switch {
	case f.fitted.BestEpoch < 1: // the metric has no value at any epoch
	case f.criterion != nil:
		value = f.fitted.Epochs[f.fitted.BestEpoch-1].Metric
	default:
		value = -f.fitted.Epochs[f.fitted.BestEpoch-1].ValidLoss
	}
	return value, metric
}

// loadTrial gives the trainer the data of a trial: those that are loaded, where its
// settings make the same of the market.
func (t *trainer) loadTrial(ctx context.Context, l *loader) error {
	if reflect.DeepEqual(t.config.Data, l.config.Data) {
		return nil
	}
	c := t.config.Data
	c.Signals = nil // for baselines
	d, err := await(ctx, func() (*data.Dataset, error) { return data.Build(l.market, c) })
	if err != nil {
		return err
	}
	t.loaded = loadedOf(d)
	return nil
}

// loadedOf is a dataset whose fingerprint is made where it is asked for.
func loadedOf(d *data.Dataset) loaded {
	return loaded{dataset: d, fingerprint: d.Fingerprint}
}

// fitTrial trains one fold of a trial. Its model is not kept.
func (t *trainer) fitTrial(ctx context.Context, f *training) error {
	display := progress.New(t.console, t.reporter.log, f.title, t.config.Train.Epochs)
	defer display.Done(progress.Failed)
	method, err := t.method(ctx, f, display, nil)
	if err != nil {
		return err
	}
	network, ok := method.(*train.Network)
	if !ok {
		return fault.Internal("a method of type %T cannot be tried", method)
	}
	network.OnBatch = func(done, of int) { display.Batch(done, of) }
	network.OnEpoch = func(e train.Epoch) {
		if f.criterion != nil {
			display.Decided(f.criterion.words(), e.Metric)
		}
		display.Epoch(e.Number, e.TrainLoss, e.ValidLoss, e.Score, e.Best)
	}
	network.Checkpoint = nil // a trial that is stopped is trained anew
	predictor, fitted, err := network.Fit(ctx, f.dataset)
	if predictor != nil {
		predictor.Close()
	}
	f.fitted = fitted
	if err == nil && !fitted.Interrupted {
		display.Done(displayEnd(fitted))
	}
	return err
}
