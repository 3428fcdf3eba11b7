package job

import (
	"context"
	"math"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/evaluation"
	"github.com/streamforge/gnn-trainer/internal/result"
)

// choose is the network that the result is of: w, or with SELECT=best its twin
// without edges, where that has the better validation. other is the one that
// was left; nil where the twin is not trained yet, or a stop came before it was.
func (t *trainer) choose(ctx, graceCtx context.Context, w *walk) (chosen, other *walk, how *result.Selection, err error) {
	how = &result.Selection{Select: t.config.Train.Select, Selected: result.WithEdges}
	if t.config.Data.Edges == data.EdgesNone {
		how.Selected = config.BaselineNoEdges
	}
	if how.Select != config.SelectBest || ctx.Err() != nil {
		return w, nil, how, nil
	}
	other, err = t.trainTwin(ctx, graceCtx, noEdges)
	if err != nil {
		other.close()
		if isStop(ctx, err) {
			err = nil
		}
		return w, nil, how, err
	}
	how.ValidLoss = map[string]evaluation.Float{result.WithEdges: evaluation.Float(validLoss(w)), config.BaselineNoEdges: evaluation.Float(validLoss(other))}
	name, value, better := "loss", validLoss, validLoss(other) < validLoss(w)
	if by := w.model.criterion; by != nil {
		name, value, better = by.name, validMetric, validMetric(other) > validMetric(w)
		how.ValidMetric = map[string]evaluation.Float{result.WithEdges: evaluation.Float(validMetric(w)), config.BaselineNoEdges: evaluation.Float(validMetric(other))}
	}
	chosen = w
	if better {
		chosen, other = other, w
		how.Selected = config.BaselineNoEdges
	}
	t.reporter.log.Info().Str("selected", how.Selected).Float64("valid_"+name, round(evaluation.Float(value(chosen)))).
		Float64("valid_"+name+"_of_the_other", round(evaluation.Float(value(other)))).Msg("network selected by its validation")
	return chosen, other, how, nil
}

// validLoss is the validation loss of the best epoch, at whose weights the network
// is; NaN where no epoch ended.
func validLoss(w *walk) float64 {
	best, h := w.chosenBy()
	return at(h.ValidLoss, best)
}

// validMetric is the same of the metric that decides.
func validMetric(w *walk) float64 {
	best, h := w.chosenBy()
	return at(h.ValidMetric, best)
}

// chosenBy is the course that the network is chosen by. Of several folds it is the
// first one's: the validation of the others lies in test windows of folds before,
// and the choice may not know them.
func (w *walk) chosenBy() (bestEpoch int, h result.History) {
	if len(w.folds) > 0 {
		return w.folds[0].BestEpoch, w.folds[0].History
	}
	return w.model.fitted.BestEpoch, historyOf(w.model.fitted, w.model.criterion)
}

// at is the value of an epoch, from 1; NaN where there is none.
func at(values []evaluation.Float, epoch int) float64 {
	if epoch < 1 || epoch > len(values) {
		return math.NaN()
	}
	return float64(values[epoch-1])
}
