package job

import (
	"context"
	"fmt"
	"io"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
	"github.com/streamforge/gnn-trainer/nn/checkpoint"
	"github.com/streamforge/gnn-trainer/nn/train"
)

// walk is the training of one network in each fold, and its results so far.
// Without a walk-forward there is one fold.
type walk struct {
	title string
	kind  string            // of its checkpoints and metrics
	twin  *twin             // nil: the model itself
	first *checkpoint.State // that the first fold resumes from, where it is known already

	model       *training // of the newest fold that counts
	predictions predictions
	folds       []result.FoldMetrics // of those predicted; nil: there is one split

	seconds, checkpointSeconds, telemetrySeconds float64
	epochSeconds                                 []float64
}

// close frees what the walk holds.
func (w *walk) close() {
	if w.model != nil {
		w.model.close()
	}
}

// walk trains w in each fold, and predicts each but the last, which is for
// lastPredictions: a model is stored before it is evaluated. A stop before the first
// epoch of a fold has ended leaves that fold out, if there is one before it. The
// caller closes w.
func (t *trainer) walk(ctx, graceCtx context.Context, w *walk) error {
	folds := t.loaded.dataset.NumFolds()
	for number := 1; number <= folds; number++ {
		f, err := t.beginFold(ctx, w, number)
		if err == nil {
			err = t.train(ctx, graceCtx, f)
		}
		w.seconds += f.seconds
		w.checkpointSeconds += f.checkpointSeconds
		w.telemetrySeconds += f.telemetrySeconds
		unused := f.fitted.Interrupted && f.fitted.BestEpoch == 0
		if w.model != nil && (isStop(ctx, err) || err == nil && unused) {
			f.close()
			if w.twin == nil {
				t.reporter.log.Warn().Int("fold", number).Int("folds", folds).Msg("stopped before an epoch of this fold ended: the result is of the folds before it")
			}
			return nil
		}
		if err != nil {
			f.close()
			return err
		}
		w.close()
		w.model = f
		w.epochSeconds = append(w.epochSeconds, epochSeconds(f.fitted)...)
		if number == folds || ctx.Err() != nil {
			return nil
		}
		if err := t.predictFold(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// beginFold prepares the training of a fold, which never is nil.
func (t *trainer) beginFold(ctx context.Context, w *walk, number int) (*training, error) {
	d := t.loaded.dataset.OfFold(number)
	f := &training{title: w.title, kind: w.kind, twin: w.twin, dataset: d}
	if d.Number > 0 {
		f.title = fmt.Sprintf("%s, fold %d of %d", w.title, number, d.NumFolds())
		t.reporter.metrics.Fold(number)
	}
	if number == 1 && w.first != nil {
		f.resumed = w.first
		return f, nil
	}
	warm := t.config.Data.Warm && w.model != nil
	if warm {
		f.initial = w.model.state.Weights
	}
	resumed, err := t.resume(ctx, kindOf(w.kind, d.Number))
	if warm && resumed != nil && w.model.advanced() {
		// It began with weights that are not the last ones of the fold before.
		t.reporter.log.Info().Int("fold", number).Msg("the fold before was trained further, so this one is trained anew")
		resumed = nil
	}
	f.resumed = resumed
	return f, err
}

// advanced reports whether this start of the run has trained it.
func (f *training) advanced() bool {
	return f.resumed == nil || len(f.fitted.Epochs) > len(f.resumed.Epochs)
}

// predictFold predicts the newest fold and measures it, if that is not done.
func (t *trainer) predictFold(ctx context.Context, w *walk) error {
	d := w.model.dataset
	if p := &w.predictions; len(p.folds) > 0 && p.last().dataset.Number == d.Number {
		return nil
	}
	f, err := t.predict(ctx, w.model)
	if err != nil {
		return err
	}
	if d.Number > 0 {
		m, err := foldMetrics(w.model, f)
		if err != nil {
			return err
		}
		w.folds = append(w.folds, m)
		if w.twin == nil {
			t.reporter.log.Info().Int("fold", m.Fold).Int("best_epoch", m.BestEpoch).Float64("test_auc", round(m.Splits.Test.AUC)).
				Float64("test_rank_ic", round(m.Splits.Test.RankIC)).Msg("fold evaluated")
		}
	}
	w.predictions.add(f)
	if r, ok := w.model.predictor.(train.Releaser); ok {
		r.Release() // what else is asked of it, such as importance, is of few snapshots or another panel
	}
	return nil
}

// lastPredictions are those of all folds, once the last of them is predicted.
func (t *trainer) lastPredictions(ctx context.Context, w *walk) (*predictions, error) {
	err := t.predictFold(ctx, w)
	return &w.predictions, err
}

// foldMetrics measures the model of one fold.
func foldMetrics(f *training, p *foldPredictions) (result.FoldMetrics, error) {
	d := f.dataset
	m := result.FoldMetrics{
		Fold: d.Number, BestEpoch: f.fitted.BestEpoch, EpochsRun: len(f.fitted.Epochs), StoppedEarly: f.fitted.EarlyStop, History: historyOf(f.fitted, f.criterion),
	}
	for split, to := range map[data.Split]*result.FoldRange{data.Train: &m.Ranges.Train, data.Valid: &m.Ranges.Valid, data.Test: &m.Ranges.Test} {
		*to = result.NewFoldRange(d.Snapshots(split), d.OpenTimes())
	}
	var err error
	m.Splits, m.Horizons, err = p.alone().evaluate()
	return m, err
}

// addFold adds a fold to a baseline's predictions and, where there are several, to
// its metrics.
func addFold(b *result.Baseline, p *predictions, f *foldPredictions) error {
	if number := f.dataset.Number; number > 0 {
		splits, err := f.alone().splits(0, "")
		if err != nil {
			return err
		}
		b.Folds = append(b.Folds, result.BaselineFold{Fold: number, Valid: splits.Valid, Test: splits.Test})
	}
	p.add(f)
	return nil
}

// write writes predictions.parquet.
func (p *predictions) write(w io.Writer) error {
	if f := p.last(); len(f.columns) > 0 && f.columns[0] == "p_0" {
		return evaluation.WriteClasses(w, p.rows(), len(f.columns))
	}
	if p.last().dataset.Number == 0 {
		return evaluation.WritePredictions(w, p.rows())
	}
	return evaluation.WriteFolds(w, p.rows())
}

// splitsOf are those that a network predicts in a fold: a baseline of a fold that
// is not the last needs no others.
func splitsOf(f *training) []data.Split {
	if f.twin != nil && f.dataset.Number > 0 && f.dataset.Number < f.dataset.NumFolds() {
		return testedSplits
	}
	return allSplits
}
